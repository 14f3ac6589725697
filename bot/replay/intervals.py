"""How sure a figure is: computed again on resamples of the chats, whole ones, because messages of
one chat resemble each other (the bootstrap: Efron 1979, doi:10.1214/aos/1176344552).

A resample is drawn as how often each chat is in it; all figures of it are then products with the
sums of the chats. So 100,000 turns take seconds.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bot.decision import KINDS
from bot.replay.tally import BINS, PLACE, Tally

FloatArray = NDArray[np.float64]
LEVEL = 0.95
RESAMPLES = 1000
SEED = 7
_CELLS = 2_000_000  # counts drawn at a time: bounds the memory

RATIOS: Mapping[str, tuple[str, str]] = {
    "intent.accuracy": ("correct", "labelled"),
    "intent.oos_recall": ("rejected", "outside"),
    "ranking.r@1": ("r@1", "replied"),
    "ranking.r@5": ("r@5", "replied"),
    "ranking.r@10": ("r@10", "replied"),
    "ranking.mrr": ("rr", "replied"),
    "similarity.mean": ("cosine", "said"),
    "entities.precision": ("spans right", "spans found"),
    "entities.recall": ("spans right", "spans there"),
    **{f"decisions.{kind}": (kind, "turns") for kind in KINDS},
    "agreement.share": ("agreed", "acted"),
    "outcome.involvement": ("involved", "chats"),
    "outcome.resolution": ("resolved", "involved"),
    "outcome.automation": ("resolved", "chats"),
    "outcome.confirmed": ("confirmed", "chats"),
    "outcome.containment": ("contained", "chats"),
    "outcome.offered": ("offered", "escalated"),
    "outcome.turns_before": ("turns before", "offered"),
    "risk.wrong": ("wrong", "judged"),
    "risk.intent.coverage": ("intent answered", "intent judged"),
    "risk.intent.wrong": ("intent wrong", "intent answered"),
    "risk.template.coverage": ("ranked answered", "ranked judged"),
    "risk.template.wrong": ("ranked wrong", "ranked answered"),
}
"""Figures that are one column of the tally over another."""


def measured(tally: Tally) -> dict[str, float]:
    """Every figure of a tally; those with nothing to judge are left out."""
    [found] = _samples([tally], [np.ones((1, tally.chats))])
    values = {name: float(value[0]) for name, value in found[0].items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def resampled(
    tallies: Sequence[Tally], resamples: int = RESAMPLES, seed: int = SEED
) -> list[dict[str, FloatArray]]:
    """Every figure (resamples,) of each tally, on the same resamples: their chats are the same
    ones in the same order."""
    drawn = list(_samples(tallies, _weights(tallies[0].chats, resamples, seed)))
    return [
        {name: np.concatenate([part[i][name] for part in drawn]) for name in drawn[0][i]}
        for i in range(len(tallies))
    ]


def intervals(tally: Tally) -> dict[str, tuple[float, float]]:
    """The interval that holds LEVEL of the resampled values of every figure."""
    [figures] = resampled([tally])
    figures["intent.ece"] = _unbiased(figures["intent.ece"], measured(tally).get("intent.ece"))
    return {name: interval(values) for name, values in figures.items() if np.isfinite(values).any()}


def _unbiased(values: FloatArray, whole: float | None) -> FloatArray:
    """A sum of absolute gaps is larger on resamples than on what they were drawn from: values (s,)
    less the mean of that bias (Efron and Tibshirani 1993, chapter 10), never below zero."""
    if whole is None:
        return values
    return np.maximum(values - (np.nanmean(values) - whole), 0.0)


def interval(values: FloatArray) -> tuple[float, float]:
    """The middle LEVEL of resampled values; those with nothing to judge are passed over."""
    low, high = np.nanquantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def _weights(chats: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    """How often each chat is in a resample, (some, chats) at a time."""
    rng = np.random.default_rng(seed)
    some = max(1, _CELLS // chats)
    for start in range(0, resamples, some):
        yield np.stack(
            [
                np.bincount(rng.integers(chats, size=chats), minlength=chats).astype(np.float64)
                for _ in range(start, min(start + some, resamples))
            ]
        )


def _samples(
    tallies: Sequence[Tally], weights: Iterator[FloatArray] | Sequence[FloatArray]
) -> Iterator[list[dict[str, FloatArray]]]:
    marks = [_label_marks(tally) for tally in tallies]
    for weight in weights:
        yield [
            _figures(weight @ tally.sums, _per_label(weight, mark))
            for tally, mark in zip(tallies, marks, strict=True)
        ]


def _figures(sums: FloatArray, labels: FloatArray) -> dict[str, FloatArray]:
    """Every figure (s,) from sums (s, columns) and counts by label (s, labels, 3)."""
    column = {name: sums[:, place] for name, place in PLACE.items()}
    found = {name: _quotient(column[over], column[under]) for name, (over, under) in RATIOS.items()}
    bins = sums[:, PLACE["bin 0"] : PLACE["bin 0"] + BINS]
    both = column["spans found"] + column["spans there"]
    return {
        **found,
        "intent.macro_f1": _macro_f1(labels),
        "intent.ece": _quotient(np.abs(bins).sum(axis=1), column["labelled"]),
        "entities.f1": _quotient(2 * column["spans right"], both),
        "outcome.assumed": found["outcome.automation"] - found["outcome.confirmed"],
    }


def _quotient(over: FloatArray, under: FloatArray) -> FloatArray:
    """Not a number where there is nothing to judge."""
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)


def _macro_f1(counts: FloatArray) -> FloatArray:
    """The mean F1 (s,) over the labels that occur in gold, as scikit-learn has it."""
    right, false, missed = counts[..., 0], counts[..., 1], counts[..., 2]
    f1 = _quotient(2 * right, 2 * right + false + missed)
    occurs = right + missed > 0
    return _quotient(np.where(occurs, f1, 0).sum(axis=1), occurs.sum(axis=1).astype(np.float64))


def _label_marks(tally: Tally) -> object:
    """Right, false and missed guesses of each label in each chat, a sparse (chats, 3 · labels)."""
    from scipy.sparse import csr_array

    chats = np.frombuffer(tally.label_chats, dtype=np.int32)
    marks = np.frombuffer(tally.label_marks, dtype=np.int32)
    shape = (tally.chats, 3 * len(tally.labels))
    return csr_array((np.ones(len(chats)), (chats, marks)), shape=shape)


def _per_label(weight: FloatArray, marks: object) -> FloatArray:
    counted: FloatArray = weight @ marks  # type: ignore[operator]
    return counted.reshape(len(weight), -1, 3)
