"""Calibration: confidence is honest, and the promise about wrong answers holds."""

from dataclasses import replace

import numpy as np
import pytest

from finetune.calibration import (
    expected_calibration_error,
    fit_temperature,
    threshold_at_risk,
    wrong_rate_bound,
)
from finetune.errors import FinetuneError
from finetune.risk import Trials


def labelled(rng: np.random.Generator, n: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `temperature` times too large, with labels drawn from the true odds."""
    logits = rng.normal(size=(n, 5)) * 2
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (odds.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits * temperature, np.eye(5)[labels]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(temperature: float) -> None:
    logits, targets = labelled(np.random.default_rng(1), 5000, temperature)
    assert fit_temperature(logits, targets) == pytest.approx(temperature, rel=0.06)


def test_soft_targets_flatten() -> None:
    logits = np.tile([4.0, 0.0], (100, 1))
    soft = np.tile([0.75, 0.25], (100, 1))
    assert fit_temperature(logits, soft) == pytest.approx(4 / np.log(3), rel=1e-3)


def test_temperature_of_too_few_or_perfect_data() -> None:
    eye = np.eye(3)
    assert fit_temperature(eye, eye) == 1.0
    perfect = np.tile(eye, (20, 1))
    assert fit_temperature(perfect, perfect) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature(perfect, np.full_like(perfect, 1 / 3)) == pytest.approx(20, rel=0.01)


def test_calibration_error_of_known_cases() -> None:
    assert expected_calibration_error(np.array([]), np.array([], bool)) == 0.0
    sure = np.ones(4)
    assert expected_calibration_error(sure, np.array([True] * 4)) == 0.0
    assert expected_calibration_error(sure, np.array([True, True, True, False])) == 0.25
    two_bins = np.array([0.25, 0.25, 0.95, 0.95])
    right = np.array([False, False, True, True])
    assert expected_calibration_error(two_bins, right) == pytest.approx((0.25 + 0.05) / 2)


@pytest.mark.parametrize(
    ("wrong", "answered", "bound"),
    [(0, 45, 0.0499), (1, 77, 0.0496), (0, 0, 1.0), (3, 3, 1.0), (5, 100, 0.0908)],
)
def test_the_clopper_pearson_bound(wrong: int, answered: int, bound: float) -> None:
    assert wrong_rate_bound(wrong, answered, 0.9) == pytest.approx(bound, abs=1e-4)


def test_all_right_is_certified_down_to_the_lowest_score() -> None:
    scores = np.linspace(0.2, 1.0, 200)
    found = threshold_at_risk(scores, np.ones(200, bool), 0.05)
    assert (found.threshold, found.answered, found.wrong) == (0.2, 200, 0)
    assert found.bound == pytest.approx(1 - 0.1 ** (1 / 200))
    assert found.reason == "certified"


def test_the_threshold_stops_before_the_wrong_ones() -> None:
    scores = np.arange(400) / 400
    found = threshold_at_risk(scores, scores >= 0.5, 0.05)
    assert found.threshold is not None
    assert 0.45 < found.threshold < 0.55
    assert found.bound <= 0.05
    assert (scores >= found.threshold).sum() == found.answered


@pytest.mark.parametrize("n", [0, 1, 44])
def test_too_little_data_says_so(n: int) -> None:
    found = threshold_at_risk(np.ones(n), np.ones(n, bool), 0.05)
    assert found.threshold is None
    assert found.reason == f"too little data: {n} judged messages, 45 needed at least"


def test_just_enough_data_passes_without_a_fault_only() -> None:
    assert threshold_at_risk(np.ones(45), np.ones(45, bool), 0.05).threshold == 1.0
    found = threshold_at_risk(np.ones(45), np.arange(45) > 0, 0.05)
    assert found.threshold is None
    assert found.reason.startswith("too many wrong: 1 of the 45 surest answers, so the rate may")


def test_tied_scores_are_answered_together() -> None:
    scores = np.repeat([0.9, 0.5], 100)
    found = threshold_at_risk(scores, scores > 0.6, 0.05)
    assert (found.threshold, found.answered, found.wrong) == (0.9, 100, 0)


def test_the_order_of_the_messages_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    scores = np.round(rng.random(300), 2)
    correct = rng.random(300) < 0.95 + scores / 20
    shuffled = rng.permutation(300)
    assert threshold_at_risk(scores, correct, 0.1) == threshold_at_risk(
        scores[shuffled], correct[shuffled], 0.1
    )


def linear(scores: np.ndarray) -> np.ndarray:
    return 0.3 * (1 - scores)


def flat(scores: np.ndarray) -> np.ndarray:
    return np.full_like(scores, 0.1001)


def noisy_at_the_top(scores: np.ndarray) -> np.ndarray:
    return np.where(scores > 0.9, 0.15, 0.3 * (1 - scores))


@pytest.mark.parametrize("chance_of_wrong", [linear, flat, noisy_at_the_top])
@pytest.mark.parametrize("decimals", [1, 16])
def test_the_promise_holds_over_many_draws(chance_of_wrong, decimals: int) -> None:  # type: ignore[no-untyped-def]
    """The true wrong rate above the threshold exceeds 10 % in at most 10 % of the draws."""
    rng = np.random.default_rng(7)
    draws, broken, found_any = 200, 0, 0
    everyone = np.round(rng.random(100_000), decimals)
    for _ in range(draws):
        scores = np.round(rng.random(250), decimals)
        correct = rng.random(250) >= chance_of_wrong(scores)
        threshold = threshold_at_risk(scores, correct, 0.1).threshold
        if threshold is not None:
            found_any += 1
            broken += chance_of_wrong(everyone[everyone >= threshold]).mean() > 0.1
    allowed = 0.1 + 2.6 * np.sqrt(0.1 * 0.9 / draws)  # the draws' own chance, 99.5 %
    assert broken / draws <= allowed
    assert found_any > 0


Chats = tuple[np.ndarray, np.ndarray, np.ndarray]


def chats(rng: np.random.Generator, lengths: np.ndarray, alike: float) -> Chats:
    """Scores, verdicts and chat numbers; a message is wrong as in `linear`, and of a part `alike`
    of a chat's messages one draw decides."""
    numbers = np.repeat(np.arange(len(lengths)), lengths)
    scores = rng.random(len(numbers))
    together = rng.random(len(numbers)) < alike
    luck = np.where(together, rng.random(len(lengths))[numbers], rng.random(len(numbers)))
    return scores, luck >= linear(scores), numbers


def equal(_rng: np.random.Generator) -> np.ndarray:
    return np.full(100, 5)


def few_long(rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(150) < 0.2, 20, 1)


def geometric(rng: np.random.Generator) -> np.ndarray:
    return rng.geometric(1 / 6, 100)


@pytest.mark.parametrize("lengths", [equal, few_long, geometric])
@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
def test_the_promise_holds_where_the_messages_of_a_chat_are_alike(lengths, alike: float) -> None:  # type: ignore[no-untyped-def]
    """The true rate above t is 0.15 (1 - t): 10 % at 1/3."""
    rng = np.random.default_rng(11)
    draws, broken = 60, 0
    for _ in range(draws):
        scores, correct, numbers = chats(rng, lengths(rng), alike)
        found = threshold_at_risk(scores, correct, 0.1, conversations=numbers)
        broken += found.threshold is not None and found.threshold < 1 / 3
    assert broken / draws <= 0.1 + 2.6 * np.sqrt(0.1 * 0.9 / draws)


def test_messages_taken_one_by_one_would_break_it() -> None:
    """What the conversation as the unit is for."""
    rng = np.random.default_rng(11)
    broken = 0
    for _ in range(60):
        scores, correct, _ = chats(rng, few_long(rng), 1.0)
        found = threshold_at_risk(scores, correct, 0.1)
        broken += found.threshold is not None and found.threshold < 1 / 3
    assert broken / 60 > 0.25


def test_chats_of_independent_messages_lose_little() -> None:
    rng = np.random.default_rng(13)
    scores, correct, numbers = chats(rng, np.full(200, 5), 0.0)
    alone = threshold_at_risk(scores, correct, 0.1)
    found = threshold_at_risk(scores, correct, 0.1, conversations=numbers)
    assert alone.threshold is not None
    assert found.threshold is not None
    assert alone.threshold <= found.threshold < alone.threshold + 0.1
    assert (found.n, found.conversations) == (1000, 200)


def test_one_message_a_chat_is_as_no_chats_at_all() -> None:
    rng = np.random.default_rng(17)
    scores, correct, numbers = chats(rng, np.ones(400, int), 0.0)
    assert threshold_at_risk(scores, correct, 0.1) == threshold_at_risk(
        scores, correct, 0.1, conversations=numbers + 1000
    )


def test_few_chats_say_what_they_are_worth() -> None:
    found = threshold_at_risk(
        np.ones(60), np.ones(60, bool), 0.05, conversations=np.arange(60) // 6
    )
    assert found.reason == (
        "too little data: 60 judged messages of 10 chats tell as much as 10 on their own, "
        "45 needed at least"
    )


def mixed(rng: np.random.Generator, inside: int, outside: int) -> Chats:
    """Scores, verdicts and who is out of scope: in scope wrong as in `linear`, a third of that;
    strangers score low, and are always wrong."""
    known, strange = rng.random(inside), 1 - rng.random(outside) ** 0.25
    wrong = rng.random(inside) < linear(known) / 3
    out = np.arange(inside + outside) >= inside
    return np.concatenate([known, strange]), np.append(~wrong, np.zeros(outside, bool)), out


def true_rate(threshold: float, share: float) -> float:
    inside, outside = (1 - share) * (1 - threshold), share * (1 - threshold) ** 4
    wrong = (1 - share) * 0.05 * (1 - threshold) ** 2 + outside
    return wrong / (inside + outside)


@pytest.mark.parametrize(("inside", "outside"), [(600, 20), (300, 100), (100, 300)])
def test_the_promise_holds_for_another_share_than_the_chats_have(inside: int, outside: int) -> None:
    """A fifth of the traffic to come is out of scope."""
    rng = np.random.default_rng(19)
    draws, broken, used = 40, 0, 0
    for _ in range(draws):
        scores, correct, out = mixed(rng, inside, outside)
        found = threshold_at_risk(scores, correct, 0.1, outside=out, share=0.2)
        if found.threshold is not None:
            used += 1
            broken += true_rate(found.threshold, 0.2) > 0.1
    assert broken / draws <= 0.1 + 2.6 * np.sqrt(0.1 * 0.9 / draws)
    assert used > 10


def test_the_share_that_the_chats_have_would_break_it() -> None:
    """The mistake that the stated share is for: 3 % in the chats, 20 % in the traffic."""
    rng = np.random.default_rng(23)
    rates = []
    for _ in range(20):
        scores, correct, _ = mixed(rng, 600, 20)
        threshold = threshold_at_risk(scores, correct, 0.1).threshold
        assert threshold is not None
        rates.append(true_rate(threshold, 0.2))
    assert np.mean(rates) > 0.13


def test_a_larger_share_takes_a_higher_threshold() -> None:
    scores, correct, out = mixed(np.random.default_rng(29), 2000, 300)
    found = [
        threshold_at_risk(scores, correct, 0.1, outside=out, share=share)
        for share in (0.0, 0.05, 0.2, 0.4)
    ]
    thresholds = [one.threshold for one in found]
    assert thresholds == sorted(thresholds, key=lambda t: t or 1.0)
    assert len(set(thresholds)) == 4
    assert [one.outside for one in found] == [0, 300, 300, 300]
    assert all(one.wrong_rate <= one.bound <= 0.1 for one in found)


def test_nobody_out_of_scope_is_too_little_to_promise_for_a_share_of_them() -> None:
    scores, correct, out = mixed(np.random.default_rng(31), 500, 3)
    found = threshold_at_risk(scores, correct, 0.05, outside=out, share=0.3)
    assert found.threshold is None
    assert found.reason == (
        "too little data: 3 messages out of scope are too few to promise anything where 30% of "
        "the messages are"
    )


# --- the search begins where other chats say -----------------------------------------------------


def pilot_of(scores: np.ndarray, correct: np.ndarray) -> Trials:
    """Trials of one message a chat, all in scope."""
    n = len(scores)
    return Trials.of(scores, correct, np.arange(n), np.zeros(n, bool), 0.0)


def wrong_at_the_top(wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """1,000 answers, the surest first; this many of the very surest are wrong, and no other."""
    return np.linspace(1, 0, 1000), np.arange(1000) >= wrong


def test_a_few_surest_answers_that_are_wrong_end_the_search_unless_a_pilot_leads_past_them() -> (
    None
):
    """Four of the 77 surest are wrong, so 5 % cannot be promised for them; it can for all 1,000."""
    scores, correct = wrong_at_the_top(4)
    alone = threshold_at_risk(scores, correct, 0.05)
    assert alone.threshold is None
    assert alone.reason.startswith("too many wrong: 4 of the 77 surest answers")
    led = threshold_at_risk(scores, correct, 0.05, pilot=pilot_of(*wrong_at_the_top(5)))
    assert led.threshold == 0.0
    assert (led.answered, led.wrong, led.pilot) == (1000, 4, 1000)
    assert led.bound < 0.01


def test_a_pilot_that_knows_no_better_place_changes_nothing() -> None:
    rng = np.random.default_rng(37)
    scores = rng.random(400)
    correct = rng.random(400) >= linear(scores) / 3
    alone = threshold_at_risk(scores, correct, 0.1)
    perfect = pilot_of(np.full(500, 2.0), np.ones(500, bool))
    for pilot in (pilot_of(np.zeros(0), np.zeros(0, bool)), perfect):
        led = threshold_at_risk(scores, correct, 0.1, pilot=pilot)
        assert replace(led, pilot=0) == alone


def test_a_pilot_that_misleads_costs_coverage_and_nothing_else() -> None:
    """It sees mistakes among the surest, where there are none, and leads to where they are."""
    scores = np.linspace(1, 0, 1000)
    correct = scores >= 0.5
    assert threshold_at_risk(scores, correct, 0.05).threshold == pytest.approx(0.5, abs=0.05)
    led = threshold_at_risk(scores, correct, 0.05, pilot=pilot_of(*wrong_at_the_top(20)))
    assert led.threshold is None
    assert led.reason.startswith("too many wrong")


@pytest.mark.parametrize("chance_of_wrong", [linear, flat, noisy_at_the_top])
@pytest.mark.parametrize("optimism", [0.0, 0.5, 1.0])
def test_the_promise_holds_where_a_pilot_leads(chance_of_wrong, optimism: float) -> None:  # type: ignore[no-untyped-def]
    """However rosy the pilot: `optimism` is the part of its mistakes that it does not see."""
    rng = np.random.default_rng(41)
    draws, broken = 200, 0
    everyone = rng.random(100_000)
    for _ in range(draws):
        scores, others = rng.random(250), rng.random(250)
        correct = rng.random(250) >= chance_of_wrong(scores)
        pilot = pilot_of(others, rng.random(250) >= chance_of_wrong(others) * (1 - optimism))
        threshold = threshold_at_risk(scores, correct, 0.1, pilot=pilot).threshold
        if threshold is not None:
            broken += chance_of_wrong(everyone[everyone >= threshold]).mean() > 0.1
    assert broken / draws <= 0.1 + 2.6 * np.sqrt(0.1 * 0.9 / draws)


def test_the_promise_holds_where_a_pilot_leads_and_a_share_is_stated() -> None:
    """A fifth of the traffic is out of scope; the search ends lower than without the pilot."""
    rng = np.random.default_rng(43)
    draws, broken = 30, 0
    answered: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(draws):
        scores, correct, out = mixed(rng, 300, 100)
        others, verdicts, strange = mixed(rng, 300, 100)
        pilot = Trials.of(others, verdicts, np.arange(400), strange, 0.2)
        for led in (True, False):
            found = threshold_at_risk(
                scores, correct, 0.1, outside=out, share=0.2, pilot=pilot if led else None
            )
            answered[led].append(0.0 if found.threshold is None else 1 - found.threshold)
            broken += led and found.threshold is not None and true_rate(found.threshold, 0.2) > 0.1
    assert broken / draws <= 0.1 + 2.6 * np.sqrt(0.1 * 0.9 / draws)
    assert np.mean(answered[True]) >= np.mean(answered[False])


def test_an_honest_model_is_used() -> None:
    """Not only safe: with 1,000 messages most of what may be automated is."""
    rng = np.random.default_rng(5)
    scores = rng.random(1000)
    found = threshold_at_risk(scores, rng.random(1000) >= 0.3 * (1 - scores), 0.1)
    assert found.threshold is not None
    assert 1 / 3 < found.threshold < 0.6  # 1/3 is where the true rate reaches 10 %


@pytest.mark.parametrize(
    ("scores", "correct", "risk", "fault"),
    [
        ([1.0], [True, False], 0.1, "one verdict a score"),
        ([[1.0]], [[True]], 0.1, "one verdict a score"),
        ([float("nan")], [True], 0.1, "not a finite number"),
        ([1.0], [True], 0.0, "max_risk is 0.0; it must lie between 0 and 1"),
        ([1.0], [True], 1.0, "max_risk is 1.0"),
    ],
)
def test_bad_input_is_refused(
    scores: list[float], correct: list[bool], risk: float, fault: str
) -> None:
    with pytest.raises(FinetuneError, match=fault):
        threshold_at_risk(np.array(scores), np.array(correct), risk)


def test_a_bad_share_or_chats_of_another_length_are_refused() -> None:
    one, right = np.ones(1), np.ones(1, bool)
    with pytest.raises(FinetuneError, match=r"share is 1\.0; it must be 0 or more"):
        threshold_at_risk(one, right, 0.1, outside=right, share=1.0)
    with pytest.raises(FinetuneError, match="one chat and one scope a score"):
        threshold_at_risk(one, right, 0.1, conversations=np.arange(2))
