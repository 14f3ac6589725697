"""One fine-tuning run, from conversations to a model version on disk with its figures.

conversations -> split -> pretrained vectors -> frozen baseline -> epochs -> best epoch
              -> calibration -> test figures -> a version folder
"""

import hashlib
import json
import resource
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from finetune import calibration, checkpoint, evaluation, export, registry, transcripts
from finetune.baseline import linear_probe
from finetune.conversation import Conversation
from finetune.corpus import (
    NO_TEXT,
    Dialogue,
    Message,
    Texts,
    build_dialogue,
    intent_targets,
    label_names,
    replies_of,
)
from finetune.encoder import EncoderSource, locate
from finetune.errors import FinetuneError, NoModel
from finetune.examples import Splits, split
from finetune.network import (
    CONTEXT_TURNS,
    HeadOutput,
    Heads,
    Trunk,
    load_tokenizer,
    load_trunk,
    max_tokens,
)
from finetune.tokens import load_tokenizer as fast_tokenizer
from finetune.tokens import token_ids
from finetune.training import (
    Lower,
    Recipe,
    Trainer,
    TrainingData,
    epochs_for,
    read_all,
)

FloatArray = NDArray[np.float32]
Progress = Callable[[str, int, int], None]
RECIPE_VERSION = 1  # part of a run's key: raise it when training itself changes


@dataclass(frozen=True, slots=True)
class Request:
    """What to train from. `articles` are texts of the knowledge base whose vectors are held;
    `base` is the folder that a relative encoder folder starts from."""

    conversations: Sequence[Conversation]
    models: Path
    source: EncoderSource
    base: Path
    articles: Sequence[str] = ()
    seed: int = 7
    epochs: int | Literal["auto"] = "auto"
    threads: int | Literal["auto"] = "auto"


@dataclass(frozen=True, slots=True)
class Result:
    """A finished version and its figures. `trained` is False when there already was a version
    made from just this request."""

    version: str
    trained: bool
    seconds: float
    peak_mib: float
    metrics: Mapping[str, Any]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Parts:
    """The messages of each split; leaked messages are left out of all but train."""

    train: list[Dialogue]
    validation: list[Message]
    calibration: list[Message]
    test: list[Message]


