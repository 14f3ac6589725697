"""One turn as it is shown, and what a conversation needs of whoever answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bot.decision import Decision, Reading
from bot.evidence import decision_json

if TYPE_CHECKING:
    from bot.replies import Language
    from bot.sessions.resuming import Resumed
    from bot.sessions.session_log import SessionRow, Verdict
    from bot.state import State


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn as it is shown: what was decided and said, in `ms` milliseconds.

    It exists only once the turn is in the log. `timings` are the parts of `ms` by name, and
    `suggestions` what the customer may want to ask next, best first.
    """

    session: int
    turn: int
    reply: str
    decision: Decision
    reading: Reading
    ms: float
    timings: Mapping[str, float] = field(default_factory=dict)
    suggestions: Sequence[str] = ()


class Respondent(Protocol):
    """What a conversation needs of a bot."""

    language: Language
    """That of our own sentences, where a message does not say by itself which it wants."""

    @property
    def state(self) -> State:
        """What is remembered of this session."""
        ...

    def respond(self, text: str) -> Exchange:
        """Answer one message; the turn is committed to the log before this returns."""
        ...

    def feedback(self, turn: int, verdict: Verdict, note: str) -> None:
        """Keep what a person said of a turn of this session."""
        ...

    def start(self) -> None:
        """Begin a new session."""
        ...

    def resume(self, session: int) -> Resumed:
        """Go on with a session of the log. Raises BotError where there is none of that number."""
        ...

    def catch_up(self) -> None:
        """After a turn that was cut short: go on from what the log has of this session."""
        ...

    def talks(self, limit: int) -> Sequence[SessionRow]:
        """The sessions that can be gone on with, the last used first."""
        ...


def exchange_json(exchange: Exchange) -> dict[str, Any]:
    """`{"session", "turn", "reply", "decision", "intent": {"name", "confidence"}, "suggestions",
    "ms"}`.

    The intent's name is null, with confidence 0, where the model knows no intents.
    """
    top = exchange.reading.intents[0] if exchange.reading.intents else None
    return {
        "session": exchange.session,
        "turn": exchange.turn,
        "reply": exchange.reply,
        "decision": decision_json(exchange.decision),
        "intent": {
            "name": top.name if top else None,
            "confidence": round(float(top.score), 6) if top else 0.0,
        },
        "suggestions": list(exchange.suggestions),
        "ms": round(exchange.ms, 3),
    }
