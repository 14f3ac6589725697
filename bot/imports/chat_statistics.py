"""What is in some chats: how many, whose, in which languages, how labelled, how long, how alike.

Chats come one at a time and are forgotten; what is remembered of them is hashes in a temporary
file and a sample of messages, so that memory does not grow with their number.

Languages go by script, which is honest and no more: `zh` is Han with hardly any kana, `en` plain
Latin letters, which other languages write in too, `other` is everything else, `none` no letters.
"""

import heapq
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from bot.errors import BotError
from bot.imports import csv
from bot.imports.seen import Seen, content_of, seen_in
from bot.imports.source import Advance, Bad, Chat, Found, Source, json_records
from finetune.conversation import Conversation, Turn, first_fault
from finetune.text import normalise, words_in

SAMPLE = 10_000
"""Messages that are searched for near-duplicates, each by its first COMPARED characters: bounds
the memory that this takes."""
COMPARED = 300
_SUFFIXES = (".jsonl", ".csv")


@dataclass(slots=True)
class Statistics:
    """The figures of some chats.

    `turns` by speaker; `languages` of chats; `labelled` are turns that have one: intents, entities
    and sentiment of customers, templates of agents. The lengths are counts by power-of-two bucket:
    bucket 0 holds 0, bucket b > 0 holds 2^(b-2) < n <= 2^(b-1). `same_ids` are conversations that
    have the id of an earlier one but are not the same. `near` of `sampled` different
    customer messages have a near-duplicate among these.
    """

    conversations: int = 0
    turns: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    labelled: Counter[str] = field(default_factory=Counter)
    intents: Counter[str] = field(default_factory=Counter)
    turns_a_chat: Counter[int] = field(default_factory=Counter)
    words_a_message: Counter[int] = field(default_factory=Counter)
    characters_a_message: Counter[int] = field(default_factory=Counter)
    repeated_conversations: int = 0
    same_ids: int = 0
    repeated_messages: int = 0
    sampled: int = 0
    near: int = 0
    first: datetime | None = None
    last: datetime | None = None
    bad: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "conversations": self.conversations,
            "turns": {name: self.turns[name] for name in ("customer", "agent")},
            "languages": dict(self.languages.most_common()),
            "labelled": {name: self.labelled[name] for name in LABELS},
            "intents": dict(self.intents.most_common()),
            "turns_per_conversation": histogram(self.turns_a_chat),
            "words_per_message": histogram(self.words_a_message),
            "characters_per_message": histogram(self.characters_a_message),
            "duplicates": {
                "conversations": self.repeated_conversations,
                "ids": self.same_ids,
                "messages": self.repeated_messages,
                "sampled": self.sampled,
                "near": self.near,
            },
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
            "bad": self.bad,
        }


LABELS = {
    "intents": "customer",
    "entities": "customer",
    "sentiment": "customer",
    "template": "agent",
}
"""What may be labelled, and on whose turns."""


def histogram(counts: Counter[int]) -> list[dict[str, int]]:
    """The buckets from the first to the last that holds something, as "from", "to", "count"."""
    if not counts:
        return []
    return [
        {"from": low, "to": high, "count": counts[bucket]}
        for bucket in range(min(counts), max(counts) + 1)
        for low, high in [_bounds(bucket)]
    ]


