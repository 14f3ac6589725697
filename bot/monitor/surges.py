"""When more is going wrong than chance explains: a change-point rule with a false-alarm rate.

A series counts, in each quarter of an hour, in how many of the chats something happened for the
first time, say a handoff in an intent. Given the chats, that count is beta-binomial about the share
that the weeks before lead one to expect at this hour. So more traffic is no surge, nor is one angry
customer, nor an evening that is always worse.

Each series has the statistic of Shiryaev and Roberts for a share whose odds rose by a factor,
M <- (M + 1) L, where L is the likelihood ratio of the latest count; it is averaged over FACTORS. As
E[L] <= 1 while nothing has changed, M grows by 1 a window at most, on average, and so does the
weighted sum over all series. An alarm takes PATIENCE or more away from that sum. Hence at most one
false alarm in PATIENCE windows is expected, whatever the number of series and however they depend
on each other: an e-detector (Shin, Ramdas, Rinaldo 2024, arXiv:2203.03532). The rule goes back to
Page (1954), Shiryaev (1963) and Roberts (1966), the baseline of like hours to Farrington et al.
(1996, J. R. Stat. Soc. A 159, 547-563). Shares that drift for hours or a day beyond chance would
make windows less than independent: evidence is divided by that inertia, as quasi-likelihood does.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

WINDOW_S = 900
HOUR, DAY, WEEK = 4, 96, 672
"""In windows."""
BASELINE, LAG = 4 * WEEK, 2 * DAY
"""How long the weeks before are, and how long before they end, so that a surge hides no surge."""
FALSE_ALARMS_A_WEEK = 1.0
PATIENCE = WEEK / FALSE_ALARMS_A_WEEK
FACTORS = (1.5, 2.0, 4.0)
ALIKE = 8.0
"""How much hours are alike: as if that many events had been seen at the share of the hours around
them. Shares that differ by a third from hour to hour are what it assumes."""
FITTED = BASELINE / (BASELINE - WEEK)
"""By how much a variance is found too small about shares that each week was one of four to make."""
SPANS = (HOUR, 6 * HOUR, DAY)
"""The spans whose variance is compared with that of their windows."""
FEWEST_WINDOWS, FEWEST_CHATS = WEEK, 200
"""With less behind it, a series is not judged."""
RAISED, OVER = 2.0, float(WEEK)
"""A surge is over when the usual share explains what came since OVER times better than one whose
odds are RAISED: of a surge that lasts so high, once a week at most by mistake."""


@dataclass(frozen=True, slots=True)
class History:
    """The BASELINE of windows that ends LAG before `window`, or what there is of it; windows are
    numbered by the quarters of an hour since 1970.

    chats   (b,) chats with a message in each window
    events  (b, s) in how many of them it happened for the first time, for each series
    first   (s,) the window from which on the series was recorded
    """

    window: int
    chats: FloatArray
    events: FloatArray
    first: IntArray

    def recorded(self, rows: slice | IntArray) -> BoolArray:
        """Whether each of these rows and series (r, s) was recorded."""
        found: BoolArray = self._windows[rows, None] >= self.first
        return found

    def like(self, period: int) -> IntArray:
        """The rows of the same hour, where hours come again after `period` windows."""
        return np.flatnonzero(self.hours(period) == self.window % period // HOUR)

    def hours(self, period: int) -> IntArray:
        """The hour (b,) of each window within a period."""
        return self._windows % period // HOUR

    @property
    def _windows(self) -> IntArray:
        end = self.window - LAG
        return np.arange(end - len(self.chats), end)


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of each series (s,), whatever the hour: the share of the chats in which it
    happens, the chats that tell, how much the share varies between windows beyond chance (the
    intraclass correlation), how many times more it varies between longer spans, and whether there
    is enough to judge by."""

    share: FloatArray
    chats: FloatArray
    spread: FloatArray
    inertia: FloatArray
    judged: BoolArray


