"""What a decision does to the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.decision import (
    Answer,
    Ask,
    Cite,
    Clarify,
    Decision,
    Handoff,
    Reading,
    SmallTalk,
    Summary,
    Unknown,
    template_of,
)
from bot.state import State

_MESSAGES_SUMMED, _MESSAGE_LENGTH, _THINGS_SUMMED = 3, 500, 10


def advance(state: State, text: str, reading: Reading, decision: Decision) -> State:
    """The state after `decision` was taken on `text`."""
    key = purpose(decision)
    slots = {**state.slots, **reading.entities, **_slots_of(decision)}
    return replace(
        state,
        slots=slots,
        pending=_pending_after(state, decision),
        unknown_streak=_streak_after(state, decision),
        uses={**state.uses, key: state.uses.get(key, 0) + 1},
        so_far=summed(state.so_far, text, slots, decision),
    )


def purpose(decision: Decision) -> str:
    """What a decision's sentence is for; two decisions with one purpose rotate their wording."""
    match decision:
        case Answer(template=template) | SmallTalk(template=template):
            return f"template {template}"
        case Handoff(template=str() as template):
            return f"template {template}"
        case Handoff(reason=reason) | Unknown(reason=reason):
            return f"{decision.kind} {reason}"
        case _:
            return decision.kind


def _slots_of(decision: Decision) -> Mapping[str, str]:
    match decision:
        case Answer(slots=slots) | SmallTalk(slots=slots) | Ask(slots=slots):
            return slots
        case Handoff(summary=summary):
            return summary.slots
        case _:
            return {}


def _pending_after(state: State, decision: Decision) -> Ask | Clarify | None:
    """A question stays open through small talk, a citation and an unreadable message."""
    match decision:
        case Ask() | Clarify():
            return decision
        case SmallTalk() | Cite():
            return state.pending if isinstance(state.pending, Ask) else None
        case Unknown(reason="unreadable"):
            return state.pending
        case _:
            return None


def _streak_after(state: State, decision: Decision) -> int:
    match decision:
        case Unknown(reason="unreadable"):
            return state.unknown_streak
        case Unknown():
            return state.unknown_streak + 1
        case _:
            return 0


def summed(
    so_far: Summary, text: str, slots: Mapping[str, str], decision: Decision | None = None
) -> Summary:
    """The summary with one more message and, if given, what was said to it."""
    said = isinstance(decision, Answer) and template_of(decision)
    articles = [hit.passage.article for hit in decision.hits] if isinstance(decision, Cite) else []
    return Summary(
        (*so_far.messages, text[:_MESSAGE_LENGTH])[-_MESSAGES_SUMMED:],
        dict(slots),
        _last(so_far.answered, [said] if said else []),
        _last(so_far.articles, articles),
    )


def _last(known: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *new]))[-_THINGS_SUMMED:]
