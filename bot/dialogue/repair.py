"""The rules for what a message does to the conversation, and how a reply comes back to a question.

What the words do is read by `bot.dialogue.phrases`; here it is done. Nothing is done where there is
nothing to do it to: "never mind" with no question open goes on to the rules about requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.decision import (
    OFFERS_PERSON,
    Answer,
    Ask,
    Cite,
    Clarify,
    Decision,
    Evidence,
    Handoff,
    SmallTalk,
    Unknown,
    parts_of,
    template_of,
)
from bot.dialogue.memory import OFFERING, purpose
from bot.dialogue.phrases import Act, acts_of
from bot.dialogue.short_answers import picked, words
from bot.dialogue.tone import UPSET_RUN
from bot.dialogue.turn import (
    Turn,
    certain_template,
    evidence_of,
    hand_over,
    say,
    spoken,
)
from bot.workspace.templates import Template, slot_names

ASKS_BEFORE_HANDOFF = 2
TITLES_LISTED = 5


def handed_over(turn: Turn) -> Decision | None:
    """A person is on the way, and is not talked over."""
    if not turn.state.handed_over:
        return None
    acts = set(acts_of(turn.text))
    if {"cancel", "restart"} & acts:
        return _aside(turn, "handed-over", "back", closes=True)
    if "thanks" in acts or ("goodbye" in acts and not {"yes", "no"} & acts):
        said = "goodbye" if "goodbye" in acts else "thanked"
        return _aside(turn, "handed-over", said)
    return _aside(turn, "handed-over", "waiting")


def wants_person(turn: Turn) -> Decision | None:
    """A template that hands over has the owner's own words for it, where it is certain."""
    acts = acts_of(turn.text)
    if not ("person" in acts or ("yes" in acts and _was_offered_person(turn))):
        return None
    template = certain_template(turn)
    if template is not None and template.kind == "handoff" and not template.slots:
        return say(turn, template, "wants-person")
    return hand_over(turn, "wants-person", "requested")


def repeated(turn: Turn) -> Decision | None:
    """The last decision once more, in the same words. A handoff that is over is not: a person would
    be called again."""
    last = turn.state.last
    if last is None or isinstance(last, Handoff) or acts_of(turn.text)[:1] != ("repeat",):
        return None
    return replace(last, evidence=evidence_of(turn, "repeated"))


def repaired(turn: Turn) -> Decision | None:
    acts = acts_of(turn.text)
    if _answers_open_question(turn, acts):
        return None
    if "no" in acts and ("thanks" in acts or _leaves_question(turn)):  # "no thanks" to a question
        return _cancelled(turn)
    if "no" in acts and isinstance(turn.state.pending, Clarify):  # none of those
        return _misheard(turn)
    if acts[:1] == ("no",) and (asked := _asked(turn)) and asked[0].slot not in turn.stated:
        return _lacking(turn)
    return next((_REPAIRS[act](turn) for act in acts if act in _REPAIRS), None)


def courtesy(turn: Turn) -> Decision | None:
    """Hello, thanks, goodbye and the like, where no template of the owner's says it."""
    acts = acts_of(turn.text)
    for act, sentence in _COURTESIES.items():
        if "no" in acts and act == "thanks":  # "no thanks" is no thanks
            continue
        if act in acts and (act not in ("cancel", "skip") or turn.state.pending is None):
            closes = act == "goodbye" or not isinstance(turn.state.pending, Ask)
            return _aside(turn, "courtesy", sentence, closes=closes)
    if "capabilities" in acts:
        return _capabilities(turn)
    if "repeat" in acts and turn.state.last is None:
        return _aside(turn, "courtesy", "hello")
    if "resume" in acts and turn.state.pending is None:
        return _aside(turn, "courtesy", "acknowledged" if turn.state.last else "hello")
    if turn.state.pending is None and ("yes" in acts or "no" in acts):
        said = "acknowledged" if "yes" in acts else "nothing open"
        return _aside(turn, "courtesy", said if turn.state.last else "hello")
    return None


def come_back(turn: Turn, decision: Decision) -> Decision:
    """The decision, with the question of a request that had given way to this one, if any is still
    unanswered."""
    if not isinstance(decision, Answer | Cite | SmallTalk) or _ends(turn, decision):
        return decision
    for ask in reversed(_waiting(turn, decision)):
        if (template := spoken(turn, ask.template)) is None:
            continue
        known = replace(turn, slots=decision.evidence.slots)
        found = say(known, template, decision.evidence.rule)
        found = replace(found, wording=turn.state.uses.get(purpose(found), 0))
        if isinstance(found, Ask):
            again = replace(found, attempt=ask.attempt, returns=ask.returns + 1)
            return replace(decision, then=again)
    return decision


