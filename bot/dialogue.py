"""What to do in a turn: one pure function from (state, reading, candidates) to a decision.

The rules are tried in this order and the first that applies decides; `PRECEDENCE` is this table.

     1  unreadable        no letter and no digit in the message     -> Unknown
     2  wants-person      the message is "agent" (or 人工 ...)      -> Handoff
     3  slot-filled       the message fills the slot asked for      -> its template
     4  choice-picked     the message picks an offered choice       -> its template
     5  intent-certain    the intent clears its threshold           -> its template
     6  small-talk        a polite intent, likely enough            -> SmallTalk
     7  passage-certain   passages clear their threshold            -> Cite
     8  slot-unfilled     still waiting for a slot                  -> Ask again, then Handoff
     9  template-certain  the ranker's template clears its threshold-> its template
    10  too-close         two or three intents hold the probability -> Clarify
    11  unknown-twice     nothing before applied, second in a row   -> Handoff
    12  unknown           nothing before applied                    -> Unknown

"Its template" asks for the first slot that is missing, and is otherwise said: as an answer, as
small talk, or as a handoff. A message that the intent `oos` leads is never answered from a
template, except that what was asked for or offered (3, 4) may always be given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.decision import (
    Answer,
    Ask,
    Candidates,
    Cite,
    Clarify,
    Decision,
    Evidence,
    Handoff,
    HandoffReason,
    Reading,
    Scored,
    SmallTalk,
    Summary,
    Thresholds,
    Unknown,
    template_of,
)
from bot.short_answers import PERSON_WORDS, picked, words
from bot.state import State
from finetune.conversation import OUT_OF_SCOPE

if TYPE_CHECKING:
    from bot.settings import EntitySettings
    from bot.templates import Template, Templates

RULES: Mapping[str, str] = {
    "unreadable": "there is no letter and no digit in the message",
    "wants-person": "the customer asked for a person",
    "slot-filled": "the message fills the slot that was asked for",
    "choice-picked": "the message picks one of the choices offered",
    "intent-certain": "the most likely intent clears its threshold",
    "small-talk": "the most likely intent is small talk, and likely enough to be polite about",
    "passage-certain": "the best passage clears its threshold",
    "slot-unfilled": "the message does not fill the slot that was asked for",
    "template-certain": "the best-ranked template clears its threshold",
    "too-close": "a few intents together are likely enough, none of them alone",
    "unknown-twice": "nothing clears its threshold, for the second time in a row",
    "unknown": "nothing clears its threshold",
}
"""The rules' names, as evidence gives them, with what each says to a person; in order."""

ASKS_BEFORE_HANDOFF = 2
UNKNOWNS_BEFORE_HANDOFF = 2
PASSAGES_CITED = 2

_MESSAGES_SUMMED, _MESSAGE_LENGTH, _THINGS_SUMMED = 3, 500, 10


@dataclass(frozen=True, slots=True)
class _Turn:
    """Everything a rule may look at.

    `words` are the letters and digits of `text`; `slots` is what is known, with what `text` adds.
    """

    state: State
    text: str
    words: str
    reading: Reading
    candidates: Candidates
    templates: Templates
    thresholds: Thresholds
    entities: Mapping[str, EntitySettings]
    slots: Mapping[str, str]

    @property
    def top(self) -> Scored | None:
        return self.reading.intents[0] if self.reading.intents else None

    @property
    def out_of_scope(self) -> bool:
        return self.top is not None and self.top.name == OUT_OF_SCOPE


def decide(
    state: State,
    text: str,
    reading: Reading,
    candidates: Candidates,
    templates: Templates,
    thresholds: Thresholds,
    entities: Mapping[str, EntitySettings],
) -> Decision:
    """The decision of the first rule that applies; see the table at the top of this file."""
    slots = {**state.slots, **reading.entities}
    heard = (text, words(text), reading)
    turn = _Turn(state, *heard, candidates, templates, thresholds, entities, slots)
    decision = next(found for rule in PRECEDENCE if (found := rule(turn)) is not None)
    return replace(decision, wording=state.uses.get(purpose(decision), 0))


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
        so_far=_summed(state.so_far, text, slots, decision),
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


