"""Vectors that training moved are compared as if they had stayed."""

from pathlib import Path

import numpy as np
import pytest

from kb.alignment import STRENGTH, Aligned, fit
from kb.passages import Passage
from kb.search import search
from kb.store import Index, build
from kb.vectors import FLAT_UP_TO, FloatArray, unit

from .conftest import DIMENSION, FINGERPRINT, Encoder, Make


def sample(n: int, seed: int = 0) -> FloatArray:
    return unit(np.random.default_rng(seed).normal(size=(n, DIMENSION)).astype(np.float32))


def moving(amount: float = 0.5) -> FloatArray:
    """A map that moves vectors the way a training does: some directions more than others."""
    noise = np.random.default_rng(1).normal(size=(DIMENSION, DIMENSION)) / DIMENSION**0.5
    return (np.eye(DIMENSION) + amount * noise).astype(np.float32)


def test_what_was_moved_is_led_back() -> None:
    before, others = sample(2000), sample(50, seed=2)
    map_ = fit(unit(before @ moving()), before)
    found = unit(unit(others @ moving()) @ map_)
    assert (found * others).sum(axis=1).min() > 0.98
    assert (unit(others @ moving()) * others).sum(axis=1).max() < 0.98


def test_no_texts_leave_vectors_as_they_are() -> None:
    nothing = np.zeros((0, DIMENSION), np.float32)
    np.testing.assert_array_equal(fit(nothing, nothing), np.eye(DIMENSION))


def test_few_texts_say_little() -> None:
    before = sample(2000)
    own = unit(before @ moving())
    moved = [np.linalg.norm(fit(own[:n], before[:n]) - np.eye(DIMENSION)) for n in (1, 10, 2000)]
    assert moved == sorted(moved)
    assert moved[0] < 1 / STRENGTH


@pytest.mark.parametrize("count", [40, FLAT_UP_TO + 1])
def test_an_aligned_index_is_searched_by_cosines_of_vectors_led_back(
    tmp_path: Path, count: int
) -> None:
    some = [Passage(i + 1, str(i), "", (), f"text {i}", "") for i in range(count)]
    vectors, query = sample(count), sample(1, seed=3)[0]
    at = {passage.embedding_text: row for passage, row in zip(some, vectors, strict=True)}
    build(
        tmp_path,
        some,
        lambda texts: np.stack([at[text] for text in texts]),
        fingerprint=FINGERPRINT,
        dimension=DIMENSION,
    )
    index = Index.open(tmp_path, FINGERPRINT)
    index.align(moving())
    expected = unit(vectors @ moving()) @ unit(query @ moving())
    hits = search(index, "", query, 5, weight=1)
    assert [hit.dense for hit in hits] == pytest.approx(
        sorted(expected, reverse=True)[:5], abs=1e-5
    )
    assert [hit.passage.article for hit in hits] == [str(i) for i in np.argsort(-expected)[:5]]


def test_the_identity_changes_nothing(
    make: Make, passages: list[Passage], encoder: Encoder
) -> None:
    query = "refund to my card"
    index = make(passages)
    before = search(index, query, encoder.one(query))
    assert index.space == ""
    index.align(np.eye(DIMENSION, dtype=np.float32))
    after = search(index, query, encoder.one(query))
    assert [hit.passage for hit in after] == [hit.passage for hit in before]
    assert [hit.score for hit in after] == pytest.approx([hit.score for hit in before], abs=1e-6)
    assert len(index.space) == 64


def test_an_empty_index_can_be_aligned(make: Make, encoder: Encoder) -> None:
    index = make([])
    index.align(moving())
    assert search(index, "tents", encoder.one("tents")) == []


def test_lengths_are_those_of_the_vectors_led_back() -> None:
    vectors = sample(10)
    aligned = Aligned.of(moving(), vectors)
    np.testing.assert_allclose(
        aligned.scales, 1 / np.linalg.norm(vectors @ moving(), axis=1), rtol=1e-5
    )
