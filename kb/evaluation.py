"""Did search find it: recall, reciprocal rank and gain against queries whose articles are known."""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from kb.errors import KBError


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the articles that answer it."""

    id: str
    text: str
    gold: frozenset[str]


def read_queries(path: Path) -> list[Query]:
    """The queries of a JSON Lines file, {"id", "text", "gold": [article ids]} a line.

    KBError naming `path:line` and what is wrong there.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise KBError(f"{path}: the queries cannot be read ({error.strerror}).") from None
    queries = [
        _query(line, f"{path}:{number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not queries:
        raise KBError(f"{path}: there is no query; write one JSON object a line.")
    return queries


def _query(line: bytes, place: str) -> Query:
    try:
        fields = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise KBError(f"{place}: this line is not JSON in UTF-8.") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        raise KBError(f'{place}: a query needs "text".')
    gold = fields.get("gold")
    if not isinstance(gold, list) or not gold or not all(isinstance(id_, str) for id_ in gold):
        raise KBError(f'{place}: "gold" must be a list of one or more article ids.')
    return Query(str(fields.get("id", place)), fields["text"], frozenset(gold))


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