def run_key(request: Request) -> str:
    """What makes two runs the same: data, articles, encoder, seed, epochs and recipe."""
    parts = [
        transcripts.digest(request.conversations),
        hashlib.sha256("\0".join(request.articles).encode()).hexdigest(),
        json.dumps(asdict(request.source), sort_keys=True),
        f"{request.seed} {request.epochs} {RECIPE_VERSION} {Recipe()}",
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def unchanged(request: Request) -> Result | None:
    """The result of the newest whole version that was made from just this request, else None.

    It need not be live: a run may have ended between its training and its going live.
    """
    key = run_key(request)
    for info in reversed(registry.versions(request.models)):
        if info.meta.get("run_key") == key and _is_whole(request.models, info.name):
            meta = info.meta
            return Result(info.name, False, meta["seconds"], meta["peak_mib"], meta["metrics"], ())
    return None


def _is_whole(models: Path, version: str) -> bool:
    try:
        registry.open_version(models, version)
    except NoModel:
        return False
    return True


def make_base(models: Path, source: EncoderSource, base: Path) -> registry.VersionInfo:
    """The pretrained encoder alone as version `base`, made where it is missing or outdated."""
    meta = {"kind": "base", "source": asdict(source)}
    for info in registry.versions(models):
        if info.name == registry.BASE and info.meta.get("source") == meta["source"]:
            return registry.open_version(models, registry.BASE)
    location = locate(source.name, base)
    trunk = load_trunk(location)
    with _new_version(models) as folder:
        export.export_trunk(trunk, load_tokenizer(location), source, _pad_id(trunk), folder)
        registry.write_manifest(folder, {**meta, "created": _now()})
        if (models / registry.BASE).exists():
            shutil.rmtree(models / registry.BASE)
        return registry.publish(folder, models, registry.BASE)


def finetune(request: Request, progress: Progress) -> Result:
    """Train, judge and publish a version. It is not made the live one here.

    Raises FinetuneError when the chats teach nothing. KeyboardInterrupt leaves the last finished
    epoch behind, and the same request goes on from there.
    """
    started = time.monotonic()
    splits = split(request.conversations, request.seed)
    named = label_names(splits.train)
    labels = named if len(named) > 1 else []
    texts = Texts()
    parts = _parts(splits, labels, texts)
    _require_something_to_learn(parts.train, named)
    _set_threads(request.threads)

    location = locate(request.source.name, request.base)
    tokenizer = load_tokenizer(location)
    trunk = load_trunk(location)
    lower = Lower(trunk, _pad_id(trunk))
    pretrained = _encode_texts(lower, tokenizer, request, texts, progress)

    recipe = _recipe(request, lower, parts.train)
    torch.manual_seed(request.seed)
    heads = Heads(trunk.dimension, len(labels))
    train = [message for dialogue in parts.train for message in dialogue.messages]
    if labels:
        heads.start_at_means(torch.from_numpy(_class_means(pretrained, train, len(labels))))
    data = TrainingData(parts.train, lower, pretrained, len(request.articles))
    trainer = Trainer(trunk, heads, data, recipe)
    frozen = _frozen_metrics(pretrained, train, parts, labels, texts, request.seed)
    progression = _train(request, trainer, parts, texts, progress)

    vectors = _vectors(lower, pretrained, [*parts.validation, *parts.calibration, *parts.test])
    reading = _choose_reading(read_all(heads, parts.validation, vectors), parts.validation)
    tested = _metrics(reading, heads, vectors, parts.test, labels, texts, request.seed)
    metrics = {"test": tested, "frozen": frozen}
    with _new_version(request.models) as folder:
        export.export_trunk(trunk, tokenizer, request.source, _pad_id(trunk), folder)
        export.export_heads(heads, reading.in_context, trunk.dimension, folder)
        _write_companions(folder, request, recipe, labels, reading, metrics, progression, splits)
        _write_evidence(folder, reading, heads, vectors, parts.calibration)
        version = registry.next_version(request.models)
        seconds, peak = round(time.monotonic() - started, 1), _peak_mib()
        registry.write_manifest(
            folder,
            {
                "kind": "finetuned",
                "created": _now(),
                "source": asdict(request.source),
                "run_key": run_key(request),
                "chats": len(request.conversations),
                "seconds": seconds,
                "peak_mib": peak,
                "metrics": metrics,
            },
        )
        registry.publish(folder, request.models, version)
    checkpoint.discard(request.models)
    return Result(version, True, seconds, peak, metrics, [*_lone_intent(named), *splits.notes])


@dataclass(frozen=True, slots=True)
class Reading:
    """How logits become probabilities: from the message alone or in context, at a temperature."""

    in_context: bool
    temperature: float

    def logits(self, output: HeadOutput) -> FloatArray:
        chosen = output.context_logits if self.in_context else output.message_logits
        return chosen.numpy()

    def probabilities(self, output: HeadOutput) -> FloatArray:
        return torch.softmax(torch.from_numpy(self.logits(output)) / self.temperature, -1).numpy()


# --- before training -----------------------------------------------------------------------------


def _parts(splits: Splits, labels: Sequence[str], texts: Texts) -> Parts:
    def dialogues(chats: Sequence[Conversation]) -> list[Dialogue]:
        return [build_dialogue(chat, labels, texts, CONTEXT_TURNS) for chat in chats]

    def judged(chats: Sequence[Conversation]) -> list[Message]:
        return [
            message
            for dialogue in dialogues(chats)
            for message in dialogue.messages
            if (message.conversation, message.turn) not in splits.leaked
        ]

    return Parts(
        dialogues(splits.train),
        judged(splits.validation),
        judged(splits.calibration),
        judged(splits.test),
    )


def _require_something_to_learn(train: Sequence[Dialogue], labels: Sequence[str]) -> None:
    replies = {m.reply_key for d in train for m in d.messages if m.reply != NO_TEXT}
    if len(labels) < 2 and len(replies) < 2:
        raise FinetuneError(
            f"the chats teach nothing: they name {len(labels)} intent(s) and hold {len(replies)} "
            "different agent replies; add chats with two intents or two different replies"
        )


def _lone_intent(named: Sequence[str]) -> list[str]:
    """A note on why the only intent is not learnt: a model of it would find it in every message."""
    if len(named) != 1:
        return []
    return [
        f"the chats name one intent only, {named[0]}: with no other to tell it from, intents "
        "are not learnt"
    ]


def _encode_texts(
    lower: Lower, tokenizer: str, request: Request, texts: Texts, progress: Progress
) -> FloatArray:
    """Pretrained vectors (n, d) of the chats' texts, then of the articles'."""
    source = request.source
    fast = fast_tokenizer(tokenizer, max_tokens(lower.trunk))
    rows = token_ids(fast, [source.query_prefix + text for text in texts.all])
    held = token_ids(fast, [source.passage_prefix + text for text in request.articles])
    rows += [row[: Recipe().hold_tokens] for row in held]
    return lower.add(rows, lambda done: progress("reading the chats", done, len(rows)))


def _recipe(request: Request, lower: Lower, train: Sequence[Dialogue]) -> Recipe:
    if request.epochs != "auto":
        return Recipe(seed=request.seed, epochs=request.epochs)
    tokens = sum(len(lower.rows[message.text]) for d in train for message in d.messages)
    return Recipe(seed=request.seed, epochs=epochs_for(tokens))


def _class_means(vectors: FloatArray, train: Sequence[Message], classes: int) -> FloatArray:
    targets = intent_targets(train, classes)
    rows = np.asarray([message.text for message in train], dtype=np.int64)
    return targets.T @ vectors[rows]


def _set_threads(threads: int | Literal["auto"]) -> None:
    torch.set_num_threads(_faster_threads() if threads == "auto" else threads)


def _faster_threads() -> int:
    """One thread or two, whichever multiplies matrices faster now: beside a busy neighbour two
    can be many times slower than one."""
    left, right = torch.randn(512, 384), torch.randn(384, 1536)
    best = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        laps = []
        for _ in range(30):
            start = time.perf_counter()
            torch.nn.functional.gelu(left @ right)
            laps.append(time.perf_counter() - start)
        best[threads] = sorted(laps)[len(laps) * 3 // 4]
    return 2 if best[2] < 0.8 * best[1] else 1


# --- training ------------------------------------------------------------------------------------


def _train(
    request: Request, trainer: Trainer, parts: Parts, texts: Texts, progress: Progress
) -> checkpoint.Progression:
    """Train the remaining epochs and leave the best one's weights in the modules."""
    key = run_key(request)
    so_far = checkpoint.load(request.models, key, trainer)
    progression = so_far or checkpoint.Progression(0, [], -1.0, {})
    total = trainer.recipe.epochs * trainer.steps_per_epoch
    for number in range(progression.done, trainer.recipe.epochs):
        before = number * trainer.steps_per_epoch

        def step(done: int, _: int, before: int = before) -> None:
            progress("fine-tuning", min(before + done, total), total)

        losses = trainer.epoch(number, step)
        score = _validation_score(trainer, parts, texts, request.seed)
        progression.history.append({"epoch": number + 1, **losses, "validation": score})
        progression.done = number + 1
        if score >= progression.best_score:
            progression.best_score = score
            progression.best = checkpoint.trained_state(trainer)
        checkpoint.save(request.models, key, trainer, progression)
    progress("fine-tuning", total, total)
    checkpoint.restore(trainer, progression.best)
    return progression


def _validation_score(trainer: Trainer, parts: Parts, texts: Texts, seed: int) -> float:
    """Mean of intent accuracy and R@1, of those the validation chats allow (0 when neither)."""
    data = trainer.data
    vectors = _vectors(data.lower, data.pretrained, parts.validation)
    output = read_all(trainer.heads, parts.validation, vectors)
    scores = []
    gold = [row for row, message in enumerate(parts.validation) if message.gold]
    if gold and output.context_logits.shape[1] > 1:
        targets = _right(output.context_logits.numpy(), parts.validation)
        scores.append(float(np.mean([targets[row] for row in gold])))
    ranks = _ranks(output.queries.numpy(), vectors, parts.validation, texts, seed)
    if len(ranks):
        scores.append(float((ranks == 1).mean()))
    return float(np.mean(scores)) if scores else 0.0


def _vectors(lower: Lower, pretrained: FloatArray, messages: Sequence[Message]) -> FloatArray:
    """Vectors under the present weights of every text these messages need, by text index."""
    vectors = np.zeros_like(pretrained)
    needed = sorted(Dialogue(tuple(messages)).texts())
    if needed:
        vectors[needed] = lower.encode_all(needed)
    return vectors


# --- judging -------------------------------------------------------------------------------------


def _right(logits: FloatArray, messages: Sequence[Message]) -> list[bool]:
    return [
        int(guess) in message.intents
        for guess, message in zip(logits.argmax(-1), messages, strict=True)
    ]


def _choose_reading(output: HeadOutput, validation: Sequence[Message]) -> Reading:
    """The better of the two kinds of logits on validation chats, and its temperature."""
    labelled = [row for row, message in enumerate(validation) if message.intents]
    if not labelled or output.message_logits.shape[1] < 2:
        return Reading(in_context=False, temperature=1.0)
    messages = [validation[row] for row in labelled]
    alone, context = (
        output.message_logits[labelled].numpy(),
        output.context_logits[labelled].numpy(),
    )
    in_context = sum(_right(context, messages)) > sum(_right(alone, messages))
    targets = intent_targets(messages, alone.shape[1])
    temperature = calibration.fit_temperature(context if in_context else alone, targets)
    return Reading(in_context, temperature)


def _metrics(
    reading: Reading,
    heads: Heads,
    vectors: FloatArray,
    messages: Sequence[Message],
    labels: Sequence[str],
    texts: Texts,
    seed: int,
) -> dict[str, Any]:
    if not messages:
        return {"intent": {"n": 0}, "ranking": {"n": 0}}
    output = read_all(heads, messages, vectors)
    return {
        "intent": _intent_metrics(reading.probabilities(output), messages, labels),
        "ranking": evaluation.ranking_metrics(
            _ranks(output.queries.numpy(), vectors, messages, texts, seed)
        ),
    }


def _frozen_metrics(
    pretrained: FloatArray,
    train: Sequence[Message],
    parts: Parts,
    labels: Sequence[str],
    texts: Texts,
    seed: int,
) -> dict[str, Any]:
    """The same figures of the untouched encoder: a linear probe, and the cosine to the message."""
    rows = [message.text for message in parts.test]
    if not rows:
        return {"intent": {"n": 0}, "ranking": {"n": 0}}
    weights, biases = linear_probe(pretrained, train, parts.validation, len(labels))
    logits = pretrained[rows] @ weights.T + biases
    probabilities = torch.softmax(torch.from_numpy(logits), -1).numpy()
    return {
        "intent": _intent_metrics(probabilities, parts.test, labels),
        "ranking": evaluation.ranking_metrics(
            _ranks(pretrained[rows], pretrained, parts.test, texts, seed)
        ),
    }


def _intent_metrics(
    probabilities: FloatArray, messages: Sequence[Message], labels: Sequence[str]
) -> dict[str, float]:
    judged = [row for row, message in enumerate(messages) if message.gold]
    if not labels or not judged:
        return {"n": 0}
    gold = [set(messages[row].gold) for row in judged]
    return evaluation.intent_metrics(probabilities[judged], gold, labels)


def _ranks(
    queries: FloatArray,
    vectors: FloatArray,
    messages: Sequence[Message],
    texts: Texts,
    seed: int,
) -> NDArray[np.int64]:
    """Ranks of the agents' replies among 100 candidates of the same chats."""
    rows = [row for row, message in enumerate(messages) if message.reply != NO_TEXT]
    right = [messages[row].reply for row in rows]
    candidates = evaluation.candidate_sets(right, replies_of(messages, texts), seed)
    return evaluation.reply_ranks(queries[rows], vectors, candidates)


# --- the version folder --------------------------------------------------------------------------


def _write_companions(
    folder: Path,
    request: Request,
    recipe: Recipe,
    labels: Sequence[str],
    reading: Reading,
    metrics: Mapping[str, Any],
    progression: checkpoint.Progression,
    splits: Splits,
) -> None:
    export.write_json(folder / "labels.json", list(labels))
    export.write_json(folder / "metrics.json", {**metrics, "epochs": progression.history})
    export.write_json(
        folder / "calibration.json",
        {"temperature": reading.temperature, "in_context": reading.in_context},
    )
    export.write_json(
        folder / "settings.json",
        {
            "recipe": asdict(recipe),
            "source": asdict(request.source),
            "chats_digest": transcripts.digest(request.conversations),
            "splits": {
                name: [chat.id for chat in getattr(splits, name)]
                for name in ("train", "validation", "calibration", "test")
            },
            "notes": splits.notes,
        },
    )


def _write_evidence(
    folder: Path,
    reading: Reading,
    heads: Heads,
    vectors: FloatArray,
    messages: Sequence[Message],
) -> None:
    """Keep how the calibration messages were read: thresholds are computed from it wherever the
    templates, the articles or the promised risk change, without the chats or another pass."""
    from safetensors.numpy import save_file

    if messages:
        output = read_all(heads, messages, vectors)
        queries, probabilities = output.queries.numpy(), reading.probabilities(output)
    else:
        queries = np.zeros((0, vectors.shape[1]), np.float32)
        probabilities = np.zeros((0, 0), np.float32)
    rows = [message.text for message in messages]
    save_file(
        {
            "queries": np.ascontiguousarray(queries),
            "probabilities": np.ascontiguousarray(probabilities),
            "vectors": np.ascontiguousarray(vectors[rows]),
        },
        folder / "evidence.safetensors",
    )
    export.write_json(
        folder / "evidence.json",
        [
            {
                "conversation": message.conversation,
                "turn": message.turn,
                "intents": sorted(message.gold),
                "reply": message.reply_key,
            }
            for message in messages
        ],
    )


class _new_version:  # noqa: N801 - used as a context manager
    """A hidden folder for a version in the making, removed unless it was published.

    A full disk raises FinetuneError; the checkpoint is still there, so nothing is trained again.
    """

    def __init__(self, models: Path) -> None:
        self.folder = models / f".new-{secrets.token_hex(4)}"

    def __enter__(self) -> Path:
        self.folder.mkdir(parents=True)
        return self.folder

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(error, OSError | SafetensorError):
            raise FinetuneError(
                f"no model version could be written in {self.folder.parent} ({error}); the live "
                "one is as it was; make room there and run the command again"
            ) from error


def _pad_id(trunk: Trunk) -> int:
    return int(getattr(trunk.encoder.config, "pad_token_id", None) or 0)


def _peak_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
