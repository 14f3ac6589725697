"""`chats/reviewed.jsonl`: what a person said that messages ask for, as chats that training reads.

A reviewed message is the last turn of a chat of its own, `reviewed/` and the name of the one it
comes from, after the turns before it; messages of the same chat share one. Only the reviewed turns
have labels. The chat passes on the split that the transcripts name for it, so that what judges goes
on judging (docs/review.md says what becomes of those that name none).

The bot's own words are left out of a chat of the live log: they would teach it to say them again.
What its customers said is masked as an import is.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from bot.database import storable
from bot.errors import BotError
from bot.masking import mask
from bot.review.items import Item
from finetune.conversation import Conversation, Turn
from finetune.errors import FinetuneError
from finetune.transcripts import ChatStream, read_chats

if TYPE_CHECKING:
    from bot.workspace import Workspace

FILE = "reviewed.jsonl"
PREFIX = "reviewed/"

Answer = tuple[Item, str | None]
"""A message and the intent it has; None takes the label away."""


@dataclass(slots=True)
class Kept:
    """The reviewed chats of a workspace, by id. What is kept is on disk when a method returns."""

    workspace: "Workspace"
    splits: Mapping[str, str]
    chats: dict[str, Conversation] = field(default_factory=dict)

    @classmethod
    def open(cls, workspace: "Workspace") -> "Kept":
        """Read what was kept. Raises FinetuneError where a line of it is bad."""
        found = cls(workspace, {})
        found.read()
        return found

    @property
    def path(self) -> Path:
        return self.workspace.chats / FILE

    def read(self) -> None:
        """Look at the file again: somebody else may be reviewing too."""
        there = self.path.is_file() and self.path.stat().st_size
        chats = read_chats([self.path]).conversations if there else []
        self.chats = {chat.id: chat for chat in chats}

    def has(self, item: Item) -> bool:
        """Whether a message was reviewed."""
        chat = self.chats.get(self._name(item))
        return chat is not None and _is_labelled(chat, item.asked.number)

    def keep(self, answers: Iterable[Answer]) -> None:
        """Put these labels beside those that are there; all are written, or none."""
        with _alone(self.workspace.chats):
            self.read()
            for item, label in answers:
                self._set(item, label)
            self._write()

    def judges(self, item: Item) -> bool:
        """Whether the chat of a message is marked as one that judges, and so does not teach."""
        return self.splits.get(item.asked.conversation, "train") != "train"

    def intents(self) -> set[str]:
        """The labels that were given."""
        return {name for chat in self.chats.values() for turn in chat.turns for name in turn.intents}

    def _set(self, item: Item, label: str | None) -> None:
        name = self._name(item)
        chat, turns = self.chats.get(name), self._turns(item)
        if chat is not None:
            turns = _labelled_as(chat.turns, max(chat.turns, turns, key=len))
        place = _places(turns)[item.asked.number]
        labels = () if label is None else (label,)
        turns[place] = Turn(speaker="customer", text=turns[place].text, intents=labels)
        if labelled := [place for place, turn in enumerate(turns) if turn.intents]:
            split = self.splits.get(item.asked.conversation)
            named = {"split": split} if split else {}
            kept = turns[: labelled[-1] + 1]
            self.chats[name] = Conversation.model_validate({"id": name, **named, "turns": kept})
        else:
            self.chats.pop(name, None)

    def _name(self, item: Item) -> str:
        """The id of the reviewed chat: one that is there if it is the same chat, else a new one."""
        base = PREFIX + item.asked.conversation.removeprefix(PREFIX)
        said = [turn.text for turn in self._turns(item) if turn.speaker == "customer"]
        names = (base if number == 1 else f"{base}~{number}" for number in count(1))
        return next(n for n in names if n not in self.chats or _is_same(self.chats[n], said))

    def _turns(self, item: Item) -> list[Turn]:
        """The turns of a message's chat, up to the message."""
        logged = item.asked.session is not None
        patterns = self.workspace.settings.personal_patterns() if logged else {}
        said = (*item.before, ("customer", item.asked.message))
        return [
            Turn(speaker=speaker, text=mask(text, patterns).text if logged else storable(text))
            for speaker, text in said
            if not (logged and speaker == "agent")
        ]

    def _write(self) -> None:
        """Under a temporary name, then renamed: the file is the old one or the new one."""
        if not self.chats:
            return self.path.unlink(missing_ok=True)
        temporary = self.path.with_name(f".{FILE}")
        with temporary.open("w", encoding="utf-8") as file:
            for chat in self.chats.values():
                file.write(chat.model_dump_json(exclude_defaults=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        return None


def named_splits(chats: Path, names: Iterable[str]) -> dict[str, str]:
    """The splits that the transcripts of a folder name for some chats; others have none."""
    wanted = set(names)
    try:
        stream = ChatStream([chats], skip_bad=True)
        return {chat.id: chat.split for chat in stream if chat.split and chat.id in wanted}
    except FinetuneError:  # there is no transcript in it
        return {}


def _is_labelled(chat: Conversation, number: int) -> bool:
    places = _places(chat.turns)
    return number < len(places) and bool(chat.turns[places[number]].intents)


def _is_same(chat: Conversation, said: list[str]) -> bool:
    """Whether customer and messages are the same, as far as both chats go."""
    known = [turn.text for turn in chat.turns if turn.speaker == "customer"]
    return all(one == other for one, other in zip(known, said, strict=False))


def _places(turns: Iterable[Turn]) -> list[int]:
    """Where the customer speaks."""
    return [place for place, turn in enumerate(turns) if turn.speaker == "customer"]


def _labelled_as(labelled: Iterable[Turn], turns: Iterable[Turn]) -> list[Turn]:
    """The turns with the labels of a shorter or equal beginning of them."""
    found = list(turns)
    for place, turn in enumerate(labelled):
        found[place] = turn
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder, so that of two people who review at once neither loses an answer; the
    system lets go of it when the process ends, however it ends."""
    try:
        folder.mkdir(exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise BotError(f"{folder}: the answers cannot be kept there ({error.strerror})") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
