"""What a rule may look at, and what rules are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.decision import (
    Answer,
    Ask,
    Candidates,
    Clarify,
    Decision,
    Evidence,
    Handoff,
    HandoffReason,
    Reading,
    Scored,
    SmallTalk,
    Thresholds,
)
from bot.dialogue.filling import Known
from bot.dialogue.memory import summed
from bot.dialogue.naming import beginning
from bot.dialogue.short_answers import words
from bot.dialogue.told import NOTHING_TOLD, Told
from bot.dialogue.tone import sounds_upset
from bot.state import State
from bot.workspace.templates import fill
from finetune.conversation import OUT_OF_SCOPE

if TYPE_CHECKING:
    from bot.workspace.settings import EntitySettings
    from bot.workspace.templates import Template, Templates


@dataclass(frozen=True, slots=True)
class Heard:
    """A message, or a part of one, with what was read in it and what could be said to it."""

    text: str
    reading: Reading
    candidates: Candidates


def _undecided(_: State, heard: Heard) -> Decision:
    raise LookupError(f"nobody decides {heard.text!r}")


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything a rule may look at.

    `words` are the letters and digits of `text`; `slots` is all that is known with it, and `known`
    how that came about. `now` is the time in seconds, never before that of the turn before.
    `parts` are the requests that the message falls into, where it does; `decide` decides one of
    them by the same rules. `told` is what customers tell with each request.
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
    known: Known = field(default_factory=Known)
    now: float = 0.0
    parts: tuple[Heard, ...] = ()
    told: Told = NOTHING_TOLD
    decide: Callable[[State, Heard], Decision] = field(default=_undecided, repr=False)

    @property
    def upset(self) -> int:
        """How many messages in a row have sounded upset, this one included."""
        return self.state.upset_streak + 1 if sounds_upset(self.text, self.reading) else 0

    @property
    def before(self) -> Mapping[str, str]:
        """What was known before the message, by slot."""
        return self.known.before

    @property
    def stated(self) -> Mapping[str, str]:
        """What the message gives, by slot."""
        return self.known.stated

    @property
    def refused(self) -> Mapping[str, str]:
        """What is wrong with what the message gives and is not accepted, by slot."""
        return self.known.refused

    @property
    def top(self) -> Scored | None:
        return self.reading.intents[0] if self.reading.intents else None

    @property
    def out_of_scope(self) -> bool:
        return self.top is not None and self.top.name == OUT_OF_SCOPE


def say(turn: Turn, template: Template, rule: str, *, confirmed: bool = False) -> Decision:
    """Ask for the first slot that `template` lacks, then whether to go ahead where it is to be
    `confirmed` and was not, or say it in the way of its kind."""
    evidence = evidence_of(turn, rule)
    missing = next((slot for slot in template.slots if slot not in turn.slots), None)
    if missing is not None:
        return ask_for(turn, missing, template, evidence)
    own = own_slots(turn, template)
    if not confirmed and needs_confirming(turn, template):
        return read_out(turn, template, rule)
    if template.kind == "handoff":
        return hand_over(turn, rule, "template", template.id)
    if template.kind == "smalltalk":
        return SmallTalk(template.id, turn.slots, evidence)
    if template.action is not None:  # it is given what it needs, not all that is known
        return Answer(template.id, own, evidence, action=template.action)
    return Answer(template.id, turn.slots, evidence)


def ask_for(turn: Turn, slot: str, template: Template, evidence: Evidence) -> Ask:
    entity, complaint = turn.entities.get(slot), turn.refused.get(slot, "")
    question = entity.ask if entity else ""
    return Ask(slot, template.id, question, turn.slots, evidence, complaint=complaint)


def read_out(turn: Turn, template: Template, rule: str) -> Ask:
    """The question whether to go ahead with a template whose slots are filled."""
    own = own_slots(turn, template)
    return Ask("", template.id, fill(template.confirm or "", own), own, evidence_of(turn, rule))


def own_slots(turn: Turn, template: Template) -> dict[str, str]:
    return {slot: turn.slots[slot] for slot in template.slots}


def needs_confirming(turn: Turn, template: Template) -> bool:
    """Whether the owner wants a yes to the template, or to a slot that has had none yet, or we
    asked for one and are still waiting for it."""
    had = {slot for slot in turn.state.confirmed if turn.slots.get(slot) == turn.before.get(slot)}
    wanted = {name for name, entity in turn.entities.items() if entity.confirm}
    asked = any(
        isinstance(ask, Ask) and ask.confirming and ask.template == template.id
        for ask in (turn.state.pending, *turn.state.interrupted)
    )
    return template.confirm is not None or asked or bool(wanted & {*template.slots} - had)


def hand_over(turn: Turn, rule: str, reason: HandoffReason, template: str | None = None) -> Handoff:
    summary = summed(turn.state.so_far, turn.text, turn.slots)
    return Handoff(reason, summary, evidence_of(turn, rule), template)


def evidence_of(turn: Turn, rule: str) -> Evidence:
    reading, found = turn.reading, turn.candidates
    return Evidence(
        rule,
        reading.intents,
        found.templates,
        found.hits,
        turn.thresholds,
        reading.entities,
        reading.values,
        turn.slots,
        reading.sentiment,
        upset=turn.upset,
        follows=found.follows,
        meanings={slot: value for slot, value in turn.known.meanings.items() if slot in turn.slots},
    )


def clears(score: float, threshold: float | None) -> bool:
    return threshold is not None and score >= threshold


def spoken(turn: Turn, name: str) -> Template | None:
    """The template with this id; a draft is as good as absent."""
    found = turn.templates.by_id.get(name)
    return None if found is None or found.draft else found


def template_for(turn: Turn, intent: str) -> Template | None:
    """The intent's template; of several, the one the ranker likes best, else the first."""
    if intent == OUT_OF_SCOPE:
        return None
    order = {scored.name: place for place, scored in enumerate(turn.candidates.templates)}
    usable = turn.templates.by_intent(intent)
    return min(usable, key=lambda found: order.get(found.id, len(order)), default=None)


