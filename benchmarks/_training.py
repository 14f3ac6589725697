"""A data set trained as `frontdesk finetune` trains it, and read back as the bot reads it.

Versions lie in a folder that all rows of a run share: a row that asks for a training which is
already there gets it, with the time and the memory that it took.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks._datasets import DATASETS, thinned
from bot.model import Model, softmax, window
from finetune.conversation import OUT_OF_SCOPE, Conversation
from finetune.run import Request, Result, finetune, make_base, unchanged

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
BATCH = 1024
PENALTY = 10.0

STATED = {
    "banking77": 0.0,
    "banking77-10": 0.0,
    "banking77-5": 0.0,
    "banking77-10-more": 0.0,
    "banking77-5-more": 0.0,
    "cais": 0.0,
    "clinc150": 1000 / 5500,
    "clinc150-with-oos": 1000 / 5500,
}
"""The share of out-of-scope messages that the owner of such traffic would state: the test's own."""

Progress = Callable[[str, int, int], None]
Labelled = tuple[str, frozenset[str]]  # a message and its intents


@dataclass(frozen=True, slots=True)
class Job:
    """One row at one seed. For a trial of the plumbing `limit` thins each split, and there is one
    epoch only."""

    seed: int
    limit: int | None
    models: Path
    progress: Progress

    @property
    def epochs(self) -> int | Literal["auto"]:
        return "auto" if self.limit is None else 1

    def folder(self, name: str) -> Path:
        """Where what belongs to a data set at this seed lies."""
        return self.models / f"{name}-{self.seed}-{self.limit or 'all'}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row found: figures of ours and of the frozen encoder with a linear probe, by name.

    `train` and `test` count messages; `train_seconds` and `peak_mib` are those of the training,
    `read_seconds` of reading the test messages with the served model.
    """

    measured: dict[str, float]
    frozen: dict[str, float] = field(default_factory=dict)
    train: int = 0
    test: int = 0
    train_seconds: float = 0.0
    read_seconds: float = 0.0
    peak_mib: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Readings:
    """Messages as the served model reads them: logits and calibrated probabilities (n, c), how far
    in scope each is (`scope_score` (n,), on no scale), its labelled intents, and the seconds it
    took."""

    logits: FloatArray
    probabilities: FloatArray
    scope_score: FloatArray
    gold: list[frozenset[str]]
    labels: tuple[str, ...]
    seconds: float

    @property
    def guesses(self) -> list[str]:
        return [self.labels[place] for place in self.probabilities.argmax(1)]

    @property
    def inside(self) -> FloatArray:
        """1 for a column that is an intent, 0 for the one of what is out of scope (c,)."""
        return np.asarray([name != OUT_OF_SCOPE for name in self.labels], np.float32)

    @property
    def confidence(self) -> FloatArray:
        """How likely the likeliest intent is to be right, out of scope or not (n,)."""
        found: FloatArray = (self.probabilities * self.inside).max(1)
        return found

    @property
    def answerable(self) -> BoolArray:
        """Whether an intent leads that may be answered at all (n,)."""
        return np.asarray([guess != OUT_OF_SCOPE for guess in self.guesses], np.bool_)

    @property
    def in_scope(self) -> BoolArray:
        return np.asarray([OUT_OF_SCOPE not in names for names in self.gold])

    @property
    def right(self) -> BoolArray:
        """Whether the guess is a labelled intent (n,); an answer to what is out of scope is not."""
        pairs = zip(self.guesses, self.gold, strict=True)
        return np.asarray([guess in names - {OUT_OF_SCOPE} for guess, names in pairs])


@dataclass(frozen=True)
class Trained:
    """A finished version, with what it was trained from."""

    request: Request
    result: Result

    @property
    def folder(self) -> Path:
        return self.request.models / self.result.version

    @cached_property
    def model(self) -> Model:
        """The version, as the bot opens it."""
        return Model.load(self.folder)

    @cached_property
    def base(self) -> Model:
        """The pretrained encoder alone."""
        return Model.load(
            make_base(self.request.models, self.request.source, self.request.base).folder
        )

    def metrics(self, side: str, task: str) -> dict[str, Any]:
        """Figures of the run itself, {"n": 0} for a task it does not know."""
        found: dict[str, Any] = self.result.metrics[side].get(task, {"n": 0})
        return found

    def part(self, name: str) -> list[Conversation]:
        """The chats of a split, as the run divided them."""
        settings = json.loads((self.folder / "settings.json").read_text(encoding="utf-8"))
        ids = set(settings["splits"][name])
        return [chat for chat in self.request.conversations if chat.id in ids]

    def read(self, chats: Iterable[Conversation]) -> Readings:
        """The labelled customer messages of one-turn chats, read by the served model."""
        judged = _labelled(chats)
        started = time.perf_counter()
        logits, probabilities, score = read(self.model, [text for text, _ in judged])
        seconds = time.perf_counter() - started
        gold = [names for _, names in judged]
        return Readings(logits, probabilities, score, gold, self.model.labels, seconds)

    def outcome(
        self, measured: dict[str, float], frozen: dict[str, float], readings: Readings | None = None
    ) -> Outcome:
        """The figures with what they cost."""
        texts = messages(self.part("test"))
        if readings is None:
            started = time.perf_counter()
            self.model.encode_messages(texts)
            seconds, count = time.perf_counter() - started, len(texts)
        else:
            seconds, count = readings.seconds, len(readings.gold)
        return Outcome(
            measured,
            frozen,
            train=len(messages(self.part("train"))),
            test=count,
            train_seconds=self.result.seconds,
            read_seconds=seconds,
            peak_mib=self.result.peak_mib,
            notes=tuple(self.result.notes),
        )


def train(job: Job, name: str, articles: Sequence[str] = ()) -> Trained:
    """Train on a data set, or take the version of just this request that is there.

    Raises FinetuneError: the data are missing or teach nothing that is known.
    """
    dataset = DATASETS[name]
    request = Request(
        conversations=thinned(dataset.chats(), job.limit),
        models=job.folder(name),
        source=dataset.source,
        base=job.models,
        articles=articles,
        seed=job.seed,
        epochs=job.epochs,
        fresh=True,
        out_of_scope_share=STATED.get(name),
    )
    return run(job, request)


def run(job: Job, request: Request) -> Trained:
    """The version of a request, made now where it is not there."""
    return Trained(request, unchanged(request) or finetune(request, job.progress))


def messages(chats: Iterable[Conversation]) -> list[str]:
    """The customers' texts, those without a word left out."""
    turns = (turn for chat in chats for turn in chat.turns)
    return [turn.text for turn in turns if turn.speaker == "customer" and turn.text.strip()]


