"""One fine-tuning run, from conversations to a model version on disk with its figures.

conversations -> split -> pretrained vectors -> frozen baseline -> epochs -> best epoch
              -> calibration -> test figures -> a version folder
"""

import functools
import hashlib
import json
import resource
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from finetune import (
    adaptation,
    checkpoint,
    device,
    export,
    judging,
    lexical,
    methods,
    parallel,
    registry,
    retraining,
    self_training,
    transcripts,
    version_folder,
)
from finetune.conversation import OUT_OF_SCOPE, Conversation
from finetune.corpus import Texts, is_message
from finetune.encoder import EncoderSource, locate
from finetune.errors import NoModel
from finetune.examples import split
from finetune.fitting import examine, fit
from finetune.judging import Examined, Names, Reading
from finetune.label_check import labels_to_check
from finetune.lexical import Lexical
from finetune.material import (
    Material,
    Parts,
    Progress,
    Request,
    heads_for,
    names_of,
    pad_id_of,
    parts_of,
    read_texts,
    recipe_for,
    require_something_to_learn,
    taught_chats,
    trainer_for,
)
from finetune.network import load_tokenizer, load_trunk
from finetune.scope import Sample, Scope, left_out
from finetune.scope import fit as fit_scope
from finetune.self_training import Learnt
from finetune.training import Recipe, Trainer

__all__ = ["Request", "Result", "finetune", "make_base", "run_key", "unchanged"]

FloatArray = NDArray[np.floating]
MOST_FOR_SCOPE = 5000
RECIPE_VERSION = 4  # part of a run's key: raise it when training itself changes


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


