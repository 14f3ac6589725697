"""Follow-ups: "and for the blue one?", "how long does that take?", "那红茶呢？".

Such a message is understood from the question that it follows, `State.asked`. Its passages are
searched for together with that question (`earlier`), and a threshold of their own is certified for
them; a new value of a slot says the last template once more (`follow_up`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.decision import (
    Answer,
    Ask,
    Candidates,
    Clarify,
    Decision,
    Handoff,
    SmallTalk,
    Thresholds,
    Unknown,
    template_of,
)
from bot.dialogue import rules
from bot.dialogue.ellipsis import counterpart, leaning, names_nothing, only_points_back
from bot.dialogue.short_answers import words
from bot.dialogue.turn import Turn, beside_values, certain_template, read_out, say, spoken
from bot.state import Question, State

if TYPE_CHECKING:
    from bot.state import Vector
    from bot.workspace.templates import Template
    from kb.search import Earlier

_QUESTION_LENGTH = 500  # characters that are kept of one


def earlier(asked: Question | None, text: str) -> Earlier | None:
    """The question that a search for a message must know, and its share of the search; None where
    the message stands by itself."""
    from kb.search import Earlier

    share = leaning(words(text)) if asked else 0.0
    return Earlier(asked.text, asked.vector, share) if asked and share else None


def in_force(thresholds: Thresholds, candidates: Candidates) -> Thresholds:
    """The thresholds of a message with these candidates: passages that were searched for together
    with an earlier question have one of their own."""
    return replace(thresholds, passage=thresholds.follow_up) if candidates.follows else thresholds


def asked_after(state: State, text: str, vector: Vector, decision: Decision) -> Question | None:
    """The question that the next message may follow, once `decision` was taken on this one.

    A message that follows up, or gives what we asked for, leaves the question as it was; small talk
    does too; nothing follows what was not answered or was called off.
    """
    match decision:
        case SmallTalk(sentence="restarted" | "cancelled" | "back"):
            return None
        case SmallTalk() | Unknown(reason="unreadable"):
            return state.asked
        case Handoff() | Unknown():
            return None
    template = template_of(decision)
    if state.asked and _gives_what_was_asked(state.pending, decision):
        return replace(state.asked, template=template)
    return next_question(state.asked, text, vector, template)


def next_question(
    asked: Question | None, text: str, vector: Vector, template: str | None
) -> Question:
    """The question after a message that was answered with `template` or otherwise: the same one
    where the message leans on it and was not answered with another template."""
    if asked and leaning(words(text)) and template in (None, asked.template):
        return asked
    return Question(text[:_QUESTION_LENGTH], vector, template)


def _gives_what_was_asked(pending: Ask | Clarify | None, decision: Decision) -> bool:
    template = template_of(decision)
    match pending:
        case Ask():
            return template == pending.template
        case Clarify():
            return template in pending.choices
        case None:
            return False


def follow_up(turn: Turn) -> Decision | None:
    """The last template with a new value, or a passage that knows the question before.

    A passage goes before the template of a certain intent where that template was just said and
    would say nothing new, or where the message names nothing: "how long does it take?" has no
    intent of its own. Nor has "what about the jacket?", whatever is certain of it.
    """
    if (asked := _asked_for_another(turn)) is not None:
        return asked
    last, certain = _last_template(turn), certain_template(turn)
    if last is not None and (named := _named_in_short(turn, last)) is not None:
        return _again(named, last, is_certain=certain == last)
    if last is not None and any(slot in turn.stated for slot in last.slots):
        beside = beside_values(turn)
        says_little = not beside or names_nothing(beside)
        if only_points_back(beside) or (says_little and certain in (None, last)):
            return _again(turn, last, is_certain=certain == last)
    if certain is None or certain.kind != "answer":
        return None
    leans = bool(turn.candidates.follows) and names_nothing(turn.words)
    found = rules.passage_certain(turn) if certain == last or leans else None
    return found and replace(found, evidence=replace(found.evidence, rule="follow-up"))


def _asked_for_another(turn: Turn) -> Decision | None:
    """While a slot is asked for, the message may change another one: "and the 600 one?" for "which
    size?". The question is then asked for that one, and this is no failed try at an answer."""
    pending, certain = turn.state.pending, certain_template(turn)
    if not isinstance(pending, Ask) or pending.confirming:
        return None
    if (template := spoken(turn, pending.template)) is None or certain not in (None, template):
        return None
    now = _named_in_short(turn, template) or turn
    known = [slot for slot in template.slots if slot in turn.before and slot != pending.slot]
    new = [now.stated[s] for s in known if now.stated.get(s) not in (None, turn.before[s])]
    beside = beside_values(now)
    if not new or (beside and not names_nothing(beside)):
        return None
    said = say(now, template, "follow-up")
    return replace(said, corrected=new[0]) if isinstance(said, Ask) else said


def _named_in_short(turn: Turn, last: Template) -> Turn | None:
    """The turn with a new value of the last template that the message names only by what is new in
    it: "and the 600 one?" after the Dunlin 300. Values that need a check are named whole."""
    listed = {slot: turn.entities[slot] for slot in last.slots if slot in turn.entities}
    meant = {
        slot: value
        for slot, entity in listed.items()
        if slot in turn.slots and not turn.stated and entity.checked_by is None
        if (value := counterpart(turn.words, turn.slots[slot], entity.values)) is not None
    }
    if len(meant) != 1:
        return None
    reading = replace(turn.reading, entities={**turn.reading.entities, **meant})
    known = replace(turn.known, stated=meant, slots={**turn.slots, **meant})
    return replace(turn, reading=reading, slots=known.slots, known=known)


def _again(turn: Turn, template: Template, *, is_certain: bool) -> Decision:
    """The template with the new value. An action is not run on a guess: where nothing but the
    question before says what is wanted, a yes is asked for first."""
    said = say(turn, template, "follow-up")
    if isinstance(said, Answer) and said.action is not None and not is_certain:
        return read_out(turn, template, "follow-up")
    return said


def _last_template(turn: Turn) -> Template | None:
    """The template that the question before was answered with, if nothing else is open."""
    asked = turn.state.asked
    if asked is None or asked.template is None or turn.state.pending is not None:
        return None
    template = spoken(turn, asked.template)
    return template if template is not None and template.kind == "answer" else None
