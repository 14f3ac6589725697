"""Rows of any table as chats: a whole chat a row, a turn a row, or a labelled text a row.

    {"id": "c-1", "turns": [...]}                        a chat, as docs/workspace.md has it
    {"id": "c-1", "messages": [{"role": .., "content"}]} a chat, as chat models are trained on
    {"conversation": "c-1", "speaker": .., "text": ..}   a turn; the rows of a chat may be apart
    {"text": .., "label": ..}                            one message of a customer, with its intent
    {"tokens": [..], "tags": [..]}                       the same, with its entities word by word

Columns are recognised by the names that are usual for them; `columns` says what cannot be guessed,
or with an empty name what is not to be read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bot.errors import BotError
from bot.imports import tagged
from bot.imports.grouping import grouped
from bot.imports.source import SYSTEM, Bad, Chat, Found, JsonObject, Source
from bot.imports.stamps import stamp_of

USUAL: Mapping[str, tuple[str, ...]] = {
    "turns": ("turns", "messages", "conversations", "dialogue", "dialog"),
    "conversation": (
        "conversation", "conversation_id", "conversationid", "chat_id", "dialogue_id", "dialog_id",
        "session_id", "ticket_id", "thread_id",
    ),
    "id": ("id",),
    "speaker": ("speaker", "role", "from", "author", "sender", "who"),
    "text": ("text", "content", "message", "body", "utterance", "value", "query"),
    "intent": ("intent", "intents", "label", "category"),
    "template": ("template",),
    "sentiment": ("sentiment",),
    "entities": ("entities",),
    "tokens": ("tokens", "words"),
    "tags": ("tags", "ner_tags", "bio_tags"),
    "split": ("split",),
    "at": ("at", "timestamp", "created_at", "date", "time"),
}  # fmt: skip
"""The names of each column, likeliest first."""

CUSTOMERS = frozenset({
    "customer", "user", "client", "human", "visitor", "contact", "end-user", "end_user", "enduser",
    "requester", "consumer", "guest", "buyer", "inbound", "客户", "顾客", "用户", "买家", "访客",
})  # fmt: skip
AGENTS = frozenset({
    "agent", "assistant", "bot", "gpt", "model", "admin", "operator", "support", "staff", "advisor",
    "representative", "rep", "outbound", "客服", "坐席", "座席", "卖家", "商家", "机器人",
})  # fmt: skip
_SYSTEM = frozenset({"system", "tool", "function", "activity"})
_AS_THEY_ARE = ("template", "sentiment", "entities")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row each of our columns is; those that are not there are absent."""

    of: Mapping[str, str]

    def named(self, row: Mapping[str, Any]) -> JsonObject:
        """The values of a row by our names; those that are null or empty are absent."""
        values = ((ours, row.get(column)) for ours, column in self.of.items())
        return {ours: value for ours, value in values if value is not None and value != ""}


def columns_of(names: Iterable[str], told: Mapping[str, str]) -> Columns:
    """The columns among `names`; what was `told` comes before what is usual."""
    return _columns_of(tuple(names), tuple(told.items()))


@lru_cache
def _columns_of(names: tuple[str, ...], told: tuple[tuple[str, str], ...]) -> Columns:
    taken = {theirs for _, theirs in told}
    by_name = {_plain(name): name for name in names if name not in taken}
    usual = {
        ours: by_name[name]
        for ours, known in USUAL.items()
        if (name := next((name for name in known if name in by_name), None)) is not None
    }
    return Columns({ours: name for ours, name in {**usual, **dict(told)}.items() if name})


def _plain(name: str) -> str:
    return re.sub(r"[ -]+", "_", name.strip().lower())


def check_told(told: Mapping[str, str]) -> None:
    """Raises BotError where --columns names a column that we do not have."""
    for ours in told:
        if ours not in USUAL:
            raise BotError(f'--columns: "{ours}" is none of {", ".join(USUAL)}; correct it')


def chats_of(
    source: Source, rows: Iterable[tuple[str, JsonObject | Bad]], bytes_in_all: int
) -> Iterator[Found]:
    """The chats that rows make: whole ones and labelled texts as they come, then the gathered."""
    yield from grouped(_parts(source, rows), source, bytes_in_all)


Part = Chat | Bad | tuple[str, str, JsonObject]
"""A chat that is whole, a bad row, or (id, place, turn with perhaps a split) of a longer chat."""


def _parts(source: Source, rows: Iterable[tuple[str, JsonObject | Bad]]) -> Iterator[Part]:
    columns: Columns | None = None
    names: frozenset[str] = frozenset()
    number = 0
    for place, row in rows:
        if isinstance(row, Bad):
            yield row
            continue
        if columns is None or row.keys() != names:
            names = frozenset(row)
            columns = columns_of(row, source.columns)
            source.ignored.update(names - set(columns.of.values()))
            source.ignored.update(_unused(columns, row))
            source.taken.update(columns.of)
        number += 1
        try:
            part = _part(source, columns, place, row, number)
        except _Unreadable as error:
            part = Bad(place, str(error))
        if part is not None:
            yield part


def _unused(columns: Columns, row: JsonObject) -> set[str]:
    """The columns of words and their tags, where either has no use without the other."""
    named = columns.named(row)
    if "turns" in named or (_are_words(named, "tokens") and _are_words(named, "tags")):
        return set()
    return {columns.of[name] for name in ("tokens", "tags") if name in named}


def _are_words(named: JsonObject, name: str) -> bool:
    value = named.get(name)
    return isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)


