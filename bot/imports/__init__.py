"""Chats from elsewhere: one adapter a file, this table of them, and how a format is recognised.

An adapter is a module with two functions:

    recognises(look: Look) -> bool             whether a source looks like its format
    read(source: Source) -> Iterator[Found]    the chats in it, as they come
"""

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from itertools import islice
from pathlib import Path

from bot.errors import BotError
from bot.imports.encodings import is_in_utf8
from bot.imports.source import Found, Source, head, opened

FORMATS = (
    "huggingface",
    "rasa",
    "zendesk",
    "intercom",
    "chatwoot",
    "telegram",
    "whatsapp",
    "plain",
    "csv",
    "jsonl",
)
"""The names of the formats, each a module here, in the order in which they are tried."""

Read = Callable[[Source], Generator[Found]]

_LINES_LOOKED_AT = 200
_EVENTS_LOOKED_AT = 3000


@dataclass(frozen=True)
class Look:
    """A first look at a source: its suffix, its first lines, the keys of its first JSON records."""

    path: Path

    @property
    def suffix(self) -> str:
        """In small letters; "" for a folder."""
        return "" if self.path.is_dir() else self.path.suffix.lower()

    @cached_property
    def lines(self) -> list[str]:
        """The first lines of a file."""
        if self.path.is_dir():
            return []
        return head(self.path)[:_LINES_LOOKED_AT]

    @cached_property
    def keys(self) -> frozenset[str]:
        """Dotted keys of a JSON file's first records, e.g. "comments.item.body"; empty for others.

        The records may be elements of a list: then its name and "item" are not part of the keys.
        """
        first = next((line.strip() for line in self.lines if line.strip()), "")
        if not first.startswith(("{", "[")):
            return frozenset()
        return frozenset(_keys(self.path))


def _keys(path: Path) -> Iterator[str]:
    import ijson

    with opened(path) as stream:
        events = ijson.parse(stream, multiple_values=True)
        try:
            for prefix, _, _ in islice(events, _EVENTS_LOOKED_AT):
                yield prefix.removeprefix("item.")
        except (ijson.JSONError, UnicodeDecodeError):
            return


def adapter(name: str) -> Read:
    """The `read` of a format. Raises BotError where there is no such format."""
    if name not in FORMATS:
        raise BotError(f'--format: there is no "{name}"; choose {_listed()}')
    read: Read = import_module(f"bot.imports.{name}").read
    return read


def recognise(path: Path) -> str:
    """The name of the format a source is in. Raises BotError where none is recognised."""
    if not path.exists():
        raise BotError(f"{path}: there is no such file or folder; check the name")
    look = Look(path)
    for name in FORMATS:
        if import_module(f"bot.imports.{name}").recognises(look):
            return name
    raise BotError(f"{path}: its format is not recognised; name it with --format: {_listed()}")


def is_transcript(path: Path) -> bool:
    """Whether a file is a transcript already, by its first record: a chat with turns, or a table of
    conversation, speaker and text in UTF-8."""
    look = Look(path)
    if look.suffix == ".csv":
        first = next(iter(look.lines), "").lower()
        header = {cell.strip().strip('"') for cell in re.split(r"[,;\t]", first)}
        return {"conversation", "speaker", "text"} <= header and is_in_utf8(path)
    return look.suffix == ".jsonl" and {"id", "turns.item.speaker", "turns.item.text"} <= look.keys


def _listed() -> str:
    return f"{', '.join(sorted(FORMATS)[:-1])} or {sorted(FORMATS)[-1]}"
