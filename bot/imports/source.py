"""What every adapter reads from and what it yields.

An adapter is a function `read(source) -> Iterator[Found]`. It yields chats as they come and never
holds a whole file; what it leaves out it counts in `source.dropped`, and what it cannot read it
yields as a `Bad` record, so that nothing is lost in silence.
"""

import codecs
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from bot.errors import BotError
from bot.imports.encodings import UTF16_MARKS, Recoded, other_encoding

Advance = Callable[[int], None]
"""Told a number of bytes that are done."""

EMPTY = "empty message"
SYSTEM = "system message"
PRIVATE = "private note"
MEDIA = "media only"
DELETED = "deleted message"

_HEAD = 2**16
LONGEST_LINE = 64 * 2**20
"""A longer line is no chat but another kind of file, and would fill the memory."""


@dataclass(frozen=True, slots=True)
class Chat:
    """One conversation as `finetune.conversation` describes it, and where it begins."""

    place: str  # file:line
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that could not be read, where it is, and why."""

    place: str
    fault: str


Found = Chat | Bad
JsonObject = dict[str, Any]


def nowhere(count: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to import and what was told about it.

    `columns` names the source's column for each of ours; `agents` are the names that speak for the
    company; `month_first` is the order of dates, None where it has to be found out; `encoding` is
    that of a table or text, None for what every file is by itself. Chats without an id of their own
    are numbered after `name`. `scratch` is a folder for temporary files.
    `advance` is told the bytes just read; `gathered`, of turns that lay apart, the bytes of the
    source whose turns are together. What was left out is told in `dropped` (messages by reason) and
    `ignored` (columns by name); `taken` has the column that was read as each of ours.
    """

    path: Path
    name: str
    scratch: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    agents: frozenset[str] = frozenset()
    month_first: bool | None = None
    encoding: str | None = None
    advance: Advance = nowhere
    gathered: Advance = nowhere
    dropped: Counter[str] = field(default_factory=Counter)
    ignored: set[str] = field(default_factory=set)
    taken: dict[str, str] = field(default_factory=dict)

    def drop(self, reason: str) -> None:
        """Count one message that is left out; None stands for it."""
        self.dropped[reason] += 1

    def numbered(self, number: int) -> str:
        """An id for a chat that has none, e.g. "export-000001"."""
        return f"{self.name}-{number:06}"


class _Counted(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, stream: BinaryIO, advance: Advance) -> None:
        self._stream, self._advance = stream, advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        self._advance(count)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def opened(path: Path, advance: Advance = nowhere, encoding: str | None = None) -> BinaryIO:
    """A file to read as the bytes of UTF-8, without its byte-order mark, that tells what was read.

    It is UTF-8 unless told, or unless its byte-order mark says UTF-16.
    """
    try:
        stream = io.BufferedReader(_Counted(path.open("rb", buffering=0), advance), 2**20)
    except OSError as error:
        raise BotError(f"{path}: cannot be read ({error.strerror}); check it") from error
    mark = stream.peek(3)[:3]
    if encoding is None and mark.startswith(UTF16_MARKS):
        encoding = "utf-16"
    if encoding is not None:
        return io.BufferedReader(Recoded(stream, encoding, path), 2**20)
    if mark == codecs.BOM_UTF8:
        stream.read(3)
    return stream


def head(path: Path) -> list[str]:
    """The first lines of a file, the last perhaps cut off."""
    with opened(path) as stream:
        return stream.read(_HEAD).decode("utf-8", errors="replace").splitlines()


def lines(
    path: Path, advance: Advance = nowhere, encoding: str | None = None
) -> Iterator[tuple[int, str]]:
    """(number from 1, text without its end) of each line; what is no UTF-8 comes as surrogates."""
    with opened(path, advance, encoding) as stream:
        number = 0
        while line := stream.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise BotError(
                    f"{path}:{number}: longer than {LONGEST_LINE >> 20} MiB, so this is no file "
                    "of that format; name another with --format"
                )
            yield number, line.decode("utf-8", errors="surrogateescape").rstrip("\r\n")


