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
    Evidence,
    Handoff,
    Reading,
    Several,
    SmallTalk,
    Summary,
    Unknown,
    template_of,
)
from bot.state import INTERRUPTED_KEPT, State

OFFERING_UNKNOWNS = frozenset({"uncertain again", "said already"})
OFFERING = frozenset({"heard", "misheard", "lacking", "done"})
"""The sentences of ours that ask whether a person should be got."""

_MESSAGES_SUMMED, _MESSAGE_LENGTH, _THINGS_SUMMED = 3, 500, 10


def advance(
    state: State, text: str, reading: Reading, decision: Decision, now: float = 0.0
) -> State:
    """The state after `decision` was taken on `text` at the time `now`, in seconds."""
    if isinstance(decision, Several):
        return _after_several(state, text, reading, decision, now)
    if _restarts(decision):
        state = State(uses=state.uses, now=state.now)
    key, now = purpose(decision), max(state.now, now)
    asks = isinstance(_pending_after(state, decision), Ask)
    # A slot that was skipped is empty until its request is done with.
    slots = {name: value for name, value in decision.evidence.slots.items() if value or asks}
    return replace(
        state,
        slots=slots,
        meanings=decision.evidence.meanings,
        filled_at=_filled_at(state, reading, slots, now),
        confirmed=_confirmed_after(state, decision),
        pending=_pending_after(state, decision),
        interrupted=_interrupted_after(state, decision),
        about=_about_after(state, decision),
        last=decision,
        last_text=text[:_MESSAGE_LENGTH],
        now=now,
        upset_streak=decision.evidence.upset,
        offered=_offered_after(state, decision),
        handed_over=_handed_over_after(state, decision),
        unknown_streak=_streak_after(state, decision),
        uses={**state.uses, key: state.uses.get(key, 0) + 1},
        so_far=summed(state.so_far, text, slots, decision),
    )


def _after_several(
    state: State, text: str, reading: Reading, several: Several, now: float
) -> State:
    """The state after its parts, one after the other; to the customer it was one message."""
    after = state
    for part, said in zip(several.parts, several.texts, strict=True):
        after = advance(after, said, replace(reading, entities=part.evidence.entities), part, now)
    return replace(
        after,
        slots=several.evidence.slots,
        last=several,
        last_text=text[:_MESSAGE_LENGTH],
        upset_streak=several.evidence.upset,
        offered=False,
        so_far=replace(after.so_far, messages=summed(state.so_far, text, {}).messages),
    )


def _sentence(decision: Decision) -> str | None:
    return decision.sentence if isinstance(decision, SmallTalk) else None


def _restarts(decision: Decision) -> bool:
    return _sentence(decision) == "restarted"


def _offered_after(state: State, decision: Decision) -> bool:
    """Whether the reply ends in the question whether a person should be got."""
    asks = isinstance(decision, Unknown) and decision.reason in OFFERING_UNKNOWNS
    asks = asks or _sentence(decision) in OFFERING
    return asks or (decision.evidence.offers and _pending_after(state, decision) is None)


def _handed_over_after(state: State, decision: Decision) -> bool:
    called_off = _sentence(decision) in ("back", "restarted")
    return isinstance(decision, Handoff) or (state.handed_over and not called_off)


def purpose(decision: Decision) -> str:
    """What a decision's sentence is for; two decisions with one purpose rotate their wording."""
    match decision:
        case SmallTalk(sentence=str() as sentence):
            return f"sentence {sentence}"
        case Answer(template=template) | SmallTalk(template=template):
            return f"template {template}"
        case Handoff(template=str() as template):
            return f"template {template}"
        case Handoff(reason=reason) | Unknown(reason=reason):
            return f"{decision.kind} {reason}"
        case _:
            return decision.kind


