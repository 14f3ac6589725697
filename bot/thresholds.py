"""From the risk the owner accepts to the score each route needs, on messages nobody trained on.

Intents and templates are judged on the calibration chats, whose reading the model version keeps.
Passages are judged on the workspace's labelled questions (`questions.jsonl`) or, where it has none,
on the articles' own headings, asked of an index in which those headings are hidden; either way
mixed with as many messages that no article answers.

Each route's threshold is certified by `finetune.calibration.threshold_at_risk`. Where the risk
cannot be certified the route is more careful, not less: it answers only above every mistake that
was seen, and not at all where too few trials lie above.
"""

import hashlib
import itertools
import json
import os
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bot.decision import OUT_OF_SCOPE, Thresholds
from bot.dialogue import PASSAGES_CITED
from bot.model import Model
from bot.off_topic import OFF_TOPIC
from bot.settings import Settings
from bot.template_bank import TemplateBank
from bot.templates import Templates
from bot.workspace import Workspace
from finetune.text import normalise

if TYPE_CHECKING:
    from bot.console import Progress
    from kb.index import Index
    from kb.passages import Passage

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
PASSAGES_ASKED = 400
FEWEST_TRIALS = 10
FEWEST_QUESTIONS = 60
QUESTION_MARKS = ("?", "？")
SCHEMA = 2


@dataclass(frozen=True, slots=True)
class Trials:
    """Held-out messages as a route would have answered them: scores (n,) and verdicts (n,)."""

    scores: FloatArray
    right: BoolArray


def certified(
    workspace: Workspace,
    model: Model,
    index: "Index",
    templates: Templates,
    bank: TemplateBank,
    progress: "Progress",
) -> Thresholds:
    """The thresholds of the present model, articles, templates, questions and promised risk.

    They lie beside the index and are computed again when one of these has changed.
    """
    settings = workspace.settings
    path = workspace.index / f"thresholds-{model.fingerprint[:12]}.json"
    key = _key(workspace, model, index, templates)
    found = _read(path)
    if found.get("key") != key or found.get("check") != _digest([key, found.get("routes")]):
        trials = {
            "intent": intent_trials(model, templates),
            "template": template_trials(model, templates, bank),
            "passage": passage_trials(settings, workspace.questions, model, index, progress),
        }
        certificates = {
            route: _certify(trial, settings.max_wrong_answers) for route, trial in trials.items()
        }
        found = {"key": key, "routes": certificates, "check": _digest([key, certificates])}
        _write(path, found)
    values = {route: facts["threshold"] for route, facts in found["routes"].items()}
    return Thresholds(**values, max_wrong=settings.max_wrong_answers)


def shortcomings(folder: Path, model: Model) -> list[str]:
    """A sentence for each route whose risk could not be certified."""
    routes = _read(folder / f"thresholds-{model.fingerprint[:12]}.json").get("routes", {})
    return [_shortcoming(route, facts) for route, facts in routes.items() if not facts["certified"]]


def _shortcoming(route: str, facts: Mapping[str, Any]) -> str:
    what = f"{route}: {facts['max_risk']:.0%} wrong answers cannot be promised ({facts['reason']})"
    if facts["threshold"] is None:
        return f"{what}; no {route} answers by itself"
    return (
        f"{what}; answers are given above {facts['threshold']:.2f} only, where none of "
        f"{facts['answered']} trials was wrong"
    )


def _certify(trials: Trials, max_wrong: float) -> dict[str, Any]:
    from finetune.calibration import threshold_at_risk, wrong_rate_bound

    certificate = threshold_at_risk(trials.scores, trials.right, max_wrong)
    if certificate.threshold is not None:
        return {**asdict(certificate), "certified": True}
    threshold, answered = _above_every_mistake(trials)
    bound = wrong_rate_bound(0, answered, certificate.confidence_level)
    careful = {"threshold": threshold, "answered": answered, "wrong": 0, "bound": bound}
    return {**asdict(certificate), **careful, "certified": False}


def _above_every_mistake(trials: Trials) -> tuple[float | None, int]:
    """The lowest score that no wrong trial reaches, and how many trials do."""
    highest = trials.scores[~trials.right].max(initial=-1.0)
    above = trials.scores[trials.scores > highest]
    enough = len(above) >= FEWEST_TRIALS
    return (float(above.min()), len(above)) if enough else (None, len(above))


# --- intents and templates -----------------------------------------------------------------------


def intent_trials(model: Model, templates: Templates) -> Trials:
    """The likeliest intent of each labelled calibration message, where a template speaks for it."""
    records, arrays = _evidence(model)
    scores, right = [], []
    for record, probabilities in zip(records, arrays.get("probabilities", ()), strict=False):
        if not record["intents"] or not len(probabilities):
            continue
        guess = model.labels[int(probabilities.argmax())]
        if guess != OUT_OF_SCOPE and templates.by_intent(guess):
            scores.append(float(probabilities.max()))
            right.append(guess in record["intents"])
    return _trials(scores, right)


