"""Chats that are made up, and what the rule for surges tells of them.

traffic(rng, windows, hourly=30)     counts in which nothing has changed
traffic(..., surge=Surge(...))       the same, but for one series and some time
watched(found, start)                what is told of them, in order
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.monitor.surges import BASELINE, DAY, HOUR, LAG, Detector, History, expected, usual, weights

FloatArray = NDArray[np.float64]
SHARES = np.array([0.15, 0.03, 0.1, 0.08])
"""Of all chats: negative, disliked, handed over, without an answer. Each intent has a part."""
START = BASELINE + LAG
"""From here on four weeks are behind each window."""


@dataclass(frozen=True)
class Traffic:
    """Chats (w,) and events (w, s) by the quarter of an hour."""

    chats: FloatArray
    events: FloatArray


@dataclass(frozen=True)
class Raised:
    """The odds of a series are `factor` times as high from a window on, until another."""

    series: int
    factor: float
    since: int
    until: int


@dataclass(frozen=True)
class Told:
    """That a series began to surge, or that it ceased to."""

    window: int
    series: int
    began: bool


def shares_of(intents: int) -> FloatArray:
    """The shares of all chats, and of each intent: a few are frequent, most are not."""
    parts = 1 / np.arange(1, intents + 1)
    return np.concatenate([SHARES, *(SHARES * part for part in parts / max(parts.sum(), 1))])


def traffic(
    rng: np.random.Generator,
    windows: int,
    hourly: float,
    intents: int = 4,
    *,
    noise: float = 0.0,
    daily_noise: float = 0.0,
    raised: Raised | None = None,
) -> Traffic:
    """More chats by day than by night; shares that are worse in the evening and at weekends, and
    vary from hour to hour and from day to day by so much beyond chance (relative, gamma)."""
    time = np.arange(windows)
    hour = time % DAY / HOUR
    volume = np.exp(0.9 * np.sin((hour - 9) / 24 * 2 * np.pi))
    shape = 1 + 0.4 * np.sin((hour - 15) / 24 * 2 * np.pi)
    weekend = np.where(time // DAY % 7 >= 5, 1.3, 1.0)
    p = shares_of(intents) * (shape * weekend)[:, None]
    for size, spread in ((HOUR, noise), (DAY, daily_noise)):
        if spread:
            drawn = rng.gamma(spread**-2, spread**2, (-(-windows // size), p.shape[1]))
            p = p * drawn.repeat(size, axis=0)[:windows]
    p = np.minimum(p, 0.9)
    if raised:
        odds = p[raised.since : raised.until, raised.series]
        higher = raised.factor * odds / (1 - odds + raised.factor * odds)
        p[raised.since : raised.until, raised.series] = higher
    chats = rng.poisson(hourly / HOUR * volume / volume.mean())
    return Traffic(chats.astype(float), rng.binomial(chats[:, None], p).astype(float))


def watched(found: Traffic, start: int = START) -> list[Told]:
    """What is told of traffic that is watched from a window on, as bot.monitor.alerts does it."""
    detector, told, known = Detector(), list[Told](), None
    size = found.events.shape[1]
    first, weight = np.zeros(size, np.int64), weights(len(SHARES), size)
    for window in range(start, len(found.chats)):
        end = window - LAG
        rows = slice(max(0, end - BASELINE), end)
        history = History(window, found.chats[rows], found.events[rows], first)
        if known is None or window % DAY == 0:
            known = usual(history)
        n, k = float(found.chats[window]), found.events[window]
        what = expected(history, known)
        begins, ends = detector.step(window, n, k, what, known, weight)
        told += [Told(window, int(one), True) for one in begins]
        told += [Told(window, int(one), False) for one in ends]
    return told
