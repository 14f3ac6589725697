"""Calibration: confidence is honest, and the promise about wrong answers holds."""

import numpy as np
import pytest

from finetune.calibration import (
    expected_calibration_error,
    fit_temperature,
    threshold_at_risk,
    wrong_rate_bound,
)
from finetune.errors import FinetuneError


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
