"""The rule for surges: what it promises holds, and it finds what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import gammaln

from benchmarks._made_traffic import START, Raised, Traffic, traffic, watched
from bot.monitor.surges import (
    BASELINE,
    DAY,
    FACTORS,
    FALSE_ALARMS_A_WEEK,
    LAG,
    WEEK,
    Detector,
    Expected,
    History,
    expected,
    likelihood_ratio,
    usual,
    weights,
)

# --- what the promise rests on -------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.001, 0.05, 0.6])
@pytest.mark.parametrize("firmness", [3.0, 50.0, 1e6])
@pytest.mark.parametrize("factor", FACTORS)
def test_the_likelihood_ratio_is_1_on_average_when_nothing_has_changed(
    share: float, firmness: float, factor: float
) -> None:
    n = 40
    k = np.arange(n + 1.0)
    a, b = share * firmness, (1 - share) * firmness
    chance = np.exp(
        gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        + gammaln(a + k) + gammaln(b + n - k) - gammaln(firmness + n)
        + gammaln(firmness) - gammaln(a) - gammaln(b)
    )  # fmt: skip
    assert chance.sum() == pytest.approx(1, abs=1e-6)
    for inertia, mean in ((1.0, 1.0), (3.0, None)):
        row = np.full(n + 1, 1.0)
        what = Expected(row * share, row * firmness, row * inertia)
        on_average = float(chance @ likelihood_ratio(k, n, what, factor))
        assert on_average == pytest.approx(mean, abs=1e-5) if mean else on_average <= 1


def test_the_patience_is_shared_out() -> None:
    assert weights(4, 4).sum() <= 1
    assert weights(4, 24).sum() == pytest.approx(1)
    assert (weights(4, 28)[:24] <= weights(4, 24)).all()


@pytest.mark.parametrize(("noise", "daily"), [(0.0, 0.0), (0.2, 0.1), (0.3, 0.15)])
def test_false_alarms_are_no_more_frequent_than_is_said(noise: float, daily: float) -> None:
    rng = np.random.default_rng(7)
    weeks = 4
    found = traffic(rng, START + weeks * WEEK, 30, noise=noise, daily_noise=daily)
    alarms = sum(told.began for told in watched(found))
    assert alarms <= weeks * FALSE_ALARMS_A_WEEK


def test_more_traffic_alone_is_no_surge() -> None:
    rng = np.random.default_rng(7)
    before, after = traffic(rng, START, 30), traffic(rng, 2 * DAY, 150)
    chats = np.concatenate([before.chats, after.chats])
    events = np.concatenate([before.events, after.events])
    assert watched(Traffic(chats, events)) == []


# --- what it finds -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("series", "factor", "hours"), [(0, 2, 24), (0, 3, 8), (0, 5, 4), (4, 3, 12), (4, 5, 6)]
)
def test_a_surge_is_found_once_and_its_end_is_told(series: int, factor: float, hours: int) -> None:
    """From 8 in the morning on, for a day: in all chats, and in the most frequent intent."""
    rng = np.random.default_rng(11)
    since = START + DAY + 32
    raised = Raised(series, factor, since, since + DAY)
    found = traffic(rng, since + 5 * DAY, 60, noise=0.1, raised=raised)
    told = [one for one in watched(found) if one.series == series]
    assert [one.began for one in told] == [True, False]
    began, over = (one.window for one in told)
    assert since < began <= since + 4 * hours
    assert since + DAY < over


def test_the_stretch_of_a_surge_begins_where_it_rose() -> None:
    share = np.full(4, 0.1)
    known = usual(history_of(np.full((3 * WEEK, 4), 1.0), chats=10))
    detector = Detector()
    for window in range(40):
        k = np.array([6.0 if window >= 30 else 1.0, 1, 1, 1])
        what = Expected(share, np.full(4, 200.0), np.ones(4))
        begins, _ = detector.step(window, 10, k, what, known, weights(4, 4))
        if len(begins):
            break
    run = detector.run(0)
    assert begins.tolist() == [0]
    assert run.since == 30
    assert run.seen == 6 * (window - 29)
    assert run.due == pytest.approx(window - 29)


def test_a_quiet_window_says_nothing() -> None:
    detector = Detector()
    known = usual(history_of(np.zeros((3 * WEEK, 4)), chats=10))
    what = Expected(np.full(4, 0.1), np.full(4, 50.0), np.ones(4))
    detector.step(0, 0, np.zeros(4), what, known, weights(4, 4))
    assert not detector.score.any()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_counts_far_out_of_the_ordinary_are_still_numbers(share: float) -> None:
    """NumPy's warnings are errors here."""
    known = usual(history_of(np.full((3 * WEEK, 4), 50.0), chats=100))
    what = Expected(np.full(4, 0.5), np.full(4, 1e9), np.ones(4))
    detector = Detector()
    for window in range(20):
        k = np.full(4, share * 100_000)
        detector.step(window, 100_000, k, what, known, weights(4, 4))
    assert np.isfinite(detector.page).all()
    assert (detector.raised > 0).all() == (share == 1)


# --- what it does not judge ----------------------------------------------------------------------


def history_of(events: NDArray[np.float64], chats: float, first: int = 0) -> History:
    length, size = events.shape
    since = np.full(size, first, np.int64)
    return History(length + LAG, np.full(length, chats), events, since)


def test_a_series_is_judged_with_a_week_and_200_chats_behind_it() -> None:
    def judged(windows: int, chats: float) -> bool:
        return bool(usual(history_of(np.zeros((windows, 1)), chats)).judged[0])

    assert judged(WEEK, 1)
    assert not judged(WEEK - 1, 1)
    assert not judged(WEEK, 0.25)


def test_weeks_in_which_a_series_was_not_recorded_do_not_count() -> None:
    events = np.zeros((3 * WEEK, 1))
    events[2 * WEEK :] = 1
    known = usual(history_of(events, 10, first=2 * WEEK))
    assert known.share[0] == pytest.approx(0.1, rel=0.01)


def test_hours_that_are_always_worse_are_expected_to_be() -> None:
    events = np.full((BASELINE, 1), 1.0)
    window = BASELINE + LAG
    hour = np.arange(BASELINE) % DAY // 4
    events[hour == window % DAY // 4] = 4
    history = history_of(events, 10)
    assert expected(history, usual(history)).share[0] == pytest.approx(0.4, rel=0.1)
