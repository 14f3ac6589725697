"""An import from end to end: read by an adapter, checked, masked, written under a temporary name.

`import_chats` prints nothing and returns what was kept and what was dropped, and why.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from bot.errors import BotError
from bot.imports import adapter, recognise
from bot.imports.scratch import scratch_in
from bot.imports.seen import Seen, content_of, seen_in
from bot.imports.source import EMPTY, Advance, Bad, Found, JsonObject, Source, is_utf8, nowhere
from bot.privacy.masking import Span, mask
from finetune.conversation import Conversation, first_fault

NO_CUSTOMER = "no customer turn"
AGAIN = "duplicate conversation"
UNREADABLE = "unreadable"

FindNames = Callable[[Sequence[str]], Sequence[Sequence[Span]]]
"""The names of people in each of several texts."""
MOST_NAMED = 1000
"""Unreadable records that are named; all are counted."""
_CHATS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Masking:
    """How personal data is masked: the workspace's own patterns, and its model for names."""

    patterns: Mapping[str, Any]
    name_types: frozenset[str]
    find_names: FindNames | None = None


@dataclass(slots=True)
class Imported:
    """What an import did: counts of conversations and messages, `bad` as "file:line: why"."""

    format: str
    path: Path
    conversations: int = 0
    messages: int = 0
    dropped_conversations: Counter[str] = field(default_factory=Counter)
    dropped_messages: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    ignored: set[str] = field(default_factory=set)
    columns: dict[str, str] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)

    def told(self, source: Path) -> list[str]:
        """What became of `source`, in sentences."""
        dropped = [*self.dropped_conversations.items(), *self.dropped_messages.items()]
        counts = [
            ("dropped", [f"{count:,} {reason}" for reason, count in sorted(dropped)]),
            ("read", self.guessed),
            ("not read", sorted(self.ignored)),
            ("masked", [f"{count:,} {kind}" for kind, count in sorted(self.masked.items())]),
        ]
        what = "; ".join(f"{name}: {', '.join(found)}" for name, found in counts if found)
        return [
            *(f"left out: {fault}" for fault in self.bad),
            f"{source}: {self.conversations:,} conversations imported from {self.format}"
            + (f" ({what})" if what else ""),
        ]

    @property
    def guessed(self) -> list[str]:
        """The columns that were read as one of ours of another name: "label as intent"."""
        return [
            f"{theirs} as {ours}"
            for ours, theirs in self.columns.items()
            if theirs not in (ours, f"{ours}s")
        ]

    def as_json(self) -> JsonObject:
        """As `--json` prints it."""
        return {
            "format": self.format,
            "path": str(self.path),
            "conversations": self.conversations,
            "messages": self.messages,
            "dropped": {
                "conversations": dict(sorted(self.dropped_conversations.items())),
                "messages": dict(sorted(self.dropped_messages.items())),
            },
            "columns": self.columns,
            "ignored": sorted(self.ignored),
            "masked": dict(sorted(self.masked.items())),
            "bad": self.bad,
        }


