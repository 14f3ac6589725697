"""The rules about slots: corrected, confirmed, filled, refused, and still missing."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.decision import Answer, Ask, Clarify, Decision, Handoff, Part, Several, SmallTalk, Summary
from bot.dialogue.filling import MOST_LISTED, corrects
from bot.dialogue.phrases import acts_of
from bot.dialogue.repair import ASKS_BEFORE_HANDOFF, names
from bot.dialogue.short_answers import words
from bot.dialogue.turn import (
    Turn,
    certain_other,
    certain_template,
    evidence_of,
    hand_over,
    say,
    says_more_than,
    spoken,
)
from bot.workspace.templates import Template, Templates

LONGEST_TRY = 12
"""Letters and digits of a message that is taken for a try at a value, though it is none."""


def corrected(turn: Turn) -> Decision | None:
    """A message that takes back a value says again, or asks again, what depended on it."""
    template = spoken(turn, turn.state.about or "")
    changed = _changed(turn, template) if template else []
    if template is None or not changed or not _takes_back(turn):
        return None
    value = turn.slots.get(changed[0], "")
    if value and says_more_than(turn, value) and certain_other(turn, template.id):
        return None
    said = say(turn, template, "corrected")
    return replace(said, corrected=value) if isinstance(said, Ask) else said


def confirmed(turn: Turn) -> Decision | None:
    pending = _confirming(turn)
    template = spoken(turn, pending.template) if pending else None
    if template is None or not _says_yes(turn, template):
        return None
    return say(turn, template, "confirmed", confirmed=True)


def declined(turn: Turn) -> Decision | None:
    pending = _confirming(turn)
    if pending is None or not _says_no(turn, pending):
        return None
    evidence = evidence_of(turn, "declined")
    return SmallTalk(pending.template, turn.slots, evidence, sentence="declined", closes=True)


def slot_filled(turn: Turn) -> Decision | None:
    pending = turn.state.pending
    if not isinstance(pending, Ask) or (template := spoken(turn, pending.template)) is None:
        return None
    value = turn.stated.get(pending.slot)
    if value is None or (says_more_than(turn, value) and certain_other(turn, pending.template)):
        return None
    return say(turn, template, "slot-filled")


def slot_refused(turn: Turn) -> Decision | None:
    pending = turn.state.pending
    if not isinstance(pending, Ask) or pending.slot not in turn.refused:
        return None
    return _ask_again(turn, pending, "slot-refused", turn.refused[pending.slot])


def slot_unfilled(turn: Turn) -> Decision | None:
    pending = turn.state.pending
    if not isinstance(pending, Ask):
        return None
    if pending.choices:
        return Clarify(pending.choices, evidence_of(turn, "slot-unfilled"))
    return _ask_again(turn, pending, "slot-unfilled", _complaint(turn, pending))


def as_confirmed(decision: Decision, templates: Templates) -> Decision:
    """What a yes would lead to, where the decision asks for one and there is nobody to give it."""
    if isinstance(decision, Several):
        parts = tuple(_confirmed_part(part, templates) for part in decision.parts)
        return replace(decision, parts=parts)
    return _confirmed_part(decision, templates)


def _confirmed_part(part: Part, templates: Templates) -> Part:
    if not isinstance(part, Ask) or not part.confirming:
        return part
    template = templates.by_id[part.template]
    if template.kind == "handoff":
        return Handoff("template", Summary(slots=part.slots), part.evidence, template.id)
    return Answer(template.id, part.slots, part.evidence, action=template.action)


def _changed(turn: Turn, template: Template) -> list[str]:
    """The slots of a template that the message gives another value, or takes the value from."""
    before, after = turn.before, turn.slots
    return [slot for slot in template.slots if slot in before and after.get(slot) != before[slot]]


def _takes_back(turn: Turn) -> bool:
    """While it is read out, and once it was turned down, any other value is a correction."""
    last = turn.state.last
    was_declined = isinstance(last, SmallTalk) and last.sentence == "declined"
    return _confirming(turn) is not None or was_declined or corrects(turn.text)


def _confirming(turn: Turn) -> Ask | None:
    pending = turn.state.pending
    return pending if isinstance(pending, Ask) and pending.confirming else None


_YES = re.compile(
    r"(?:yes|yeah|yep|yup|sure|correct|exactly)\b|是的|没错|对的|好的|可以|确认|确定|[是对嗯行]\b"
)
_NO = re.compile(
    r"(?:(?:h+m+|u+m+|uh|er|oh|ah|well) )*(?:no|nope|nah|don t|do not|stop|wait|hold on)\b"
    r"|(?:(?:actually|please|i d rather|i ll|i want to|let s) )*keep\b"
    r"|算了|(?:还是|那就?|我|先)*[不别]|等"
)
_UNSURE = re.compile(
    r"\b(?:but|however|wait|not|no|don t|doesn t|isn t|instead|first|if|unless|except|only|other"
    r"|another|different)\b|但|不|别|先|等|如果|除非|另|其他|换|[?？吗]"
)


def _says_yes(turn: Turn, template: Template) -> bool:
    """A yes and nothing else, or a yes that goes on without a doubt or another request."""
    acts = acts_of(turn.text)
    if acts:
        return "yes" in acts and "no" not in acts
    begins = _YES.match(turn.words) is not None
    doubts = _UNSURE.search(turn.words) or _UNSURE.search(turn.text)
    return begins and not doubts and not certain_other(turn, template.id)


def _says_no(turn: Turn, pending: Ask) -> bool:
    """A no that goes on is one, too: nothing is done without a yes."""
    acts = acts_of(turn.text)
    if acts:
        template = spoken(turn, pending.template)
        is_said_of_it = template is not None and names(turn.words, template.title)
        return not {"no", "skip"}.isdisjoint(acts) or ("cancel" in acts and not is_said_of_it)
    certain = certain_template(turn)
    is_thanks = certain is not None and certain.kind == "smalltalk"  # "keep it, thanks"
    asks_other = certain_other(turn, pending.template) and not is_thanks
    return _NO.match(turn.words) is not None and not asks_other


def _ask_again(turn: Turn, pending: Ask, rule: str, complaint: str) -> Decision:
    if pending.attempt + 1 >= ASKS_BEFORE_HANDOFF:
        return hand_over(turn, rule, "unfilled")
    return replace(
        pending,
        question=_with_choices(turn, pending),
        slots=pending.slots if pending.confirming else turn.slots,
        attempt=pending.attempt + 1,
        evidence=evidence_of(turn, rule),
        complaint=complaint,
        corrected="",
    )


def _with_choices(turn: Turn, pending: Ask) -> str:
    """The owner's question, with a short list of values spelled out and numbered."""
    entity = turn.entities.get(pending.slot)
    if entity is None or not 0 < len(entity.values) <= MOST_LISTED:
        return pending.question
    numbered = [f"{number}. {value}" for number, value in enumerate(entity.values, start=1)]
    return "\n".join([entity.ask, *numbered])


def _complaint(turn: Turn, pending: Ask) -> str:
    """What the owner says of a value that is none, where the message looks like a try at one."""
    entity = turn.entities.get(pending.slot)
    if entity is None or entity.invalid is None:
        return ""
    has_digit = any(char.isdigit() for char in turn.words)
    is_try = len(words(turn.text)) <= LONGEST_TRY and bool(entity.values)
    return entity.invalid if has_digit or is_try else ""