# The rules, in order.


def _unreadable(turn: _Turn) -> Decision | None:
    return None if turn.words else Unknown("unreadable", _evidence(turn, "unreadable"))


def _wants_person(turn: _Turn) -> Decision | None:
    if turn.words in PERSON_WORDS:
        return _hand_over(turn, "wants-person", "requested")
    return None


def _slot_filled(turn: _Turn) -> Decision | None:
    pending = turn.state.pending
    if not isinstance(pending, Ask) or (template := _template(turn, pending.template)) is None:
        return None
    value = _value_for(turn, pending.slot)
    if value is None or (_says_more_than(turn, value) and _certain_other(turn, pending.template)):
        return None
    filled = replace(turn, slots={**turn.slots, pending.slot: value})
    return _say(filled, template, "slot-filled")


def _choice_picked(turn: _Turn) -> Decision | None:
    if not isinstance(turn.state.pending, Clarify):
        return None
    choices = (_template(turn, choice) for choice in turn.state.pending.choices)
    offered = [found for found in choices if found is not None]
    place = picked(turn.words, [found.title for found in offered])
    return None if place is None else _say(turn, offered[place], "choice-picked")


def _intent_certain(turn: _Turn) -> Decision | None:
    template = _certain_template(turn)
    if template is None or _waiting_on(turn, template):
        return None
    return _say(turn, template, "intent-certain")


def _small_talk(turn: _Turn) -> Decision | None:
    """Small talk claims nothing, so it needs no certified threshold, only the probability."""
    template = _template_for(turn, turn.top.name) if turn.top else None
    if template is None or template.kind != "smalltalk" or turn.top is None:
        return None
    likely = turn.top.score >= 1 - turn.thresholds.max_wrong
    return _say(turn, template, "small-talk") if likely else None


def _passage_certain(turn: _Turn) -> Decision | None:
    clear = [hit for hit in turn.candidates.hits if _clears(hit.score, turn.thresholds.passage)]
    if not clear:
        return None
    return Cite(tuple(clear[:PASSAGES_CITED]), _evidence(turn, "passage-certain"))


def _slot_unfilled(turn: _Turn) -> Decision | None:
    pending = turn.state.pending
    if not isinstance(pending, Ask):
        return None
    if pending.attempt + 1 >= ASKS_BEFORE_HANDOFF:
        return _hand_over(turn, "slot-unfilled", "unfilled")
    evidence = _evidence(turn, "slot-unfilled")
    return replace(pending, slots=turn.slots, attempt=pending.attempt + 1, evidence=evidence)


def _template_certain(turn: _Turn) -> Decision | None:
    ranked = turn.candidates.templates
    if not ranked or turn.out_of_scope or not _clears(ranked[0].score, turn.thresholds.template):
        return None
    template = _template(turn, ranked[0].name)
    return None if template is None else _say(turn, template, "template-certain")


def _too_close(turn: _Turn) -> Decision | None:
    for count in (2, 3):
        likely = turn.reading.intents[:count]
        if sum(intent.score for intent in likely) < 1 - turn.thresholds.max_wrong:
            continue
        choices = _choices(turn, likely)
        if len(choices) > 1 and not _offered_already(turn, choices):
            return Clarify(choices, _evidence(turn, "too-close"))
    return None


def _unknown_twice(turn: _Turn) -> Decision | None:
    if turn.state.unknown_streak + 1 < UNKNOWNS_BEFORE_HANDOFF:
        return None
    return _hand_over(turn, "unknown-twice", "unknown")


def _unknown(turn: _Turn) -> Decision | None:
    evidence = _evidence(turn, "unknown")
    return Unknown("out of scope" if turn.out_of_scope else "uncertain", evidence)


