"""Messages that ask for the same, by their sentence vectors; how many groups there are follows.

Leader clustering (Hartigan 1975), then two rounds of spherical k-means from its leaders, which
make the groups independent of who happened to come first. Sentence vectors lie in a narrow cone,
narrower or wider by the encoder; taken from their mean, one limit fits all of them.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from finetune.text import normalise

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Encode = Callable[[Sequence[str]], FloatArray]
"""Texts in, unit vectors (n, d) out."""

ALIKE = 0.35
"""Cosine, from the mean of all messages, from which one joins a group."""
_ROUNDS = 2
_CHUNK = 1024
_DIFFERENT, _SAMPLED = 50_000, 1_000
"""Messages that are gathered, and those of them that show where the middle is."""


class Background:
    """Different messages of all kinds, against which some of them are compared."""

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}

    def add(self, message: str) -> bool:
        """Gather a message, if there is room; whether it is new."""
        key = normalise(message)
        new = len(self._messages) < _DIFFERENT and key not in self._messages
        if new:
            self._messages[key] = message
        return new

    def encoded(self, messages: Sequence[str], encode: Encode) -> FloatArray:
        """Unit vectors (n, d) of messages, as seen from the mean of the background."""
        every = list(self._messages.values())
        sample = every[:: max(1, -(-len(every) // _SAMPLED))]
        vectors = encode([*messages, *sample])
        return centred(vectors[: len(messages)], vectors[len(messages) :].mean(axis=0))


def centred(vectors: FloatArray, mean: FloatArray) -> FloatArray:
    """Unit vectors (n, d) as seen from a mean (d,), of unit length again."""
    moved = vectors - mean
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(lengths, 1e-9), dtype=np.float32)


def clusters(vectors: FloatArray, alike: float = ALIKE) -> IntArray:
    """The group (n,) of each of n unit vectors (n, d), numbered from 0; the same for the same.

    Put those first that should lead: each joins the nearest leader before it, or leads itself.
    Time is n times the number of groups.
    """
    if not len(vectors):
        return np.zeros(0, dtype=np.int64)
    centres = vectors[_leaders(vectors, alike)]
    groups = _nearest(vectors, centres)
    for _ in range(_ROUNDS):
        groups = _nearest(vectors, _means(vectors, groups))
    _, numbers = np.unique(groups, return_inverse=True)
    found: IntArray = numbers.astype(np.int64)
    return found


def spread(groups: Sequence[int]) -> list[int]:
    """The places of `groups` in an order that takes one of each group in turn, groups by their
    first.

    >>> spread([0, 0, 0, 1, 2, 1])
    [0, 3, 4, 1, 5, 2]
    """
    seen: dict[int, int] = {}
    first: dict[int, int] = {}
    keyed = []
    for place, group in enumerate(groups):
        turn = seen[group] = seen.get(group, -1) + 1
        keyed.append((turn, first.setdefault(group, place), place))
    return [place for _, _, place in sorted(keyed)]


def _leaders(vectors: FloatArray, alike: float) -> list[int]:
    """The places of those that are like none before them; a chunk at a time, for speed."""
    leaders: list[int] = []
    for start in range(0, len(vectors), _CHUNK):
        chunk = vectors[start : start + _CHUNK]
        new = np.ones(len(chunk), dtype=np.bool_)
        if leaders:
            new = (chunk @ vectors[leaders].T).max(axis=1) < alike
        places = np.flatnonzero(new)
        near = chunk[places] @ chunk[places].T >= alike
        free = np.ones(len(places), dtype=np.bool_)
        for i, place in enumerate(places):
            if free[i]:
                leaders.append(start + int(place))
                free &= ~near[i]
    return leaders


def _nearest(vectors: FloatArray, centres: FloatArray) -> IntArray:
    parts = [
        (vectors[start : start + _CHUNK] @ centres.T).argmax(axis=1)
        for start in range(0, len(vectors), _CHUNK)
    ]
    found: IntArray = np.concatenate(parts)
    return found


def _means(vectors: FloatArray, groups: IntArray) -> FloatArray:
    """The direction of each group's mean, those that have lost all their members left out."""
    _, numbers = np.unique(groups, return_inverse=True)
    sums = np.zeros((numbers.max() + 1, vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, numbers, vectors)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))
