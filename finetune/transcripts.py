"""Transcript files read into conversations: every line counts, or is named with its reason.

Two formats, both UTF-8 (a byte-order mark is fine):

    *.jsonl   one conversation a line, as `finetune.conversation` describes it
    *.csv     one turn a row, in order, with a header: conversation, speaker, text and perhaps
              intent (several: "a|b"), template, split, at; cells are separated by comma,
              semicolon or tab; the rows of a conversation may be mixed with those of others

Nothing is dropped silently: a bad line stops the reading, or with `skip_bad` is listed in
`Chats.bad`; what is read but ignored is told in `Chats.warnings`.
"""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from finetune.conversation import Conversation, first_fault, unknown_keys
from finetune.errors import FinetuneError
from finetune.first_seen import FirstSeen

SUFFIXES = (".jsonl", ".csv")
_CSV_NEEDED = ("conversation", "speaker", "text")
_CSV_KNOWN = (*_CSV_NEEDED, "intent", "template", "split", "at")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Chats:
    """What was read: `bad` holds "file:line: why" for each line that was skipped."""

    conversations: list[Conversation]
    bad: list[str]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class _Record:
    """One conversation as found: its data, or the fault that kept it from being read."""

    place: str  # file:line
    data: Mapping[str, Any] | None = None
    fault: str = ""


@dataclass(slots=True)
class _Reading:
    """The state of reading several files: what was told so far, and hashes of what came.

    Of a chat, `found` holds hashes of its id and of its content, and where it was.
    """

    files: Sequence[Path]
    skip_bad: bool
    found: FirstSeen = field(default_factory=FirstSeen)
    bad: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    empty: int = 0

    def chats(self) -> Iterator[Conversation]:
        for number, file in enumerate(self.files):
            for record in _records(file):
                if (chat := self._read(record, number)) is not None:
                    yield chat

    def _read(self, record: _Record, file: int) -> Conversation | None:
        try:
            chat = _conversation(record)
        except ValueError as error:
            self._refuse(record.place, str(error))
            return None
        line = int(record.place.rpartition(":")[2])
        content, here = hash(chat), file << 40 | line
        known, place = self.found.add(hash(chat.id), value=content, place=here)
        if place == here:
            self.ignored.update(unknown_keys(record.data or {}))
            self.empty += sum(not turn.text.strip() for turn in chat.turns)
            return chat
        first = f"{self.files[place >> 40]}:{place & (1 << 40) - 1}"
        if known == content:
            self.warnings.append(f"{record.place}: chat {chat.id} again, as in {first}; dropped")
        else:
            fault = f"chat {chat.id} differs from the one of that id in {first}"
            self._refuse(record.place, fault)
        return None

    def _refuse(self, place: str, fault: str) -> None:
        if not self.skip_bad:
            raise FinetuneError(f"{place}: {fault}; mend it, or leave it out with `--skip-bad`")
        self.bad.append(f"{place}: {fault}")

    def told(self) -> list[str]:
        return [*self.warnings, *_told(self.ignored, self.empty)]


class ChatStream:
    """The chats of files and folders, one at a time and as often as wished.

    *.jsonl is read a line at a time; of each chat some hashes are kept, to know it when it comes
    again. A *.csv, whose rows may be mixed, is read whole. `bad` and `warnings` are those of the
    latest reading, as in `Chats`. Raises what `read_chats` raises.
    """

    def __init__(self, paths: Sequence[Path], *, skip_bad: bool = False) -> None:
        self._paths, self._skip_bad = paths, skip_bad
        self.bad: list[str] = []
        self.warnings: list[str] = []

    def __iter__(self) -> Iterator[Conversation]:
        files = [file for path in self._paths for file in _files(path)]
        reading = _Reading(files, self._skip_bad)
        yield from reading.chats()
        if not reading.found:
            names = ", ".join(map(str, self._paths))
            bad = reading.bad
            why = f" ({len(bad)} bad lines, first {bad[0]})" if bad else ""
            raise FinetuneError(f"{names}: no chat to read{why}; put transcripts there first")
        self.bad, self.warnings = reading.bad, reading.told()


def read_chats(paths: Sequence[Path], *, skip_bad: bool = False) -> Chats:
    """Read transcript files, and folders of them (*.jsonl and *.csv, sorted by name).

    The same chat twice is dropped with a warning. Raises FinetuneError naming file:line on the
    first bad line unless `skip_bad`, and when there is no file or no chat to read at all.
    """
    stream = ChatStream(paths, skip_bad=skip_bad)
    conversations = list(stream)
    return Chats(conversations, stream.bad, stream.warnings)


