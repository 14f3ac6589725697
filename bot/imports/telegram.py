"""Telegram Desktop's machine-readable export (`result.json`), of one chat or of all, and messages
copied from its window as text:

    Mia, [31.12.2023 21:41]
    hello
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.errors import BotError
from bot.imports import Look
from bot.imports.source import (
    MEDIA,
    SYSTEM,
    Bad,
    Found,
    JsonObject,
    Source,
    head,
    is_utf8,
    lines,
    opened,
)
from bot.imports.stamps import month_comes_first, stamp_of
from bot.imports.threads import Message, conversations

_ONE, _ALL = "messages.item", "chats.list.item.messages.item"
_HEAD = re.compile(r"(.{1,80}), \[([^\]]{8,40})\]:?")
_MEDIA_KEYS = ("photo", "file", "media_type", "location_information", "contact_information", "poll")


def recognises(look: Look) -> bool:
    """Whether it has Telegram's messages, or one of the first lines is a copied message's head."""
    return (
        any(f"{prefix}.from_id" in look.keys for prefix in (_ONE, _ALL))
        or {"messages.item.date_unixtime", "messages.item.text"} <= look.keys
        or any(_head(line) for line in look.lines)
    )


def read(source: Source) -> Iterator[Found]:
    """The conversations of all chats of the export, one chat after the other."""
    if "".join(head(source.path)).lstrip().startswith("{"):
        yield from conversations(source, _exported(source))
    else:
        yield from _copied(source)


def _exported(source: Source) -> Iterator[Message]:
    for thread, number, message in _records(source):
        place = f"{source.path}: message {message.get('id', number)}"
        name = message.get("from")
        if message.get("type") != "message" or not isinstance(name, str):
            source.drop(SYSTEM)
            continue
        text = _text(message.get("text"))
        if not text.strip() and any(message.get(key) for key in _MEDIA_KEYS):
            source.drop(MEDIA)
            continue
        yield Message(place, thread, name, _at(place, message), text)


def _at(place: str, message: JsonObject) -> datetime:
    try:
        if "date_unixtime" in message:
            return datetime.fromtimestamp(int(message["date_unixtime"]), UTC)
        return datetime.fromisoformat(message["date"]).replace(tzinfo=UTC)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise BotError(f"{place}: has no date that can be read; export the chat again") from None


def _text(text: Any) -> str:
    """A text, or the list of texts and marked-up pieces that it may be."""
    if not isinstance(text, list):
        return str(text or "")
    pieces = (piece.get("text", "") if isinstance(piece, dict) else piece for piece in text)
    return "".join(map(str, pieces))


def _records(source: Source) -> Iterator[tuple[str, int, JsonObject]]:
    """(thread, number, message) of each message; the thread is the place of its chat."""
    import ijson
    from ijson.common import ObjectBuilder

    thread, number, builder, at = 0, 0, None, ""
    with opened(source.path, source.advance) as stream:
        try:
            for prefix, event, value in ijson.parse(stream, use_float=True):
                if builder is None and prefix in (_ONE, _ALL) and event == "start_map":
                    builder, at, number = ObjectBuilder(), prefix, number + 1
                elif prefix == "chats.list.item" and event == "start_map":
                    thread += 1
                if builder is not None:
                    builder.event(event, value)
                    if prefix == at and event == "end_map":
                        yield str(thread), number, builder.value
                        builder = None
        except (ijson.JSONError, UnicodeDecodeError) as error:
            what = str(error).partition("\n")[0]
            raise BotError(
                f"{source.path}: not valid JSON after message {number} ({what}); mend the file"
            ) from error


# --- copied from the window ----------------------------------------------------------------------


def _head(line: str) -> re.Match[str] | None:
    match = _HEAD.fullmatch(line)
    return match if match and stamp_of(match[2]) else None


def _copied(source: Source) -> Iterator[Found]:
    broken = next((n for n, line in lines(source.path) if not is_utf8(line)), None)
    if broken is not None:
        yield Bad(f"{source.path}:{broken}", "not valid UTF-8")
        return
    heads = (_head(line) for _, line in lines(source.path))
    stamps = (stamp for head in heads if head and (stamp := stamp_of(head[2])))
    first = source.month_first
    month_first = month_comes_first(source.path, stamps) if first is None else first
    yield from conversations(source, _copied_messages(source, month_first))


def _copied_messages(source: Source, month_first: bool) -> Iterator[Message]:
    head: tuple[str, str, datetime] | None = None
    said: list[str] = []
    for number, line in lines(source.path, source.advance):
        match = _head(line)
        if match is None:
            said.append(line)
            continue
        if head:
            yield Message(head[0], "", head[1], head[2], "\n".join(said).strip())
        stamp = stamp_of(match[2])
        at = stamp.at(month_first=month_first) if stamp else None
        if at is None:
            raise BotError(f"{source.path}:{number}: there is no such day or time; correct it")
        head, said = (f"{source.path}:{number}", match[1], at), []
    if head:
        yield Message(head[0], "", head[1], head[2], "\n".join(said).strip())
