"""What held-out chats say about a rate: design effects, and two samples mixed in a stated share."""

import numpy as np
import pytest
from scipy.stats import binom

from finetune.risk import Counts, Trials, design_effect, likeness, mean_length, wrong_rate_bound


def test_likeness_of_known_cases() -> None:
    fives = np.full(200, 5)
    together = np.where(np.arange(200) % 10 == 0, 5, 0)
    assert likeness(together, fives) > 0.95
    alone = np.random.default_rng(0).binomial(5, 0.1, 200)
    assert likeness(alone, fives) < 0.15


def test_without_mistakes_they_are_taken_to_come_together() -> None:
    assert likeness(np.zeros(5), np.full(5, 4)) == pytest.approx(1.0)


def test_one_message_a_chat_has_no_design_effect() -> None:
    assert design_effect(np.ones(9), 1.0) == 1.0
    assert mean_length(np.array([1, 9])) == 8.2
    assert design_effect(np.array([1, 9]), 0.5) == 1 + 7.2 / 2


def counts(wrong: int, given: int, **outside: float) -> Counts:
    return Counts(given, wrong, wrong, given, inside_weight=0.8 / given, **outside)


@pytest.mark.parametrize(("wrong", "given"), [(0, 45), (3, 100), (12, 400)])
def test_without_messages_out_of_scope_it_is_the_binomial_test(wrong: int, given: int) -> None:
    found = counts(wrong, given)
    assert found.p_value(0.05) == pytest.approx(binom.cdf(wrong, given, 0.05))
    assert found.bound(0.9) == pytest.approx(wrong_rate_bound(wrong, given))
    assert found.rate == pytest.approx(wrong / given)


def test_the_test_of_a_mixture_is_exact_at_its_worst() -> None:
    """However the rate is made up, so few wrong answers are no likelier than the p-value says."""
    found = counts(4, 300, outside_seen=3, outside=60, outside_weight=0.2 / 60)
    risk = 0.08
    rng = np.random.default_rng(0)
    price = (1 - risk) * found.outside_weight / found.inside_weight
    for part in (0.0, 0.3, 0.6, 0.9):
        share = risk * 300 * part / (price * 60)
        if share > 1:
            continue
        wrong = rng.binomial(300, risk * (1 - part), 20_000)
        strays = rng.binomial(60, share, 20_000)
        assert (wrong + price * strays <= 4 + price * 3).mean() < found.p_value(risk) + 0.02


def test_more_faults_and_more_of_the_traffic_out_of_scope_raise_the_bound() -> None:
    def bound(strays: int, share: float) -> float:
        weights = {"outside_seen": strays, "outside": 100, "outside_weight": share / 100}
        return counts(5, 400, **weights).bound(0.9)

    assert bound(2, 0.1) < bound(4, 0.1) < bound(4, 0.3) < 1
    assert bound(0, 0.0) == pytest.approx(wrong_rate_bound(5, 400))


def test_nothing_answered_is_bounded_by_one() -> None:
    assert Counts(0, 0, 0.0, 0.0, 1.0).bound(0.9) == 1.0
    assert Counts(0, 0, 0.0, 0.0, 1.0).rate == 0.0


def test_trials_count_what_is_answered_from_a_score_up() -> None:
    scores = np.array([0.9, 0.8, 0.8, 0.4, 0.7])
    right = np.array([True, True, False, True, False])
    out = np.array([False, False, False, False, True])
    trials = Trials.of(scores, right, np.arange(5), out, share=0.5)
    found = trials.at(0.7)
    assert (found.answered, found.wrong) == (4, 2)
    assert (found.seen, found.given) == (1.0, 3.0)
    assert (found.outside_seen, found.outside) == (1.0, 1.0)
    assert found.rate == pytest.approx((0.5 * 1 / 4 + 0.5) / (0.5 * 3 / 4 + 0.5))
    assert (trials.inside, trials.outside, trials.chats) == (4, 1, 5)
