"""How sure a figure is: computed again on resamples of the chats, whole ones, because messages of
one chat resemble each other (the bootstrap: Efron 1979, doi:10.1214/aos/1176344552).

All figures of a resample follow from its sums, which the tally keeps (`bot.replay.resampling`).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bot.decision import KINDS
from bot.replay.tally import BINS, MARKS, PLACE, Tally

FloatArray = NDArray[np.float64]
LEVEL = 0.95

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

NO_SHARES = frozenset({"ranking.mrr", "similarity.mean", "outcome.turns_before"})
"""Those that are no share of things which are so or not."""


def measured(tally: Tally) -> dict[str, float]:
    """Every figure of a tally; those with nothing to judge are left out."""
    values = {name: float(drawn[0]) for name, drawn in _figures(tally).items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def resampled(tally: Tally) -> dict[str, FloatArray]:
    """Every figure (RESAMPLES,) on the resamples, which are the same for tallies of the same chats
    in the same order."""
    return {name: drawn[1:] for name, drawn in _figures(tally).items()}


def intervals(tally: Tally) -> dict[str, tuple[float, float]]:
    """The interval that holds LEVEL of the resampled values of every figure; the exact one of a
    share that is none or all, which every resample repeats."""
    figures, whole = resampled(tally), measured(tally)
    figures["intent.ece"] = _unbiased(figures["intent.ece"], whole.get("intent.ece"))
    found = {
        name: interval(values) for name, values in figures.items() if np.isfinite(values).any()
    }
    for name in RATIOS.keys() - NO_SHARES:
        if (share := whole.get(name)) in (0.0, 1.0):
            far = _none_of(min(tally.total("chats"), tally.total(RATIOS[name][1])))
            found[name] = (0.0, far) if share == 0 else (1 - far, 1.0)
    return found


def _none_of(count: float) -> float:
    """The largest share that could still show itself in none of `count` independent draws (Clopper
    and Pearson 1934, doi:10.1093/biomet/26.4.404). Messages of one chat are not independent: there
    are no more draws than chats."""
    return float(1 - ((1 - LEVEL) / 2) ** (1 / count))


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


def _figures(tally: Tally) -> dict[str, FloatArray]:
    """Every figure (1 + RESAMPLES,), as it is and on the resamples."""
    sums = tally.sums.columns()
    column = {name: sums[:, place] for name, place in PLACE.items()}
    found = {name: _quotient(column[over], column[under]) for name, (over, under) in RATIOS.items()}
    bins = sums[:, PLACE["bin 0"] : PLACE["bin 0"] + BINS]
    both = column["spans found"] + column["spans there"]
    return {
        **found,
        "intent.macro_f1": _macro_f1(_per_label(tally)),
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


def _per_label(tally: Tally) -> FloatArray:
    """Right, false and missed guesses of each label, (1 + RESAMPLES, labels, MARKS)."""
    counted = tally.sums.marks(MARKS * len(tally.labels))
    return counted.reshape(len(counted), -1, MARKS)
