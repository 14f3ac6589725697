"""Did search find it: recall, reciprocal rank and gain against queries whose articles are known."""

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from kb.errors import KBError


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the articles that answer it."""

    id: str
    text: str
    gold: frozenset[str]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A message and the question `before` it. `gold` are the articles that answer the message, by
    itself or because it goes on with that question; none where nothing does."""

    before: str
    text: str
    gold: frozenset[str]


def read_queries(path: Path) -> list[Query]:
    """The queries of a JSON Lines file, {"id", "text", "gold": [article ids]} a line.

    KBError naming `path:line` and what is wrong there.
    """
    queries = [_query(_fields(line, place), place) for line, place in _lines(path)]
    if not queries:
        raise KBError(f"{path}: there is no query; write one JSON object a line.")
    return queries


def read_follow_ups(path: Path) -> list[FollowUp]:
    """The pairs of a JSON Lines file, {"before", "text", "gold": [article ids]} a line.

    KBError naming `path:line` and what is wrong there.
    """
    return [_follow_up(_fields(line, place), place) for line, place in _lines(path)]


def _lines(path: Path) -> Iterator[tuple[bytes, str]]:
    """The lines that are not empty, each with its place."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise KBError(f"{path}: the queries cannot be read ({error.strerror}).") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield line, f"{path}:{number}"


def _fields(line: bytes, place: str) -> dict[str, Any]:
    try:
        fields = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise KBError(f"{place}: this line is not JSON in UTF-8.") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        raise KBError(f'{place}: a query needs "text".')
    return fields


def _query(fields: Mapping[str, Any], place: str) -> Query:
    gold = _gold(fields)
    if not gold:
        raise KBError(f'{place}: "gold" must be a list of one or more article ids.')
    return Query(str(fields.get("id", place)), fields["text"], gold)


def _follow_up(fields: Mapping[str, Any], place: str) -> FollowUp:
    gold = _gold(fields)
    if gold is None or not isinstance(fields.get("before"), str):
        raise KBError(f'{place}: a follow-up needs "before", a text, and "gold", a list.')
    return FollowUp(fields["before"], fields["text"], gold)


def _gold(fields: Mapping[str, Any]) -> frozenset[str] | None:
    gold = fields.get("gold")
    if not isinstance(gold, list) or not all(isinstance(id_, str) for id_ in gold):
        return None
    return frozenset(gold)


def evaluate(
    rankings: Sequence[Iterable[str]], gold: Sequence[Collection[str]]
) -> Mapping[str, float]:
    """Means over queries: n, r@1, r@5, r@10, mrr@10 and ndcg@10.

    `rankings[i]` are article ids, best first; an article counts where it first occurs. r@k is the
    share of queries with a gold article among the first k; gain is binary (Jarvelin & Kekalainen
    2002). KBError when there is nothing to evaluate.
    """
    if not gold or len(rankings) != len(gold):
        raise KBError(f"{len(rankings)} rankings cannot be judged by {len(gold)} gold sets.")
    hits = [
        [article in right for article in list(dict.fromkeys(ranking))[:10]]
        for ranking, right in zip(rankings, gold, strict=True)
    ]
    return {
        "n": len(gold),
        **{f"r@{k}": fmean(any(hit[:k]) for hit in hits) for k in (1, 5, 10)},
        "mrr@10": fmean(1 / (hit.index(True) + 1) if any(hit) else 0.0 for hit in hits),
        "ndcg@10": fmean(
            _gain(hit) / _gain([True] * min(len(right), 10))
            for hit, right in zip(hits, gold, strict=True)
        ),
    }


def _gain(hits: Sequence[bool]) -> float:
    return sum(hit / math.log2(rank + 2) for rank, hit in enumerate(hits))