# --- repairs -------------------------------------------------------------------------------------


def _called_off(turn: Turn) -> Decision | None:
    """What was done by an action cannot be called off by words; what was only asked for can."""
    if turn.state.pending is None and _did_something(turn):
        return _aside(turn, "repaired", "done")
    return _cancelled(turn)


def _cancelled(turn: Turn) -> Decision | None:
    state = turn.state
    if state.pending is None and not state.interrupted:
        return None
    return _aside(turn, "repaired", "cancelled", closes=True)


def _skipped(turn: Turn) -> Decision | None:
    """The template without the slot, where it can do without."""
    asked = _asked(turn)
    if asked is None:
        return None
    ask, template = asked
    if not _needs(template, ask.slot):
        return say(replace(turn, slots={**turn.slots, ask.slot: ""}), template, "repaired")
    return _once_more(turn, ask, "needed")


def _lacking(turn: Turn) -> Decision | None:
    """The customer has no value: the template without it, or else the offer of a person, once."""
    asked = _asked(turn)
    if asked is None:
        return None
    if not _needs(asked[1], asked[0].slot):
        return _skipped(turn)
    if _just_said(turn, "lacking"):
        return hand_over(turn, "repaired", "unfilled")
    return _aside(turn, "repaired", "lacking")


def _misheard(turn: Turn) -> Decision | None:
    """An apology and the offer of a person; a person, where it is the second time in a row."""
    if turn.state.last is None:
        return None
    if _just_said(turn, "misheard"):
        return hand_over(turn, "repaired", "unknown")
    return _aside(turn, "repaired", "misheard", closes=True)


def _told(turn: Turn) -> Decision | None:
    """What was asked for, if an earlier message holds it; else an apology, and a person."""
    if (asked := _asked(turn)) is None:
        return None if turn.state.last is None else _aside(turn, "repaired", "heard")
    ask, template = asked
    entity = turn.entities.get(ask.slot)
    earlier = reversed(turn.state.so_far.messages)
    found = (value for text in earlier if entity and (value := entity.find(text)))
    if (value := next(found, None)) is not None:
        return say(replace(turn, slots={**turn.slots, ask.slot: value}), template, "repaired")
    return _once_more(turn, ask, "told")


def _restarted(turn: Turn) -> Decision:
    return _aside(replace(turn, slots={}), "repaired", "restarted", closes=True)


def _resumed(turn: Turn) -> Decision | None:
    """The question that is open, or of the request that gave way last, once more."""
    state = turn.state
    waiting = [state.pending] if isinstance(state.pending, Ask) else state.interrupted
    for ask in reversed(waiting):
        if (template := spoken(turn, ask.template)) is not None:
            return say(turn, template, "repaired")
    return None


_REPAIRS: Mapping[Act, Callable[[Turn], Decision | None]] = {
    "cancel": _called_off,
    "skip": _skipped,
    "told": _told,
    "misheard": _misheard,
    "lacks": _lacking,
    "restart": _restarted,
    "resume": _resumed,
}
_COURTESIES: Mapping[Act, str] = {
    "goodbye": "goodbye",
    "thanks": "thanked",
    "greeting": "hello",
    "opener": "listening",
    "cancel": "nothing open",
    "skip": "nothing open",
}


def _capabilities(turn: Turn) -> Decision:
    """What customers ask for most, where that is known, first."""
    asked = turn.told.asked
    titles = [found for found in turn.templates.spoken if found.kind == "answer"]
    titles.sort(key=lambda found: -asked.get(found.id, 0))
    choices = tuple(found.id for found in titles[:TITLES_LISTED])
    name = "capabilities" if choices else "no capabilities"
    return replace(_aside(turn, "courtesy", name), choices=choices)


# --- what they are made of -----------------------------------------------------------------------

_PLAIN_YES = re.compile(r"(?:yes|yeah|yep|yup|sure|please|of course|i would)\b|是|要|需要|当然")


def _was_offered_person(turn: Turn) -> bool:
    """Whether a yes asks for a person. After an unknown, which only says how to reach one, "ok" is
    no such yes."""
    last = turn.state.last
    if isinstance(last, Unknown) and last.reason in ("uncertain", "out of scope"):
        return _PLAIN_YES.match(turn.words) is not None
    return turn.state.offered


def _leaves_question(turn: Turn) -> bool:
    """Whether a no turns down the person who was offered in place of an answer to the question."""
    return turn.state.offered and isinstance(turn.state.pending, Ask)


