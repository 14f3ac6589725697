"""Turns counted up chat by chat: what every figure, interval and comparison is computed from.

A figure is a quotient of sums over chats (of the columns COLUMNS), so that it can be computed again
on any resample of the chats. Only macro-F1 and the calibration error are not, and are made of sums
too: of right and wrong guesses by intent, and of the bins. The sums of all resamples are kept up as
the chats come (`bot.replay.resampling`), and what is needed of each chat and turn lies on disk
(`bot.replay.ledger`): a chat that was counted takes no more memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from bot.decision import KINDS
from bot.replay.acts import AGREES
from bot.replay.ledger import Ledger
from bot.replay.outcome import OUTCOMES, outcome
from bot.replay.resampling import Sums
from bot.replay.store import Turn

BINS = 15
"""Of the expected calibration error, as in `finetune.calibration`."""

COLUMNS: tuple[str, ...] = (
    "turns", *KINDS,
    "labelled", "correct", "outside", "rejected",
    "replied", "r@1", "r@5", "r@10", "rr",
    "said", "cosine",
    "acted", "agreed",
    "judged", "wrong",
    "intent judged", "intent answered", "intent wrong",
    "ranked judged", "ranked answered", "ranked wrong",
    "spans right", "spans found", "spans there",
    *OUTCOMES,
    *(f"bin {place}" for place in range(BINS)),
)  # fmt: skip
PLACE = {name: place for place, name in enumerate(COLUMNS)}
_RIGHT, _FALSE, _MISSED = range(3)
MARKS = 3
"""Of a label: right, false and missed guesses."""


@dataclass(slots=True)
class Tally:
    """The turns of one replay so far. `thresholds` are those of the routes.

    `guesses` counts (labelled, guessed); `acts` counts (what the agent did, the bot's kind).
    """

    thresholds: dict[str, float | None]
    chats: int = 0
    sums: Sums = field(default_factory=lambda: Sums(len(COLUMNS)))
    ledger: Ledger = field(default_factory=Ledger)
    labels: dict[str, int] = field(default_factory=dict)
    guesses: Counter[tuple[str, str]] = field(default_factory=Counter)
    acts: Counter[tuple[str, str]] = field(default_factory=Counter)
    fewest: int = 0

    def total(self, column: str) -> int:
        """What all chats add to a column of counts."""
        return round(float(self.sums.columns()[0, PLACE[column]]))

    def add_all(self, turns: Iterable[Turn]) -> None:
        """Count all turns, which come chat by chat."""
        for _, chat in groupby(turns, key=lambda turn: turn.chat):
            self.add(list(chat))

    def add(self, chat: Sequence[Turn]) -> None:
        """Count the turns of one chat."""
        row = dict.fromkeys(COLUMNS, 0.0)
        row.update(outcome(chat))
        marks: list[int] = []
        for turn in chat:
            for name, amount in self._amounts(turn):
                row[name] += amount
            marks += self._marks(turn)
            self._remember(turn)
        self.sums.add(row.values(), marks)
        scores = [score for turn in chat for score in _scores(turn)]
        self.ledger.add(row, scores, (turn.ms for turn in chat))
        self.chats += 1

    def _amounts(self, turn: Turn) -> Iterator[tuple[str, float]]:
        """What a turn adds to the columns."""
        yield "turns", 1
        yield turn.kind, 1
        yield from _intent(turn)
        yield from _ranking(turn)
        if turn.similarity is not None:
            yield from (("said", 1), ("cosine", turn.similarity))
        if turn.act is not None:
            yield from (("acted", 1), ("agreed", agrees(turn)))
        if turn.verdict is not None:
            yield from (("judged", 1), ("wrong", turn.verdict == "wrong"))
        yield from _route("intent", turn.confidence, turn.intent_right, self.thresholds["intent"])
        yield from _route(
            "ranked", turn.ranked_score, turn.ranked_right, self.thresholds["template"]
        )
        if turn.entities is not None:
            names = ("spans right", "spans found", "spans there")
            yield from zip(names, turn.entities, strict=True)

    def _marks(self, turn: Turn) -> Iterator[int]:
        """A guess, for or against its intents, as `finetune.evaluation.intent_metrics` counts it:
        the one label of a message is the guess if that is right, else the first of its labels."""
        if turn.correct is None or turn.intent is None:
            return
        label = turn.intent if turn.correct else min(turn.gold)
        self.guesses[label, turn.intent] += 1
        if turn.correct:
            yield self._mark(label, _RIGHT)
        else:
            yield self._mark(label, _MISSED)
            yield self._mark(turn.intent, _FALSE)

    def _mark(self, label: str, kind: int) -> int:
        return MARKS * self.labels.setdefault(label, len(self.labels)) + kind

    def _remember(self, turn: Turn) -> None:
        if turn.act is not None:
            self.acts[turn.act, turn.kind] += 1
        if turn.candidates:
            self.fewest = min(self.fewest or turn.candidates, turn.candidates)


def agrees(turn: Turn) -> bool:
    """Whether the bot does what the agent did: the same act, or the very template."""
    same = turn.template is not None and turn.template == turn.agent_template
    return same or turn.act in AGREES[turn.kind]


def _intent(turn: Turn) -> Iterator[tuple[str, float]]:
    if turn.correct is None or turn.confidence is None:
        return
    yield from (("labelled", 1), ("correct", turn.correct))
    place = min(max(int(np.ceil(turn.confidence * BINS)) - 1, 0), BINS - 1)
    yield f"bin {place}", turn.correct - turn.confidence
    if turn.outside:
        yield from (("outside", 1), ("rejected", not turn.trusted))


def _ranking(turn: Turn) -> Iterator[tuple[str, float]]:
    if turn.rank is None:
        return
    yield from (("replied", 1), ("rr", 1 / turn.rank))
    yield from ((f"r@{k}", turn.rank <= k) for k in (1, 5, 10))


def _scores(turn: Turn) -> Iterator[tuple[str, float, bool]]:
    """(route, score, right) of the routes that a turn judges."""
    if turn.confidence is not None and turn.intent_right is not None:
        yield "intent", turn.confidence, turn.intent_right
    if turn.ranked_score is not None and turn.ranked_right is not None:
        yield "ranked", turn.ranked_score, turn.ranked_right


def _route(
    name: str, score: float | None, right: bool | None, threshold: float | None
) -> Iterator[tuple[str, float]]:
    """A route at its threshold; None answers nothing."""
    if score is None or right is None:
        return
    answers = threshold is not None and score >= threshold
    yield f"{name} judged", 1
    yield f"{name} answered", answers
    yield f"{name} wrong", answers and not right
