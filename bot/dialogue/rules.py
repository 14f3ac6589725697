"""The rules, each a function from a turn to a decision, or None where it does not apply."""

from __future__ import annotations

from bot.content.citing import cited
from bot.decision import Cite, Decision, Unknown
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
    """A number alone, of a list that is gone or of an order, asks for nothing."""
    if not any(char.isalpha() for char in turn.words) or _is_identifier(turn):
        return None
    found = cited(turn.candidates.hits)
    clear = tuple(hit for hit in found if clears(hit.score, turn.thresholds.passage))
    return Cite(clear, evidence_of(turn, "passage-certain")) if clear else None


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
    if turn.state.unknown_streak == 0 or _is_value(turn):
        return None
    return Unknown("uncertain again", evidence_of(turn, "unknown-twice"))


def unknown(turn: Turn) -> Decision | None:
    evidence = evidence_of(turn, "unknown")
    if _is_value(turn):
        return Unknown("only a value", evidence)
    return Unknown("out of scope" if turn.out_of_scope else "uncertain", evidence)


def _is_identifier(turn: Turn) -> bool:
    """Whether the message is values of patterns and hardly a word; the name of a product, of a
    list, may stand for a question."""
    entities = [turn.entities.get(slot) for slot in turn.stated]
    of_patterns = all(one is not None and one.pattern is not None for one in entities)
    return bool(entities) and of_patterns and _says_little(turn)


def _is_value(turn: Turn) -> bool:
    return bool(turn.stated) and _says_little(turn)


def _says_little(turn: Turn) -> bool:
    return own_words(beside_values(turn)) == 0