def _did_something(turn: Turn) -> bool:
    """Whether the last reply says that an action was done."""
    last = turn.state.last
    answers = (part for part in (parts_of(last) if last else ()) if isinstance(part, Answer))
    return any(one.outcome is not None and one.outcome.failure is None for one in answers)


def _just_said(turn: Turn, sentence: str) -> bool:
    last = turn.state.last
    return isinstance(last, SmallTalk) and last.sentence == sentence


def _aside(turn: Turn, rule: str, sentence: str, *, closes: bool = False) -> SmallTalk:
    evidence = evidence_of(turn, rule)
    return SmallTalk(None, turn.slots, evidence, sentence=sentence, closes=closes)


def _answers_open_question(turn: Turn, acts: tuple[Act, ...]) -> bool:
    """Whether the words answer what was asked: a choice offered, a yes or a no, or "cancel" where
    the question is about cancelling."""
    pending = turn.state.pending
    if pending is None:
        return False
    ids = pending.choices if isinstance(pending, Clarify) else (pending.template,)
    titles = [found.title for name in ids if (found := spoken(turn, name)) is not None]
    if isinstance(pending, Clarify):
        return picked(turn.words, titles) is not None
    if pending.confirming and {"yes", "no", "cancel", "skip", "resume"} & {*acts}:
        return True
    return acts[:1] == ("cancel",) and any(names(turn.words, title) for title in titles)


def names(said: str, title: str) -> bool:
    """Whether words begin with the first word of a title: "cancel it" that of "Cancel an order",
    and "取消吧" that of "取消订单"."""
    verb = words(title).split()[0]
    return said.startswith(verb) or (not verb.isascii() and said.startswith(verb[:2]))


def _asked(turn: Turn) -> tuple[Ask, Template] | None:
    """The open question for a slot, and its template."""
    pending = turn.state.pending
    if not isinstance(pending, Ask) or pending.confirming:
        return None
    template = spoken(turn, pending.template)
    return None if template is None else (pending, template)


def _needs(template: Template, slot: str) -> bool:
    """Whether a template cannot be said, or its action not be run, without a slot."""
    said = (*template.wordings, *template.failure, template.confirm or "")
    return template.action is not None or any(slot in slot_names(text) for text in said)


def _once_more(turn: Turn, ask: Ask, sentence: str) -> Decision:
    if ask.attempt + 1 >= ASKS_BEFORE_HANDOFF:
        return hand_over(turn, "repaired", "unfilled")
    said = _aside(turn, "repaired", sentence)
    again = replace(ask, attempt=ask.attempt + 1, evidence=evidence_of(turn, "repaired"))
    return replace(said, then=replace(again, slots=turn.slots, complaint="", corrected=""))


def _ends(turn: Turn, decision: Answer | Cite | SmallTalk) -> bool:
    """Whether nothing is to be come back to after this, or it does so already."""
    if decision.then is not None or decision.evidence.rule in ("repeated", "handed-over"):
        return True
    return "goodbye" in acts_of(turn.text) or (
        isinstance(decision, SmallTalk) and decision.sentence in {"restarted", *OFFERING}
    )


def _waiting(turn: Turn, decision: Answer | Cite | SmallTalk) -> list[Ask]:
    """The questions that gave way to what this decides, the latest last."""
    about, state = template_of(decision), turn.state
    closes = isinstance(decision, SmallTalk) and decision.closes
    pending = [state.pending] if isinstance(state.pending, Ask) and not closes else []
    if closes and state.pending is None:
        return []
    waiting = (*state.interrupted, *pending)
    return [ask for ask in waiting if ask.template != about and not ask.choices]


def offering(turn: Turn, decision: Decision) -> Decision:
    """The decision, with the offer of a person once in a run of upset messages, and where it can
    only say once more what was just said."""
    offered = any(part.kind in OFFERS_PERSON for part in parts_of(decision))
    wanted = turn.upset == UPSET_RUN or (
        turn.upset < UPSET_RUN and not turn.state.offered and _says_nothing_new(turn, decision)
    )
    if not wanted or offered or turn.state.handed_over:
        return decision
    evidence: Evidence = replace(decision.evidence, offers=True)
    return replace(decision, evidence=evidence)


def _says_nothing_new(turn: Turn, decision: Decision) -> bool:
    """Whether the template of the reply before is said again, and nobody asked for that."""
    last, asked_for = turn.state.last, decision.evidence.rule == "repeated"
    if asked_for or not isinstance(decision, Answer) or not isinstance(last, Answer):
        return False
    same = decision.template == last.template and decision.outcome is None and last.outcome is None
    needed = turn.templates.by_id[decision.template].slots
    return same and all(decision.slots.get(slot) == last.slots.get(slot) for slot in needed)
