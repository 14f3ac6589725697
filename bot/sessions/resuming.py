"""Going on with a session of the log, in another process or on another day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bot.errors import NoSession
from bot.sessions.restoring import loads
from bot.state import TURNS_KEPT, State, remember

if TYPE_CHECKING:
    from bot.model import Model
    from bot.sessions.session_log import SavedState, SessionLog

Note = Literal["", "other model", "forgotten"]

SHOWN = 2
"""How many of the last turns are shown to a person who comes back."""


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of the past: a message and what was replied."""

    message: str
    reply: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session as it was left: its last turn and the state after it.

    `note` says where not all is as it was left: the encoder is another one by now, or no state is
    kept.
    """

    session: int
    turn: int
    state: State
    last: Sequence[Said] = ()
    note: Note = ""


def resumed(log: SessionLog, session: int, model: Model) -> Resumed:
    """A session of the log to go on with.

    Where the bot's encoder is another one by now, what was said is read again by it. Where no state
    is kept, as for a session of an earlier Frontdesk, or it cannot be read, the bot remembers only
    what was said.

    Raises:
        BotError: there is no such session.
    """
    left = log.left(session)
    if left is None:
        raise NoSession(f"the log has no session {session}; /sessions lists what there is")
    rows = log.turns(session)[-(TURNS_KEPT // 2) :]
    said = [Said(row["message"], row["reply"]) for row in rows]
    kept = _state(left.saved)
    if kept is not None and left.saved and left.saved.encoder == model.encoder_fingerprint:
        return Resumed(session, left.turn, kept, said[-SHOWN:])
    note: Note = "" if not left.turn else "forgotten" if kept is None else "other model"
    state = _heard(kept or State(), said, model)
    return Resumed(session, left.turn, state, said[-SHOWN:], note)


def _state(saved: SavedState | None) -> State | None:
    try:
        return loads(saved.state) if saved else None
    except ValueError:
        return None


def _heard(state: State, said: Sequence[Said], model: Model) -> State:
    """The state with the vectors of what was said, as the model makes them today, and no other."""
    state = replace(state, turns=(), asked=None)
    texts = [text for one in said for text in (one.message, one.reply)]
    if not texts:
        return state
    for place, vector in enumerate(model.encode(texts)):
        state = remember(state, "agent" if place % 2 else "customer", vector)
    return state