def content_hash(chat: Conversation) -> str:
    """What was said in a chat, in 16 hexadecimal digits: speakers and texts, whatever its id, its
    labels and its split are."""
    said = json.dumps([[turn.speaker, turn.text] for turn in chat.turns])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def digest(conversations: Iterable[Conversation]) -> str:
    """sha256 (hex) of the chats' content; their order does not matter."""
    lines = sorted(
        json.dumps(
            chat.model_dump(mode="json", exclude_unset=True), sort_keys=True, ensure_ascii=False
        )
        for chat in conversations
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if not found:
            raise FinetuneError(f"{path}: no *.jsonl or *.csv file; put transcripts there first")
        return found
    if not path.exists():
        raise FinetuneError(f"{path}: there is no such file or folder; check the name")
    if path.suffix.lower() not in SUFFIXES:
        raise FinetuneError(f"{path}: transcripts are *.jsonl or *.csv; convert it to one of them")
    return [path]


def _records(file: Path) -> Iterator[_Record]:
    return _jsonl_records(file) if file.suffix.lower() == ".jsonl" else _csv_records(file)


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream):
                yield line.removeprefix(_BOM) if number == 0 else line
    except OSError as error:
        raise FinetuneError(f"{file}: cannot be read ({error.strerror}); check it") from error


def _jsonl_records(file: Path) -> Iterator[_Record]:
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        place = f"{file}:{number}"
        try:
            data = from_json(line)
        except ValueError as error:
            yield _Record(place, fault=_json_fault(line, error))
            continue
        is_object = isinstance(data, dict)
        yield _Record(place, data) if is_object else _Record(place, fault="not a JSON object")


def _json_fault(line: bytes, error: ValueError) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as broken:
        return f"not valid UTF-8 (byte {broken.start + 1} of the line)"
    return f"not valid JSON ({str(error).replace(' at line 1 column', ' at column')})"


def _csv_records(file: Path) -> Iterator[_Record]:
    """Rows gathered into conversations; a bad row makes its whole conversation bad."""
    chats: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    faults: dict[str, _Record] = {}
    for place, row, fault in _csv_rows(file):
        chat_id = row.get("conversation", "")
        if fault or not chat_id:
            key = chat_id or place  # a row without its conversation stands for itself
            faults.setdefault(key, _Record(place, fault=fault or "conversation is empty"))
            continue
        places.setdefault(chat_id, place)
        chat = chats.setdefault(chat_id, {"id": chat_id, "turns": []})
        if not _same_split(chat, row):
            faults.setdefault(chat_id, _Record(place, fault=f"chat {chat_id} is in two splits"))
        chat["turns"].append(_csv_turn(row))
    yield from faults.values()
    for chat_id, chat in chats.items():
        if chat_id not in faults:
            yield _Record(places[chat_id], chat)


def _csv_rows(file: Path) -> Iterator[tuple[str, dict[str, str], str]]:
    """(file:line, the row by column, what is wrong with it or "")."""
    texts = (line.decode("utf-8", errors="surrogateescape") for line in _lines(file))
    if (first := next(texts, None)) is None:
        return
    reader = csv.reader(chain([first], texts), delimiter=max(",;\t", key=first.count), strict=True)
    header: list[str] | None = None
    while True:
        place = f"{file}:{reader.line_num + 1}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield place, {}, f"not valid CSV ({error})"
            continue
        if cells is None:
            return
        if header is None:
            header = _csv_header(file, cells)
        elif cells:
            row = {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
            yield place, row, _row_fault(header, cells)


def _csv_header(file: Path, cells: list[str]) -> list[str]:
    header = [cell.strip().lower().replace("intents", "intent") for cell in cells]
    if missing := [name for name in _CSV_NEEDED if name not in header]:
        raise FinetuneError(
            f"{file}:1: no column {', '.join(missing)}; "
            f"the header names some of {', '.join(_CSV_KNOWN)}"
        )
    return header


def _row_fault(header: list[str], cells: list[str]) -> str:
    if len(cells) != len(header):
        return f"{len(cells)} cells where the header has {len(header)}"
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return "not valid UTF-8"
    return ""


def _same_split(chat: dict[str, Any], row: Mapping[str, str]) -> bool:
    split = row.get("split")
    return split is None or chat.setdefault("split", split) == split


def _csv_turn(row: Mapping[str, str]) -> dict[str, Any]:
    turn: dict[str, Any] = {"speaker": row.get("speaker", ""), "text": row.get("text", "")}
    if "intent" in row:
        turn["intents"] = row["intent"].split("|")
    known = ("conversation", "speaker", "text", "intent", "split")
    return turn | {name: cell for name, cell in row.items() if name not in known}


def _conversation(record: _Record) -> Conversation:
    """The record's conversation; ValueError says in words why there is none."""
    if record.data is None:
        raise ValueError(record.fault)
    try:
        return Conversation.model_validate(record.data)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from error


def _told(ignored: Counter[str], empty: int) -> Iterator[str]:
    for key, count in sorted(ignored.items()):
        yield f'"{key}" is no key of a chat; ignored {count:,} times'
    if empty:
        yield f"{empty:,} turns have no text; they teach nothing"
