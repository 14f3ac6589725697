"""Two or three readings that are too close to call: which question to ask, and what it is answered
with.

The question offers the titles, or asks for a fact that tells the readings apart: an order number,
say, where customers who want the one nearly always give it and those who want the other never do.
Of the two that one is asked after which fewer questions are to be expected, the slots that are
still missing counted in. How often a fact is given with a request is counted in the chats that the
version was trained on (`bot.dialogue.told`); without them the titles are offered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.decision import Clarify, Decision, Scored
from bot.dialogue.guessing import article_picked
from bot.dialogue.offers import picked_template
from bot.dialogue.phrases import acts_of
from bot.dialogue.rules import is_value
from bot.dialogue.short_answers import picked, words
from bot.dialogue.turn import (
    Turn,
    ask_for,
    certain_template,
    choices_among,
    evidence_of,
    offered_already,
    say,
    spoken,
    template_for,
)
from bot.scripts import HAN
from bot.workspace.templates import Template

MASS = 0.5
"""How likely all choices together must be for a message to be an answer to which of them."""
SHORT_WORDS, SHORT_HAN = 6, 12
"""The longest answer that is taken for the words of a title."""


# --- the question --------------------------------------------------------------------------------


def too_close(turn: Turn) -> Decision | None:
    for count in (2, 3):
        likely = turn.reading.intents[:count]
        if sum(intent.score for intent in likely) < 1 - turn.thresholds.max_wrong:
            continue
        choices = choices_among(turn, likely)
        if len(choices) > 1 and not offered_already(turn, choices):
            return _question(turn, choices, likely)
    return None


def _question(turn: Turn, choices: Sequence[str], likely: Sequence[Scored]) -> Decision:
    """The question that leaves the fewest to be asked; the titles where it makes no difference."""
    evidence = evidence_of(turn, "too-close")
    readings = _readings(turn, choices, likely)
    missing = {slot for one in readings for slot in one.missing}
    facts = [(_after_fact(turn, readings, slot), slot) for slot in sorted(missing)]
    best = min(facts, default=None)
    if best is None or best[0] >= _after_titles(readings):
        return Clarify(tuple(choices), evidence)
    needing = max((one for one in readings if best[1] in one.missing), key=lambda one: one.share)
    return replace(ask_for(turn, best[1], needing.template, evidence), choices=tuple(choices))


@dataclass(frozen=True, slots=True)
class _Reading:
    """A template, how likely it is meant, and the slots it would still ask for."""

    template: Template
    share: float
    missing: tuple[str, ...]


def _readings(turn: Turn, choices: Sequence[str], likely: Sequence[Scored]) -> list[_Reading]:
    shares = dict.fromkeys(choices, 0.0)
    for intent in likely:
        if (template := template_for(turn, intent.name)) is not None:
            shares[template.id] += intent.score
    total = sum(shares.values()) or 1.0
    return [
        _Reading(template, share / total, tuple(s for s in template.slots if s not in turn.slots))
        for name, share in shares.items()
        if (template := spoken(turn, name)) is not None
    ]


def _after_titles(readings: Sequence[_Reading]) -> float:
    """The questions to expect when the titles are offered first."""
    return 1 + sum(one.share * len(one.missing) for one in readings)


def _after_fact(turn: Turn, readings: Sequence[_Reading], slot: str) -> float:
    """The questions to expect when a fact is asked for first, infinitely many where giving it does
    not settle what is meant, or where the likeliest request has nothing to do with it."""
    known, likeliest = turn.told.asked, max(readings, key=lambda one: one.share)
    if slot not in likeliest.missing or any(one.template.id not in known for one in readings):
        return float("inf")
    gives = [turn.told.share(one.template.id, slot) for one in readings]
    given = _settled(turn, [one.share * p for one, p in zip(readings, gives, strict=True)])
    left = _settled(turn, [one.share * (1 - p) for one, p in zip(readings, gives, strict=True)])
    if given is None or slot not in readings[given].missing:
        return float("inf")
    chance = sum(one.share * p for one, p in zip(readings, gives, strict=True))
    after_given = len(readings[given].missing) - 1
    after_left = _after_titles(readings) if left is None else len(readings[left].missing)
    return 1 + chance * after_given + (1 - chance) * after_left


def _settled(turn: Turn, weights: Sequence[float]) -> int | None:
    """The reading that is as good as certain under these weights, if any."""
    best = max(range(len(weights)), key=lambda place: weights[place])
    sure = weights[best] >= (1 - turn.thresholds.max_wrong) * sum(weights)
    return best if sure else None


# --- the answer ----------------------------------------------------------------------------------


def choice_picked(turn: Turn) -> Decision | None:
    """By its number, its title, a part that only one has, or its request in other words."""
    if (article := article_picked(turn)) is not None:
        return article
    pending = turn.state.pending
    if not isinstance(pending, Clarify):
        name = picked_template(turn.state, turn.words)
        template = None if name is None else spoken(turn, name)
        return None if template is None else say(turn, template, "choice-picked")
    choices = (spoken(turn, choice) for choice in pending.choices)
    offered = [found for found in choices if found is not None]
    place = picked(turn.words, [found.title for found in offered])
    if place is None and len(pending.choices + pending.articles) == 1:  # which asks for a yes
        place = 0 if offered and "yes" in acts_of(turn.text) else None
    elif place is None and not _asks_other(turn, offered):
        place = _by_words(turn, offered)
        # Of a guess it is not known that one of the choices is meant.
        if place is None and pending.evidence.rule != "perhaps":
            place = _by_intent(turn, pending, offered)
    place = _by_value(turn, offered) if place is None else place
    if place is None and acts_of(turn.text)[:1] == ("yes",):  # to which?
        return replace(pending, evidence=evidence_of(turn, pending.evidence.rule))
    return None if place is None else say(turn, offered[place], "choice-picked")


def _by_value(turn: Turn, offered: Sequence[Template]) -> int | None:
    """The only choice that needs the value which is all that the message gives."""
    needing = [place for place, one in enumerate(offered) if {*one.slots} & {*turn.stated}]
    return needing[0] if len(needing) == 1 and is_value(turn) else None


def _asks_other(turn: Turn, offered: Sequence[Template]) -> bool:
    """Whether the message certainly is about something that was not offered."""
    certain = certain_template(turn)
    return certain is not None and certain.id not in {found.id for found in offered}


def _by_words(turn: Turn, offered: Sequence[Template]) -> int | None:
    """The only choice of which a short message has a word: "the tracking one"."""
    if not _is_short(turn.words):
        return None
    said = _stems(turn.words)
    titles = [_stems(words(" ".join((found.title, *found.intents)))) for found in offered]
    having = [place for place, title in enumerate(titles) if said & title]
    return having[0] if len(having) == 1 else None


def _by_intent(turn: Turn, pending: Clarify, offered: Sequence[Template]) -> int | None:
    """The choice that is as good as certain when this message is weighed together with the one that
    was too close to call."""
    now = [_likelihood(turn.reading.intents, found) for found in offered]
    if not offered or sum(now) < MASS:
        return None
    before = [_likelihood(pending.evidence.intents, found) for found in offered]
    return _settled(turn, [a * b for a, b in zip(before, now, strict=True)])


def _likelihood(intents: Sequence[Scored], template: Template) -> float:
    return sum(intent.score for intent in intents if intent.name in template.intents)


def _is_short(said: str) -> bool:
    return len(said.split()) <= SHORT_WORDS and len(_HAN.findall(said)) <= SHORT_HAN


_HAN = re.compile(HAN)
_STEM = 4
_COMMON = frozenset({
    "the", "your", "are", "for", "this", "that", "one", "and", "want", "please", "not", "which",
    "what", "about",
})  # fmt: skip


def _stems(said: str) -> set[str]:
    """The first letters of each word that says something, and pairs of Chinese characters."""
    latin = {word[:_STEM] for word in said.split() if word not in _COMMON and len(word) > 2}
    han = "".join(_HAN.findall(said))
    return {one for one in latin if not _HAN.search(one)} | {
        han[at : at + 2] for at in range(len(han) - 1)
    }
