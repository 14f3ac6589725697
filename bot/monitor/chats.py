"""What becomes of each chat while it goes on: docs/replay.md's outcome, without what an agent did.

A chat is resolved when the bot answered or asked back at a request, never handed over nor said that
it does not know, answered the last request, and nobody disliked or corrected an answer. It belongs
to the hour in which it began.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any

from bot.decision import ANSWERS, OFFERS_PERSON, TAKES_PART
from bot.monitor.log import Turn
from bot.monitor.measures import hour_of, share

MOST = 20_000
"""Chats that are kept in mind, those that spoke last. One that speaks again later counts anew."""


@dataclass(slots=True)
class Chat:
    """A chat so far: `happened` are the series (bot.monitor.windows) that it has counted in."""

    hour: int
    involved: bool = False
    offered: bool = False
    answered: bool = False
    disliked: bool = False
    window: int = -1
    happened: set[int] = field(default_factory=set)

    @property
    def stands(self) -> tuple[str, ...]:
        """Which of the counts it is part of."""
        contained = self.involved and not self.offered
        resolved = contained and self.answered and not self.disliked
        named = (("involved", self.involved), ("contained", contained), ("resolved", resolved))
        return "chats", *(name for name, true in named if true)

    def take(self, turn: Turn) -> None:
        self.offered |= turn.kind in OFFERS_PERSON
        if turn.kind != "smalltalk":
            self.involved |= turn.kind in TAKES_PART
            self.answered = turn.kind in ANSWERS


@dataclass(slots=True)
class Chats:
    """The chats that spoke last, and what became of the others by the hour in which they began."""

    latest: OrderedDict[int, Chat] = field(default_factory=OrderedDict)
    settled: dict[int, Counter[str]] = field(default_factory=dict)

    def take(self, turn: Turn) -> Chat:
        """The turn's chat, with the turn in it."""
        chat = self.latest.get(turn.session)
        if chat is None:
            chat = self.latest[turn.session] = Chat(hour_of(turn.at))
            if len(self.latest) > MOST:
                _, old = self.latest.popitem(last=False)
                self.settled.setdefault(old.hour, Counter()).update(old.stands)
        else:
            self.latest.move_to_end(turn.session)
        chat.take(turn)
        return chat

    def dislike(self, session: int) -> None:
        """Somebody disliked or corrected an answer; of a chat long ago it changes nothing."""
        if chat := self.latest.get(session):
            chat.disliked = True

    def by_hour(self, first: int) -> dict[int, Counter[str]]:
        """What became of the chats that began in the hour `first` or later."""
        self.settled = {hour: kept for hour, kept in self.settled.items() if hour >= first}
        found = {hour: Counter(kept) for hour, kept in self.settled.items()}
        for chat in self.latest.values():
            if chat.hour >= first:
                found.setdefault(chat.hour, Counter()).update(chat.stands)
        return found


def outcome_json(counted: Counter[str]) -> dict[str, Any]:
    """How many chats, and which shares of them were resolved and contained."""
    chats = counted["chats"]
    return {
        "chats": chats,
        "automation": share(counted["resolved"], chats),
        "containment": share(counted["contained"], chats),
    }
