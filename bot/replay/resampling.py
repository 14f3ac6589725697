"""Sums over chats, and over resamples of them, in space that does not grow with the chats.

A resample of n chats holds each of them a number of times that is nearly Poisson with mean 1, and
nearly independent of the others. So the sums of every resample can be kept up as the chats come, a
chat counting as often as its draws say (the Poisson bootstrap: Hanley and MacGibbon 2006,
doi:10.1016/j.cmpb.2006.04.006). The draws follow from the place of a chat alone: two replays of the
same chats are resampled alike, as a paired comparison needs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
RESAMPLES = 1000
SEED = 7
FOLD = 512
"""Chats whose sums are folded in together."""


@dataclass(slots=True)
class Sums:
    """Sums of `width` columns and of marks, (1 + RESAMPLES, ...): those of all chats, as they are,
    and those of the resamples.

    >>> sums = Sums(1)
    >>> for amount in (1.0, 2.0):
    ...     sums.add([amount], [0])
    >>> float(sums.columns()[0, 0]), float(sums.marks(1)[0, 0])
    (3.0, 2.0)
    """

    width: int
    _rows: array[float] = field(default_factory=lambda: array("d"))
    _mark_chats: array[int] = field(default_factory=lambda: array("i"))
    _mark_names: array[int] = field(default_factory=lambda: array("i"))
    _folds: int = 0
    _columns: FloatArray = field(init=False)
    _marks: FloatArray = field(default_factory=lambda: np.zeros((1 + RESAMPLES, 0)))
    _now: tuple[FloatArray, FloatArray] | None = None

    def __post_init__(self) -> None:
        self._columns = np.zeros((1 + RESAMPLES, self.width))

    def add(self, row: Iterable[float], marks: Iterable[int]) -> None:
        """One more chat: what it adds to each column, and the numbers of its marks."""
        place = len(self._rows) // self.width
        self._rows.extend(row)
        for mark in marks:
            self._mark_chats.append(place)
            self._mark_names.append(mark)
        self._now = None
        if place + 1 == FOLD:
            self._columns, self._marks = self._with_waiting()
            self._rows, self._folds = array("d"), self._folds + 1
            self._mark_chats, self._mark_names = array("i"), array("i")

    def columns(self) -> FloatArray:
        """(1 + RESAMPLES, width)."""
        return self._all()[0]

    def marks(self, count: int) -> FloatArray:
        """How often each of `count` marks was made, (1 + RESAMPLES, count)."""
        return _widened(self._all()[1], count)

    def _all(self) -> tuple[FloatArray, FloatArray]:
        if self._now is None:
            self._now = self._with_waiting()
        return self._now

    def _with_waiting(self) -> tuple[FloatArray, FloatArray]:
        """The sums with the chats that wait to be folded in."""
        if not self._rows:
            return self._columns, self._marks
        rows = np.frombuffer(self._rows, dtype=np.float64).reshape(-1, self.width)
        counts = draws(self._folds, len(rows))
        return self._columns + counts @ rows, self._marked(counts)

    def _marked(self, counts: FloatArray) -> FloatArray:
        from scipy.sparse import csr_array

        if not self._mark_names:
            return self._marks
        chats = np.frombuffer(self._mark_chats, dtype=np.int32)
        names = np.frombuffer(self._mark_names, dtype=np.int32)
        width = max(self._marks.shape[1], int(names.max()) + 1)
        made = csr_array((np.ones(len(chats)), (chats, names)), shape=(counts.shape[1], width))
        counted: FloatArray = counts @ made
        return _widened(self._marks, width) + counted


def draws(fold: int, chats: int) -> FloatArray:
    """How often each of the first chats of a fold counts, (1 + RESAMPLES, chats); once each in the
    first row."""
    rng = np.random.default_rng((SEED, fold))
    drawn = rng.poisson(1.0, (FOLD, RESAMPLES))[:chats]
    return np.vstack([np.ones(chats), drawn.T])


def _widened(values: FloatArray, width: int) -> FloatArray:
    return np.pad(values, ((0, 0), (0, width - values.shape[1])))
