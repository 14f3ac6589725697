"""Whether a sentence says no more than sentences it was made from: entailment by overlap.

A sentence stands if one source, or two neighbours together,

    hold COVERED of its words or more, stemmed, without those that carry no meaning,
    hold every number and every name in it, and
    deny something just as it does, or do not, just as it does not.

It is a strict test of wording, not a proof: a true paraphrase may fail, and then what the article
says is given instead. In scripts without spaces pairs of characters stand for words.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from bot.content.sentences import sentences
from kb.lexical import Stemmer, analyse

COVERED = 0.75
"""Of the words of a sentence, the share that its source must hold."""

STOP_WORDS = frozenset(
    """a about after all also am an and any are as at be been before but by can could did do does
    dont for from get had has have he hello help her here hi him his how i id if im in into is it
    its ive just know let like make may me more my need of ok okay on one or our out over please
    she should so some such tell than thank thanks that the their them then there these they this
    those to too until up us use using very want was way we were what when where which while who
    why will with would yes you your yours""".split()  # noqa: SIM905
)
"""Words that say nothing about what a sentence is about."""
DENIALS = re.compile(
    r"\b(?:no|not|never|none|nothing|cannot|without|neither|nor|unless|except)\b|n['’]t\b"
    "|[不没無无未别非勿]",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d+(?:[.,:]\d+)*|[一二两三四五六七八九十百千万]+(?=[天日小个元周月年次件%％])"
)
_NAME = re.compile(
    r"(?<=[^\s.!?:\"“(]\s)[A-Z][\w'’-]*|\b\w*(?:[A-Za-z]\d|\d[A-Za-z]|[a-z][A-Z])\w*"
)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a text holds that may be compared."""

    terms: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    denies: bool


def kept(text: str, sources: Sequence[str]) -> list[tuple[str, int]]:
    """The sentences of `text` that stand, each with the place of its source among `sources`."""
    said = [text[start:end].strip() for start, end in sentences(text)]
    found = ((sentence, source_of(sentence, sources)) for sentence in said)
    return [(sentence, place) for sentence, place in found if place is not None]


def source_of(sentence: str, sources: Sequence[str]) -> int | None:
    """The place of the source that a sentence says no more than; None where there is none.

    >>> source_of("Refunds take 3 days.", ["A refund takes 3 days.", "Boots come back clean."])
    0
    >>> source_of("Refunds take 5 days.", ["A refund takes 3 days.", "Boots come back clean."])
    """
    said = _facts(sentence)
    if not said.terms:
        return None
    for place, source in _joined(sources):
        if _stands(said, _facts(source)):
            return place
    return None


def content_terms(text: str) -> frozenset[str]:
    """The terms of a text, stemmed as the full-text index does it, without stop words."""
    return frozenset(_stemmer().terms([word for word in analyse(text) if word not in STOP_WORDS]))


def _joined(sources: Sequence[str]) -> Iterator[tuple[int, str]]:
    yield from enumerate(sources)
    for place, pair in enumerate(pairwise(sources)):
        yield place, " ".join(pair)


def _stands(said: _Facts, source: _Facts) -> bool:
    held = len(said.terms & source.terms) >= COVERED * len(said.terms)
    exact = said.numbers <= source.numbers and said.names <= source.names | source.terms
    return held and exact and said.denies == source.denies


def _facts(text: str) -> _Facts:
    plain = unicodedata.normalize("NFKC", text)
    return _Facts(
        content_terms(plain),
        frozenset(_NUMBER.findall(plain)),
        frozenset(name for found in _NAME.findall(plain) for name in _stemmed(found)),
        DENIALS.search(plain) is not None,
    )


def _stemmed(name: str) -> list[str]:
    return _stemmer().terms(analyse(name))


@cache
def _stemmer() -> Stemmer:
    return Stemmer()