def run_key(request: Request) -> str:
    """What makes two runs the same: data, articles, encoder, seed, epochs and recipe."""
    parts = [
        transcripts.digest(request.conversations),
        _digest(request.articles),
        _digest([text for pair in request.questions for text in pair]),
        json.dumps(asdict(request.source), sort_keys=True),
        f"{request.seed} {request.epochs} {request.fresh} {request.out_of_scope_share}",
        f"{request.method} {request.adapt} {RECIPE_VERSION} {Recipe()}",
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


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
    with version_folder.new_version(models) as folder:
        export.export_trunk(trunk, load_tokenizer(location), source, pad_id_of(trunk), folder)
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
    earlier = (
        None
        if request.fresh
        else retraining.live_version(request.models, request.source, request.method)
    )
    chats, remembered = retraining.with_memory(request.conversations, earlier)
    splits = split(chats, request.seed, earlier.parts if earlier else None)
    names, notes = names_of(splits)
    teaching, notes = taught_chats(splits, earlier, request.seed, remembered, notes)
    texts = Texts()
    parts = parts_of(splits, teaching, names, texts)
    require_something_to_learn(parts.train, names)
    _set_threads(request.threads)

    location = locate(request.source.name, request.base)
    trunk = load_trunk(location)
    torch.manual_seed(request.seed)
    methods.apply(trunk, request.method)
    trunk.to(device.choose())
    material = read_texts(trunk, load_tokenizer(location), request, texts, names, progress)
    recipe = recipe_for(request, material.lower, parts.train)
    frozen = _frozen_metrics(material, parts, names, texts, request.seed)
    heads = heads_for(trunk, material, parts, names, request.seed)
    if earlier and teaching is not splits.train:
        retraining.take_weights(trunk, heads, earlier, names)
    elif request.adapt:
        show = functools.partial(progress, "adapting to the chats' words")
        adaptation.adapt(trunk, material.lower.rows, pad_id_of(trunk), request.seed, show)
    trainer = trainer_for(trunk, heads, material, parts, names, recipe, len(request.articles))
    start = earlier.version if earlier else None
    progression = fit(request, trainer, parts, texts, f"{run_key(request)} {start}", progress)
    parallel.leave_to_first()
    methods.merge(trunk)

    seen = [examine(trainer, part) for part in (parts.validation, parts.calibration, parts.test)]
    more = _learn_unlabelled(trainer, parts, seen[0], names, request)
    if more is not None and more.kept:
        seen = [self_training.reread(trainer, part) for part in seen]
    words = _lexical(splits.train, seen[0], names, texts, request.seed)
    validation, calibration, test = (judging.with_words(part, words, texts) for part in seen)
    reading = judging.choose_reading(validation)
    taught = judging.sample_of(_examine_taught(trainer, parts), reading, names)
    held_out = judging.sample_of(validation, reading, names)
    scope = _scope(taught, held_out, reading, names, request.out_of_scope_share)
    metrics = {
        "test": {
            **judging.metrics(reading, test, names, texts, request.seed),
            "scope": judging.scope_metrics(judging.sample_of(test, reading, names), scope),
            "search": _search_metrics(trainer, material),
        },
        "frozen": frozen,
    }
    with version_folder.new_version(request.models) as folder:
        pad_id, trunk, heads = pad_id_of(trunk), trunk.cpu(), trainer.heads.cpu()
        export.export_trunk(trunk, material.tokenizer, request.source, pad_id, folder, heads.tags)
        export.export_heads(heads, reading.in_context, trunk.dimension, folder)
        version_folder.write_reading(folder, names, reading, material.pieces)
        version_folder.write_origin(
            folder, chats, request.source, recipe, names, splits, start, request.method.name
        )
        examined = {"validation": validation, "calibration": calibration, "test": test}
        served = {part: judging.served(seen, reading, scope) for part, seen in examined.items()}
        predictions = [
            record
            for part, seen in examined.items()
            for record in judging.predictions(part, served[part], seen, names, texts, request.seed)
        ]
        version_folder.write_figures(folder, metrics, progression, predictions)
        checked = labels_to_check(
            parts.taught(), material.pretrained, names.intents, texts, request.seed
        )
        export.write_json(folder / "label_check.json", checked)
        export.write_json(folder / "questions.json", material.taught_questions)
        version_folder.write_evidence(
            folder,
            served["calibration"],
            _left_out(scope, taught, calibration, reading, names),
            calibration,
        )
        for learnt in (scope, words):
            if learnt is not None:
                learnt.save(folder)
        version_folder.write_weights(folder, checkpoint.trained_state(trainer))
        version = registry.next_version(request.models)
        seconds, peak = round(time.monotonic() - started, 1), _peak_mib()
        registry.write_manifest(
            folder,
            {
                "kind": "finetuned",
                "created": _now(),
                "source": asdict(request.source),
                "start": start,
                "run_key": run_key(request),
                "chats": len(chats),
                "seconds": seconds,
                "peak_mib": peak,
                "metrics": metrics,
            },
        )
        registry.publish(folder, request.models, version)
    checkpoint.discard(request.models)
    notes = [*notes, *splits.notes, *([more.told()] if more else [])]
    return Result(version, True, seconds, peak, metrics, notes)


# --- training ------------------------------------------------------------------------------------


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


# --- judging -------------------------------------------------------------------------------------


def _learn_unlabelled(
    trainer: Trainer, parts: Parts, validation: Examined, names: Names, request: Request
) -> Learnt | None:
    """What the intents learn from messages without labels; None where there is nothing to."""
    more = self_training.unlabelled(parts.taught(), len(names.intents), request.seed)
    if not more or not any(message.names_intent for message in validation.messages):
        return None
    reading = judging.choose_reading(validation)
    taught = judging.sample_of(_examine_taught(trainer, parts), reading, names)
    held_out = judging.sample_of(validation, reading, names)
    scope = _scope(taught, held_out, reading, names, request.out_of_scope_share)
    return self_training.learn(trainer, parts.taught(), more, validation, reading, scope)


def _lexical(
    train: Sequence[Conversation], validation: Examined, names: Names, texts: Texts, seed: int
) -> Lexical | None:
    """What words say of intents, counting as much as it helps; None where it does not."""
    number = {name: place for place, name in enumerate(names.intents)}
    turns = [turn for chat in train for turn in chat.turns if is_message(turn) and turn.intents]
    intents = [[number[name] for name in turn.intents if name in number] for turn in turns]
    learnt = lexical.fit([turn.text for turn in turns], intents, len(number), seed)
    weight = judging.choose_weight(validation, learnt, texts) if learnt else 0.0
    return learnt.times(weight) if learnt and weight else None


def _examine_taught(trainer: Trainer, parts: Parts) -> Examined:
    """Up to MOST_FOR_SCOPE labelled training messages under the present weights."""
    labelled = [message for message in parts.taught() if message.intents]
    order = np.random.default_rng(trainer.recipe.seed).permutation(len(labelled))
    chosen = [replace(labelled[i], spans=None) for i in order[:MOST_FOR_SCOPE]]
    return examine(trainer, chosen)


def _scope(
    taught: Sample, held_out: Sample, reading: Reading, names: Names, share: float | None
) -> Scope | None:
    if not names.intents:
        return None
    return fit_scope(
        taught,
        held_out,
        share=share,
        temperature=reading.temperature,
        outside=_outside(names),
    )


def _outside(names: Names) -> int | None:
    return list(names.intents).index(OUT_OF_SCOPE) if OUT_OF_SCOPE in names.intents else None


def _left_out(
    scope: Scope | None, taught: Sample, calibration: Examined, reading: Reading, names: Names
) -> FloatArray | None:
    """For each calibration message, NaN where its intents are not labelled."""
    if scope is None:
        return None
    found = np.full(len(calibration.messages), np.nan)
    labelled = [row for row, message in enumerate(calibration.messages) if message.gold]
    found[labelled] = left_out(scope, taught, judging.sample_of(calibration, reading, names))
    return found


def _frozen_metrics(
    material: Material, parts: Parts, names: Names, texts: Texts, seed: int
) -> dict[str, Any]:
    figures = judging.frozen_metrics(
        material.pretrained, parts.taught(), parts.validation, parts.test, names, texts, seed
    )
    search = judging.search_metrics(material.pretrained, material.held_questions)
    return {**figures, "scope": {"n": 0}, "search": search}


def _search_metrics(trainer: Trainer, material: Material) -> dict[str, float]:
    vectors = np.zeros_like(material.pretrained)
    if needed := sorted({number for pair in material.held_questions for number in pair}):
        vectors[needed] = trainer.data.lower.encode_all(needed)
    return judging.search_metrics(vectors, material.held_questions)


def _peak_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
