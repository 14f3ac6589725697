"""`chats/reviewed.jsonl`: what a person said that messages ask for, as chats that training reads.

A reviewed chat has the name of the one it comes from, after `reviewed/`. Of a transcript in the
workspace it is the whole chat, so that whoever compares what is said knows the two for one, and it
passes on the split that the transcript names. Of other chats it is what was said up to the message.
Labels are on the reviewed messages alone.

The bot's own words are left out of a chat of the live log: they would teach it to say them again.
What its customers said is masked as an import is.
"""

import fcntl
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import BotError
from bot.privacy.masking import mask
from bot.review.items import Item
from bot.storage.database import storable
from finetune.conversation import Conversation, Turn
from finetune.corpus import is_message
from finetune.transcripts import SUFFIXES, ChatStream, read_chats

if TYPE_CHECKING:
    from bot.workspace import Workspace

FILE = "reviewed.jsonl"
PREFIX = "reviewed/"

Answer = tuple[Item, str | None]
"""A message and the intent it has; None takes the label away."""


@dataclass(slots=True)
class Kept:
    """The reviewed chats of a workspace, by id. What is kept is on disk when a method returns.

    `originals` are the transcripts in the workspace of what is reviewed, by id.
    """

    workspace: "Workspace"
    originals: Mapping[str, Conversation] = field(default_factory=dict)
    chats: dict[str, Conversation] = field(default_factory=dict)

    @classmethod
    def open(cls, workspace: "Workspace") -> "Kept":
        """Read what was kept. Raises FinetuneError where a line of it is bad."""
        found = cls(workspace)
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

    def find_originals(self, items: Iterable[Item]) -> None:
        """Look for the transcripts of messages that are about to be reviewed."""
        names = {item.asked.conversation for item in items}
        self.originals = {chat.id: chat for chat in _chats(self.workspace.chats, names)}

    def has(self, item: Item) -> bool:
        """Whether a message was reviewed."""
        chat = self.chats.get(self._name(item))
        return chat is not None and item.asked.number in _labels(chat.turns)

    def keep(self, answers: Iterable[Answer]) -> None:
        """Put these labels beside those that are there; all are written, or none."""
        with _alone(self.workspace.chats):
            self.read()
            for item, label in answers:
                self._set(item, label)
            self._write()

    def judges(self, item: Item) -> bool:
        """Whether the chat of a message is marked as one that judges, and so does not teach."""
        original = self._original(item)
        return original is not None and original.split not in (None, "train")

    def intents(self) -> set[str]:
        """The labels that were given."""
        return {label for chat in self.chats.values() for label in _labels(chat.turns).values()}

    def _set(self, item: Item, label: str | None) -> None:
        name, turns, original = self._name(item), self._turns(item), self._original(item)
        known = self.chats[name].turns if name in self.chats else ()
        labels = {**_labels(known), item.asked.number: label or ""}
        if not any(labels.values()):
            self.chats.pop(name, None)
            return
        self.chats[name] = Conversation(
            id=name,
            split=original.split if original else None,
            turns=_with_labels(known if len(known) > len(turns) else turns, labels),
        )

    def _name(self, item: Item) -> str:
        """The id of the reviewed chat: one that is there if it is the same chat, else a new one."""
        base = PREFIX + item.asked.conversation.removeprefix(PREFIX)
        names = (base if number == 1 else f"{base}~{number}" for number in count(1))
        free = (name for name in names if self._is_free(name, item))
        return next(free)

    def _is_free(self, name: str, item: Item) -> bool:
        return name not in self.chats or all(
            _is_same(said, turn.text)
            for said, turn in zip(self._said(item), _messages(self.chats[name].turns), strict=False)
        )

    def _turns(self, item: Item) -> tuple[Turn, ...]:
        """The turns of a message's chat: all of a transcript, else those up to the message."""
        if original := self._original(item):
            return original.turns
        if item.asked.session is not None:
            return tuple(Turn(speaker="customer", text=text) for text in self._said(item))
        said = (*item.before, ("customer", item.asked.message))
        return tuple(Turn(speaker=speaker, text=storable(text)) for speaker, text in said)

    def _said(self, item: Item) -> Sequence[str]:
        """What the customer said, fit to be kept."""
        if item.asked.session is None:
            return item.customer
        patterns = self.workspace.settings.personal_patterns()
        return [mask(text, patterns).text for text in item.customer]

    def _original(self, item: Item) -> Conversation | None:
        """The transcript of a message's chat, if it is the same chat."""
        chat = self.originals.get(item.asked.conversation)
        if chat is None or item.asked.session is not None:
            return None
        said = [turn.text for turn in _messages(chat.turns)]
        number = item.asked.number
        return chat if number < len(said) and _is_same(item.asked.message, said[number]) else None

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


def _chats(folder: Path, names: set[str]) -> Iterator[Conversation]:
    """The chats of these names among the transcripts of a folder; finetune tells of bad lines."""
    if not folder.is_dir():
        return
    files = [f for f in sorted(folder.iterdir()) if f.suffix.lower() in SUFFIXES and f.name != FILE]
    if files and names:
        yield from (chat for chat in ChatStream(files, skip_bad=True) if chat.id in names)


_PLACEHOLDER = re.compile(r"\\\[\w+\\\]")


def _is_same(said: str, text: str) -> bool:
    """Whether a message is this text, as it is or masked: a placeholder stands for anything.

    >>> _is_same("cancel [order_id]", "cancel BK-7"), _is_same("cancel", "cancel BK-7")
    (True, False)
    """
    pattern = _PLACEHOLDER.sub(".*", re.escape(said))
    return said == text or re.fullmatch(pattern, text, re.DOTALL) is not None


def _messages(turns: Iterable[Turn]) -> list[Turn]:
    """What the customer said."""
    return [turn for turn in turns if is_message(turn)]


def _labels(turns: Iterable[Turn]) -> dict[int, str]:
    """The label of each message that has one, by how many messages came before it."""
    return {n: turn.intents[0] for n, turn in enumerate(_messages(turns)) if turn.intents}


def _with_labels(turns: Iterable[Turn], labels: Mapping[int, str]) -> tuple[Turn, ...]:
    """The turns with these labels and no others."""
    number, found = count(), []
    for turn in turns:
        label = labels.get(next(number)) if is_message(turn) else None
        found.append(turn.model_copy(update={"intents": (label,) if label else ()}))
    return tuple(found)


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
