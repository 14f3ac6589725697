"""Dense and lexical hits become one list with one score."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from kb.errors import KBError
from kb.passages import Passage
from kb.search import CANDIDATES, ROWS, WEIGHT, Hit, search, search_all
from kb.vectors import FLAT_UP_TO

from .conftest import DIMENSION, Encoder, Make


def articles(hits: list[Hit]) -> list[str]:
    return [hit.passage.article for hit in hits]


@pytest.mark.parametrize(
    ("query", "article"),
    [
        ("how long is the warranty on boots", "warranty"),
        ("is my tent waterproof?", "tents"),
        ("refund to my card", "returns"),
        ("怎么申请退款", "tuikuan"),
        ("iPhone 手机", "tuikuan"),
    ],
)
def test_the_right_passage_is_first(
    make: Make, passages: list[Passage], encoder: Encoder, query: str, article: str
) -> None:
    assert search(make(passages), query, encoder.one(query))[0].passage.article == article


def test_a_score_is_what_the_documentation_says(
    make: Make, passages: list[Passage], encoder: Encoder
) -> None:
    query = "waterproof tents"
    hits = search(make(passages), query, encoder.one(query), 5)
    assert len(hits) == 5
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        expected = WEIGHT * max(0, hit.dense) + (1 - WEIGHT) * hit.lexical
        assert hit.score == pytest.approx(expected, abs=1e-6)
        vector = encoder.one(hit.passage.embedding_text)
        assert hit.dense == pytest.approx(float(vector @ encoder.one(query)), abs=1e-5)
    assert hits[0].lexical > 0
    assert {hit.lexical for hit in hits[1:]} == {0.0}


def test_either_way_alone(make: Make, passages: list[Passage], encoder: Encoder) -> None:
    index, vector = make(passages), encoder.one(passages[0].embedding_text)
    assert articles(search(index, "tents", vector, 1, weight=1)) == ["returns"]
    assert articles(search(index, "tents", vector, 1, weight=0)) == ["tents"]


def test_scores_and_their_parts_stay_in_range(make: Make, passages: list[Passage]) -> None:
    index = make(passages)
    for sign in (1, -1, 1000):
        vector = sign * index.vectors([passages[1].id])[0]
        for hit in search(index, passages[1].text, vector):
            assert 0 <= hit.score <= 1
            assert -1 <= hit.dense <= 1
            assert 0 <= hit.lexical <= 1


@pytest.mark.parametrize(
    "query",
    ["", "😀", '" OR * NEAR( ^x:y -z', "\x00\x07\x1b[31m", "‮مرحبا", "x" * 100_000, "退 " * 50_000],
)
def test_any_text_is_a_query(make: Make, passages: list[Passage], query: str) -> None:
    vector = np.zeros(DIMENSION, dtype=np.float32)
    assert all(hit.score == 0 for hit in search(make(passages), query, vector))


def test_an_empty_index_finds_nothing(make: Make, encoder: Encoder) -> None:
    assert search(make([]), "tents", encoder.one("tents")) == []


def test_k_is_how_many(make: Make, passages: list[Passage], encoder: Encoder) -> None:
    index = make(passages)
    found = [articles(search(index, "tents", encoder.one("tents"), k)) for k in (0, 1, 3, 100)]
    assert [len(some) for some in found] == [0, 1, 3, 5]
    assert found[3][:3] == found[2]


def test_equal_scores_are_in_the_order_of_ids(make: Make, passages: list[Passage]) -> None:
    twins = [replace(passages[0], id=id_, article=str(id_)) for id_ in (9, 3, 2**62, 5)]
    index = make(twins)
    assert articles(search(index, "refund", index.vectors([3])[0])) == ["3", "5", "9", str(2**62)]


def test_a_large_index_finds_by_words_what_vectors_do_not(make: Make, encoder: Encoder) -> None:
    passages = [
        Passage(i * 2**40 + 1, f"a{i}", "", (), f"article number{i} of many", f"kb/a:{i}")
        for i in range(FLAT_UP_TO + 100)
    ]
    vector = -encoder.one(passages[1234].embedding_text)
    hits = search(make(passages), "number1234", vector)
    assert articles(hits)[0] == "a1234"
    assert hits[0].dense == pytest.approx(-1, abs=1e-5)


@pytest.mark.parametrize("count", [0, 3, CANDIDATES + 30, FLAT_UP_TO + 1])
def test_many_queries_at_once_find_what_each_finds(
    make: Make, encoder: Encoder, count: int
) -> None:
    passages = [
        Passage(i + 1, f"a{i}", "", (), f"article number{i} 退款 of {i % 7} many", f"kb/a:{i}")
        for i in range(count)
    ]
    index = make(passages)
    texts = ["number1 and number70", "", "退款", *(f"article number{i}" for i in range(ROWS))]
    vectors = 3 * encoder(texts)
    each = [search(index, text, vector, 4) for text, vector in zip(texts, vectors, strict=True)]
    assert search_all(index, texts, vectors, 4) == each
    assert all(len(hits) == min(count, 4) for hits in each)


@pytest.mark.parametrize(
    "vector", [np.zeros(3), np.zeros((1, DIMENSION)), np.full(DIMENSION, np.nan)]
)
def test_a_vector_that_does_not_fit_is_refused(
    make: Make, passages: list[Passage], vector: np.ndarray
) -> None:
    with pytest.raises(KBError, match=r"vector"):
        search(make(passages), "tents", vector.astype(np.float32))
    with pytest.raises(KBError, match=r"vector"):
        search_all(make(passages), ["tents"], vector[None].astype(np.float32))


def test_importing_kb_loads_nothing_heavy() -> None:
    code = (
        "import sys, kb; print(*sorted({'numpy', 'faiss', 'yaml', 'markdown_it'} & {*sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert loaded == "\n"
