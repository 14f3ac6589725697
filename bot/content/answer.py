"""What a citation quotes, chosen by what is known without another pass of the encoder."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot.content.checking import STOP_WORDS, content_terms
from bot.content.choosing import Place, choose, pieces, scores
from bot.content.coverage import missing
from bot.decision import Cite, Quote
from kb.lexical import Word, analyse

if TYPE_CHECKING:
    from bot.content.vectors import PieceVectors
    from kb.index import Index
    from kb.passages import Passage

FloatArray = NDArray[np.float32]
MOST_READ = 2_000
"""Characters of a question; the rest is not looked at, as in the search."""


def organised(
    cite: Cite,
    text: str,
    vector: FloatArray,
    index: "Index",
    vectors: "PieceVectors",
) -> Cite:
    """The citation with what it quotes for a message with this vector (d,), and with the parts of
    the message that its passages do not cover."""
    text = text[:MOST_READ]
    question = f"{cite.evidence.follows} {text}".strip()
    passages = [hit.passage for hit in cite.hits]
    weights = {term: word.idf for term, word in terms_of(question, index).items()}
    places = _chosen(passages, weights, vector, vectors)
    return replace(
        cite,
        quotes=tuple(_quote(passages, place) for place in places),
        missing=missing(
            text,
            _covered(passages),
            lambda part: terms_of(part, index),
            [*cite.evidence.entities.values(), *cite.evidence.slots.values()],
        ),
    )


def terms_of(text: str, index: "Index") -> Mapping[str, Word]:
    """The terms of a text that tell something, with what the index knows of each."""
    words = [word for word in dict.fromkeys(analyse(text)) if word not in STOP_WORDS]
    return {term: word for word in index.words(words) for term in word.terms}


def _chosen(
    passages: Sequence["Passage"],
    weights: Mapping[str, float],
    vector: FloatArray,
    vectors: "PieceVectors",
) -> list[Place]:
    found = [pieces(passage.text) for passage in passages]
    known = [vectors.of(passage.id) for passage in passages]
    if any(one is None for one in known):  # scores with and without vectors do not compare
        known = [None] * len(known)
    scored = [scores(f, weights, vector, v) for f, v in zip(found, known, strict=True)]
    return choose(found, scored)


def _quote(passages: Sequence["Passage"], place: Place) -> Quote:
    unit = pieces(passages[place[0]].text)[place[1]].unit
    return Quote(place[0], unit.start, unit.end, unit.text)


def _covered(passages: Sequence["Passage"]) -> Collection[str]:
    """The terms of the passages with their titles and headings."""
    heads = [content_terms(" ".join((p.title, *p.headings))) for p in passages]
    return frozenset().union(*heads, *(piece.terms for p in passages for piece in pieces(p.text)))
