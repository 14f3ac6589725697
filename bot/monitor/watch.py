"""The log, watched: what is new is read, counted and judged; the result is a value to be shown."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.console import Progress, silent
from bot.errors import BotError
from bot.monitor import log
from bot.monitor.alerts import Alerts, Surge, posted
from bot.monitor.chats import Chats, outcome_json
from bot.monitor.measures import HOUR_S, Counts, Measures, hour_of
from bot.monitor.surges import WINDOW_S
from bot.monitor.windows import KEPT, Windows, window_of

MOST_S = 28 * 24 * HOUR_S
"""How much can be shown."""
AHEAD_S = 60.0
"""By how much clocks may differ: a turn that is dated later is left out."""
GRACE_S = 15.0
"""How long after its end a window is judged: a turn may wait that long to be committed."""


def in_range(text: str, age: timedelta) -> float:
    """The seconds of a `--since`. BotError where so much cannot be shown."""
    seconds = age.total_seconds()
    if not HOUR_S <= seconds <= MOST_S:
        raise BotError(f"--since {text} cannot be shown; from 1h to 4w can")
    return seconds


@dataclass(frozen=True, slots=True)
class View:
    """The log at one moment. `began` and `ended` are the surges that are news, `surges` those that
    last; `lacking` says why nothing is judged, `notes` what else a person should know."""

    at: float
    since: float
    total: Counts
    outcome: Counter[str]
    intents: dict[str | None, Counts]
    hours: dict[int, tuple[Counts, Counter[str]]]
    surges: tuple[Surge, ...] = ()
    began: tuple[Surge, ...] = ()
    ended: tuple[Surge, ...] = ()
    judged: tuple[int, int] = (0, 0)
    lacking: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The object of an interval in `monitor --json`."""
        return {
            "at": _stamp(self.at),
            "since": _stamp(self.since),
            **self.total.as_json(),
            **outcome_json(self.outcome),
            "intents": [
                {"intent": name, **counts.as_json()} for name, counts in self.intents.items()
            ],
            "hours": [
                {"hour": _stamp(hour * HOUR_S), **counts.as_json(), **outcome_json(chats)}
                for hour, (counts, chats) in self.hours.items()
            ],
            "surges": posted(self.surges),
            "series": {"judged": self.judged[0], "all": self.judged[1]},
            "notes": [note for note in (self.lacking, *self.notes) if note],
        }


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


@dataclass(slots=True)
class Watch:
    """A log as it was when it was last looked at; `period` seconds of it are shown."""

    path: Path
    period: float
    place: log.Place | None = None
    measures: Measures = field(default_factory=Measures)
    chats: Chats = field(default_factory=Chats)
    windows: Windows = field(default_factory=lambda: Windows(0))
    alerts: Alerts = field(default_factory=Alerts)
    file: tuple[int, int] | None = None
    now: float = 0.0
    ahead: int = 0

    def look(self, now: float, show: Progress = silent) -> View:
        """Read what is new at `now`, in seconds since 1970, and count and judge it.

        Raises:
            BotError: the log cannot be read; the next look goes on where the last one ended.
        """
        if self.place is not None and now < self.now - HOUR_S:
            self._begin_anew()  # the clock was set back: what counted as past is to come
        self.now = now
        opening = self.place is None
        notes = [] if self.path.is_file() else [f"{self.path} is not there: nobody has chatted yet"]
        if not notes:
            opening = self._read(now, show)
        told = self.alerts.judge(self.windows, window_of(now - GRACE_S)) if self.place else []
        if self.ahead:
            notes.append(f"{self.ahead:,} turns are left out: they are dated in the future")
        return self._view(now, tuple(told), tuple(notes), opening=opening)

    @property
    def _first_hour(self) -> int:
        """The hour with which what is shown begins."""
        return hour_of(self.now - self.period)

    def _begin_anew(self) -> None:
        self.place, self.ahead = None, 0
        self.measures, self.chats, self.alerts = Measures(), Chats(), Alerts()

    def _read(self, now: float, show: Progress) -> bool:
        """Count what is new, and say whether all of it was."""
        with log.opened(self.path) as connection:
            found = self.path.stat()
            if self.place and (
                self.file != (found.st_dev, found.st_ino)
                or log.last(connection, "turns") < self.place.turn
            ):
                self._begin_anew()  # another log lies there now
            self.file = (found.st_dev, found.st_ino)
            opening = self.place is None
            if self.place is None:
                span = max(self.period + HOUR_S, KEPT * WINDOW_S)
                self.place = log.beginning(connection, now - span)
                self.windows = Windows(window_of(now) - KEPT + 1)
            first, end = self.place.turn, log.last(connection, "turns")
            for turn in log.turns(connection, first):
                self._take(turn, now)
                if not turn.id % log.BATCH:
                    show("read the log", turn.id - first, end - first)
            for said in log.feedback(connection, self.place.feedback):
                self._judge(said, now)
        return opening

    def _take(self, turn: log.Turn, now: float) -> None:
        assert self.place is not None
        self.place.turn = turn.id
        if turn.at > now + AHEAD_S:
            self.ahead += 1
            return
        chat = self.chats.take(turn)
        self.windows.take(turn, chat)
        if hour_of(turn.at) >= self._first_hour:
            self.measures.add(turn)

    def _judge(self, said: log.Feedback, now: float) -> None:
        assert self.place is not None
        self.place.feedback = said.id
        if said.at > now + AHEAD_S:
            return
        self.windows.judge(said, self.chats.latest.get(said.session))
        if said.verdict != "good":
            self.chats.dislike(said.session)
        if hour_of(said.at) >= self._first_hour:
            self.measures.judge(said)

    def _view(
        self, now: float, told: tuple[Surge, ...], notes: tuple[str, ...], *, opening: bool
    ) -> View:
        first = self._first_hour
        self.measures.drop_before(first)
        chats = self.chats.by_hour(first)
        surges = tuple(self.alerts.active.values())
        news = surges if opening else tuple(s for s in told if s.over is None)
        return View(
            at=now,
            since=first * HOUR_S,
            total=self.measures.total(),
            outcome=sum(chats.values(), Counter()),
            intents=self.measures.by_intent(),
            hours={
                hour: (counts, chats.get(hour, Counter()))
                for hour, counts in self.measures.by_hour().items()
            },
            surges=surges,
            began=news,
            ended=() if opening else tuple(s for s in told if s.over is not None),
            judged=self.alerts.judged(),
            lacking=self.alerts.lacking(self.windows, window_of(now)),
            notes=notes,
        )
