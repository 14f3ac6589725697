"""The choice between a template, passages and neither, made by the real dialogue manager.

The stream is BANKING77's test (a template answers it), StackFAQ queries (passages do) and the
out-of-scope test of CLINC150 (neither). The workspace has BANKING77's other messages as chats, a
template an intent and StackFAQ's pairs as articles. One half of StackFAQ's threads are its labelled
questions; only queries of the other half are in the stream.

The peer chooses by two thresholds on the raw scores: the uncalibrated probability of the likeliest
intent, then the best passage's score. They are those with the best macro-F1 on the calibration
messages, the same labelled questions, and the 100 out-of-scope texts that CLINC150 has for
validation, which our bot is not shown.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._datasets import DATASETS, chat, records, thinned
from benchmarks._searching import JUDGED, STACKFAQ
from benchmarks._training import Job, Outcome, read, run
from benchmarks.search import half
from bot.bot import Desk
from bot.commands.finetune import make_request
from bot.content.citing import cited
from bot.creation import create
from bot.decision import Cite, Decision, template_of
from bot.live import build_index, desk_of, export_base
from bot.model import softmax
from bot.replay.answering import answers
from bot.replay.answering import read as read_all
from bot.replay.reading import read_history
from bot.workspace import Workspace, open_workspace
from finetune.conversation import OUT_OF_SCOPE, Conversation
from kb.evaluation import Query, read_queries

FloatArray = NDArray[np.float32]
CHOICES = ("template", "passages", "neither")
GRID = (60, 30)  # thresholds that are tried, for the intent and for the passage


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of a stream, what should answer it, and which intents or articles are right."""

    text: str
    truth: str
    gold: frozenset[str]


@dataclass(frozen=True, slots=True)
class Scores:
    """Raw scores of messages: the likeliest intent's and the best passage's (n,), and whether the
    one and the other would be a right answer."""

    intent: FloatArray
    passage: FloatArray
    intent_right: NDArray[np.bool_]
    passage_right: NDArray[np.bool_]


def choice(job: Job) -> Outcome:
    """Macro-F1 over the three choices and wrong answers; of the raw scores as `raw.…`."""
    workspace = make_workspace(job)
    asked = make_request(workspace, skip_bad=False)
    trained = run(job, replace(asked, seed=job.seed, epochs=job.epochs, fresh=True))
    export_base(workspace, job.progress)
    build_index(workspace, trained.model, job.progress)
    desk = desk_of(workspace, trained.model, job.progress)
    held = stream_of(trained.part("calibration"), 1 - JUDGED, "val", job.limit)
    tested = (c for c in thinned(DATASETS["banking77"].chats(), job.limit) if c.split == "test")
    stream = stream_of(tested, JUDGED, "test", job.limit)
    started = time.perf_counter()
    decisions = decide(desk, stream)
    seconds = time.perf_counter() - started
    chosen = [_choice(decision) for decision in decisions]
    right = [_is_right(desk, *pair) for pair in zip(decisions, stream, strict=True)]
    measured = figures(chosen, right, stream) | {
        f"raw.{name}": value for name, value in by_raw_scores(desk, held, stream).items()
    }
    return replace(trained.outcome(measured, {}), test=len(stream), read_seconds=seconds)


# --- the workspace and the streams ---------------------------------------------------------------


def make_workspace(job: Job) -> Workspace:
    """A workspace of BANKING77's chats but its test, a template an intent, StackFAQ's pairs."""
    root = job.folder("choice")
    if not root.exists():
        chats = [c for c in thinned(DATASETS["banking77"].chats(), job.limit) if c.split != "test"]
        file = job.models / f"{root.name}.jsonl"
        lines = (chat.model_dump_json(exclude_defaults=True) for chat in chats)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        create(root, chats=[file], articles=[STACKFAQ / "kb"], name="Bank", language="en")
        intents = sorted({name for chat in chats for name in chat.turns[0].intents})
        templates = {"templates": [_template(name) for name in intents]}
        (root / "templates.yaml").write_text(json.dumps(templates), encoding="utf-8")
        _write_questions(root / "questions.jsonl", _queries(1 - JUDGED))
    return open_workspace(root)


def _template(intent: str) -> dict[str, object]:
    words = intent.replace("_", " ").strip("?").lower()
    return {"id": intent, "intents": [intent], "wordings": [f"This is about {words}."]}


def _write_questions(path: Path, queries: Iterable[Query]) -> None:
    lines = (json.dumps({"id": q.id, "text": q.text, "gold": sorted(q.gold)}) for q in queries)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _queries(side: int) -> list[Query]:
    return [q for q in read_queries(STACKFAQ / "queries.jsonl") if half(q) == side]


