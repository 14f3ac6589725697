"""What the bot did, counted by hour and intent; what people look at.

A request is a turn that is more than small talk; it is answered by a template or passages, or where
it makes several requests (docs/replay.md). Of the times only the distribution is kept, in steps of
5 %.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.decision import ANSWERS
from bot.monitor.log import Feedback, Turn

HOUR_S = 3600
STEP = 1.05
NEGATIVE = "negative"
Name = TypeVar("Name", bound=Hashable)


@dataclass(slots=True)
class Counts:
    """Turns and what became of them. `felt` are those whose sentiment is known; `times` counts by
    the steps of their milliseconds."""

    turns: int = 0
    requests: int = 0
    answered: int = 0
    handoffs: int = 0
    unknowns: int = 0
    dislikes: int = 0
    felt: int = 0
    negative: int = 0
    times: Counter[int] = field(default_factory=Counter)

    def add(self, turn: Turn) -> None:
        self.turns += 1
        self.requests += turn.kind != "smalltalk"
        self.answered += turn.kind in ANSWERS
        self.handoffs += turn.kind == "handoff"
        self.unknowns += turn.kind == "unknown"
        self.felt += turn.sentiment is not None
        self.negative += turn.sentiment == NEGATIVE
        self.times[round(math.log(max(turn.ms, 0.01), STEP))] += 1

    def merge(self, other: "Counts") -> None:
        for name in _SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.times.update(other.times)

    def as_json(self) -> dict[str, Any]:
        """Counts, and the shares made of them; None where there is nothing to share."""
        return {
            **{name: getattr(self, name) for name in ("turns", "requests")},
            "answered": share(self.answered, self.requests),
            "handoffs": self.handoffs,
            "unknowns": self.unknowns,
            "dislikes": self.dislikes,
            "negative": share(self.negative, self.felt),
            "p50": self.time(0.50),
            "p95": self.time(0.95),
        }

    def time(self, quantile: float) -> float | None:
        """Milliseconds, the nearest rank, to 2.5 %."""
        rank = math.ceil(quantile * self.turns)
        for step, count in sorted(self.times.items()):
            rank -= count
            if rank <= 0:
                return round(STEP**step, 1)
        return None


_SUMMED = (
    "turns", "requests", "answered", "handoffs", "unknowns", "dislikes", "felt", "negative",
)  # fmt: skip


def share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def hour_of(at: float) -> int:
    """Hours since 1970."""
    return int(at // HOUR_S)


@dataclass(slots=True)
class Measures:
    """Counts by (hour, intent); the intent is None where the model knows none."""

    cells: dict[tuple[int, str | None], Counts] = field(default_factory=dict)

    def add(self, turn: Turn) -> None:
        self._cell(turn.at, turn.intent).add(turn)

    def judge(self, said: Feedback) -> None:
        self._cell(said.at, said.intent).dislikes += said.verdict == "bad"

    def drop_before(self, hour: int) -> None:
        for key in [key for key in self.cells if key[0] < hour]:
            del self.cells[key]

    def total(self) -> Counts:
        return _merged(self.cells.values())

    def by_intent(self) -> dict[str | None, Counts]:
        """The most frequent first."""
        found = self._by(lambda key: key[1])
        return dict(sorted(found.items(), key=lambda item: (-item[1].turns, item[0] or "")))

    def by_hour(self) -> dict[int, Counts]:
        """The latest first."""
        return dict(sorted(self._by(lambda key: key[0]).items(), reverse=True))

    def _by(self, name: Callable[[tuple[int, str | None]], Name]) -> dict[Name, Counts]:
        found: dict[Name, Counts] = {}
        for key, counts in self.cells.items():
            found.setdefault(name(key), Counts()).merge(counts)
        return found

    def _cell(self, at: float, intent: str | None) -> Counts:
        return self.cells.setdefault((hour_of(at), intent), Counts())


def _merged(parts: Iterable[Counts]) -> Counts:
    found = Counts()
    for part in parts:
        found.merge(part)
    return found
