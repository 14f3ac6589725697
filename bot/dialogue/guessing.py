"""What a message that nothing is certain of may be about: titles to pick from.

An offer is no answer: it needs no certified threshold, and what is picked was asked for. Offered
are the templates of the likeliest intents, where these together are more likely than not, and,
unless one intent alone is, articles among the first found, near enough that few messages which
none answers would get one, that have at least half of the message's own words in their title or
heading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.content.checking import content_terms
from bot.decision import Answer, Cite, Clarify, Decision, template_of
from bot.dialogue.ellipsis import own_text
from bot.dialogue.offers import picked_article
from bot.dialogue.rules import LIKELY, is_value
from bot.dialogue.short_answers import words
from bot.dialogue.tone import in_upset_run
from bot.dialogue.turn import Turn, clears, evidence_of, template_for

MOST = 3
LEAST = 0.1
"""How likely each intent must be that is offered; together they must be LIKELY."""
PASSAGES_SEEN, MOST_ALONE, MOST_CITED = 3, 2, 2
"""Passages whose articles may be offered; articles where no template is; passages of one picked."""


def perhaps(turn: Turn) -> Decision | None:
    """Not twice the same, and nothing to who is losing patience."""
    if in_upset_run(turn.upset) or _is_surely_outside(turn):
        return None
    pending, evidence = turn.state.pending, evidence_of(turn, "perhaps")
    if is_value(turn):  # what is it for?
        return replace(pending, evidence=evidence) if isinstance(pending, Clarify) else None
    if (named := _cited(turn, lambda title: words(title) == turn.words)) is not None:
        return named
    choices, articles = _offers(turn)
    offered = (pending.choices, pending.articles) if isinstance(pending, Clarify) else ()
    if not (choices or articles) or offered == (choices, articles):
        return None
    return Clarify(choices, evidence, articles=articles)


def article_picked(turn: Turn) -> Decision | None:
    """What was found of the article that the message picks."""
    picked = picked_article(turn.state, turn.words)
    return _cited(turn, lambda title: title == picked)


def _cited(turn: Turn, is_meant: Callable[[str], bool]) -> Cite | None:
    hits = [hit for hit in turn.candidates.hits if is_meant(hit.passage.title)][:MOST_CITED]
    return Cite(tuple(hits), evidence_of(turn, "choice-picked")) if hits else None


def _offers(turn: Turn) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The templates and the articles to offer, MOST at most."""
    choices = _templates(turn)
    if turn.top is not None and turn.top.score >= LIKELY and not turn.out_of_scope:
        return choices, ()
    articles = _articles(turn)
    if not choices:
        return (), articles[:MOST_ALONE]
    taken = {turn.templates.by_id[name].title for name in choices}
    beside = tuple(title for title in articles if title not in taken)[:1]
    return choices[: MOST - len(beside)], beside


def _is_surely_outside(turn: Turn) -> bool:
    top = turn.top
    return turn.out_of_scope and top is not None and top.score >= 1 - turn.thresholds.max_wrong


def _templates(turn: Turn) -> tuple[str, ...]:
    """The templates of the likeliest intents; neither small talk nor what was just said."""
    if turn.out_of_scope:
        return ()
    likely = [intent for intent in turn.reading.intents[:MOST] if intent.score >= LEAST]
    found = [(template_for(turn, intent.name), intent.score) for intent in likely]
    said = template_of(turn.state.last) if isinstance(turn.state.last, Answer) else None
    usable = [
        (template.id, score)
        for template, score in found
        if template is not None and template.kind != "smalltalk" and template.id != said
    ]
    enough = sum(score for _, score in usable) >= LIKELY
    return tuple(dict.fromkeys(name for name, _ in usable)) if enough else ()


def _articles(turn: Turn) -> tuple[str, ...]:
    """The titles of articles near enough that have half of the message's own words in title and
    heading."""
    said, near = _own_terms(turn.words), turn.thresholds.offer
    hits = [hit for hit in turn.candidates.hits[:PASSAGES_SEEN] if clears(hit.score, near)]
    passages = [hit.passage for hit in hits]
    heads = [(p.title, _own_terms(words(" ".join((p.title, *p.headings))))) for p in passages]
    return tuple(
        dict.fromkeys(
            title for title, terms in heads if said and 2 * len(terms & said) >= len(said)
        )
    )


def _own_terms(said: str) -> frozenset[str]:
    return content_terms(own_text(said))