def _about_after(state: State, decision: Decision) -> str | None:
    """Small talk leaves it, but for one that calls a request off; anything else goes on to another
    matter, unless a question stays open."""
    match decision:
        case Answer() | Ask():
            return decision.template
        case SmallTalk(closes=True, sentence=sentence) if sentence != "declined":
            return None
        case SmallTalk() | Unknown(reason="unreadable"):
            return state.about
        case _:
            pending = _pending_after(state, decision)
            return pending.template if isinstance(pending, Ask) else None


def _filled_at(
    state: State, reading: Reading, slots: Mapping[str, str], now: float
) -> dict[str, float]:
    """Now for what was just stated, changed or not."""

    def is_new(slot: str) -> bool:
        return slot in reading.entities or slots[slot] != state.slots.get(slot)

    return {slot: now if is_new(slot) else state.filled_at.get(slot, now) for slot in slots}


def _confirmed_after(state: State, decision: Decision) -> frozenset[str]:
    """A slot that changes is no longer confirmed; a yes confirms all that was read out."""
    slots = decision.evidence.slots
    kept = {slot for slot in state.confirmed if slots.get(slot) == state.slots.get(slot)}
    pending = state.pending
    if decision.evidence.rule == "confirmed" and isinstance(pending, Ask):
        kept |= pending.slots.keys()
    return frozenset(kept)


def _interrupted_after(state: State, decision: Decision) -> tuple[Ask, ...]:
    """An open question that gives way to another request waits its turn; what is taken up again,
    or done with, waits no longer."""
    calls_off = _sentence(decision) == "cancelled" and state.pending is None
    if calls_off or _sentence(decision) in ("goodbye", "back"):
        return ()
    about, then = template_of(decision), _then(decision)
    taken_up = {about, then.template if then else None}
    waiting = [ask for ask in state.interrupted if ask.template not in taken_up]
    pending = state.pending
    gave_way = (
        isinstance(decision, Answer | Ask | Clarify) and _pending_after(state, decision) != pending
    )
    if not isinstance(pending, Ask) or pending.choices or pending.template in taken_up:
        return tuple(waiting)
    if gave_way:
        waiting = [ask for ask in waiting if ask.template != pending.template] + [pending]
    return tuple(waiting[-INTERRUPTED_KEPT:])


def _pending_after(state: State, decision: Decision) -> Ask | Clarify | None:
    """A question stays open through small talk, a citation and an unreadable message."""
    if (then := _then(decision)) is not None:
        return then
    match decision:
        case Ask() | Clarify():
            return decision
        case SmallTalk(choices=choices, evidence=evidence) if choices:
            return state.pending or Clarify(choices, evidence)
        case SmallTalk(closes=True):
            return None
        case SmallTalk() | Cite():
            return state.pending if isinstance(state.pending, Ask) else None
        case Unknown(reason="unreadable"):
            return state.pending
        case _:
            return None


def _then(decision: Decision) -> Ask | None:
    return decision.then if isinstance(decision, Answer | SmallTalk | Cite) else None


def _streak_after(state: State, decision: Decision) -> int:
    if decision.evidence.rule == "repeated":
        return state.unknown_streak
    match decision:
        case Unknown(reason="unreadable"):
            return state.unknown_streak
        case Unknown(reason="only a value"):
            return 0
        case Unknown() | Clarify(evidence=Evidence(rule="perhaps")):
            return state.unknown_streak + 1
        case _:
            return 0


def summed(
    so_far: Summary, text: str, slots: Mapping[str, str], decision: Decision | None = None
) -> Summary:
    """The summary with one more message and, if given, what was said to it."""
    failed = isinstance(decision, Answer) and decision.outcome and decision.outcome.failure
    said = isinstance(decision, Answer) and not failed and template_of(decision)
    articles = [hit.passage.article for hit in decision.hits] if isinstance(decision, Cite) else []
    return Summary(
        (*so_far.messages, text[:_MESSAGE_LENGTH])[-_MESSAGES_SUMMED:],
        dict(slots),
        _last(so_far.answered, [said] if said else []),
        _last(so_far.articles, articles),
    )


def _last(known: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *new]))[-_THINGS_SUMMED:]
