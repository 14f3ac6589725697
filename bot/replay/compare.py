"""Two replays of the same turns: what is fixed, what is broken, and which figures differ by more
than chance.

The turns are the same, so the figures are compared on the same resamples of the chats: what is hard
for one is hard for the other (the paired bootstrap: Efron 1979; Koehn 2004, aclanthology.org/
W04-3250). A figure is worse when nearly all resamples say that it fell by more than the tolerance,
"nearly all" being such that an equal bot fails for any figure at all one time in twenty.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bot.errors import BotError
from bot.replay.intervals import interval, measured, resampled
from bot.replay.store import ReplayRow, ReplayStore, Turn
from bot.replay.tally import Tally

FloatArray = NDArray[np.float64]
ERROR = 0.05
"""How often a bot that is no worse fails; shared out evenly among the figures that decide."""
FEWEST_CHATS = 5
LISTED = 1000
"""Turns that are listed of each change; all are counted."""
_ROUNDING = 1e-12

DECIDING: Mapping[str, Literal[1, -1]] = {
    "intent.accuracy": 1,
    "intent.macro_f1": 1,
    "intent.ece": -1,
    "intent.oos_recall": 1,
    "ranking.mrr": 1,
    "similarity.mean": 1,
    "entities.f1": 1,
    "agreement.share": 1,
    "outcome.automation": 1,
    "outcome.containment": 1,
    "risk.wrong": -1,
}
"""The figures that may be worse, and whether more is better. The others are told and decide
nothing: a share of clarifications is not good or bad by itself."""

Change = Literal["fixed", "broken", "changed", "unchanged"]
CHANGES: tuple[Change, ...] = ("fixed", "broken", "changed", "unchanged")


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure before and after. `low` and `high` hold 95 % of the resampled differences; `p` is
    how often, at the most, a difference so large comes by chance, both ways."""

    figure: str
    before: float
    after: float
    low: float
    high: float
    p: float
    decides: bool
    worse: bool

    @property
    def difference(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Pair:
    """One turn, answered twice."""

    change: Change
    before: Turn
    after: Turn


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two replays of the same turns. `pairs` are the turns that are fixed, broken or changed, at
    most LISTED of each; `counts` has them all."""

    before: ReplayRow
    after: ReplayRow
    tolerance: float
    chats: int
    turns: int
    figures: tuple[FigureChange, ...]
    counts: Mapping[str, int]
    pairs: tuple[Pair, ...]

    @property
    def worse(self) -> list[FigureChange]:
        """The figures that became worse by more than the tolerance."""
        return [change for change in self.figures if change.worse]

    def as_json(self) -> dict[str, Any]:
        """The object that `frontdesk replay --against --json` prints under `comparison`."""
        return {
            "before": _named(self.before),
            "after": _named(self.after),
            "tolerance": self.tolerance,
            "passed": not self.worse,
            "chats": self.chats,
            "turns": self.turns,
            "counts": dict(self.counts),
            "figures": [
                {**asdict(change), "difference": change.difference} for change in self.figures
            ],
            "pairs": [_pair(pair) for pair in self.pairs],
        }


def comparison(store: ReplayStore, before: int, after: int, tolerance: float = 0.0) -> Comparison:
    """Compare two finished replays of the same turns.

    Raises:
        BotError: there is no such replay, or they are not of the same turns.
    """
    rows = (store.replay(before), store.replay(after))
    tallies = tuple(Tally(dict(row.about["thresholds"])) for row in rows)
    counts, pairs, both = Counter[str](), list[Pair](), _both(store, *rows)
    chats: list[tuple[Turn, Turn]] = []
    for one, other in both:
        if chats and chats[0][0].chat != one.chat:
            _add(tallies, chats)
            chats = []
        chats.append((one, other))
        change = change_of(one, other)
        counts[change] += 1
        if change != "unchanged" and counts[change] <= LISTED:
            pairs.append(Pair(change, one, other))
    _add(tallies, chats)
    return Comparison(
        *rows,
        tolerance=tolerance,
        chats=tallies[0].chats,
        turns=sum(counts.values()),
        figures=tuple(_changes(tallies, tolerance)),
        counts={change: counts[change] for change in CHANGES},
        pairs=tuple(sorted(pairs, key=lambda pair: CHANGES.index(pair.change))),
    )


def change_of(before: Turn, after: Turn) -> Change:
    """What became of a turn: an answer known to be right is better than none, none is better than
    one known to be wrong; between others there is no better, only another decision.

    Where the answers are as good as each other, reading the intent rightly counts.
    """
    was, now = _worth(before), _worth(after)
    if was != now:
        return "fixed" if now > was else "broken"
    same = (before.kind, before.template) == (after.kind, after.template)
    cited = [c["passage"] for c in before.citations] == [c["passage"] for c in after.citations]
    return "unchanged" if same and cited else "changed"


def _worth(turn: Turn) -> tuple[int, bool]:
    worth = {"right": 1, "wrong": -1}.get(turn.verdict or "", 0)
    return worth, bool(turn.correct)


def _both(store: ReplayStore, before: ReplayRow, after: ReplayRow) -> Iterator[tuple[Turn, Turn]]:
    """The turns of two replays side by side."""
    if before.about["survey"]["digest"] != after.about["survey"]["digest"]:
        raise _not_the_same(before, after)
    for row in (before, after):
        if row.figures is None:
            raise BotError(f"replay {row.id} is not finished; give its command again first")
    for one, other in zip(store.turns(before.id), store.turns(after.id), strict=True):
        if (one.conversation, one.turn) != (other.conversation, other.turn):
            raise _not_the_same(before, after)
        yield one, other


def _not_the_same(before: ReplayRow, after: ReplayRow) -> BotError:
    return BotError(
        f"replays {before.id} and {after.id} are not of the same turns; replay the same chats with"
        " both, as `frontdesk replay CHATS --against VERSION` does"
    )


def _add(tallies: Iterable[Tally], chats: list[tuple[Turn, Turn]]) -> None:
    for side, tally in enumerate(tallies):
        tally.add([pair[side] for pair in chats])


def _changes(tallies: tuple[Tally, ...], tolerance: float) -> Iterator[FigureChange]:
    before, after = (measured(tally) for tally in tallies)
    drawn = [resampled(tally) for tally in tallies]
    names = [name for name in before if name in after]
    enough = tallies[0].chats >= FEWEST_CHATS
    deciding = [name for name in names if name in DECIDING and enough]
    for name in names:
        differences = drawn[1][name] - drawn[0][name]
        decides = name in deciding
        fell = DECIDING.get(name, 1) * differences < -tolerance - _ROUNDING
        low, high = interval(differences)
        yield FigureChange(
            figure=name,
            before=before[name],
            after=after[name],
            low=low,
            high=high,
            p=_p_value(differences),
            decides=decides,
            worse=decides and float(fell.mean()) >= 1 - ERROR / len(deciding),
        )


def _p_value(differences: FloatArray) -> float:
    """Twice the smaller share of resamples on either side of no difference, that of the sample
    itself counted in."""
    known = differences[np.isfinite(differences)]
    sides = ((known <= _ROUNDING).sum(), (known >= -_ROUNDING).sum())
    return min(1.0, 2 * (1 + int(min(sides))) / (1 + len(known)))


def _named(row: ReplayRow) -> dict[str, Any]:
    return {"replay": row.id, "version": row.version, "workspace": row.workspace}


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "change": pair.change,
        "conversation": pair.before.conversation,
        "turn": pair.before.turn,
        "message": pair.before.message,
        "gold": list(pair.before.gold),
        "before": _side(pair.before),
        "after": _side(pair.after),
    }


def _side(turn: Turn) -> dict[str, Any]:
    return {
        "kind": turn.kind,
        "template": turn.template,
        "intent": turn.intent,
        "confidence": turn.confidence,
        "verdict": turn.verdict,
        "reply": turn.reply,
    }
