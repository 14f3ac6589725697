"""What to do in a turn: one pure function from (state, reading, candidates) to a decision.

The rules are tried in this order and the first that applies decides; `PRECEDENCE` is this table.

     1  unreadable        no letter and no digit in the message     -> Unknown
     2  handed-over       a person is on the way                    -> SmallTalk
     3  wants-person      asks for a person, or says yes to the offer-> Handoff
     4  several           two or three requests in one message      -> Several
     5  repeated          "what did you say?"                       -> the last decision again
     6  repaired          cancel, skip, told already, restart, resume-> SmallTalk, or its template
     7  corrected         the message takes back a value            -> its template
     8  confirmed         a yes to what was read out                -> its template
     9  declined          a no to what was read out                 -> SmallTalk
    10  slot-filled       the message fills the slot asked for      -> its template
    11  slot-refused      its value does not pass the check         -> Ask again, then Handoff
    12  choice-picked     the message picks an offered choice       -> its template
    13  follow-up         only a new value, or more, is asked for   -> its template, or Cite
    14  intent-certain    the intent clears its threshold           -> its template
    15  small-talk        a polite intent, likely enough            -> SmallTalk
    16  courtesy          hello, thanks, bye, "what can you do?"    -> SmallTalk
    17  passage-certain   passages clear their threshold            -> Cite
    18  slot-unfilled     still waiting for a slot or a yes         -> Ask again, then Handoff
    19  template-certain  the ranker's template clears its threshold-> its template
    20  too-close         two or three intents hold the probability -> Clarify
    21  perhaps           likely intents, or a word of an article   -> Clarify
    22  unknown-twice     nothing before applied, second in a row   -> Unknown, or Handoff
    23  unknown           nothing before applied                    -> Unknown

"Its template" asks for the first slot that is missing, then for a yes where the owner wants one,
and is otherwise said: as an answer, as small talk, or as a handoff. A message that the intent `oos`
leads is never answered from a template, except that what was asked for, read out or offered may
always be given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.actions.validation import Check, accept
from bot.decision import Candidates, Decision, Reading, Thresholds
from bot.dialogue import clarifying, followups, guessing, repair, rules, several, slots
from bot.dialogue.filling import known_after
from bot.dialogue.memory import advance as advance
from bot.dialogue.memory import purpose as purpose
from bot.dialogue.short_answers import words
from bot.dialogue.told import NOTHING_TOLD, Told
from bot.dialogue.turn import Heard, Turn
from bot.state import State

if TYPE_CHECKING:
    from bot.workspace.settings import EntitySettings
    from bot.workspace.templates import Templates

RULES: Mapping[str, str] = {
    "unreadable": "there is no letter and no digit in the message",
    "handed-over": "a person was called, and is not talked over",
    "wants-person": "the customer asked for a person",
    "several": "the message makes more than one request",
    "repeated": "the customer wants to hear it again",
    "repaired": "the message cancels, skips, restarts, resumes, or says it was told already",
    "corrected": "the message takes back a value and gives another",
    "confirmed": "the customer said yes to what was read out",
    "declined": "the customer said no to what was read out",
    "slot-filled": "the message fills the slot that was asked for",
    "slot-refused": "the value given for the slot that was asked for is not accepted",
    "choice-picked": "the message picks one of the choices offered",
    "follow-up": "the message goes on with the question before",
    "intent-certain": "the most likely intent clears its threshold",
    "small-talk": "the most likely intent is small talk, and likely enough to be polite about",
    "courtesy": "hello, thanks, goodbye or the like, which no template says",
    "passage-certain": "the best passage clears its threshold",
    "slot-unfilled": "the message does not fill the slot that was asked for",
    "template-certain": "the best-ranked template clears its threshold",
    "too-close": "a few intents together are likely enough, none of them alone",
    "perhaps": "nothing clears its threshold, but some of it may be meant",
    "unknown-twice": "nothing clears its threshold, for the second time in a row",
    "unknown": "nothing clears its threshold",
}
"""The rules' names, as evidence gives them, with what each says to a person; in order."""

PRECEDENCE: tuple[Callable[[Turn], Decision | None], ...] = (
    rules.unreadable,
    repair.handed_over,
    repair.wants_person,
    several.several,
    repair.repeated,
    repair.repaired,
    slots.corrected,
    slots.confirmed,
    slots.declined,
    slots.slot_filled,
    slots.slot_refused,
    clarifying.choice_picked,
    followups.follow_up,
    rules.intent_certain,
    rules.small_talk,
    repair.courtesy,
    rules.passage_certain,
    slots.slot_unfilled,
    rules.template_certain,
    clarifying.too_close,
    guessing.perhaps,
    rules.unknown_twice,
    rules.unknown,
)


def decide(
    state: State,
    text: str,
    reading: Reading,
    candidates: Candidates,
    templates: Templates,
    thresholds: Thresholds,
    entities: Mapping[str, EntitySettings],
    *,
    now: float = 0.0,
    check: Check = accept,
    parts: tuple[Heard, ...] = (),
    told: Told = NOTHING_TOLD,
) -> Decision:
    """The decision of the first rule that applies; see the table at the top of this file.

    `now` is the time in seconds, by which slots expire; `check` says whether a value is accepted;
    `parts` are the requests that the message falls into (`bot.dialogue.several.split`); `told` is
    what customers tell with each request.
    """
    bot = _Bot(templates, thresholds, entities, max(state.now, now), check, told)
    turn = _turn_of(bot, state, Heard(text, reading, candidates), parts)
    return repair.offering(turn, repair.come_back(turn, _first(turn)))


@dataclass(frozen=True, slots=True)
class _Bot:
    """What is the same for a message and for the parts of it."""

    templates: Templates
    thresholds: Thresholds
    entities: Mapping[str, EntitySettings]
    now: float
    check: Check
    told: Told


def _turn_of(bot: _Bot, state: State, heard: Heard, parts: tuple[Heard, ...] = ()) -> Turn:
    known = known_after(state, heard.text, heard.reading, bot.entities, bot.now, bot.check)
    return Turn(
        state=state,
        text=heard.text,
        words=words(heard.text),
        reading=heard.reading,
        candidates=heard.candidates,
        templates=bot.templates,
        thresholds=followups.in_force(bot.thresholds, heard.candidates),
        entities=bot.entities,
        slots=known.slots,
        known=known,
        now=bot.now,
        parts=parts,
        told=bot.told,
        decide=lambda state, heard: _first(_turn_of(bot, state, heard)),
    )


def _first(turn: Turn) -> Decision:
    """The decision of the first rule that applies, in the wording whose turn it is."""
    decision = next(found for rule in PRECEDENCE if (found := rule(turn)) is not None)
    if decision.evidence.rule == "repeated":
        return decision
    wording = turn.state.uses.get(purpose(decision), 0)
    return replace(decision, wording=wording) if wording != decision.wording else decision
