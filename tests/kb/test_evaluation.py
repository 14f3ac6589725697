"""Measures of search, and the files they are measured with."""

import math
from pathlib import Path

import pytest

from kb.errors import KBError
from kb.evaluation import evaluate, read_follow_ups, read_queries


def test_measures() -> None:
    rankings = [["a", "b"], ["x", "x", "y", "a"], ["q"] * 9]
    found = evaluate(rankings, [{"a"}, {"a", "b"}, {"a"}])
    assert found["n"] == 3
    assert found["r@1"] == pytest.approx(1 / 3)
    assert found["r@5"] == found["r@10"] == pytest.approx(2 / 3)
    assert found["mrr@10"] == pytest.approx((1 + 1 / 3) / 3)  # the second x does not count
    second = 1 / math.log2(4) / (1 + 1 / math.log2(3))
    assert found["ndcg@10"] == pytest.approx((1 + second) / 3)


def test_only_ten_articles_count() -> None:
    ranking = [str(i) for i in range(11)]
    assert evaluate([ranking], [{"10"}])["mrr@10"] == 0


def test_nothing_to_judge() -> None:
    with pytest.raises(KBError):
        evaluate([], [])


def test_queries(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text('{"id": 1, "text": "How?", "gold": ["a", "b", "a"]}\n\n', "utf-8")
    (query,) = read_queries(path)
    assert (query.id, query.text, query.gold) == ("1", "How?", frozenset({"a", "b"}))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "this line is not JSON in UTF-8."),
        ("\udcff", "this line is not JSON in UTF-8."),
        ('{"gold": ["a"]}', 'a query needs "text".'),
        ('{"text": "a", "gold": []}', '"gold" must be a list of one or more article ids.'),
        ('{"text": "a", "gold": [1]}', '"gold" must be a list of one or more article ids.'),
    ],
)
def test_bad_queries(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "q.jsonl"
    good = '{"id": "1", "text": "a", "gold": ["a"]}\n'
    path.write_text(good + line, "utf-8", "surrogateescape")
    with pytest.raises(KBError) as caught:
        read_queries(path)
    assert str(caught.value) == f"{path}:2: {why}"


def test_missing_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(KBError, match="cannot be read"):
        read_queries(tmp_path / "none.jsonl")
    (tmp_path / "q.jsonl").write_text("\n")
    with pytest.raises(KBError, match="there is no query"):
        read_queries(tmp_path / "q.jsonl")


def test_follow_ups(tmp_path: Path) -> None:
    path = tmp_path / "followups.jsonl"
    lines = (
        '{"before": "How long is it valid?", "text": "and online?", "gold": ["vouchers"]}',
        '{"before": "How long is it valid?", "text": "and the weather?", "gold": []}',
    )
    path.write_text("\n".join(lines), "utf-8")
    online, weather = read_follow_ups(path)
    assert (online.before, online.text) == ("How long is it valid?", "and online?")
    assert (online.gold, weather.gold) == (frozenset({"vouchers"}), frozenset())


@pytest.mark.parametrize("line", ['{"text": "a", "gold": []}', '{"before": "b", "text": "a"}'])
def test_bad_follow_ups(tmp_path: Path, line: str) -> None:
    path = tmp_path / "followups.jsonl"
    path.write_text(line, "utf-8")
    with pytest.raises(KBError) as caught:
        read_follow_ups(path)
    assert str(caught.value) == f'{path}:1: a follow-up needs "before", a text, and "gold", a list.'