def _bounds(bucket: int) -> tuple[int, int]:
    return (0, 0) if bucket == 0 else (2**bucket // 4 + 1, 2**bucket // 2)


def _bucket(length: int) -> int:
    return (length - 1).bit_length() + 1 if length else 0


def statistics(conversations: Iterable[Conversation]) -> Statistics:
    """The figures of some chats, which are read once."""
    result = Statistics()
    sample = _Sample(SAMPLE)
    with seen_in(None) as chats, seen_in(None) as ids, seen_in(None) as messages:
        for chat in conversations:
            _count_chat(chat, result, chats)
            content = content_of(chat.model_dump(mode="json", exclude_unset=True))
            result.same_ids += ids.before(chat.id, content) == "other"
            for turn in chat.turns:
                _count_turn(turn, result, messages, sample)
    result.sampled, result.near = len(sample.keys()), _near(sample.keys())
    return result


def _count_chat(chat: Conversation, result: Statistics, seen: Seen) -> None:
    result.conversations += 1
    result.turns_a_chat[_bucket(len(chat.turns))] += 1
    said = " ".join(turn.text for turn in chat.turns if turn.speaker == "customer")
    result.languages[script_of(said)] += 1
    content = content_of(
        chat.model_dump(mode="json", include={"turns": {"__all__": {"speaker", "text"}}})
    )
    result.repeated_conversations += seen.before(content) is not None


def _count_turn(turn: Turn, result: Statistics, seen: Seen, sample: "_Sample") -> None:
    from finetune.duplicates import informative

    result.turns[turn.speaker] += 1
    result.labelled.update(
        name for name, speaker in LABELS.items() if speaker == turn.speaker and getattr(turn, name)
    )
    result.intents.update(turn.intents)
    key = normalise(turn.text)
    result.words_a_message[_bucket(round(words_in(key)))] += 1
    result.characters_a_message[_bucket(len(turn.text))] += 1
    if turn.at is not None:
        at = turn.at if turn.at.tzinfo else turn.at.replace(tzinfo=UTC)
        result.first = min(result.first or at, at)
        result.last = max(result.last or at, at)
    if turn.speaker == "customer" and informative(key):
        result.repeated_messages += seen.before(key) is not None
        sample.add(key[:COMPARED])


class _Sample:
    """Up to `size` different texts, those of the smallest hashes: the same for the same texts."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[int, str]] = []
        self._kept: set[str] = set()

    def add(self, text: str) -> None:
        if text in self._kept:
            return
        rank = -int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, (rank, text))
        elif rank > self._heap[0][0]:
            self._kept.discard(heapq.heapreplace(self._heap, (rank, text))[1])
        else:
            return
        self._kept.add(text)

    def keys(self) -> list[str]:
        return sorted(self._kept)


def _near(keys: Sequence[str]) -> int:
    from finetune.duplicates import near_pairs

    return len(set(near_pairs(keys).ravel().tolist()))


_HAN = range(0x3400, 0xA000)
_KANA = range(0x3040, 0x3100)


def script_of(text: str) -> str:
    """zh, en, other or none, by what most of its letters are.

    >>> script_of("我的订单 TT-123456 在哪里"), script_of("où est-ce"), script_of("42?")
    ('zh', 'en', 'none')
    """
    kinds = Counter(map(_script, filter(str.isalpha, text)))
    if not kinds:
        return "none"
    if 10 * kinds["kana"] > kinds["zh"]:  # Japanese has a third or more; Chinese a name at most
        return "other"
    # A Han word has two letters, others have five or so.
    return max(kinds, key=lambda kind: kinds[kind] / (2 if kind == "zh" else 5))


def _script(letter: str) -> str:
    code = ord(letter)
    if code < 0x250:
        return "en"
    return "zh" if code in _HAN else "kana" if code in _KANA else "other"


# --- reading -------------------------------------------------------------------------------------


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The transcript files among paths and directly in folders.

    Raises BotError where a path is missing, no transcript, or a folder without any.
    """
    return [file for path in paths for file in _files_in(path)]


def _files_in(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
        if not found:
            raise BotError(f"{path}: no *.jsonl or *.csv file; `frontdesk chats import` makes one")
        return found
    if not path.exists():
        raise BotError(f"{path}: there is no such file or folder; check the name")
    if path.suffix.lower() not in _SUFFIXES:
        raise BotError(f"{path}: is no transcript; `frontdesk chats import {path}` makes one of it")
    return [path]


def conversations_in(
    files: Sequence[Path], bad: list[str], *, skip_bad: bool, advance: Advance
) -> Generator[Conversation]:
    """The chats of transcript files, one at a time; `bad` gets "file:line: why" of those skipped.

    Raises BotError at the first bad line unless `skip_bad`.
    """
    with TemporaryDirectory() as scratch:
        for file in files:
            source = Source(path=file, name=file.stem, scratch=Path(scratch), advance=advance)
            with closing(_records(source)) as records:
                for record in records:
                    try:
                        yield _conversation(record)
                    except ValueError as error:
                        _refuse(f"{record.place}: {error}", bad, skip_bad)


def _refuse(fault: str, bad: list[str], skip_bad: bool) -> None:
    if not skip_bad:
        raise BotError(f"{fault}; mend it, or leave it out with `--skip-bad`")
    bad.append(fault)


def _records(source: Source) -> Generator[Found]:
    if source.path.suffix.lower() == ".csv":
        yield from csv.read(source)
        return
    for place, data in json_records(source):
        yield data if isinstance(data, Bad) else Chat(place, data)


def _conversation(record: Found) -> Conversation:
    """Raises ValueError that says in words why there is none."""
    if isinstance(record, Bad):
        raise ValueError(record.fault)
    try:
        return Conversation.model_validate(record.data)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from error
