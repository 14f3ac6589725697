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

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.decision import Candidates, Decision, Reading, Thresholds
from bot.dialogue import rules
from bot.dialogue.memory import advance as advance
from bot.dialogue.memory import purpose as purpose
from bot.dialogue.turn import Turn
from bot.short_answers import words
from bot.state import State

if TYPE_CHECKING:
    from bot.settings import EntitySettings
    from bot.templates import Templates

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

PRECEDENCE: tuple[Callable[[Turn], Decision | None], ...] = (
    rules.unreadable,
    rules.wants_person,
    rules.slot_filled,
    rules.choice_picked,
    rules.intent_certain,
    rules.small_talk,
    rules.passage_certain,
    rules.slot_unfilled,
    rules.template_certain,
    rules.too_close,
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
) -> Decision:
    """The decision of the first rule that applies; see the table at the top of this file."""
    slots = {**state.slots, **reading.entities}
    heard = (text, words(text), reading)
    turn = Turn(state, *heard, candidates, templates, thresholds, entities, slots)
    decision = next(found for rule in PRECEDENCE if (found := rule(turn)) is not None)
    return replace(decision, wording=state.uses.get(purpose(decision), 0))
