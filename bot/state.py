"""What the bot remembers of one conversation: a value that each turn replaces.

A turn that fails or is cancelled therefore changes nothing: the old state is still there.
Everything in it is bounded, so the thousandth turn costs what the second did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from bot.decision import Ask, Clarify, Decision, Summary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

Speaker = Literal["customer", "agent"]

TURNS_KEPT = 12
"""How many turns the context head reads."""

INTERRUPTED_KEPT = 3
"""How many requests that gave way to another one may be come back to."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that a later message may follow up: its text, its unit vector (d,), and the
    template that it was answered with, if any."""

    text: str
    vector: Vector
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the customer may want to ask next: the title of a `template`, or of an article."""

    title: str
    template: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """One conversation so far.

    slots           what is known, by slot name; kept for the session or until it expires
    meanings        what the words of a slot mean, where the settings ask and it is understood
    filled_at       when each slot was last stated, in seconds, on the clock of `now`
    confirmed       the slots whose present value the customer has said yes to
    pending         the question that is waiting for its answer
    interrupted     open questions that gave way to another request, the latest last
    about           the template last said, or asked for; what a correction is about
    last            the last decision, which "repeat that" and "and for the blue one?" go back to
    last_text       the message it was taken on
    now             the time of the last turn, in seconds; it never goes back
    upset_streak    how many messages in a row sounded upset
    offered         whether the last reply offered to get a person
    handed_over     whether a person was called, and not called off
    unknown_streak  how many messages in a row the bot had no answer to
    uses            how often each template or system sentence was said, by which wordings rotate,
                    and each suggestion made
    asked           the last question that stood by itself, while answers to it go on
    suggested       what the last reply suggested to ask next
    turns           the last turns as (speaker, unit vector), oldest first
    so_far          what a person who takes over is told
    """

    slots: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    filled_at: Mapping[str, float] = field(default_factory=dict)
    confirmed: frozenset[str] = frozenset()
    pending: Ask | Clarify | None = None
    interrupted: tuple[Ask, ...] = ()
    about: str | None = None
    last: Decision | None = None
    last_text: str = ""
    now: float = 0.0
    upset_streak: int = 0
    offered: bool = False
    handed_over: bool = False
    unknown_streak: int = 0
    uses: Mapping[str, int] = field(default_factory=dict)
    asked: Question | None = None
    suggested: tuple[Suggestion, ...] = ()
    turns: tuple[tuple[Speaker, Vector], ...] = ()
    so_far: Summary = field(default_factory=Summary)


def remember(state: State, speaker: Speaker, vector: NDArray[Any]) -> State:
    """The state with one more turn's vector (d,), forgetting those before the last few."""
    return replace(state, turns=(*state.turns, (speaker, vector))[-TURNS_KEPT:])
