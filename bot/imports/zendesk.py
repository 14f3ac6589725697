"""Zendesk tickets as JSON: the full JSON export (a ticket a line), an array, or `{"tickets": []}`.

A ticket's comments are its turns; with none exported, its description is the only one. Comments of
the requester, and of others whose role is end-user, are the customer's; private ones are notes.
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

_NOBODY = -1  # the author of what Zendesk itself wrote


def recognises(look: Look) -> bool:
    """Whether its first records have a requester, as tickets do."""
    return any(
        f"{prefix}{key}" in look.keys
        for prefix in ("", "tickets.item.")
        for key in ("requester_id", "requester.id")
    )


def read(source: Source) -> Iterator[Found]:
    """A chat a ticket, called zendesk-NUMBER."""
    for place, ticket in json_records(source, "tickets"):
        if isinstance(ticket, Bad):
            yield ticket
        else:
            yield shaped(place, partial(_chat, source, place, ticket))


def _chat(source: Source, place: str, ticket: JsonObject) -> Found:
    number = ticket.get("id", ticket.get("ticket_id"))
    if number is None:
        return Bad(place, "the ticket has no id")
    comments = ticket.get("comments")
    if isinstance(comments, dict):
        comments = comments.get("comments")
    requester = _id(ticket, "requester")
    turns = []
    for comment in comments or _described(ticket):
        if (reason := _left_out(comment)) is None:
            turns.append(_turn(comment, requester))
        else:
            source.drop(reason)
    tags = [tag for tag in ticket.get("tags") or () if isinstance(tag, str)]
    chat = {"id": f"zendesk-{number}", "turns": turns}
    return Chat(place, {**chat, "tags": tags} if tags else chat)


def _described(ticket: JsonObject) -> list[JsonObject]:
    keys = {"body": "description", "created_at": "created_at"}
    comment = {ours: ticket.get(theirs) for ours, theirs in keys.items()}
    return [{**comment, "author_id": _id(ticket, "requester")}]


def _id(record: JsonObject, name: str) -> Any:
    person = record.get(name)
    return record.get(f"{name}_id", person.get("id") if isinstance(person, dict) else None)


def _left_out(comment: JsonObject) -> str | None:
    """Why a comment is no turn; None where it is one."""
    if comment.get("public") is False:
        return PRIVATE
    if _id(comment, "author") == _NOBODY or comment.get("type") == "VoiceComment":
        return SYSTEM
    return MEDIA if comment.get("attachments") and not _text(comment) else None


def _text(comment: JsonObject) -> str:
    text = comment.get("body") or comment.get("plain_body")
    return str(text or text_of(comment.get("html_body") or "")).strip()


def _turn(comment: JsonObject, requester: Any) -> JsonObject:
    person = comment.get("author")
    role = person.get("role") if isinstance(person, dict) else None
    customer = _id(comment, "author") == requester or role == "end-user"
    turn = {"speaker": "customer" if customer else "agent", "text": _text(comment)}
    return {**turn, "at": at} if (at := comment.get("created_at")) else turn
