"""Full text in languages with and without spaces."""

import sqlite3

import numpy as np
import pytest

from kb import lexical
from kb.lexical import FullText, Stemmer, analyse


def index(texts: list[str]) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.executescript(lexical.SCHEMA)
    lexical.write(db, list(range(10, 10 + len(texts))), texts)
    return db


def scores(texts: list[str], query: str) -> list[float]:
    found = FullText(index(texts), len(texts)).scores(query).tolist()
    return [float(value) for value in found]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Refunds: 30 days!", ["refunds", "30", "days"]),
        ("退款政策", ["退款", "款政", "政策"]),
        ("用iPhone手机支付", ["用", "iphone", "手机", "机支", "支付"]),
        ("ＴＥＮＴ　ﬁne", ["tent", "fine"]),
        ("キャンプ", ["キャ", "ャン", "ンプ"]),
        ("텐트", ["텐트"]),
        ("การคืนเงิน"[:4], ["กา", "าร", "รค"]),
        ('a_b <c> "d" OR NEAR(e)*', ["a", "b", "c", "d", "or", "near", "e"]),
        ("😀 \x00\x1b —", []),
        ("x" * 1000, ["x" * 64]),
    ],
)
def test_analyse(text: str, words: list[str]) -> None:
    assert analyse(text) == words


def test_english_words_meet_by_their_stem_and_without_accents() -> None:
    stemmer = Stemmer()
    assert stemmer.terms(["refunds", "refunded", "café"]) == ["cafe", "refund"]
    assert stemmer.terms(["refunding", "café", "0815"]) == ["0815", "cafe", "refund"]
    assert scores(["we refunded a Café", "tents", "boots"], "refunds cafe")[0] > 0


def test_two_character_words_are_found_by_fts5_itself() -> None:
    db = index(["签收后七天内可以申请退款", "支持iPhone手机支付", "tents"])
    for query, place in [("退款", 10), ("手机", 11), ("iphone", 11), ('"机 支"', None)]:
        rows = db.execute("SELECT rowid FROM fulltext WHERE fulltext MATCH ?", (query,)).fetchall()
        assert rows == ([(place,)] if place else [])


def test_mixed_scripts() -> None:
    texts = ["支持iPhone手机支付", "支持现金", "an iPhone case"]
    mixed = scores(texts, "iPhone 手机")
    assert mixed.index(max(mixed)) == 0
    assert min(scores(texts, "用手机付")) == 0


def test_a_score_is_bm25_over_the_most_the_query_could_reach() -> None:
    texts = ["tent pole tent", "tent", "boots with laces", "a stove"]
    lengths, idf = np.array([3, 1, 3, 2]), np.log(1 + 2.5 / 2.5)
    tf = np.array([2, 1, 0, 0])
    expected = tf / (tf + 1.2 * (0.25 + 0.75 * lengths / lengths.mean()))
    assert idf > 0
    np.testing.assert_allclose(scores(texts, "tents"), expected, rtol=1e-5)


def test_a_word_that_nobody_wrote_lowers_the_score() -> None:
    texts = ["red tent", "blue boots", "green stove", "old lamp", "new map", "big sack"]
    assert 0 < scores(texts, "tent zeppelin")[0] < scores(texts, "tent")[0] < 1


def test_very_common_words_count_only_when_there_is_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lexical, "MOST_PASSAGES", 3)
    texts = ["the tent", "the boots", "the stove", "the lamp", "the map", "the sack"]
    assert scores(texts, "the tent")[1] == 0
    assert scores(texts, "the")[1] > 0


def test_frequent_and_rare_terms_are_kept_differently_and_score_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["tent pole", "tent", "boots", "stove tent", "lamp", "map", "sack", "rope boots"]
    by_default = scores(texts, "tent boots")
    for sparse in (1, 1000):
        monkeypatch.setattr(lexical, "SPARSE", sparse)
        assert scores(texts, "tent boots") == pytest.approx(by_default)


def test_a_query_scores_alike_whatever_was_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words and terms are remembered, and forgotten when there are too many of them."""
    texts = ["a red tent", "a blue tent 12", "red boots", "a map", "a sack 退款"]
    queries = ["red tents", "tent 12", "a", "zeppelin 77", "退款 red", "a map", "tents red"]
    alone = [scores(texts, query) for query in queries]
    for most in (20_000, 0):
        monkeypatch.setattr(lexical, "_WORDS_KEPT", most)
        monkeypatch.setattr(lexical, "_NUMBERS_KEPT", most)
        fulltext = FullText(index(texts), len(texts))
        assert [fulltext.scores(query).tolist() for query in queries * 2] == alone * 2


def test_scores_lie_between_0_and_1() -> None:
    texts = ["tent " * 500, "tent", "boots"]
    assert all(0 <= value <= 1 for value in scores(texts, "tent boots the"))


@pytest.mark.parametrize(
    "query",
    ["", " ", '"', "a AND OR NOT", "NEAR(x y, 3)", "x*", "^a", "col:x", "-", "(((", "😀😀",
     "\x00\x01", "tent\x00pole", "\ud800", "x " * 50_000, "退" * 100_000, "x" * 100_000,
     " ".join(f"w{i}" for i in range(5000)), "‮مرحبا", "'; DROP TABLE term; --"],
)  # fmt: skip
def test_any_text_is_a_query(query: str) -> None:
    found = scores(["tent pole", "退款"], query)
    assert len(found) == 2
    assert all(0 <= value <= 1 for value in found)


def test_no_passages() -> None:
    assert scores([], "tent") == []
    assert scores(["😀", ""], "tent") == [0, 0]


def test_what_an_index_makes_of_a_word() -> None:
    texts = FullText(index(["refunds by card", "refund by cash", "open daily"]), 3)
    refunds, card, plane = texts.words(["refunds", "card", "plane"])
    assert (refunds.terms, refunds.held) == (("refund",), True)
    assert refunds.idf < card.idf < plane.idf
    assert (plane.terms, plane.held) == (("plane",), False)
    assert texts.words([]) == []
