"""`benchmarks/certifying.py`: made scenes whose truth is known, and thresholds on them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks import certifying
from benchmarks.certifying import Judged, Scene, Truth, judge, sample
from finetune import calibration

SURE = Scene(  # all that is in scope is read rightly, and strangers lie far below
    lengths="single",
    chats=120,
    ease=50.0,
    spread=0.0,
    moods=0.0,
    alike=0.0,
    slips=0.0,
    blur=1.0,
    strange=-50.0,
    strange_spread=1.0,
    strange_alike=0.0,
    share=0.2,
    risk=0.1,
    rosy=0.0,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_each_message_has_a_stranger_in_its_chat_whose_answer_is_wrong() -> None:
    made = sample(rng(), replace(SURE, lengths="equal"), 10)
    assert made.outside.tolist() == [False] * 80 + [True] * 80
    assert made.chat[:80].tolist() == made.chat[80:].tolist()
    assert np.bincount(made.chat).tolist() == [16] * 10
    assert made.right.tolist() == (~made.outside).tolist()


@pytest.mark.parametrize(
    ("threshold", "answered", "rate"),
    [(100, 0.0, 0.0), (50, 0.4, 0.25), (0, 0.8, 0.25), (-100, 1.0, 0.8 * 0.25 + 0.2)],
)
def test_the_truth_weighs_strangers_by_their_share(
    threshold: float, answered: float, rate: float
) -> None:
    truth = Truth.of(rng(), replace(SURE, slips=0.25))
    assert truth.at(threshold) == pytest.approx((answered, rate), abs=0.01)


def test_what_is_answerable_is_the_most_within_the_risk() -> None:
    truth = Truth.of(rng(), SURE)
    assert truth.answerable(0.1) == pytest.approx(0.8 / 0.9, abs=0.001)
    assert truth.answerable(0.2) == pytest.approx(1.0, abs=0.001)


def test_from_every_start_all_is_answered_where_nothing_is_wrong() -> None:
    means = judge(rng(), SURE, Truth.of(rng(), SURE), draws=1).means
    assert means[:, 0].tolist() == pytest.approx([0.8] * 3, abs=0.03)
    assert not means[:, 1:].any()


def test_from_no_start_is_anything_certified_where_half_is_wrong() -> None:
    scene = replace(SURE, slips=0.5)
    means = judge(rng(), scene, Truth.of(rng(), scene), draws=1).means
    assert means.tolist() == [[0.0, 1.0, 0.0]] * 3


def test_a_threshold_that_answers_too_much_wrongly_breaks_the_promise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(certifying, "thresholds", lambda *_: [None, 0.0, -100.0])
    means = judge(rng(), SURE, Truth.of(rng(), SURE), draws=2).means
    assert means == pytest.approx(np.array([[0, 1, 0], [0.8, 0, 0], [1, 0, 1]]), abs=1e-9)


def test_the_starts_differ_by_the_pilot_and_by_what_is_nearly_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual, asked = calibration._NEARLY_LEAST, []

    def spied(*given: Any, pilot: Any, **named: Any) -> calibration.RiskThreshold:
        asked.append((pilot is not None, calibration._NEARLY_LEAST))
        return calibration.threshold_at_risk(*given, pilot=pilot, **named)

    monkeypatch.setattr(certifying, "threshold_at_risk", spied)
    assert len(certifying.thresholds(rng(), SURE)) == len(certifying.STARTS)
    assert sorted(asked) == [(False, usual), (True, 1.0), (True, usual)]


def test_scenes_are_the_same_for_a_seed_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certifying, "TRUE_CHATS", 4_000)
    first, again = ([scene for scene, _ in certifying.scenes(2, seed=1)] for _ in range(2))
    assert first == again
    assert first[0] != first[1]


def test_the_table_counts_scenes_and_the_worst_of_them() -> None:
    judged = [
        Judged(60, np.array([[0.30, 0.4, 0.00], [0.20, 0.5, 0.1], [0.294, 0.4, 0.0]])),
        Judged(120, np.array([[0.10, 0.6, 0.05], [0.30, 0.3, 0.1], [0.300, 0.2, 0.1]])),
    ]
    assert [row[1:] for row in certifying.rows(judged)] == [
        ("20.0%", "50.0%", "", "", "2.5% (5.0%)"),
        ("25.0%", "40.0%", "1, 1", "-10.0 points", "10.0% (10.0%)"),
        ("29.7%", "30.0%", "1, 0", "-0.6 points", "5.0% (10.0%)"),
    ]
    assert list(certifying.gains_by_chats(judged)) == [
        "60 chats: -0.6 points (scenes: 1)",
        "120 chats: +20.0 points (scenes: 1)",
    ]
