"""Intercom conversations as its REST API 2.x gives them one by one: `source`, then the parts.

The file holds one a line, an array, or `{"conversations": []}`. Bodies are HTML.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bot.imports import Look
from bot.imports.html_text import text_of
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

_CUSTOMERS = ("user", "lead", "contact", "visitor")
# What an assignment says is meant for the colleague it is assigned to.
_NOTES = ("note", "note_and_reopen", "assignment", "assign_and_reopen", "away_mode_assignment")


def recognises(look: Look) -> bool:
    """Whether its first records have conversation parts."""
    return any(key.split(".")[-1] == "conversation_parts" for key in look.keys)


def read(source: Source) -> Iterator[Found]:
    """A chat a conversation, called intercom-NUMBER."""
    for place, record in json_records(source, "conversations", "data"):
        if isinstance(record, Bad):
            yield record
        else:
            yield shaped(place, partial(_chat, source, place, record))


def _chat(source: Source, place: str, record: JsonObject) -> Found:
    if record.get("id") is None:
        return Bad(place, "the conversation has no id")
    parts = record.get("conversation_parts")
    if isinstance(parts, dict):
        parts = parts.get("conversation_parts")
    first = {"created_at": record.get("created_at"), **(record.get("source") or {})}
    turns = []
    for part in (first, *(parts or ())):
        if (reason := _left_out(part)) is None:
            turns.append(_turn(part))
        else:
            source.drop(reason)
    return Chat(place, {"id": f"intercom-{record['id']}", "turns": turns})


def _left_out(part: JsonObject) -> str | None:
    """Why a part is no turn; None where it is one."""
    if text_of(part.get("body") or ""):
        return PRIVATE if part.get("part_type") in _NOTES else None
    return MEDIA if part.get("attachments") else SYSTEM


def _turn(part: JsonObject) -> JsonObject:
    author: Any = part.get("author") or {}
    speaker = "customer" if author.get("type") in _CUSTOMERS else "agent"
    turn = {"speaker": speaker, "text": text_of(part["body"])}
    return {**turn, "at": at} if (at := part.get("created_at")) else turn
