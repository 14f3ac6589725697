"""From a trainer to trained weights: the epochs, each kept and judged, then the heads alone."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from finetune import checkpoint, judging, parallel, registry, settling
from finetune.corpus import Dialogue, Message, Texts
from finetune.judging import Examined
from finetune.logs import LogSettings, open_logs
from finetune.material import Parts, Progress, Request
from finetune.training import Trainer

FloatArray = NDArray[np.float32]


def fit(
    request: Request, trainer: Trainer, parts: Parts, texts: Texts, key: str, progress: Progress
) -> checkpoint.Progression:
    """Train the epochs that the run of this `key` has left, then the heads alone; leave the best
    weights in the modules."""
    so_far = checkpoint.load(request.models, key, trainer)
    parallel.require_same("the chats or the checkpoints", f"{key} {so_far.done if so_far else 0}")
    progression = so_far or checkpoint.Progression(0, [], -1.0, {})
    total = trainer.recipe.epochs * trainer.steps_per_epoch
    folder = request.models / ".logs" / registry.next_version(request.models)
    logged = request.logs if parallel.is_first() else LogSettings()
    logs = open_logs(folder, logged, asdict(trainer.recipe))
    for number in range(progression.done, trainer.recipe.epochs):
        before = number * trainer.steps_per_epoch

        def step(done: int, _: int, before: int = before) -> None:
            progress("fine-tuning", min(before + done, total), total)

        losses = trainer.epoch(number, step)
        score = judging.score(examine(trainer, parts.validation), texts, request.seed)
        progression.history.append({"epoch": number + 1, **losses, "validation": score})
        logs.scalars((number + 1) * trainer.steps_per_epoch, {**losses, "validation": score})
        progression.done = number + 1
        if score >= progression.best_score:
            progression.best_score = score
            progression.best = checkpoint.trained_state(trainer)
        if parallel.is_first_here():
            checkpoint.save(request.models, key, trainer, progression)
    progress("fine-tuning", total, total)
    checkpoint.restore(trainer, progression.best)
    logs.close()
    _settle(trainer, parts, texts, request.seed, progress)
    return progression


def _settle(trainer: Trainer, parts: Parts, texts: Texts, seed: int, progress: Progress) -> None:
    """Train the heads on; those of the best pass stay, or the ones that were there."""
    held = [replace(message, spans=None) for message in parts.validation]
    marked = [message for message in parts.validation if message.spans is not None]
    vectors = _vectors(trainer, held)  # the trunk rests: they are the same before and after

    def score() -> float:
        return judging.score(examine(trainer, held, vectors), texts, seed)

    def tag_score() -> float:
        seen = examine(trainer, marked, vectors)
        return float(judging.entity_metrics(seen, texts).get("f1", 0.0))

    show = functools.partial(progress, "settling the heads")
    _keep_best(trainer, functools.partial(settling.settle, trainer, show), score)
    show = functools.partial(progress, "settling the tags")
    _keep_best(trainer, functools.partial(settling.settle_tags, trainer, show), tag_score)


def _keep_best(
    trainer: Trainer,
    train: Callable[[Callable[[], None]], None],
    score: Callable[[], float],
) -> None:
    best, state = score(), checkpoint.trained_state(trainer)

    def keep_if_best() -> None:
        nonlocal best, state
        if (now := score()) > best:
            best, state = now, checkpoint.trained_state(trainer)

    train(keep_if_best)
    checkpoint.restore(trainer, state)


def _vectors(trainer: Trainer, messages: Sequence[Message]) -> FloatArray:
    """The vectors (n, d) of the texts that messages need, by text number; zero for all others."""
    vectors = np.zeros_like(trainer.data.pretrained)
    if needed := sorted(Dialogue(tuple(messages)).texts()):
        vectors[needed] = trainer.data.lower.encode_all(needed)
    return vectors


def examine(
    trainer: Trainer, messages: Sequence[Message], known: FloatArray | None = None
) -> Examined:
    """Held-out messages under the present weights; `known` are their texts' vectors, if known."""
    data, vectors = trainer.data, _vectors(trainer, messages) if known is None else known
    return judging.examine(trainer.heads, data.lower, messages, vectors, data.units, data.types)