PRECEDENCE: tuple[Callable[[_Turn], Decision | None], ...] = (
    _unreadable,
    _wants_person,
    _slot_filled,
    _choice_picked,
    _intent_certain,
    _small_talk,
    _passage_certain,
    _slot_unfilled,
    _template_certain,
    _too_close,
    _unknown_twice,
    _unknown,
)


# What the rules are made of.


def _say(turn: _Turn, template: Template, rule: str) -> Decision:
    """Ask for the first slot that `template` lacks, or say it in the way of its kind."""
    evidence = _evidence(turn, rule)
    missing = next((slot for slot in template.slots if slot not in turn.slots), None)
    if missing is not None:
        entity = turn.entities.get(missing)
        return Ask(missing, template.id, entity.ask if entity else "", turn.slots, evidence)
    if template.kind == "handoff":
        return _hand_over(turn, rule, "template", template.id)
    said = SmallTalk if template.kind == "smalltalk" else Answer
    return said(template.id, turn.slots, evidence)


def _hand_over(
    turn: _Turn, rule: str, reason: HandoffReason, template: str | None = None
) -> Handoff:
    summary = _summed(turn.state.so_far, turn.text, turn.slots)
    return Handoff(reason, summary, _evidence(turn, rule), template)


def _evidence(turn: _Turn, rule: str) -> Evidence:
    reading, found = turn.reading, turn.candidates
    return Evidence(
        rule,
        reading.intents,
        found.templates,
        found.hits,
        turn.thresholds,
        reading.entities,
        reading.values,
    )


def _clears(score: float, threshold: float | None) -> bool:
    return threshold is not None and score >= threshold


def _template(turn: _Turn, name: str) -> Template | None:
    """The template with this id; a draft is as good as absent."""
    found = turn.templates.by_id.get(name)
    return None if found is None or found.draft else found


def _template_for(turn: _Turn, intent: str) -> Template | None:
    """The intent's template; of several, the one the ranker likes best, else the first."""
    if intent == OUT_OF_SCOPE:
        return None
    order = {scored.name: place for place, scored in enumerate(turn.candidates.templates)}
    usable = turn.templates.by_intent(intent)
    return min(usable, key=lambda found: order.get(found.id, len(order)), default=None)


def _certain_template(turn: _Turn) -> Template | None:
    if turn.top is None or not _clears(turn.top.score, turn.thresholds.intent):
        return None
    return _template_for(turn, turn.top.name)


def _certain_other(turn: _Turn, asking: str) -> bool:
    """Whether the message certainly is about something other than the template `asking`."""
    certain = _certain_template(turn)
    return certain is not None and certain.id != asking


def _waiting_on(turn: _Turn, template: Template) -> bool:
    """Whether the question that is open was asked on behalf of `template`."""
    pending = turn.state.pending
    return isinstance(pending, Ask) and pending.template == template.id


def _value_for(turn: _Turn, slot: str) -> str | None:
    """What the message gives for `slot`."""
    entity = turn.entities.get(slot)
    return turn.reading.entities.get(slot) or (entity.find(turn.text) if entity else None)


def _says_more_than(turn: _Turn, value: str) -> bool:
    """Whether less than half of the message is the value."""
    return 2 * len(words(value)) < len(turn.words)


def _choices(turn: _Turn, likely: Sequence[Scored]) -> tuple[str, ...]:
    """The templates of the likely intents; none when one has nothing to offer."""
    templates = [_template_for(turn, intent.name) for intent in likely]
    ids = [found.id for found in templates if found is not None and found.kind != "smalltalk"]
    return tuple(dict.fromkeys(ids)) if len(ids) == len(likely) else ()


def _offered_already(turn: _Turn, choices: Sequence[str]) -> bool:
    """Whether the choices just offered, none of which was picked, are among these."""
    pending = turn.state.pending
    return isinstance(pending, Clarify) and set(pending.choices) <= set(choices)


# What a decision does to the state.


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


def _summed(
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
