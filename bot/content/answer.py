"""What a citation quotes, chosen by what is known without another pass of the encoder."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot.content.checking import STOP_WORDS, content_terms
from bot.content.choosing import Piece, Place, choose, narrowed, pieces, scores, worth_quoting
from bot.content.coverage import missing
from bot.decision import Cite, Quote
from kb.lexical import Word, analyse

if TYPE_CHECKING:
    from bot.content.vectors import PieceVectors
    from kb.index import Index
    from kb.passages import Passage
    from kb.search import Hit

FloatArray = NDArray[np.float32]
MOST_CITED = 2
MOST_READ = 2_000
"""Characters of a question; the rest is not looked at, as in the search."""


def organised(
    cite: Cite,
    text: str,
    vector: FloatArray,
    index: "Index",
    vectors: "PieceVectors",
) -> Cite:
    """The citation with what it quotes for a message with this vector (d,), with the passages that
    have something to quote, and with the parts of the message that its passages do not cover."""
    text = text[:MOST_READ]
    question = f"{cite.evidence.follows} {text}".strip()
    weights = {term: word.idf for term, word in terms_of(question, index).items()}
    known = [*cite.evidence.entities.values(), *cite.evidence.slots.values()]

    def scored(hits: Sequence["Hit"]) -> list[list[float]]:
        return _scored([hit.passage for hit in hits], weights, vector, vectors)

    def left_out(hits: Sequence["Hit"]) -> tuple[str, ...]:
        covered = _covered([hit.passage for hit in hits])
        return missing(text, covered, lambda part: terms_of(part, index), known)

    worth_it = [cite.hits[place] for place in worth_quoting(scored(cite.hits))]
    hits, lacking = _completed(worth_it, _others(cite), left_out)
    found = [pieces(hit.passage.text) for hit in hits]
    quotes = tuple(
        _quote(found, place, weights) for place in choose(found, scored(hits), whole=not cite.again)
    )
    return replace(cite, hits=tuple(hits), quotes=quotes, missing=lacking)


def terms_of(text: str, index: "Index") -> Mapping[str, Word]:
    """The terms of a text that tell something, with what the index knows of each."""
    words = [word for word in dict.fromkeys(analyse(text)) if word not in STOP_WORDS]
    return {term: word for word in index.words(words) for term in word.terms}


def _scored(
    passages: Sequence["Passage"],
    weights: Mapping[str, float],
    vector: FloatArray,
    vectors: "PieceVectors",
) -> list[list[float]]:
    found = [pieces(passage.text) for passage in passages]
    known = [vectors.of(passage.id) for passage in passages]
    if any(one is None for one in known):  # scores with and without vectors do not compare
        known = [None] * len(known)
    return [scores(f, weights, vector, v) for f, v in zip(found, known, strict=True)]


def _others(cite: Cite) -> list["Hit"]:
    """What else was found, and is certain enough to be cited."""
    least = cite.evidence.thresholds.passage
    certain = [hit for hit in cite.evidence.hits if least is not None and hit.score >= least]
    return [hit for hit in certain if hit not in cite.hits]


def _completed(
    hits: list["Hit"],
    others: Sequence["Hit"],
    left_out: Callable[[Sequence["Hit"]], tuple[str, ...]],
) -> tuple[list["Hit"], tuple[str, ...]]:
    """With one passage more, where there is room and it holds what these leave out; and what is
    left out then."""
    lacking = left_out(hits)
    if not lacking or len(hits) >= MOST_CITED:
        return hits, lacking
    for one in others:
        left = left_out([*hits, one])
        if len(left) < len(lacking):
            return [*hits, one], left
    return hits, lacking


def _quote(found: Sequence[Sequence[Piece]], place: Place, weights: Mapping[str, float]) -> Quote:
    unit = found[place[0]][place[1]].unit
    text = unit.text.removesuffix("\n".join(unit.rows)) + "\n".join(narrowed(unit.rows, weights))
    return Quote(place[0], unit.start, unit.end, text)


def _covered(passages: Sequence["Passage"]) -> Collection[str]:
    """The terms of the passages with their titles and headings."""
    heads = [content_terms(" ".join((p.title, *p.headings))) for p in passages]
    return frozenset().union(*heads, *(piece.terms for p in passages for piece in pieces(p.text)))
