"""Search on StackFAQ's answers, their questions hidden, before and after fine-tuning.

The training is that of BANKING77, which has nothing to do with these answers: once without
knowing of them, and once with them as the workspace's articles, as `frontdesk finetune` trains.
Searched as the bot searches: with vectors led back to the encoder before its training, as
`unled` without. Figures are of the half of the threads on which nothing was chosen.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._datasets import DATA
from benchmarks._training import Job, Outcome, train
from benchmarks.search import judge, make
from bot.alignment import alignment
from bot.model import Model
from finetune.registry import BASE, VersionInfo, open_version
from kb.evaluation import Query, read_queries
from kb.passages import Passage, split
from kb.readers import read_articles
from kb.search import WEIGHT

STACKFAQ = DATA / "retrieval" / "stackfaq"
WAYS = {"hybrid": WEIGHT, "dense": 1.0, "bm25": 0.0}
MEASURES = ("r@1", "ndcg@10")
JUDGED = 1  # the half of the threads that figures are of


def searching(job: Job) -> Outcome:
    """Figures as `hybrid.r@1`; those of the training that knew the answers as `known.hybrid.r@1`;
    before any training, among the frozen ones."""
    answers = answers_alone()
    queries = read_queries(STACKFAQ / "queries.jsonl")
    blind = train(job, "banking77")
    known = train(job, "banking77", [passage.embedding_text for passage in answers])
    base = open_version(blind.request.models, BASE)
    measured = {}
    for knew, trained in (("", blind), ("known.", known)):
        for led, before in (("", base), ("unled.", None)):
            found = figures(trained.model, answers, queries, before)
            measured |= {f"{knew}{led}{name}": value for name, value in found.items()}
    return blind.outcome(measured, figures(blind.base, answers, queries))


def answers_alone() -> list[Passage]:
    """The passages of the 719 answers without the questions of their threads."""
    articles = read_articles(STACKFAQ / "kb").articles
    return [replace(p, title="", headings=()) for article in articles for p in split(article)]


def figures(
    model: Model,
    passages: Sequence[Passage],
    queries: list[Query],
    before: VersionInfo | None = None,
    side: int = JUDGED,
) -> dict[str, float]:
    """R@1 and nDCG@10 of each way of searching with a model's vectors, led back to the encoder
    `before` its training."""
    vectors = model.encode([query.text for query in queries])
    found: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        index = make(Path(folder), list(passages), lambda texts: model.encode(texts, "passage"))
        if before is not None:
            index.align(alignment(index, Path(folder), model, before, lambda *_: None))
        for way, weight in WAYS.items():
            row = judge(index, queries, vectors, weight, side)
            found |= {f"{way}.{measure}": row[measure] for measure in MEASURES}
        index.close()
    return found