@dataclass(frozen=True, slots=True)
class Expected:
    """The share (s,) expected of a window, how firmly, which is the sum of a beta's parameters, and
    the inertia by which evidence is divided."""

    share: FloatArray
    firmness: FloatArray
    inertia: FloatArray


def usual(history: History) -> Usual:
    """What the weeks before `history.window` say about each series."""
    chats = history.chats[:, None] * history.recorded(slice(None))
    n, k = chats.sum(axis=0), history.events.sum(axis=0)
    old = history.window - LAG - history.first >= FEWEST_WINDOWS
    share = (k + 0.5) / (n + 1)
    hourly = _hourly(history, chats, share)
    spread = _spread(chats, history.events, hourly)
    inertia = _inertia(chats, history.events, hourly, spread)
    return Usual(share, n, spread, inertia, old & (n >= FEWEST_CHATS))


def _hourly(history: History, chats: FloatArray, share: FloatArray) -> FloatArray:
    """The share (b, s) of each window, of which its own events are a part."""
    found = np.tile(np.minimum(share, 0.95), (len(chats), 1))
    for period in (DAY, WEEK):
        hours = history.hours(period)
        for hour in range(period // HOUR):
            rows = np.flatnonzero(hours == hour)
            if len(rows):
                k, n = history.events[rows].sum(axis=0), chats[rows].sum(axis=0)
                found[rows] = _leaning(k, n, found[rows[0]])
    return found


def _spread(n: FloatArray, k: FloatArray, p: FloatArray) -> FloatArray:
    """The intraclass correlation (s,) within windows, by moments."""
    chance = p * (1 - p)
    excess = ((k - n * p) ** 2 - n * chance).sum(axis=0)
    pairs = (n * (n - 1) * chance).sum(axis=0)
    found: FloatArray = np.clip(excess / np.maximum(pairs, 1e-9), 0, 0.5)
    return found


def _inertia(n: FloatArray, k: FloatArray, p: FloatArray, spread: FloatArray) -> FloatArray:
    """How many times the variance (s,) of longer spans is that of as many independent windows."""
    off, variance = k - n * p, n * p * (1 - p) * (1 + np.maximum(n - 1, 0) * spread)
    found = np.ones_like(spread)
    for span in SPANS:
        blocks = len(off) // span
        if not blocks:
            continue
        squares = (off[-blocks * span :].reshape(blocks, span, -1).sum(axis=1) ** 2).sum(axis=0)
        ratio = squares / np.maximum(variance[-blocks * span :].sum(axis=0), 1e-9)
        found = np.maximum(found, ratio * FITTED * (1 + np.sqrt(2 / blocks)))
    return found


def _leaning(k: FloatArray, n: FloatArray, share: FloatArray) -> FloatArray:
    """A share of its own, leaning on that of the hours around (gamma-Poisson shrinkage)."""
    found: FloatArray = np.minimum((k + ALIKE) / (n + ALIKE / share), 0.95)
    return found


def expected(history: History, known: Usual) -> Expected:
    """What to expect of `history.window`: the share at this hour of the week leans on that at this
    hour of the day, and this on the usual one."""
    share, firmness = np.minimum(known.share, 0.95), known.chats + 1
    for period in (DAY, WEEK):
        rows = history.like(period)
        n = history.chats[rows] @ history.recorded(rows).astype(np.float64)
        k = history.events[rows].sum(axis=0)
        firmness = n + ALIKE / share
        share = _leaning(k, n, share)
    firmness = 1 / (known.spread / (1 - known.spread) + 1 / firmness)
    return Expected(share, firmness, known.inertia)


MOST = 200.0
"""More evidence than that of one window, or of a stretch, changes nothing but the exponent."""


def _bounded(statistic: FloatArray) -> FloatArray:
    found: FloatArray = np.clip(statistic, 1.0, np.exp(MOST))
    return found


def likelihood_ratio(k: FloatArray, n: float, what: Expected, factor: float) -> FloatArray:
    """How much better odds that are `factor` times as high explain k (s,) of n chats."""
    raised = factor * what.share / (1 - what.share + factor * what.share)
    gained = _log_chance(k, n, raised, what.firmness) - _log_chance(k, n, what.share, what.firmness)
    found: FloatArray = np.exp(np.clip(gained / what.inertia, -MOST, MOST))
    return found


def _log_chance(k: FloatArray, n: float, share: FloatArray, firmness: FloatArray) -> FloatArray:
    """The beta-binomial log-probability, but for the binomial coefficient."""
    from scipy.special import betaln

    a, b = share * firmness, (1 - share) * firmness
    found: FloatArray = betaln(a + k, b + n - k) - betaln(a, b)
    return found


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch in which it happened more often than usual: its first window, the chats in which it
    happened, and how many would be usual."""

    since: int
    seen: float
    due: float


@dataclass(slots=True)
class Detector:
    """The statistic of each series, window after window.

    score   (f, s) Shiryaev-Roberts, for each of FACTORS
    page    (s,) Page's statistic for RAISED odds; the stretch begins where it was last at rest
    calm    (s,) while an alarm is on, the same for the usual share against a raised one
    raised  (s,) whether an alarm is on
    since, seen, due  (s,) the stretch, as in Run
    """

    score: FloatArray = field(default_factory=lambda: np.zeros((len(FACTORS), 0)))
    page: FloatArray = field(default_factory=lambda: np.zeros(0))
    calm: FloatArray = field(default_factory=lambda: np.zeros(0))
    raised: FloatArray = field(default_factory=lambda: np.zeros(0))
    since: FloatArray = field(default_factory=lambda: np.zeros(0))
    seen: FloatArray = field(default_factory=lambda: np.zeros(0))
    due: FloatArray = field(default_factory=lambda: np.zeros(0))

    def step(
        self, window: int, n: float, k: FloatArray, what: Expected, known: Usual, weight: FloatArray
    ) -> tuple[IntArray, IntArray]:
        """Take a window in, and give the series that begin and those that cease to surge.

        Args:
            k: (s,) in how many of the `n` chats it happened.
            weight: (s,) of each series; they sum to 1, and only fall as series are added.
        """
        self._grow(len(k))
        if not n:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        on = self.raised > 0
        ratios = np.stack([likelihood_ratio(k, n, what, factor) for factor in FACTORS])
        ratio = ratios[FACTORS.index(RAISED)]
        self._follow(window, k, n * what.share, ratio, on)
        self.score = np.where(known.judged & ~on, (self.score + 1) * ratios, 0.0)
        self.calm = np.where(on, _bounded(self.calm) / ratio, 0.0)
        begins = self.score.mean(axis=0) * weight >= PATIENCE
        ends = on & (self.calm >= OVER)
        self.raised = ((on | begins) & ~ends).astype(np.float64)
        self.score[:, begins] = 0.0
        self.page[ends] = 0.0
        return np.flatnonzero(begins), np.flatnonzero(ends)

    def run(self, series: int) -> Run:
        return Run(int(self.since[series]), float(self.seen[series]), float(self.due[series]))

    def _follow(
        self, window: int, k: FloatArray, due: FloatArray, ratio: FloatArray, on: BoolArray
    ) -> None:
        rests = (self.page <= 1) & ~on
        self.since = np.where(rests, window, self.since)
        self.seen = np.where(rests, 0, self.seen) + k
        self.due = np.where(rests, 0, self.due) + due
        self.page = _bounded(self.page) * ratio

    def _grow(self, size: int) -> None:
        more = size - len(self.page)
        if more:
            self.score = np.pad(self.score, ((0, 0), (0, more)))
            for name in ("page", "calm", "raised", "since", "seen", "due"):
                setattr(self, name, np.pad(getattr(self, name), (0, more)))


def weights(overall: int, series: int) -> FloatArray:
    """What share of the patience each series has: half is for the first `overall` ones, half for
    the others, whether these are there yet or not."""
    others = max(series - overall, 1)
    found: FloatArray = np.array([0.5 / overall] * overall + [0.5 / others] * (series - overall))
    return found