def stream_of(
    chats: Iterable[Conversation], side: int, split: str, limit: int | None
) -> list[Asked]:
    """Chats that templates answer, the queries of one half of StackFAQ, and what nothing answers
    in a split of CLINC150."""
    outside = [
        record["text"]
        for record in records("intents/clinc150/full.jsonl")
        if record["intent"] == OUT_OF_SCOPE and record["split"] == split
    ]
    return [
        *(Asked(c.turns[0].text, "template", frozenset(c.turns[0].intents)) for c in chats),
        *(Asked(query.text, "passages", query.gold) for query in _queries(side)[:limit]),
        *(Asked(text, "neither", frozenset()) for text in outside[:limit]),
    ]


# --- our bot -------------------------------------------------------------------------------------


def decide(desk: Desk, stream: Sequence[Asked]) -> list[Decision]:
    """What the bot decides on each message, as the first of a chat."""
    chats = [chat(f"{place:06}", "test", asked.text) for place, asked in enumerate(stream)]
    history = read_history(chats, desk.model)
    found = answers(desk, history, *read_all(desk, history), date.today())
    return [answered.decision for answered in found]


def _choice(decision: Decision) -> str:
    """A question back or a person is no answer; a slot asked for is a template on its way."""
    if isinstance(decision, Cite):
        return "passages"
    return "template" if template_of(decision) is not None else "neither"


def _is_right(desk: Desk, decision: Decision, asked: Asked) -> bool:
    if isinstance(decision, Cite):
        return any(hit.passage.article in asked.gold for hit in decision.hits)
    template = template_of(decision)
    return template is not None and bool(set(desk.templates.by_id[template].intents) & asked.gold)


def figures(
    chosen: Sequence[str], right: Sequence[bool], stream: Sequence[Asked]
) -> dict[str, float]:
    """macro_f1 of the choices; the share answered; how many answers, and of all, were wrong."""
    from sklearn.metrics import f1_score

    truth = [asked.truth for asked in stream]
    given = np.asarray([name != "neither" for name in chosen])
    wrong = given & ~np.asarray(right)
    f1 = f1_score(truth, chosen, labels=list(CHOICES), average="macro", zero_division=0.0)
    return {
        "macro_f1": float(f1),
        "answered": float(given.mean()),
        "wrong": float(wrong.sum() / max(given.sum(), 1)),
        "wrong_of_all": float(wrong.mean()),
    }


# --- the raw scores ------------------------------------------------------------------------------


def by_raw_scores(desk: Desk, held: Sequence[Asked], stream: Sequence[Asked]) -> dict[str, float]:
    """The figures of two thresholds on the raw scores, chosen on `held`."""
    before, after = raw_scores(desk, held), raw_scores(desk, stream)
    intent, passage = best_thresholds(before, [asked.truth for asked in held])
    chosen = _chosen(after, intent, passage)
    right = np.where(
        after.intent >= intent, after.intent_right, after.passage_right & (after.passage >= passage)
    )
    return figures(chosen, right.tolist(), stream)


def raw_scores(desk: Desk, stream: Sequence[Asked]) -> Scores:
    """The scores before any calibration or threshold."""
    model, texts = desk.model, [asked.text for asked in stream]
    raw = softmax(read(model, texts)[0])
    vectors = model.encode(texts)
    searching = desk.ahead(texts, vectors)
    hits = [
        cited(searching.hits(text, vector)) for text, vector in zip(texts, vectors, strict=True)
    ]
    guesses = [model.labels[place] for place in raw.argmax(1)]
    return Scores(
        raw.max(1),
        np.asarray([found[0].score if found else 0.0 for found in hits], np.float32),
        np.asarray([g in asked.gold for g, asked in zip(guesses, stream, strict=True)]),
        np.asarray(
            [
                any(hit.passage.article in asked.gold for hit in found)
                for found, asked in zip(hits, stream, strict=True)
            ]
        ),
    )


def best_thresholds(scores: Scores, truth: Sequence[str]) -> tuple[float, float]:
    """The pair with the best macro-F1, of GRID quantiles of either score."""
    from sklearn.metrics import f1_score

    pairs = [
        (float(intent), float(passage))
        for intent in np.quantile(scores.intent, np.linspace(0, 1, GRID[0]))
        for passage in np.quantile(scores.passage, np.linspace(0, 1, GRID[1]))
    ]

    def value(pair: tuple[float, float]) -> float:
        chosen = _chosen(scores, *pair)
        return float(f1_score(truth, chosen, labels=list(CHOICES), average="macro"))

    return max(pairs, key=value)


def _chosen(scores: Scores, intent: float, passage: float) -> list[str]:
    found = np.where(
        scores.intent >= intent,
        "template",
        np.where(scores.passage >= passage, "passages", "neither"),
    )
    return [str(name) for name in found]
