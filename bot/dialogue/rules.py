"""The rules, each a function from a turn to a decision, or None where it does not apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.content.citing import cited
from bot.decision import Answer, Ask, Cite, Decision, Unknown
from bot.dialogue.ellipsis import own_words
from bot.dialogue.tone import in_upset_run
from bot.dialogue.turn import (
    Turn,
    beside_values,
    certain_template,
    clears,
    evidence_of,
    hand_over,
    say,
    spoken,
    template_for,
    waiting_on,
)

if TYPE_CHECKING:
    from kb.search import Hit

LIKELY = 0.5
"""From which a reading is likelier than all others together."""


def unreadable(turn: Turn) -> Decision | None:
    return None if turn.words else Unknown("unreadable", evidence_of(turn, "unreadable"))


def intent_certain(turn: Turn) -> Decision | None:
    template = certain_template(turn)
    if template is None or waiting_on(turn, template):
        return None
    return say(turn, template, "intent-certain")


def small_talk(turn: Turn) -> Decision | None:
    """Small talk claims nothing, so it needs no certified threshold, only the probability."""
    template = template_for(turn, turn.top.name) if turn.top else None
    if template is None or template.kind != "smalltalk" or turn.top is None:
        return None
    likely = turn.top.score >= 1 - turn.thresholds.max_wrong
    return say(turn, template, "small-talk") if likely else None


def passage_certain(turn: Turn) -> Decision | None:
    """A number alone, of a list that is gone or of an order, asks for nothing. Nor is the same said
    again in place of the answer to an open question."""
    if not any(char.isalpha() for char in turn.words) or _is_identifier(turn):
        return None
    found = cited(turn.candidates.hits)
    clear = tuple(hit for hit in found if clears(hit.score, turn.thresholds.passage))
    again = quotes_again(turn, clear)
    if not clear or (again and isinstance(turn.state.pending, Ask)):
        return None
    return Cite(clear, evidence_of(turn, "passage-certain"), again=again)


def quotes_again(turn: Turn, hits: Sequence[Hit]) -> bool:
    """Whether the reply before quoted these passages."""
    last = turn.state.last
    shown = {hit.passage.id for hit in last.hits} if isinstance(last, Cite) else set()
    return bool(hits) and all(hit.passage.id in shown for hit in hits)


def template_certain(turn: Turn) -> Decision | None:
    ranked = turn.candidates.templates
    if not ranked or turn.out_of_scope or not clears(ranked[0].score, turn.thresholds.template):
        return None
    template = spoken(turn, ranked[0].name)
    return None if template is None else say(turn, template, "template-certain")


def unknown_twice(turn: Turn) -> Decision | None:
    """Nobody is called who was not asked for, unless the customer is losing patience."""
    if in_upset_run(turn.upset):
        return hand_over(turn, "unknown-twice", "unknown")
    if turn.state.unknown_streak == 0 or is_value(turn):
        return None
    return Unknown("uncertain again", evidence_of(turn, "unknown-twice"))


def unknown(turn: Turn) -> Decision | None:
    evidence = evidence_of(turn, "unknown")
    if is_value(turn):
        return Unknown("only a value", evidence)
    if _is_about_what_was_said(turn):
        return Unknown("said already", evidence)
    return Unknown("out of scope" if turn.out_of_scope else "uncertain", evidence)


def _is_about_what_was_said(turn: Turn) -> bool:
    """Whether the message most likely asks for more of what the reply before said."""
    last = turn.state.last
    if not isinstance(last, Answer) or turn.top is None or turn.top.score < LIKELY:
        return False
    template = template_for(turn, turn.top.name)
    return template is not None and template.id == last.template


def _is_identifier(turn: Turn) -> bool:
    """Whether the message is values of patterns and hardly a word; the name of a product, of a
    list, may stand for a question."""
    entities = [turn.entities.get(slot) for slot in turn.stated]
    of_patterns = all(one is not None and one.pattern is not None for one in entities)
    return bool(entities) and of_patterns and _says_little(turn)


def is_value(turn: Turn) -> bool:
    """Whether the message gives a value and hardly a word."""
    return bool(turn.stated) and _says_little(turn)


def _says_little(turn: Turn) -> bool:
    return own_words(beside_values(turn)) == 0
