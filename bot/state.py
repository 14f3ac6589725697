"""What the bot remembers of one conversation: a value that each turn replaces.

A turn that fails or is cancelled therefore changes nothing: the old state is still there.
Everything in it is bounded, so the thousandth turn costs what the second did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from bot.decision import Ask, Clarify, Summary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

Speaker = Literal["customer", "agent"]

TURNS_KEPT = 12
"""How many turns the context head reads."""


@dataclass(frozen=True, slots=True)
class State:
    """One conversation so far.

    slots           what is known, by slot name; kept for the session
    pending         the question that is waiting for its answer
    unknown_streak  how many messages in a row the bot had no answer to
    uses            how often each template or system sentence was said: wordings rotate by it
    turns           the last turns as (speaker, unit vector), oldest first
    so_far          what a person who takes over is told
    """

    slots: Mapping[str, str] = field(default_factory=dict)
    pending: Ask | Clarify | None = None
    unknown_streak: int = 0
    uses: Mapping[str, int] = field(default_factory=dict)
    turns: tuple[tuple[Speaker, Vector], ...] = ()
    so_far: Summary = field(default_factory=Summary)


def remember(state: State, speaker: Speaker, vector: NDArray[Any]) -> State:
    """The state with one more turn's vector (d,), forgetting those before the last few."""
    return replace(state, turns=(*state.turns, (speaker, vector))[-TURNS_KEPT:])
