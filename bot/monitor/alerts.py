"""The surges of a log: told when they begin and when they are over, each once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bot.monitor.surges import (
    DAY,
    FEWEST_CHATS,
    FEWEST_WINDOWS,
    LAG,
    WEEK,
    WINDOW_S,
    Detector,
    Usual,
    expected,
    usual,
    weights,
)
from bot.monitor.windows import MEASURES, Measure, Windows

WORDS: dict[Measure, str] = {
    "negative": "customers who sound negative",
    "dislikes": "disliked answers",
    "handoffs": "handoffs",
    "unknowns": "messages without an answer",
}


@dataclass(frozen=True, slots=True)
class Surge:
    """Something that happens in more chats than chance explains.

    `since` and `told` are the first window and the one that raised the alarm; `chats` in which it
    happened from then on, `usual` how many would be usual; `over` the window that ended it.
    The intent is None where it is about all chats.
    """

    measure: Measure
    intent: str | None
    since: int
    told: int
    chats: int
    usual: float
    over: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Counts and names alone: nothing that anybody wrote. `id` is the same in every run."""
        where = "" if self.intent is None else f"/{self.intent}"
        return {
            "id": f"{self.measure}{where}@{stamp(self.told)}",
            "measure": self.measure,
            "intent": self.intent,
            "since": stamp(self.since),
            "told": stamp(self.told),
            "over": None if self.over is None else stamp(self.over),
            "chats": self.chats,
            "usual": round(self.usual, 1),
        }

    def sentence(self) -> str:
        where = "" if self.intent is None else f" in {self.intent}"
        end = f" to {clock(self.over)}, over now" if self.over is not None else ""
        return (
            f"{WORDS[self.measure]}{where}: {self.chats:,} chats since {clock(self.since)}{end};"
            f" usual: {self.usual:,.1f}"
        )


def stamp(window: int) -> str:
    """The beginning of a window, ISO 8601 in UTC."""
    return datetime.fromtimestamp(window * WINDOW_S, UTC).isoformat(timespec="minutes")


def clock(window: int) -> str:
    """The beginning of a window, for people; in UTC."""
    return datetime.fromtimestamp(window * WINDOW_S, UTC).strftime("%a %H:%M UTC")


@dataclass(slots=True)
class Alerts:
    """Judges each window once, as soon as it is past.

    `active` are the surges by the number of their series, `done` is the window judged last, and
    `known` is what was usual before the `day`.
    """

    detector: Detector = field(default_factory=Detector)
    active: dict[int, Surge] = field(default_factory=dict)
    done: int | None = None
    known: Usual | None = None
    day: int = 0

    def judge(self, windows: Windows, until: int) -> list[Surge]:
        """Judge the windows before `until`, of the last week at most; give what began and what
        ended, in that order."""
        start = until - WEEK if self.done is None else max(self.done + 1, until - WEEK)
        told: list[Surge] = []
        for window in range(start, until):
            told += self._judge(windows, window)
            self.done = window
        self._bring_up_to_date()
        return told

    def _judge(self, windows: Windows, window: int) -> list[Surge]:
        n, k = windows.at(window)
        history = windows.history(window)
        if not n or not len(history.chats):
            return []
        if self.known is None or self.day != window // DAY or len(self.known.share) != len(k):
            self.known, self.day = usual(history), window // DAY
        weight = weights(len(MEASURES), len(k))
        what = expected(history, self.known)
        begins, ends = self.detector.step(window, n, k, what, self.known, weight)
        for number in begins:
            self.active[int(number)] = self._surge(windows, int(number), window)
        self._bring_up_to_date()
        over = [replace(self.active.pop(int(number)), over=window) for number in ends]
        return [*(self.active[int(number)] for number in begins), *over]

    def _surge(self, windows: Windows, number: int, window: int) -> Surge:
        run = self.detector.run(number)
        measure, intent = windows.series(number)
        return Surge(measure, intent, run.since, window, int(run.seen), run.due)

    def _bring_up_to_date(self) -> None:
        for number, surge in self.active.items():
            run = self.detector.run(number)
            self.active[number] = replace(surge, chats=int(run.seen), usual=run.due)

    def judged(self) -> tuple[int, int]:
        """How many series are judged, and how many there are."""
        if self.known is None:
            return 0, 0
        return int(self.known.judged.sum()), len(self.known.judged)

    def lacking(self, windows: Windows, until: int) -> str:
        """What is missing where nothing can be judged yet, in a sentence; else empty."""
        if self.judged()[0]:
            return ""
        history = windows.history(until)
        days = max(0, until - int(history.first.min())) / DAY if windows.chats.any() else 0.0
        return (
            f"too little data for alerts: they need {(FEWEST_WINDOWS + LAG) // DAY} days and"
            f" {FEWEST_CHATS} chats before; there are {days:.1f} days and"
            f" {int(windows.chats.sum()):,} chats"
        )


def posted(told: Sequence[Surge]) -> list[dict[str, Any]]:
    """The surges as JSON objects."""
    return [surge.as_json() for surge in told]