def _part(
    source: Source, columns: Columns, place: str, row: JsonObject, number: int
) -> Part | None:
    named = columns.named(row)
    turns = named.get("turns")
    if isinstance(turns, list | tuple):
        return _whole(source, named, place, row, turns, number)
    if "speaker" not in named and "conversation" not in named:
        return _single(source, columns, named, place, row, number)
    if "conversation" not in named:
        return Bad(
            place, "it names no conversation; say which column does: --columns conversation=…"
        )
    turn = _turn(source, named)
    if isinstance(turn, str):
        return Bad(place, turn)
    return None if turn is None else (str(named["conversation"]), place, _with_split(named, turn))


def _with_split(named: JsonObject, turn: JsonObject) -> JsonObject:
    return {"split": named["split"], **turn} if "split" in named else turn


def _whole(
    source: Source,
    named: JsonObject,
    place: str,
    row: JsonObject,
    turns: Sequence[Any],
    number: int,
) -> Part:
    said: list[JsonObject] = []
    for turn in turns:
        if not isinstance(turn, dict):
            return Bad(place, "its turns are not objects")
        made = _turn(source, _inner(source, turn).named(turn))
        if isinstance(made, str):
            return Bad(place, made)
        if made is not None:
            said.append(made)
    own = named.get("id") or named.get("conversation")
    chat: JsonObject = {"id": source.numbered(number) if own is None else own}
    kept = {key: row[key] for key in ("split", "tags") if row.get(key) is not None}
    return Chat(place, {**chat, **kept, "turns": said})


def _inner(source: Source, turn: JsonObject) -> Columns:
    told = {ours: name for ours, name in source.columns.items() if name in turn or not name}
    columns = columns_of(turn, told)
    source.ignored.update(f"turns[].{name}" for name in turn.keys() - set(columns.of.values()))
    source.taken.update(columns.of)
    return columns


def _single(
    source: Source, columns: Columns, named: JsonObject, place: str, row: JsonObject, number: int
) -> Part | None:
    text = named.get("text")
    if text is None and _are_words(named, "tokens"):
        text = named["text"] = tagged.text_of(named["tokens"])
    if not isinstance(text, str):
        if "text" in columns.of:
            return Bad(place, f'column "{columns.of["text"]}" holds no text')
        names = ", ".join(map(str, row))
        return Bad(
            place, f"no column of it is the text (it has {names}); say which: --columns text=…"
        )
    turn = {"speaker": "customer", "text": text, **_labels(source, named)}
    chat: JsonObject = {"id": str(named.get("id", source.numbered(number)))}
    split = named.get("split")
    return Chat(place, {**chat, **({"split": split} if split else {}), "turns": [turn]})


def _turn(source: Source, named: JsonObject) -> JsonObject | str | None:
    """One turn; a text says what is wrong with it, None that it was left out."""
    said = named.get("speaker")
    if said is None:
        return "it does not say who speaks; say which column does: --columns speaker=…"
    speaker = speaker_of(said, source.agents)
    if speaker is None:
        if str(said).strip().lower() in _SYSTEM:
            source.drop(SYSTEM)
            return None
        return f'speaker "{said}" is neither customer nor agent; name the agents with --agent NAME'
    text = str(named.get("text", ""))
    return {"speaker": speaker, "text": text, **_labels(source, named)}


def speaker_of(said: object, agents: frozenset[str]) -> str | None:
    """customer or agent; where agents are named, whoever is not one of them is a customer.

    >>> speaker_of("Assistant", frozenset()), speaker_of("Mia", frozenset({"Tom"}))
    ('agent', 'customer')
    """
    name = str(said).strip()
    if name in agents:
        return "agent"
    known = name.lower()
    if known in CUSTOMERS:
        return "customer"
    if known in AGENTS:
        return "agent"
    return "customer" if agents and known not in _SYSTEM else None


class _Unreadable(Exception):
    """Says in words what is wrong with a label."""


def _labels(source: Source, named: JsonObject) -> JsonObject:
    """What else a turn has."""
    labels: JsonObject = {name: named[name] for name in _AS_THEY_ARE if name in named}
    if "intent" in named:
        labels["intents"] = _intents(named["intent"])
    if _are_words(named, "tokens") and _are_words(named, "tags"):
        spans = tagged.entities_of(str(named.get("text", "")), named["tokens"], named["tags"])
        if spans is None:
            raise _Unreadable("its words and tags do not fit its text")
        labels["entities"] = spans
    if "at" in named:
        labels["at"] = _at(source, named["at"])
    return labels


def _intents(intent: object) -> list[object]:
    if isinstance(intent, str):
        return [label for label in intent.split("|") if label.strip()]
    return list(intent) if isinstance(intent, list | tuple) else [str(intent)]


def _at(source: Source, at: object) -> str | int | float:
    """ISO 8601 or seconds; dates as people write them become the former.

    Where they have dots, the day comes first everywhere.
    """
    if not isinstance(at, str):
        return at if isinstance(at, int | float) else str(at)
    stamp = stamp_of(at) or stamp_of(f"{at} 00:00")
    if stamp is None or re.match(r"\d{4}-", at):
        return at
    month_first = source.month_first
    if month_first is None and not stamp.year_first:
        if "." not in at.split()[0] and stamp.one <= 12 and stamp.other <= 12:
            raise _Unreadable(
                f'"{at}" may be day and month or month and day; '
                "say which with --day-first or --month-first"
            )
        month_first = stamp.other > 12
    moment = stamp.at(month_first=bool(month_first))
    if moment is None:
        raise _Unreadable(f'"{at}" is no day and time')
    return moment.isoformat()
