"""The queue of conversations that a person is to take over: what an agent console reads.

A row of `handoffs` is written in the transaction of the turn that hands over, and kept up to date
by the turns after it, so whoever reads it sees the whole conversation. A console may use this
module, the command `frontdesk handoffs`, or SQL (docs/handover.md).

    waiting    nobody has taken it; the customer may go on writing
    taken      a person is at it
    closed     done, or called off by the customer: the bot answers again
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from bot.decision import Decision, Handoff, parts_of
from bot.errors import BotError
from bot.storage.database import storable, transaction

Status = Literal["waiting", "taken", "closed"]
STATUSES: tuple[Status, ...] = get_args(Status)

MESSAGES_KEPT, TRIED_KEPT = 50, 50
"""The last messages of the customer, and the last things that were tried, in a summary."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One entry of the queue.

    `turn` is the turn that handed over, `summary` as in docs/handover.md: the customer's messages,
    the slots, what was tried, the articles shown, and how upset the customer sounds.
    """

    id: int
    session: int
    turn: int
    at: str
    reason: str
    status: Status
    summary: Mapping[str, Any]
    taken_by: str
    taken_at: str
    closed_at: str

    def as_json(self) -> dict[str, Any]:
        """The object of `frontdesk handoffs show --json`."""
        return {name: getattr(self, name) for name in _COLUMNS}


_COLUMNS = (
    "id", "session", "turn", "at", "reason", "status", "summary", "taken_by", "taken_at",
    "closed_at",
)  # fmt: skip
_SELECT = """SELECT id, session_id, turn, at, reason, status, summary, taken_by, taken_at, closed_at
    FROM handoffs"""
_NOT_CLOSED = "session_id = ? AND status <> 'closed'"


# --- written by the bot --------------------------------------------------------------------------


def keep_up(
    connection: sqlite3.Connection, session: int, turn: int, at: str, decision: Decision
) -> None:
    """Queue the conversation where this turn hands it over, or bring its entry up to date; within
    the transaction that writes the turn, after it."""
    handoff = next((part for part in parts_of(decision) if isinstance(part, Handoff)), None)
    summary = _summary(connection, session, decision) if _concerns(decision, handoff) else ""
    if handoff is not None:
        row = (session, turn, at, handoff.reason, summary)
        query = (
            "INSERT INTO handoffs (session_id, turn, at, reason, summary) VALUES (?, ?, ?, ?, ?)"
        )
        connection.execute(query, row)
    elif summary:
        connection.execute(
            f"UPDATE handoffs SET summary = ? WHERE {_NOT_CLOSED}", (summary, session)
        )
        if getattr(decision, "sentence", None) == "back":
            _close_all(connection, session, at)


def person_awaited(connection: sqlite3.Connection, session: int) -> bool:
    """Whether a handoff of this session is waiting or taken."""
    query = f"SELECT 1 FROM handoffs WHERE {_NOT_CLOSED}"
    return connection.execute(query, (session,)).fetchone() is not None


def _concerns(decision: Decision, handoff: Handoff | None) -> bool:
    return handoff is not None or decision.evidence.rule == "handed-over"


def _close_all(connection: sqlite3.Connection, session: int, at: str) -> None:
    close = f"UPDATE handoffs SET status = 'closed', closed_at = ? WHERE {_NOT_CLOSED}"
    connection.execute(close, (at, session))


def _summary(connection: sqlite3.Connection, session: int, decision: Decision) -> str:
    """What the log says of a session, with the slots as they are known now, as JSON."""
    query = """SELECT number, message, kind, template, citations, evidence
        FROM turns JOIN decisions ON turn_id = turns.id
        WHERE session_id = ? ORDER BY number DESC LIMIT ?"""
    rows = connection.execute(query, (session, MESSAGES_KEPT)).fetchall()[::-1]
    found = [(*row[:4], json.loads(row[4]), json.loads(row[5])) for row in rows]
    tried = [tried for row in found for tried in _tried(row[0], row[2], row[3], row[5])]
    articles = (hit["article"] for row in found for hit in row[4])
    summary = {
        "messages": [row[1] for row in found],
        "slots": dict(decision.evidence.slots),
        "tried": tried[-TRIED_KEPT:],
        "articles": list(dict.fromkeys(articles)),
        "upset": decision.evidence.upset,
    }
    return storable(json.dumps(summary, ensure_ascii=False, separators=(",", ":")))


_TRIES = frozenset({"template", "passages", "ask", "clarify", "unknown"})


def _tried(
    turn: int, kind: str, template: str | None, evidence: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """What the bot did in a turn to help; of several decisions, each of them."""
    if kind == "several":
        for part in evidence.get("parts", ()):
            yield from _tried(turn, part["kind"], part["template"], part)
    elif kind in _TRIES:
        about = {"template": template, **{name: evidence.get(name) for name in ("slot", "choices")}}
        action = evidence.get("action")
        if action:
            about |= {"action": action["name"], "failure": action["failure"]}
        told = {name: value for name, value in about.items() if value is not None}
        yield {"turn": turn, "kind": kind, **told}


# --- read and changed by people ------------------------------------------------------------------


def queue(connection: sqlite3.Connection, statuses: Sequence[str] = ()) -> list[Waiting]:
    """The entries of these statuses, or all, the one that has waited longest first."""
    wanted = tuple(statuses) or STATUSES
    places = ", ".join("?" * len(wanted))
    rows = connection.execute(f"{_SELECT} WHERE status IN ({places}) ORDER BY id", wanted)
    return [_waiting(row) for row in rows]


def entry(connection: sqlite3.Connection, number: int) -> Waiting:
    """One entry. BotError where there is none of this number."""
    row = connection.execute(f"{_SELECT} WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise BotError(f"there is no handoff {number}; `frontdesk handoffs list` has them")
    return _waiting(row)


def take(connection: sqlite3.Connection, number: int, person: str) -> Waiting:
    """Take a waiting entry; of two who try at once one is told that the other has it.

    Raises:
        BotError: it is no longer waiting, or there is none of this number.
    """
    change = """UPDATE handoffs SET status = 'taken', taken_by = ?, taken_at = ?
        WHERE id = ? AND status = 'waiting'"""
    with transaction(connection):
        changed = connection.execute(change, (storable(person), _now(), number)).rowcount
    found = entry(connection, number)
    if not changed:
        by = f" by {found.taken_by}" if found.taken_by else ""
        raise BotError(f"handoff {number} is {found.status}{by}; take one that is waiting")
    return found


def close(connection: sqlite3.Connection, number: int) -> Waiting:
    """Close an entry, whether it was taken or not; the bot answers the customer again.

    Raises:
        BotError: it is closed already, or there is none of this number.
    """
    change = (
        "UPDATE handoffs SET status = 'closed', closed_at = ? WHERE id = ? AND status <> 'closed'"
    )
    with transaction(connection):
        changed = connection.execute(change, (_now(), number)).rowcount
    found = entry(connection, number)
    if not changed:
        raise BotError(f"handoff {number} was closed at {found.closed_at}; nothing is to be done")
    return found


def _waiting(row: Sequence[Any]) -> Waiting:
    named = dict(zip(_COLUMNS, row, strict=True))
    return Waiting(**{**named, "summary": json.loads(named["summary"])})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
