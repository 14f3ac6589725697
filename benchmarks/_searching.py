"""Search on StackFAQ's answers, their questions hidden, before and after fine-tuning.

The training is that of BANKING77, which has nothing to do with these answers: once without
knowing of them, and once with them as the workspace's articles, as `frontdesk finetune` trains.
Searched is with the vectors that the bot would search with, which knows no labelled question here
and no heading; as `own` with the fine-tuned ones. Figures are of the half of the threads on which
the weight of the fusion was not chosen.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._datasets import DATA
from benchmarks._training import Job, Outcome, Trained, train
from benchmarks.search import judge, make
from bot.creation import create
from bot.model import Model
from bot.risk.searching import searcher_of
from bot.workspace import open_workspace
from finetune.registry import BASE, open_version
from kb.evaluation import Query, read_queries
from kb.passages import Passage, split
from kb.readers import read_articles
from kb.search import WEIGHT
from kb.store import build

STACKFAQ = DATA / "retrieval" / "stackfaq"
WAYS = {"hybrid": WEIGHT, "dense": 1.0, "bm25": 0.0}
MEASURES = ("r@1", "ndcg@10")
JUDGED = 1  # the half of the threads that figures are of


def searching(job: Job) -> Outcome:
    """Figures as `hybrid.r@1` and `own.hybrid.r@1`; those of the training that knew the answers as
    `known.hybrid.r@1`; before any training, among the frozen ones."""
    answers = answers_alone()
    queries = read_queries(STACKFAQ / "queries.jsonl")
    blind = train(job, "banking77")
    known = train(job, "banking77", [passage.embedding_text for passage in answers])
    measured: dict[str, float] = {}
    for knew, trained in (("", blind), ("known.", known)):
        for whose, encoder in (("", searching_for(trained, answers)), ("own.", trained.model)):
            found = figures(encoder, answers, queries)
            measured |= {f"{knew}{whose}{name}": value for name, value in found.items()}
    return blind.outcome(measured, figures(blind.base, answers, queries))


def searching_for(trained: Trained, passages: Sequence[Passage]) -> Model:
    """The encoder that the bot would search these passages with."""
    base = open_version(trained.request.models, BASE)
    with TemporaryDirectory() as folder:
        workspace = open_workspace(create(Path(folder) / "bot").root)
        for encoder in (trained.base, trained.model):
            build(
                workspace.index,
                list(passages),
                partial(encoder.encode, kind="passage"),
                fingerprint=encoder.encoder_fingerprint,
                dimension=encoder.dimension,
            )
        return searcher_of(workspace, trained.model, base, lambda *_: None).encoder


def answers_alone() -> list[Passage]:
    """The passages of the 719 answers without the questions of their threads."""
    articles = read_articles(STACKFAQ / "kb").articles
    return [replace(p, title="", headings=()) for article in articles for p in split(article)]


def figures(model: Model, passages: Sequence[Passage], queries: list[Query]) -> dict[str, float]:
    """R@1 and nDCG@10 of each way of searching with a model's vectors."""
    vectors = model.encode([query.text for query in queries])
    found: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        index = make(Path(folder), list(passages), lambda texts: model.encode(texts, "passage"))
        for way, weight in WAYS.items():
            row = judge(index, queries, vectors, weight, JUDGED)
            found |= {f"{way}.{measure}": row[measure] for measure in MEASURES}
        index.close()
    return found
