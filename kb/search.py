"""Dense and lexical candidates, fused into one number.

Either way of searching proposes candidates; every candidate then gets both scores, and

    score = WEIGHT * max(0, cosine) + (1 - WEIGHT) * lexical         0..1, higher is better

a convex combination of scores that are on fixed scales (Bruch et al. 2023, "An Analysis of Fusion
Functions for Hybrid Retrieval", arXiv:2210.11934, find it above reciprocal ranks and stable under
one weight). The cosine's floor is 0 and the lexical score's ceiling is the query's own maximum
(kb/lexical.py), so a score does not depend on what else was found.
"""

from collections.abc import Sequence
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
ROWS = 256
"""Queries in one matrix product."""


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
    near = np.searchsorted(index.ids, index.nearest(query, depth))
    places = _proposed(near, lexical, depth)
    products = index.vectors(index.ids[places].tolist()) @ query
    return _fused(index, places, products, lexical, k, weight)


def search_all(
    index: Index, texts: Sequence[str], vectors: FloatArray, k: int = 10
) -> list[list[Hit]]:
    """As `search` for each of n texts with (n, d) vectors, to the last digit, in less time where
    every vector is compared anyway. Raises what `search` raises."""
    if not index.compares_all or vectors.shape[1:] != (index.dimension,):
        return [search(index, *query, k) for query in zip(texts, vectors, strict=True)]
    queries, passages = unit(vectors), index.vectors(index.ids.tolist())
    depth, found = max(k, CANDIDATES), list[list[Hit]]()
    for at in range(0, len(texts), ROWS):
        here = queries[at : at + ROWS]
        rows = zip(
            here, here @ passages.T, index.all_lexical_scores(texts[at : at + ROWS]), strict=True
        )
        for query, near, lexical in rows:
            places = _proposed(_nearest(near, depth), lexical, depth)
            found.append(_fused(index, places, passages[places] @ query, lexical, k, WEIGHT))
    return found


def _proposed(near: NDArray[np.intp], lexical: FloatArray, depth: int) -> NDArray[np.intp]:
    """Places of the candidates of either side, ascending."""
    proposed = np.zeros(len(lexical), dtype=np.bool_)
    proposed[near] = True
    proposed[_best(lexical, depth)] = True
    return np.flatnonzero(proposed)


def _fused(
    index: Index,
    places: NDArray[np.intp],
    products: FloatArray,
    lexical: FloatArray,
    k: int,
    weight: float,
) -> list[Hit]:
    """The k best of some places (n,) with these products (n,); `lexical` is of all passages."""
    cosines, lexical = np.clip(products, -1, 1), lexical[places]
    scores = np.minimum(weight * np.maximum(cosines, 0) + (1 - weight) * lexical, 1)
    order = np.argsort(-scores, kind="stable")[:k]
    passages = index.passages(index.ids[places[order]].tolist())
    found = scores[order].tolist(), cosines[order].tolist(), lexical[order].tolist()
    return [Hit(*one) for one in zip(passages, *found, strict=True)]


def _nearest(products: FloatArray, n: int) -> NDArray[np.intp]:
    """Places of the n highest products."""
    return np.argpartition(-products, n)[:n] if len(products) > n else np.arange(len(products))


def _best(scores: FloatArray, n: int) -> NDArray[np.intp]:
    """Places of the n highest scores above zero."""
    places = np.flatnonzero(scores)
    if len(places) > n:
        places = places[np.argpartition(-scores[places], n)[:n]]
    return places
