"""Counts by quarter of an hour: a series for each measure, in all chats and in each intent."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bot.monitor.chats import Chat
from bot.monitor.log import Feedback, Turn
from bot.monitor.measures import NEGATIVE
from bot.monitor.surges import BASELINE, DAY, LAG, WEEK, WINDOW_S, FloatArray, History

Measure = Literal["negative", "dislikes", "handoffs", "unknowns"]
MEASURES: tuple[Measure, ...] = ("negative", "dislikes", "handoffs", "unknowns")
ALL = None
"""The intent of the series about all chats, the first ones."""
KEPT = LAG + BASELINE + WEEK + DAY
"""Windows in memory: a week to judge, and the weeks before it."""
MOST_INTENTS = 150
"""Intents with series of their own; others count in all chats alone."""
NEVER = np.iinfo(np.int64).max


def window_of(at: float) -> int:
    """Quarters of an hour since 1970."""
    return int(at // WINDOW_S)


@dataclass(slots=True)
class Windows:
    """Chats and events of KEPT windows, from window `origin` on.

    chats     (KEPT,) chats with a message in the window
    events    (KEPT, s) chats in which it happened for the first time
    intents   which number each has, in the order in which they came
    seen      the window in which each first came
    measures  the window from which on each was recorded: sentiment may be unknown before
    """

    origin: int
    chats: FloatArray = field(default_factory=lambda: np.zeros(KEPT))
    events: FloatArray = field(default_factory=lambda: np.zeros((KEPT, len(MEASURES))))
    intents: dict[str | None, int] = field(default_factory=lambda: {ALL: 0})
    seen: list[int] = field(default_factory=lambda: [0])
    measures: dict[Measure, int] = field(default_factory=lambda: dict.fromkeys(MEASURES, NEVER))

    def take(self, turn: Turn, chat: Chat) -> None:
        """Count a turn, and what happened in it."""
        window = window_of(turn.at)
        self._record("handoffs", window)
        self._record("unknowns", window)
        if turn.sentiment is not None:
            self._record("negative", window)
        self._speak(chat, window)
        places = self._places(turn.intent, window)
        if turn.kind == "handoff":
            self._happen("handoffs", places, window, chat)
        if turn.kind == "unknown":
            self._happen("unknowns", places, window, chat)
        if turn.sentiment == NEGATIVE:
            self._happen("negative", places, window, chat)

    def judge(self, said: Feedback, chat: Chat | None) -> None:
        """Count a judgement, of a chat that is still in mind."""
        window = window_of(said.at)
        self._record("dislikes", window)
        if said.verdict == "bad" and chat is not None:
            self._speak(chat, window)
            self._happen("dislikes", self._places(said.intent, window), window, chat)

    def series(self, number: int) -> tuple[Measure, str | None]:
        """The measure and the intent of a series."""
        return MEASURES[number % len(MEASURES)], list(self.intents)[number // len(MEASURES)]

    def history(self, window: int) -> History:
        """The weeks before a window, as bot.monitor.surges wants them."""
        end = max(0, window - LAG - self.origin)
        rows = slice(max(0, end - BASELINE), end)
        seen = np.array(self.seen, np.int64).repeat(len(MEASURES))
        recorded = np.tile(np.fromiter(self.measures.values(), np.int64), len(self.intents))
        first = np.maximum(np.maximum(seen, recorded), self._begun)
        return History(window, self.chats[rows], self.events[rows], first)

    def at(self, window: int) -> tuple[float, FloatArray]:
        """The chats of a window, and the events of each series (s,)."""
        row = window - self.origin
        if not 0 <= row < KEPT:
            return 0.0, np.zeros(self.events.shape[1])
        return float(self.chats[row]), self.events[row].copy()

    @property
    def _begun(self) -> int:
        """The first window of the log that is in memory with a chat."""
        rows = np.flatnonzero(self.chats)
        return self.origin + int(rows[0]) if len(rows) else NEVER

    def _record(self, measure: Measure, window: int) -> None:
        if window < self.measures[measure]:
            self.measures[measure] = window

    def _places(self, intent: str | None, window: int) -> tuple[int, ...]:
        """The first series of all chats, and that of the intent where it has one."""
        if intent not in self.intents:
            if len(self.intents) > MOST_INTENTS:
                return (0,)
            self.intents[intent] = len(self.seen)
            self.seen.append(window)
            self.events = np.pad(self.events, ((0, 0), (0, len(MEASURES))))
        number = self.intents[intent]
        return (0, number * len(MEASURES)) if number else (0,)

    def _speak(self, chat: Chat, window: int) -> None:
        if chat.window != window and (row := self._row(window)) is not None:
            chat.window = window
            self.chats[row] += 1

    def _happen(self, measure: Measure, places: tuple[int, ...], window: int, chat: Chat) -> None:
        row = self._row(window)
        for place in places:
            number = place + MEASURES.index(measure)
            if row is not None and number not in chat.happened:
                chat.happened.add(number)
                self.events[row, number] += 1

    def _row(self, window: int) -> int | None:
        """The window's row, for which old ones make room; None where it is too old itself."""
        row = window - self.origin
        if row >= KEPT:
            self._forget(row - KEPT + DAY)
            row = window - self.origin
        return row if row >= 0 else None

    def _forget(self, count: int) -> None:
        for array in (self.chats, self.events):
            array[:-count] = array[count:].copy()
            array[-min(count, KEPT) :] = 0
        self.origin += count
