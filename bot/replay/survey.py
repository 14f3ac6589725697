"""The first look at the chats: how many there are, which the model has seen, what repeats.

It holds no chat. What it keeps is bounded, whatever the number of chats: a sample of the replies,
and the texts that come up again and again, which are then encoded once for all.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import BotError
from bot.replay.pool import Sample
from finetune.conversation import Conversation
from finetune.corpus import reply_key
from finetune.scratch import as_key, of_key, scratch
from finetune.transcripts import content_hash, digest

if TYPE_CHECKING:
    from bot.console import Progress

BLOCK = 4096
"""Turns of whole chats that are done and committed together."""
PARTS = ("train", "validation", "calibration")
COUNTED, REPEATED = 100_000, 25_000
"""Distinct texts of a side that are counted at a time; those that are encoded beforehand."""


class Seen:
    """The chats that a model version learnt from, or was chosen, tuned or certified by."""

    def __init__(self, folder: Path) -> None:
        path = folder / "settings.json"
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        self._parts: Mapping[str, str] = settings.get("seen", {})
        self._by_id = {} if "seen" in settings else _by_id(settings)

    def part(self, chat: Conversation) -> str | None:
        """`train`, `validation` or `calibration`, by what was said; None for a chat that is new."""
        known = self._by_id.get(chat.id)
        if known and known[0] == digest([chat])[:16]:
            return known[1]
        return self._parts.get(content_hash(chat))


def _by_id(settings: Mapping[str, Mapping[str, object]]) -> dict[str, tuple[object, str]]:
    """Of a version that was made before it listed what was said: hash and part by the chat's id."""
    splits, digests = settings.get("splits", {}), settings.get("chats", {})
    return {
        name: (digests.get(name), part)
        for part in reversed(PARTS)
        for name in splits.get(part, ())  # type: ignore[attr-defined]
    }


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat with its number among those replayed and the part in which the model saw it."""

    number: int
    chat: Conversation
    seen: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """The chats to replay, in order, as often as wished: those that no model has seen, or all."""

    stream: Iterable[Conversation]
    seen: Sequence[Seen]
    include_seen: bool

    def __iter__(self) -> Iterator[Chat]:
        number = 0
        for chat in self.stream:
            part = self.part(chat)
            if messages_of(chat) and (self.include_seen or part is None):
                yield Chat(number, chat, part)
                number += 1

    def part(self, chat: Conversation) -> str | None:
        """The part in which a model saw the chat; of several models, the one that taught most."""
        parts = {seen.part(chat) for seen in self.seen}
        return next((part for part in PARTS if part in parts), None)

    def blocks(self) -> Iterator[list[Chat]]:
        """Whole chats with BLOCK messages at least, but for the last."""
        block, messages = list[Chat](), 0
        for chat in self:
            block.append(chat)
            messages += messages_of(chat.chat)
            if messages >= BLOCK:
                yield block
                block, messages = [], 0
        if block:
            yield block


@dataclass(slots=True)
class Survey:
    """What was found: chats and customers' turns to replay, chats that are `seen` and, of those,
    `excluded` ones; `digest` of all that is replayed; a sample of the `replies`, (text, key); and
    the texts that repeat, those `said` by customers and those they `heard`."""

    chats: int = 0
    turns: int = 0
    seen: int = 0
    excluded: int = 0
    digest: str = ""
    replies: Sequence[tuple[str, str]] = ()
    said: Sequence[str] = ()
    heard: Sequence[str] = ()

    def as_json(self) -> dict[str, object]:
        """As `about` keeps it."""
        return {
            "chats": self.chats,
            "turns": self.turns,
            "seen": self.seen,
            "excluded": self.excluded,
            "digest": self.digest,
            "replies": len(self.replies),
            "repeated": len({*self.said, *self.heard}),
        }


def survey(selection: Selection, seed: int, progress: "Progress") -> Survey:
    """Look through all chats once.

    Raises:
        BotError: no customer says anything in them, or the model has seen them all.
    """
    found, sample, content = Survey(), Sample(seed), hashlib.sha256()
    texts = {"customer": _Frequent(), "agent": _Frequent()}
    for chat in selection.stream:
        part, messages = selection.part(chat), messages_of(chat)
        if not messages:
            continue
        found.seen += part is not None
        if part is not None and not selection.include_seen:
            found.excluded += 1
            continue
        found.chats += 1
        found.turns += messages
        content.update(f"{part} {chat.model_dump_json(exclude_unset=True)}\n".encode())
        for speaker, counts in texts.items():
            counts.add({turn.text for turn in chat.turns if turn.speaker == speaker})
        for text, key in _replies(chat):
            sample.add(text, key)
        progress("look through the chats", found.turns, 0)
    if not found.turns:
        raise BotError(_nothing(found))
    found.digest, found.replies = content.hexdigest(), sample.replies()
    found.said, found.heard = texts["customer"].most(), texts["agent"].most()
    progress("look through the chats", found.turns, found.turns)
    return found


def messages_of(chat: Conversation) -> int:
    """How many times the customer says something."""
    return sum(turn.speaker == "customer" and bool(turn.text.strip()) for turn in chat.turns)


def _nothing(found: Survey) -> str:
    if not found.excluded:
        return "the chats have no customer turn with a text; there is nothing to replay"
    return (
        f"the model has seen all {found.excluded} chats in its training, so they say nothing about"
        " new ones; replay newer chats, or these with --include-trained"
    )


def _replies(chat: Conversation) -> Iterator[tuple[str, str]]:
    """What agents said right after a customer, with its key."""
    said = [turn for turn in chat.turns if turn.text.strip()]
    for before, turn in pairwise(said):
        if before.speaker == "customer" and turn.speaker == "agent":
            yield turn.text, reply_key(turn)


class _Frequent:
    """In how many chats a text is said, counted in bounded space: when COUNTED texts are at hand,
    the rarest make room (lossy counting: Manku and Motwani 2002)."""

    def __init__(self) -> None:
        columns = "text BLOB PRIMARY KEY, chats INT"
        self._database = scratch(self, f"counts ({columns}) WITHOUT ROWID")
        self._forgotten, self.held = 0, 0

    def add(self, texts: Iterable[str]) -> None:
        """Count the distinct texts of one more chat."""
        keys = [(as_key(text),) for text in texts if text.strip()]
        write = self._database.executemany
        self.held += write("INSERT OR IGNORE INTO counts VALUES (?, 0)", keys).rowcount
        write("UPDATE counts SET chats = chats + 1 WHERE text = ?", keys)
        if self.held > COUNTED:
            self._forgotten += 1
            rare = "DELETE FROM counts WHERE chats <= ?"
            self.held -= self._database.execute(rare, (self._forgotten,)).rowcount

    def most(self) -> list[str]:
        """The REPEATED most frequent that come more than once."""
        query = "SELECT text FROM counts WHERE chats > 1 ORDER BY chats DESC, text LIMIT ?"
        return [of_key(key) for (key,) in self._database.execute(query, (REPEATED,))]
