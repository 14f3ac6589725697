"""The rows of issue 3's table: from a data set to figures, a function each.

A share is given as a share, 0 to 1; the table prints it as a percentage where the published
figure is one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import _choice, _searching
from benchmarks._datasets import MULTIDOGO, Span, banking77_oos, tags_of, thinned
from benchmarks._training import Job, Outcome, Probe, Readings, Trained, train
from bot.model import Model
from finetune.calibration import expected_calibration_error, threshold_at_risk
from finetune.conversation import Conversation, EntitySpan
from finetune.risk import Trials
from finetune.tags import FoundEntity

MAX_WRONG, BOUND = 0.05, 0.95
TRUE_SHARE = 1000 / 5500  # of CLINC150's test, out of scope
FEW = 3  # seeds, where the training set is small

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """A row and over how many seeds its figures are averaged if nothing else is asked."""

    run: Callable[[Job], Outcome]
    seeds: int = 1


# --- what the run itself judges ------------------------------------------------------------------

KEPT = {
    "intent": ("accuracy", "macro_f1", "ece"),
    "ranking": ("r@1", "r@5", "r@10", "mrr"),
    "entities": ("f1", "precision", "recall"),
    "sentiment": ("accuracy", "macro_f1", "ece"),
}


def judged(name: str, *tasks: str) -> Callable[[Job], Outcome]:
    """A row whose figures are those that the run wrote of its own test split."""

    def run(job: Job) -> Outcome:
        trained = train(job, name)
        return trained.outcome(_figures(trained, "test", tasks), _figures(trained, "frozen", tasks))

    return run


def _figures(trained: Trained, side: str, tasks: tuple[str, ...]) -> dict[str, float]:
    """`accuracy`, … of the first task; those of the others as `task.accuracy`, …"""
    found: dict[str, float] = {}
    for task in tasks:
        metrics = trained.metrics(side, task)
        before = "" if task == tasks[0] else f"{task}."
        found |= {f"{before}{key}": metrics[key] for key in KEPT[task] if key in metrics}
    return found


def entities(name: str, between: str) -> Callable[[Job], Outcome]:
    """A row whose entities are those the served model finds, put back on the data's own tokens
    and judged by seqeval, as the published figures are. What the run wrote, where every character
    is a token, is `character_f1`."""

    def run(job: Job) -> Outcome:
        trained = train(job, name)
        measured = _figures(trained, "test", ("entities", "intent"))
        if "f1" in measured:
            measured["character_f1"] = measured["f1"]
            measured["f1"] = token_f1(trained.model, trained.part("test"), between)
        return trained.outcome(measured, _figures(trained, "frozen", ("entities", "intent")))

    return run


def token_f1(model: Model, chats: Iterable[Conversation], between: str) -> float:
    """F1 over the exact entities of one-turn chats whose tokens are joined by `between`."""
    from seqeval.metrics import f1_score

    turns = [chat.turns[0] for chat in chats]
    marked, found = [], []
    for turn, guessed in zip(turns, model.encode_messages([t.text for t in turns])[1], strict=True):
        tokens = turn.text.split(between) if between else list(turn.text)
        marked.append(tags_of(tokens, map(_span, turn.entities), between))
        found.append(tags_of(tokens, map(_span, guessed), between))
    return float(f1_score(marked, found))


def _span(entity: EntitySpan | FoundEntity) -> Span:
    return entity.start, entity.end, entity.type


# --- in and out of scope -------------------------------------------------------------------------


def clinc150(job: Job) -> Outcome:
    """CLINC150 in scope: accuracy of its 4,500 test messages that have an intent."""
    trained = train(job, "clinc150")
    readings = trained.read(trained.part("test"))
    frozen = Probe(trained).read(trained.part("test"))
    return trained.outcome(_scoped(readings), _scoped(frozen), readings)


def clinc150_oos(job: Job) -> Outcome:
    """CLINC150 with its out-of-scope test; then a second training that has seen 100 such texts."""
    trained = train(job, "clinc150")
    readings = trained.read(trained.part("test"))
    frozen = Probe(trained).read(trained.part("test"))
    taught = train(job, "clinc150-with-oos")
    second = _scoped(taught.read(taught.part("test")))
    measured = _scoped(readings) | {f"taught.{name}": value for name, value in second.items()}
    return trained.outcome(measured, _scoped(frozen), readings)


def banking77_out_of_scope(job: Job) -> Outcome:
    """BANKING77-OOS: 50 intents against the 27 left out, then against other matters."""
    trained = train(job, "banking77-oos")
    general = thinned(banking77_oos(general=True), job.limit)
    test = {
        "": trained.part("test"),
        "general.": [chat for chat in general if chat.split == "test"],
    }
    probe = Probe(trained)
    measured: dict[str, float] = {}
    frozen: dict[str, float] = {}
    for before, chats in test.items():
        measured |= {f"{before}{k}": v for k, v in _scoped(trained.read(chats)).items()}
        frozen |= {f"{before}{k}": v for k, v in _scoped(probe.read(chats)).items()}
    return trained.outcome(measured, frozen)


def _scoped(readings: Readings) -> dict[str, float]:
    """Accuracy in scope, AUROC of in against out of scope, calibration error of both mixed."""
    from sklearn.metrics import roc_auc_score

    inside, right, confidence = readings.in_scope, readings.right, readings.confidence
    figures = {
        "accuracy": float(right[inside].mean()),
        "ece": expected_calibration_error(confidence, right),
    }
    if not inside.all():
        figures["auroc"] = float(roc_auc_score(inside, readings.scope_score))
    return figures


# --- what may be answered ------------------------------------------------------------------------


def answered(name: str, share: float | None = None) -> Callable[[Job], Outcome]:
    """Share of test messages answered at a threshold that the calibration part certifies (95 %
    bound) to keep 5 % wrong in traffic of which `share` is out of scope, the validation part saying
    where to begin; and how many of the answers were wrong."""

    def run(job: Job) -> Outcome:
        trained = train(job, name)
        pilot, held, test = map(trained.part, ("validation", "calibration", "test"))
        probe, readings = Probe(trained), trained.read(test)
        measured = _answered(trained.read(pilot), trained.read(held), readings, share)
        frozen = _answered(probe.read(pilot), probe.read(held), probe.read(test), share)
        return trained.outcome(measured, frozen, readings)

    return run


def _answered(
    pilot: Readings, held: Readings, test: Readings, share: float | None
) -> dict[str, float]:
    begins = Trials.of(
        _sure(pilot), pilot.right, np.arange(len(pilot.gold)), ~pilot.in_scope, share or 0.0
    )
    certificate = threshold_at_risk(
        _sure(held),
        held.right,
        MAX_WRONG,
        BOUND,
        outside=~held.in_scope,
        share=share,
        pilot=begins,
    )
    if certificate.threshold is None:
        return {"answered": 0.0, "bound": certificate.bound}
    given = test.answerable & (_sure(test) >= certificate.threshold)
    wrong = float((~test.right[given]).mean()) if given.any() else 0.0
    return {"answered": float(given.mean()), "wrong": wrong, "bound": certificate.bound}


def _sure(readings: Readings) -> FloatArray:
    """The confidence, or -1 where the likeliest reading is that nothing answers the message."""
    sure: FloatArray = np.where(readings.answerable, readings.confidence, -1).astype(np.float32)
    return sure


# --- all -----------------------------------------------------------------------------------------

# A row that shares a training comes after it and before any row that trains twice in one process,
# so that the memory it reports is that of one training.
ROWS: Mapping[str, Row] = {
    "banking77": Row(judged("banking77", "intent")),
    "answered-banking77": Row(answered("banking77", 0.0)),
    "banking77-10": Row(judged("banking77-10", "intent"), FEW),
    "banking77-5": Row(judged("banking77-5", "intent"), FEW),
    "banking77-10-more": Row(judged("banking77-10-more", "intent"), FEW),
    "banking77-5-more": Row(judged("banking77-5-more", "intent"), FEW),
    "clinc150": Row(clinc150),
    "answered-clinc150": Row(answered("clinc150-with-oos", TRUE_SHARE)),
    "clinc150-oos": Row(clinc150_oos),
    "banking77-oos": Row(banking77_out_of_scope),
    "snips": Row(entities("snips", " ")),
    "atis": Row(entities("atis", " ")),
    "cluener": Row(entities("cluener", "")),
    "star": Row(judged("star", "ranking")),
    "cais": Row(judged("cais", "intent")),
    "choice": Row(_choice.choice),
    "search": Row(_searching.searching),
    "sentiment-airline": Row(judged("sentiment-airline", "sentiment")),
    "sentiment-waimai": Row(judged("sentiment-waimai", "sentiment")),
    **{
        f"multidogo-{domain}": Row(judged(f"multidogo-{domain}", "intent", "entities"))
        for domain in MULTIDOGO
    },
}