def text_lines(source: Source) -> Iterator[tuple[int, str]]:
    """The `lines` of a table or text. Raises BotError where it is likely to be in no UTF-8."""
    if source.encoding is None and (other := other_encoding(source.path)) is not None:
        raise BotError(
            f"{source.path}: is not UTF-8; it may be {other}: "
            f"say so with --encoding {other}, or save it as UTF-8"
        )
    yield from lines(source.path, source.advance, source.encoding)


def is_utf8(text: str) -> bool:
    """False where `lines` met bytes that are no UTF-8, or JSON held half a character."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def json_of(place: str, line: str) -> JsonObject | Bad:
    """The JSON object on a line, or why there is none."""
    if not is_utf8(line):
        return Bad(place, "not valid UTF-8")
    try:
        value = json.loads(line)
    except ValueError as error:
        what = str(error).replace(": line 1 column", " at column").partition(" (char")[0]
        return Bad(place, f"not valid JSON ({what})")
    return value if isinstance(value, dict) else Bad(place, "not a JSON object")


def json_records(source: Source, *lists: str) -> Iterator[tuple[str, JsonObject | Bad]]:
    """(place, object) of a JSON file: one a line, or the elements of one big array.

    The array may be the whole file or lie at one of the prefixes `lists`, e.g. "tickets"; then an
    element's place is its number. Neither is ever held whole.
    """
    if _is_lines(source.path, lists):
        for number, line in lines(source.path, source.advance):
            if line.strip():
                place = f"{source.path}:{number}"
                yield place, json_of(place, line)
    else:
        yield from _elements(source, lists)


def shaped(place: str, chat: Callable[[], Found]) -> Found:
    """What `chat` makes of a record, or a bad record where that has not the shape it relies on."""
    try:
        return chat()
    except (AttributeError, KeyError, TypeError) as error:
        return Bad(place, f"not shaped as this format's records are ({error})")


def _is_lines(path: Path, lists: Sequence[str]) -> bool:
    """Whether the file has an object a line, judged by its first two lines that are not empty."""
    first = next((text for line in head(path) if (text := line.strip())), "{")
    if not first.startswith("{"):
        return False
    objects = islice((line for _, line in lines(path) if line.strip()), 2)
    try:
        found = [json_of("", line) for line in objects]
    except BotError:  # longer than any record
        return False
    whole = [value for value in found if isinstance(value, dict)]
    return len(found) == 0 or (bool(whole) and not (len(found) == 1 and _holds(whole[0], lists)))


def _holds(value: JsonObject, lists: Sequence[str]) -> bool:
    """Whether the object has an array at one of the dotted keys."""
    for keys in lists:
        inner: Any = value
        for key in keys.split("."):
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, list):
            return True
    return False


def _elements(source: Source, lists: Sequence[str]) -> Iterator[tuple[str, JsonObject | Bad]]:
    import ijson

    prefix = _array_in(source.path, lists)
    with opened(source.path, source.advance) as stream:
        elements = ijson.items(stream, f"{prefix}.item" if prefix else "item", use_float=True)
        number = 0
        try:
            for number, value in enumerate(elements, 1):
                place = f"{source.path}: record {number}"
                yield place, value if isinstance(value, dict) else Bad(place, "not a JSON object")
        except (ijson.JSONError, UnicodeDecodeError) as error:
            what = str(error).partition("\n")[0]
            raise BotError(
                f"{source.path}: not valid JSON after record {number} ({what}); mend the file"
            ) from error


def _array_in(path: Path, lists: Sequence[str]) -> str:
    """Which of the prefixes holds the array; "" for the whole file."""
    import ijson

    with opened(path) as stream:
        try:
            for prefix, event, _ in ijson.parse(stream):
                if event == "start_array" and (prefix == "" or prefix in lists):
                    return str(prefix)
        except (ijson.JSONError, UnicodeDecodeError):
            return ""
    wanted = " or ".join(f'"{name}"' for name in lists)
    raise BotError(f"{path}: holds no list of records{f' ({wanted})' if wanted else ''}; check it")