def read(model: Model, texts: Sequence[str]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Intent logits and calibrated probabilities (n, c) of single messages, as the bot reads
    them, and how far in scope each is (n,)."""
    vectors = model.encode(texts)
    logits = [np.zeros((0, len(model.labels)), np.float32)]
    shares = list(logits)
    scores = [np.zeros(0, np.float32)]
    for start in range(0, len(texts), BATCH):
        rows = [window([(vector, 1)], model.context_turns) for vector in vectors[start:][:BATCH]]
        turns, speakers = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        found = model.read(texts[start:][:BATCH], turns, speakers)
        logits.append(found.logits)
        shares.append(found.probabilities)
        scores.append(_scope_score(model, found.logits, turns[:, -1]))
    return np.concatenate(logits), np.concatenate(shares), np.concatenate(scores)


def _scope_score(model: Model, logits: FloatArray, vectors: FloatArray) -> FloatArray:
    """The version's own score, else the largest logit."""
    score = model.scope.score(logits, vectors) if model.scope else logits.max(axis=1)
    return np.asarray(score, np.float32)


class Probe:
    """The frozen encoder with a logistic regression on the train part of a run, calibrated on its
    validation part: what fine-tuning has to beat."""

    def __init__(self, trained: Trained) -> None:
        from sklearn.linear_model import LogisticRegression

        taught = _labelled(trained.part("train"))
        self._base = trained.base
        self._head = LogisticRegression(C=PENALTY, max_iter=300)
        self._head.fit(self._encode(taught), [min(names) for _, names in taught])
        self._labels = tuple(str(name) for name in self._head.classes_)
        self._temperature = self._fitted(_labelled(trained.part("validation")))

    def read(self, chats: Iterable[Conversation]) -> Readings:
        """The labelled messages of one-turn chats."""
        judged = _labelled(chats)
        started = time.perf_counter()
        logits = self._logits(judged)
        shares = softmax(logits / self._temperature)
        seconds = time.perf_counter() - started
        gold = [names for _, names in judged]
        inside = [name != OUT_OF_SCOPE for name in self._labels]
        score = logits[:, inside].max(1)
        return Readings(logits, shares, score, gold, self._labels, seconds)

    def _fitted(self, held: list[Labelled]) -> float:
        from finetune.calibration import fit_temperature

        known = [pair for pair in held if pair[1] <= set(self._labels)]
        wanted = [[name in names for name in self._labels] for _, names in known]
        return fit_temperature(self._logits(known), np.asarray(wanted, np.float32))

    def _logits(self, pairs: list[Labelled]) -> FloatArray:
        if not pairs:
            return np.zeros((0, len(self._labels)), np.float32)
        logits: FloatArray = self._head.decision_function(self._encode(pairs)).astype(np.float32)
        if logits.ndim == 1:  # scikit-learn gives one column for two classes
            logits = (np.stack([-logits, logits], axis=1) / 2).astype(np.float32)
        return logits

    def _encode(self, pairs: list[Labelled]) -> FloatArray:
        return self._base.encode([text for text, _ in pairs])


def _labelled(chats: Iterable[Conversation]) -> list[Labelled]:
    turns = (turn for chat in chats for turn in chat.turns if turn.intents)
    return [(turn.text, frozenset(turn.intents)) for turn in turns]