def import_chats(
    path: Path,
    out: Path,
    *,
    format_name: str | None = None,
    columns: Mapping[str, str] | None = None,
    agents: Iterable[str] = (),
    month_first: bool | None = None,
    encoding: str | None = None,
    masking: Masking | None = None,
    skip_bad: bool = False,
    advance: Advance = nowhere,
    gathered: Advance = nowhere,
) -> Imported:
    """Read the chats of `path` into the transcript file `out`, which must not exist.

    `advance` and `gathered` are told what is done, as in `Source`. Memory does not grow with the
    source.

    Raises:
        BotError: the format is unknown, `out` exists, nothing is there to import, or, unless
            `skip_bad`, a record cannot be read. Nothing is written then.
    """
    if out.exists():
        raise BotError(f"{out} exists; choose another name with --out, or remove it first")
    name = format_name or recognise(path)
    if not path.exists():
        raise BotError(f"{path}: there is no such file or folder; check the name")
    result = Imported(name, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with scratch_in(out.parent) as folder:
        source = Source(
            path=path,
            name=out.stem,
            scratch=folder,
            columns=columns or {},
            agents=frozenset(agents),
            month_first=month_first,
            encoding=encoding,
            advance=advance,
            gathered=gathered,
            dropped=result.dropped_messages,
            ignored=result.ignored,
            taken=result.columns,
        )
        _write_all(adapter(name)(source), source, result, masking, skip_bad)
    return result


def _write_all(
    found: Generator[Found],
    source: Source,
    result: Imported,
    masking: Masking | None,
    skip_bad: bool,
) -> None:
    with (
        _whole_or_not_at_all(result.path, source.scratch) as file,
        seen_in(source.scratch) as seen,
        closing(found),
    ):
        for chat in _masked(_kept(found, result, seen, skip_bad), masking, result):
            file.write(json.dumps(chat, ensure_ascii=False) + "\n")
            result.conversations += 1
            result.messages += len(chat["turns"])
        if not result.conversations:
            raise BotError(_nothing(source.path, result))


@contextmanager
def _whole_or_not_at_all(out: Path, folder: Path) -> Iterator[TextIO]:
    temporary = folder / out.name
    with temporary.open("w", encoding="utf-8") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(out)


def _nothing(path: Path, result: Imported) -> str:
    dropped = [*result.dropped_conversations.items(), *result.dropped_messages.items()]
    why = ", ".join(f"{count:,} {reason}" for reason, count in dropped)
    return f"{path}: no chat to import{f' (dropped: {why})' if why else ''}; check the format"


# --- what is kept --------------------------------------------------------------------------------


def _kept(
    found: Iterator[Found], result: Imported, seen: Seen, skip_bad: bool
) -> Iterator[JsonObject]:
    for record in found:
        checked = _checked(record, result, seen)
        if isinstance(checked, Bad):
            if not skip_bad:
                raise BotError(f"{checked.place}: {_with_remedy(checked.fault)}")
            result.dropped_conversations[UNREADABLE] += 1
            if len(result.bad) < MOST_NAMED:
                result.bad.append(f"{checked.place}: {checked.fault}")
        elif checked is not None:
            yield checked


def _with_remedy(fault: str) -> str:
    """A fault and what to do about it, which it may say itself."""
    return fault if " --" in fault else f"{fault}; mend it, or leave it out with `--skip-bad`"


def _checked(record: Found, result: Imported, seen: Seen) -> JsonObject | Bad | None:
    """The chat as it is to be written; None where it is dropped and counted."""
    if isinstance(record, Bad):
        return record
    turns = [turn for turn in record.data["turns"] if str(turn.get("text") or "").strip()]
    if empty := len(record.data["turns"]) - len(turns):
        result.dropped_messages[EMPTY] += empty
    data = {**record.data, "turns": turns}
    if not any(turn.get("speaker") == "customer" for turn in turns):
        result.dropped_conversations[NO_CUSTOMER] += 1
        return None
    try:
        chat = Conversation.model_validate(data)
    except ValidationError as error:
        return Bad(record.place, first_fault(error))
    written = chat.model_dump(mode="json", exclude_unset=True)
    content = content_of(written)
    if not is_utf8(chat.id + content):
        return Bad(record.place, "half a character (a lone surrogate) is in a text")
    before = seen.before(chat.id, content)
    if before == "other":
        return Bad(record.place, f"chat {chat.id} differs from an earlier one of that id")
    if before == "same":
        result.dropped_conversations[AGAIN] += 1
        return None
    return written


# --- masking -------------------------------------------------------------------------------------


def _masked(
    chats: Iterator[JsonObject], masking: Masking | None, result: Imported
) -> Iterator[JsonObject]:
    if masking is None:
        yield from chats
        return
    for batch in _batches(chats):
        turns = [turn for chat in batch for turn in chat["turns"]]
        texts = [turn["text"] for turn in turns]
        names = masking.find_names(texts) if masking.find_names else [()] * len(texts)
        for turn, found in zip(turns, names, strict=True):
            _mask_turn(turn, masking, found, result.masked)
        yield from batch


def _batches(chats: Iterator[JsonObject]) -> Iterator[list[JsonObject]]:
    batch: list[JsonObject] = []
    for chat in chats:
        batch.append(chat)
        if len(batch) == _CHATS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _mask_turn(
    turn: JsonObject, masking: Masking, names: Sequence[Span], counts: Counter[str]
) -> None:
    """Mask a turn in place; its entities go where their words went."""
    entities = turn.get("entities") or ()
    marked = [
        Span(entity["start"], entity["end"], "name")
        for entity in entities
        if entity["type"].lower() in masking.name_types
    ]
    masked = mask(turn["text"], masking.patterns, (*marked, *names))
    if not masked.spans:
        return
    counts.update(span.kind for span in masked.spans)
    turn["text"] = masked.text
    for entity in entities:
        entity["start"], entity["end"] = masked.moved(entity["start"], entity["end"])
