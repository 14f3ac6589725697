"""Chatwoot conversations with their messages, or the messages alone, as its application API v1
gives them.

The file holds one a line, an array, `{"payload": []}` or `{"data": {"payload": []}}`. Messages are
0 or incoming, 1 or outgoing, 2 or activity, 3 or template: the last two nobody wrote.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from bot.imports import Look
from bot.imports.grouping import grouped
from bot.imports.html_text import text_of
from bot.imports.rows import Part
from bot.imports.source import (
    MEDIA,
    PRIVATE,
    SYSTEM,
    Bad,
    Chat,
    Found,
    JsonObject,
    Source,
    json_records,
    shaped,
)

_SPEAKERS = {0: "customer", "incoming": "customer", 1: "agent", "outgoing": "agent"}


def recognises(look: Look) -> bool:
    """Whether its first records have messages with a type."""
    return any(key.split(".")[-1] == "message_type" for key in look.keys)


def read(source: Source) -> Iterator[Found]:
    """A chat a conversation, called chatwoot-NUMBER."""
    yield from grouped(_parts(source), source, source.path.stat().st_size)


def _parts(source: Source) -> Iterator[Part]:
    for place, record in json_records(source, "payload", "data.payload", "conversations"):
        if isinstance(record, Bad):
            yield record
        elif isinstance(record.get("messages"), list) and record.get("id") is not None:
            yield shaped(place, partial(_chat, source, place, record))
        elif record.get("conversation_id") is not None:
            for turn in _turns(source, [record]):
                yield f"chatwoot-{record['conversation_id']}", place, turn
        else:
            yield Bad(place, "neither a conversation with its messages nor a message of one")


def _chat(source: Source, place: str, record: JsonObject) -> Chat:
    turns = list(_turns(source, record["messages"]))
    return Chat(place, {"id": f"chatwoot-{record['id']}", "turns": turns})


def _turns(source: Source, messages: Sequence[JsonObject]) -> Iterator[JsonObject]:
    for message in messages:
        if (reason := _left_out(message)) is None:
            yield _turn(message)
        else:
            source.drop(reason)


def _left_out(message: JsonObject) -> str | None:
    """Why a message is no turn; None where it is one."""
    if message.get("private"):
        return PRIVATE
    if message.get("message_type") not in _SPEAKERS:
        return SYSTEM
    return MEDIA if message.get("attachments") and not message.get("content") else None


def _turn(message: JsonObject) -> JsonObject:
    text = str(message.get("content") or "")
    if message.get("content_type") == "incoming_email":
        text = text_of(text)
    turn = {"speaker": _SPEAKERS[message["message_type"]], "text": text}
    return {**turn, "at": at} if (at := message.get("created_at")) else turn
