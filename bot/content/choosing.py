"""Which pieces of the cited passages are quoted.

A piece scores by its meaning and by the question's words in it, each by what it tells (idf) in this
workspace's articles; where its vector is not known, by the words alone:

    score(u) = WEIGHT * max(0, cos(q, u)) + (1 - WEIGHT) * idf(q and u) / idf(q)

A passage whose best piece scores less than PASSAGE_NEARLY of the best of all is not worth quoting.
What fits in MOST_CHARACTERS is not cut. Of what does not, each passage gives its best piece, then
the best of all follow while they fit and score at least NEARLY as much as the best one. A gap of
one piece is closed, and a piece that leans on the one before ("It ...") brings it along.
The values were chosen on one half of the threads and questions by benchmarks/content_answers.py.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.content.checking import content_terms
from bot.content.sentences import Unit, units
from kb.courtesy import is_courtesy

FloatArray = NDArray[np.float32]
Place = tuple[int, int]
"""(passage, piece of it)."""

WEIGHT = 0.7
NEARLY = 0.6
PASSAGE_NEARLY = 0.7
MOST_CHARACTERS = 600
MOST_PIECES = 5
ROWS_WHOLE = 3
"""A table of no more rows is quoted whole."""
ALIKE = 0.8
"""Two pieces that share this much of their terms say the same thing."""
_LEANS = re.compile(
    r"(?:it|its|this|that|these|those|they|their|then|otherwise|however|but|also|and|or|he|she)\b"
    "|他|她|它|这|那|该|其|此|但|否则|不过|然后|另外|同时",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit of a passage and its terms."""

    unit: Unit
    terms: frozenset[str]

    @property
    def length(self) -> int:
        """In characters."""
        return len(self.unit.text)


@lru_cache(maxsize=4096)
def pieces(markdown: str) -> tuple[Piece, ...]:
    """The pieces of a passage, without those that answer nothing where others do; kept, for a
    passage is cited again and again."""
    found = units(markdown)
    telling = [unit for unit in found if unit.kind != "sentence" or not is_courtesy(unit.text)]
    return tuple(Piece(unit, content_terms(unit.text)) for unit in telling or found)


def scores(
    found: Sequence[Piece],
    weights: Mapping[str, float],
    query: FloatArray,
    vectors: FloatArray | None,
) -> list[float]:
    """How well each piece of a passage answers a question with terms of these `weights` and the
    vector `query` (d,); `vectors` (n, d) are the pieces', None where they are not known."""
    total = sum(weights.values())
    words = [sum(weights.get(t, 0.0) for t in piece.terms) / (total or 1) for piece in found]
    if vectors is None or len(vectors) != len(found):
        return words
    meant = np.maximum(vectors @ query, 0).tolist()
    return [WEIGHT * m + (1 - WEIGHT) * w for m, w in zip(meant, words, strict=True)]


def worth_quoting(scored: Sequence[Sequence[float]]) -> list[int]:
    """The places of the passages whose best piece scores nearly as much as the best of all."""
    bests = [max(some, default=0.0) for some in scored]
    least = PASSAGE_NEARLY * max(bests, default=0.0)
    return [place for place, best in enumerate(bests) if best >= least]


def choose(
    passages: Sequence[Sequence[Piece]],
    scored: Sequence[Sequence[float]],
    *,
    whole: bool = True,
) -> list[Place]:
    """The places of the pieces to quote, in the order of the passages and of their text; all of
    them, if they may be quoted `whole` and fit."""
    every = [(p, i) for p, found in enumerate(passages) for i in range(len(found))]
    if whole and sum(passages[p][i].length for p, i in every) <= MOST_CHARACTERS:
        return _without_repeats(passages, every)
    chosen = set(_best(passages, scored))
    chosen |= set(_leant_on(passages, chosen)) | set(_gaps(chosen))
    return _without_repeats(passages, sorted(chosen))


def narrowed(rows: Sequence[str], weights: Mapping[str, float]) -> tuple[str, ...]:
    """The rows of a table that hold the question's terms, of these weights, NEARLY as well as the
    best row does; all of a short table, and where none holds a term that tells them apart."""
    if len(rows) <= ROWS_WHOLE:
        return tuple(rows)
    held = [content_terms(row).intersection(weights) for row in rows]
    everywhere = frozenset.intersection(*held) if held else frozenset()
    scored = [sum(weights[term] for term in terms - everywhere) for terms in held]
    least = NEARLY * max(scored, default=0.0)
    kept = [row for row, score in zip(rows, scored, strict=True) if score >= least]
    return tuple(kept) if len(kept) == len(rows) else (*kept, "…")


def _best(
    passages: Sequence[Sequence[Piece]], scored: Sequence[Sequence[float]]
) -> Iterator[Place]:
    """The best piece of each passage, then the best of all that fit."""
    places = [(p, i) for p, some in enumerate(scored) for i in range(len(some))]
    places.sort(key=lambda at: (-scored[at[0]][at[1]], at))
    firsts = {p: (p, i) for p, i in reversed(places)}
    room = MOST_CHARACTERS - sum(passages[p][i].length for p, i in firsts.values())
    left = MOST_PIECES - len(firsts)
    yield from firsts.values()
    for p, i in places:
        length = passages[p][i].length
        if scored[p][i] < NEARLY * scored[places[0][0]][places[0][1]] or left == 0:
            return
        if firsts[p] != (p, i) and length <= room:
            room, left = room - length, left - 1
            yield p, i


def _leant_on(passages: Sequence[Sequence[Piece]], chosen: set[Place]) -> Iterator[Place]:
    for p, i in chosen:
        if i and _LEANS.match(passages[p][i].unit.text):
            yield p, i - 1


def _gaps(chosen: set[Place]) -> Iterator[Place]:
    """What stands alone between two that are quoted."""
    return ((p, i + 1) for p, i in chosen if (p, i + 2) in chosen)


def _without_repeats(passages: Sequence[Sequence[Piece]], places: Sequence[Place]) -> list[Place]:
    kept: list[Place] = []
    for p, i in places:
        terms = passages[p][i].terms
        if not any(_alike(terms, passages[q][j].terms) for q, j in kept if q != p):
            kept.append((p, i))
    return kept


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether the shorter one says no more than the longer, or they share nearly all."""
    shared = len(one & other)
    return shared > 0 and shared >= ALIKE * len(one | other)