def certain_template(turn: Turn) -> Template | None:
    if turn.top is None or not clears(turn.top.score, turn.thresholds.intent):
        return None
    return template_for(turn, turn.top.name)


def certain_other(turn: Turn, asking: str) -> bool:
    """Whether the message certainly is about something other than the template `asking`."""
    certain = certain_template(turn)
    return certain is not None and certain.id != asking


def waiting_on(turn: Turn, template: Template) -> bool:
    """Whether the question that is open was asked on behalf of `template`."""
    pending = turn.state.pending
    return isinstance(pending, Ask) and pending.template == template.id


def says_more_than(turn: Turn, value: str) -> bool:
    """Whether less than half of the message is the value."""
    return 2 * len(words(value)) < len(turn.words)


def beside_values(turn: Turn) -> str:
    """The words of the message without the values in it."""
    left = f" {turn.words} "
    for found in turn.reading.entities.values():
        for value in filter(None, (words(found), beginning(found))):
            # A word by itself: size M is no letter of "my". Chinese sets no word apart.
            left = left.replace(f" {value} " if value.isascii() else value, " ")
    return " ".join(left.split())


def choices_among(turn: Turn, likely: Sequence[Scored]) -> tuple[str, ...]:
    """The templates of the likely intents; none when one has nothing to offer."""
    templates = [template_for(turn, intent.name) for intent in likely]
    ids = [found.id for found in templates if found is not None and found.kind != "smalltalk"]
    return tuple(dict.fromkeys(ids)) if len(ids) == len(likely) else ()


def offered_already(turn: Turn, choices: Sequence[str]) -> bool:
    """Whether the choices just offered, none of which was picked, are among these."""
    pending = turn.state.pending
    return isinstance(pending, Clarify) and set(pending.choices) <= set(choices)
