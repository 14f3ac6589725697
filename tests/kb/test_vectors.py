"""Vectors by passage id, exact or through the graph."""

import numpy as np
import pytest

from kb.errors import KBError
from kb.vectors import FLAT_UP_TO, FloatArray, Vectors, unit


def sample(count: int, dimension: int = 16) -> FloatArray:
    rng = np.random.default_rng(3)
    return unit(rng.normal(size=(count, dimension)).astype(np.float32))


def ids(count: int) -> list[int]:
    return [2**62 + 7 * i for i in range(count)]


@pytest.mark.parametrize("count", [1, 50, FLAT_UP_TO + 200])
def test_vectors_come_back_by_id_and_find_themselves(count: int) -> None:
    vectors, names = sample(count), ids(count)
    index = Vectors.from_bytes(Vectors.of(names, vectors).to_bytes(), 16)
    np.testing.assert_allclose(index.get([names[-1], names[0]]), vectors[[-1, 0]], rtol=1e-6)
    assert [index.nearest(v, 5)[0] for v in vectors[:40]] == names[:40]
    assert len(index) == count


def test_the_graph_finds_what_an_exact_search_finds() -> None:
    vectors, names = sample(FLAT_UP_TO + 500), ids(FLAT_UP_TO + 500)
    index = Vectors.of(names, vectors)
    queries = sample(60)[20:]
    exact = [set(np.argsort(-vectors @ query)[:10].tolist()) for query in queries]
    found = [{names.index(i) for i in index.nearest(query, 10)} for query in queries]
    recall = sum(len(a & b) for a, b in zip(exact, found, strict=True)) / 400
    assert recall > 0.95


def test_the_same_vectors_give_the_same_bytes() -> None:
    vectors, names = sample(FLAT_UP_TO + 1), ids(FLAT_UP_TO + 1)
    assert Vectors.of(names, vectors).to_bytes() == Vectors.of(names, vectors).to_bytes()


def test_nothing_is_found_in_nothing() -> None:
    index = Vectors.of([], np.zeros((0, 16), dtype=np.float32))
    assert index.nearest(sample(1)[0], 5) == []
    assert index.get([]).shape == (0, 16)


def test_an_unknown_id_is_an_error() -> None:
    with pytest.raises(KeyError):
        Vectors.of([1], sample(1)).get([2])


def test_vectors_are_scaled_and_zeros_stay_zeros() -> None:
    scaled = unit(np.array([[3, 4], [0, 0]], dtype=np.float32))
    np.testing.assert_allclose(scaled, np.array([[0.6, 0.8], [0, 0]]))
    with pytest.raises(KBError, match="finite"):
        unit(np.array([[np.nan, 1]], dtype=np.float32))
