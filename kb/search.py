"""Dense and lexical candidates, fused into one number.

Either way of searching proposes candidates; every candidate then gets both scores, and

    score = WEIGHT * max(0, cosine) + (1 - WEIGHT) * lexical         0..1, higher is better

a convex combination of scores that are on fixed scales (Bruch et al. 2023, "An Analysis of Fusion
Functions for Hybrid Retrieval", arXiv:2210.11934, find it above reciprocal ranks and stable under
one weight). The cosine's floor is 0 and the lexical score's ceiling is the query's own maximum
(kb/lexical.py), so a score does not depend on what else was found.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.errors import KBError
from kb.index import Index
from kb.passages import Passage
from kb.vectors import FloatArray, unit

WEIGHT = 0.7
"""Of the cosine. Chosen by benchmarks/search.py on the validation half of StackFAQ's threads."""
CANDIDATES = 50
"""At least this many from either side."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, and why."""

    passage: Passage
    score: float
    """0..1, higher is better: the fused score that hits are ordered by."""
    dense: float
    """The cosine of query and passage, -1..1."""
    lexical: float
    """0..1: BM25 as a share of the most that any passage could reach for this query."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The question that a query follows: its text, its (d,) vector, and its `share` of the search,
    0..1."""

    text: str
    vector: FloatArray
    share: float


def search(
    index: Index,
    text: str,
    vector: FloatArray,
    k: int = 10,
    *,
    weight: float = WEIGHT,
    earlier: Earlier | None = None,
) -> list[Hit]:
    """The k best passages for a query, best first; ties in the order of passage ids.

    `vector` is the query's (d,) vector from the index's own encoder; `weight` 1 is dense search
    alone, 0 is lexical search alone. With `earlier`, both are weighted means: of the two unit
    vectors and of the two lexical scores. Takes any text. KBError for a vector of another length.
    """
    if vector.shape != (index.dimension,):
        raise KBError(
            f"The query's vector has shape {vector.shape}, the index's have ({index.dimension},)."
        )
    query = unit(vector)
    lexical = index.lexical_scores(text)
    if earlier is not None:
        own = 1 - earlier.share
        query = unit(own * query + earlier.share * unit(earlier.vector))
        lexical = own * lexical + earlier.share * index.lexical_scores(earlier.text)
    depth = max(k, CANDIDATES)
    proposed = np.zeros(len(index), dtype=np.bool_)
    proposed[np.searchsorted(index.ids, index.nearest(query, depth))] = True
    proposed[_best(lexical, depth)] = True
    places = np.flatnonzero(proposed)
    cosines = np.clip(index.vectors(index.ids[places].tolist()) @ query, -1, 1)
    scores = np.minimum(weight * np.maximum(cosines, 0) + (1 - weight) * lexical[places], 1)
    order = np.argsort(-scores, kind="stable")[:k]
    passages = index.passages(index.ids[places[order]].tolist())
    return [
        Hit(passage, float(scores[i]), float(cosines[i]), float(lexical[places[i]]))
        for passage, i in zip(passages, order, strict=True)
    ]


def _best(scores: FloatArray, n: int) -> NDArray[np.intp]:
    """Places of the n highest scores above zero."""
    places = np.flatnonzero(scores)
    if len(places) > n:
        places = places[np.argpartition(-scores[places], n)[:n]]
    return places
