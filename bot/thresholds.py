"""From the risk the owner accepts to the score each route needs, on messages nobody trained on.

Intents and templates are judged on the calibration chats, whose reading the model version keeps.
Passages have no labelled chats: they are judged on questions made from the articles' own headings,
asked of an index in which those headings are hidden, mixed with as many messages that no article
answers. Each route's threshold is certified by `finetune.calibration.threshold_at_risk`.
"""

import hashlib
import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bot.decision import OUT_OF_SCOPE, Thresholds
from bot.model import Model
from bot.off_topic import OFF_TOPIC
from bot.settings import Settings
from bot.template_bank import TemplateBank
from bot.templates import Templates
from finetune.text import normalise

if TYPE_CHECKING:
    from bot.console import Progress
    from finetune.calibration import RiskThreshold
    from kb.index import Index
    from kb.passages import Passage

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
ARTICLES_ASKED = 40
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Trials:
    """Held-out messages as a route would have answered them: scores (n,) and verdicts (n,)."""

    scores: FloatArray
    right: BoolArray


def certified(
    folder: Path,
    settings: Settings,
    model: Model,
    index: "Index",
    templates: Templates,
    bank: TemplateBank,
    progress: "Progress",
) -> Thresholds:
    """The thresholds of the present model, articles, templates and promised risk.

    They lie in `folder` and are computed again when one of these has changed.
    """
    path = folder / f"thresholds-{model.fingerprint[:12]}.json"
    key = _key(settings, model, index, templates)
    found = _read(path)
    if found.get("key") != key:
        trials = {
            "intent": intent_trials(model, templates),
            "template": template_trials(model, templates, bank),
            "passage": passage_trials(settings, model, index, progress),
        }
        certificates = {
            route: asdict(_certify(trial, settings.max_wrong_answers))
            for route, trial in trials.items()
        }
        found = {"key": key, "routes": certificates}
        _write(path, found)
    values = {route: facts["threshold"] for route, facts in found["routes"].items()}
    return Thresholds(**values, max_wrong=settings.max_wrong_answers)


def shortcomings(folder: Path, model: Model) -> list[str]:
    """A sentence for each route that could not be certified and so never answers by itself."""
    routes = _read(folder / f"thresholds-{model.fingerprint[:12]}.json").get("routes", {})
    return [
        f"no {route} answers by itself: {facts['reason']}"
        for route, facts in routes.items()
        if facts["threshold"] is None
    ]


def _certify(trials: Trials, max_wrong: float) -> "RiskThreshold":
    from finetune.calibration import threshold_at_risk

    return threshold_at_risk(trials.scores, trials.right, max_wrong)


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
    settings: Settings, model: Model, index: "Index", progress: "Progress"
) -> Trials:
    """Headings asked as questions (right: a passage of that article comes first), and messages
    that no article answers (never right)."""
    from kb.index import Index
    from kb.search import search
    from kb.store import build

    passages = index.passages()
    hidden = _without_headings(passages)
    if len({passage.article for passage in passages}) < 2:
        return _trials([], [])
    asked = _questions(passages, hidden.keys())
    nonsense = list(OFF_TOPIC[settings.language])
    nonsense = (nonsense * (len(asked) // len(nonsense) + 1))[: len(asked)]

    def encode(texts: list[str]) -> FloatArray:
        return model.encode(
            texts, "passage", lambda done: progress("testing the articles", done, len(texts))
        )

    with TemporaryDirectory() as folder:
        mixed = [hidden.get(passage.id, passage) for passage in passages]
        build(
            Path(folder),
            mixed,
            _known_or(index, passages, hidden, encode),
            fingerprint=index.fingerprint,
            dimension=index.dimension,
        )
        blind = Index.open(Path(folder), index.fingerprint)
        texts = [text for text, _ in asked] + nonsense
        articles = [article for _, article in asked] + [""] * len(nonsense)
        hits = [
            search(blind, text, vector, 1)
            for text, vector in zip(texts, model.encode(texts), strict=True)
        ]
        blind.close()
    first = [(h[0].score, h[0].passage.article) if h else (0.0, "") for h in hits]
    return _trials(
        [score for score, _ in first],
        [bool(a) and found == a for (_, found), a in zip(first, articles, strict=True)],
    )


def _without_headings(passages: Sequence["Passage"]) -> dict[int, "Passage"]:
    """The passages of a fixed sample of articles, their title and headings hidden, by id."""
    articles = sorted({passage.article for passage in passages})
    chosen = set(random.Random(0).sample(articles, min(ARTICLES_ASKED, len(articles))))
    return {
        passage.id: replace(passage, title="", headings=())
        for passage in passages
        if passage.article in chosen
    }


def _questions(passages: Sequence["Passage"], chosen: Any) -> list[tuple[str, str]]:
    """(question, article): each title, and each title with a heading below it, once."""
    found: dict[str, str] = {}
    for passage in passages:
        if passage.id in chosen:
            found.setdefault(passage.title, passage.article)
            if passage.headings:
                found.setdefault(f"{passage.title}: {passage.headings[-1]}", passage.article)
    return list(found.items())


def _known_or(
    index: "Index", passages: Sequence["Passage"], hidden: Mapping[int, "Passage"], encode: Any
) -> Any:
    """An encoder that takes the vectors of unchanged passages from the index."""
    known = {p.embedding_text: p.id for p in passages if p.id not in hidden}

    def lookup(texts: list[str]) -> FloatArray:
        new = [text for text in texts if text not in known]
        fresh = dict(zip(new, encode(new), strict=True)) if new else {}
        rows = [fresh[t] if t in fresh else index.vectors([known[t]])[0] for t in texts]
        return np.stack(rows)

    return lookup


# --- on disk -------------------------------------------------------------------------------------


def _trials(scores: Sequence[float], right: Sequence[bool]) -> Trials:
    return Trials(np.asarray(scores, dtype=np.float32), np.asarray(right, dtype=np.bool_))


def _key(settings: Settings, model: Model, index: "Index", templates: Templates) -> str:
    parts = [
        SCHEMA,
        settings.max_wrong_answers,
        settings.language,
        model.fingerprint,
        index.digest,
        [asdict(template) for template in templates],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


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