def template_trials(model: Model, templates: Templates, bank: TemplateBank) -> Trials:
    """The ranker's best template for each calibration message whose right answer is known: by the
    template or the words of the agent's reply, or by the message's intents."""
    records, arrays = _evidence(model)
    if not records or not bank.ids:
        return _trials([], [])
    scores, right = [], []
    replies = {t.id: {normalise(wording) for wording in t.wordings} for t in templates.spoken}
    for record, row in zip(records, bank.scores(arrays["queries"]), strict=True):
        if not record["intents"] and not record["reply"]:
            continue
        best = templates.by_id[bank.ids[int(row.argmax())]]
        reply = record["reply"]
        same = reply == f"template:{best.id}" or reply in replies[best.id]
        scores.append(float(row.max()))
        right.append(same or bool(set(best.intents) & set(record["intents"])))
    return _trials(scores, right)


def _evidence(model: Model) -> tuple[list[dict[str, Any]], Mapping[str, FloatArray]]:
    if not model.trained:
        return [], {}
    from safetensors.numpy import load_file

    records = json.loads((model.folder / "evidence.json").read_text(encoding="utf-8"))
    return records, load_file(model.folder / "evidence.safetensors")


# --- passages ------------------------------------------------------------------------------------


def passage_trials(
    settings: Settings, questions: Path, model: Model, index: "Index", progress: "Progress"
) -> Trials:
    """Questions (right: a passage of their article would be cited), and as many messages that no
    article answers (never right)."""
    if questions.is_file():
        from kb.evaluation import read_queries

        asked = [(query.text, frozenset(query.gold)) for query in read_queries(questions)]
        return _asked(settings, model, index, asked)
    passages = _sample(index.passages())
    if len({passage.article for passage in passages}) < 2:
        return _trials([], [])
    with _without_headings(passages, model, index, progress) as blind:
        return _asked(settings, model, blind, _headings(passages))


def _asked(
    settings: Settings,
    model: Model,
    index: "Index",
    asked: Sequence[tuple[str, Collection[str]]],
) -> Trials:
    from kb.search import search

    nonsense = itertools.islice(itertools.cycle(OFF_TOPIC[settings.language]), len(asked))
    everything = [*asked, *((text, frozenset[str]()) for text in nonsense)]
    vectors = model.encode([text for text, _ in everything])
    scores, right = [], []
    for (text, articles), vector in zip(everything, vectors, strict=True):
        hits = search(index, text, vector, PASSAGES_CITED)
        scores.append(hits[0].score if hits else 0.0)
        right.append(any(hit.passage.article in articles for hit in hits))
    return _trials(scores, right)


@contextmanager
def _without_headings(
    passages: Sequence["Passage"], model: Model, index: "Index", progress: "Progress"
) -> "Iterator[Index]":
    """A passing index of these passages, their titles and headings hidden."""
    from kb.index import Index
    from kb.store import build

    def encode(texts: list[str]) -> FloatArray:
        return model.encode(
            texts, "passage", lambda done: progress("testing the articles", done, len(texts))
        )

    with TemporaryDirectory() as folder:
        build(
            Path(folder),
            [replace(passage, title="", headings=()) for passage in passages],
            encode,
            fingerprint=index.fingerprint,
            dimension=index.dimension,
        )
        blind = Index.open(Path(folder), index.fingerprint)
        try:
            yield blind
        finally:
            blind.close()


def _sample(passages: Sequence["Passage"]) -> list["Passage"]:
    """Whole articles in a fixed random order, up to PASSAGES_ASKED passages."""
    by_article: dict[str, list[Passage]] = {}
    for passage in passages:
        by_article.setdefault(passage.article, []).append(passage)
    order = sorted(by_article)
    random.Random(0).shuffle(order)
    taken = [passage for article in order for passage in by_article[article]]
    return taken[:PASSAGES_ASKED]


def _headings(passages: Sequence["Passage"]) -> list[tuple[str, frozenset[str]]]:
    """(question, its article): each title, and each title with a heading below it, once. Where
    enough of them are worded as questions, those alone: they are what a customer would type."""
    found: dict[str, frozenset[str]] = {}
    for passage in passages:
        article = frozenset([passage.article])
        found.setdefault(passage.title, article)
        if passage.headings:
            found.setdefault(f"{passage.title}: {passage.headings[-1]}", article)
    asking = {text: articles for text, articles in found.items() if _asks(text)}
    return list((asking if len(asking) >= FEWEST_QUESTIONS else found).items())


def _asks(text: str) -> bool:
    return any(mark in text for mark in QUESTION_MARKS)


# --- on disk -------------------------------------------------------------------------------------


def _trials(scores: Sequence[float], right: Sequence[bool]) -> Trials:
    return Trials(np.asarray(scores, dtype=np.float32), np.asarray(right, dtype=np.bool_))


def _key(workspace: Workspace, model: Model, index: "Index", templates: Templates) -> str:
    settings, questions = workspace.settings, workspace.questions
    parts = [
        SCHEMA,
        questions.read_text(encoding="utf-8", errors="replace") if questions.is_file() else "",
        settings.max_wrong_answers,
        settings.language,
        model.fingerprint,
        index.digest,
        [asdict(template) for template in templates],
    ]
    return _digest(parts)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, value: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # a read-only workspace computes them each time
