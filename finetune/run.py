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
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import torch

from finetune import (
    adaptation,
    checkpoint,
    device,
    export,
    held_out,
    methods,
    parallel,
    registry,
    retraining,
    transcripts,
    version_folder,
)
from finetune.encoder import EncoderSource, locate
from finetune.errors import NoModel
from finetune.fitting import fit
from finetune.held_out import Judged
from finetune.label_check import labels_to_check
from finetune.material import (
    Lessons,
    Material,
    Progress,
    Request,
    heads_for,
    lessons_of,
    pad_id_of,
    read_texts,
    recipe_for,
    trainer_for,
)
from finetune.network import Trunk, load_tokenizer, load_trunk
from finetune.training import Recipe, Trainer

__all__ = ["Request", "Result", "finetune", "make_base", "run_key", "unchanged"]

RECIPE_VERSION = 5  # part of a run's key: raise it when training, or what it leaves, changes


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
    lessons = lessons_of(request)
    _set_threads(request.threads)
    trunk, material = _read(request, lessons, progress)
    frozen = held_out.frozen_metrics(material, lessons, request.seed)
    trainer = _trainer(request, lessons, trunk, material, progress)
    key = f"{run_key(request)} {lessons.start}"
    progression = fit(request, trainer, lessons.parts, lessons.texts, key, progress)
    parallel.leave_to_first()
    methods.merge(trunk)
    judged = held_out.judge(trainer, lessons, request)
    test = held_out.test_metrics(judged, trainer, material, lessons, request.seed)
    metrics = {"test": test, "frozen": frozen}
    with version_folder.new_version(request.models) as folder:
        version_folder.write_figures(
            folder, metrics, progression, held_out.predictions(judged, lessons, request.seed)
        )
        _write(folder, request, lessons, material, trainer, judged)
        version = registry.next_version(request.models)
        seconds, peak = round(time.monotonic() - started, 1), _peak_mib()
        about = {"seconds": seconds, "peak_mib": peak, "metrics": metrics}
        registry.write_manifest(folder, _manifest(request, lessons) | about)
        registry.publish(folder, request.models, version)
    checkpoint.discard(request.models)
    notes = [*lessons.notes, *([judged.more.told()] if judged.more else [])]
    return Result(version, True, seconds, peak, metrics, notes)


# --- the steps of a run --------------------------------------------------------------------------


def _read(request: Request, lessons: Lessons, progress: Progress) -> tuple[Trunk, Material]:
    location = locate(request.source.name, request.base)
    trunk = load_trunk(location)
    torch.manual_seed(request.seed)
    methods.apply(trunk, request.method)
    trunk.to(device.choose())
    tokenizer = load_tokenizer(location)
    return trunk, read_texts(trunk, tokenizer, request, lessons.texts, lessons.names, progress)


def _trainer(
    request: Request, lessons: Lessons, trunk: Trunk, material: Material, progress: Progress
) -> Trainer:
    """The trainer at its start: from the version before, or from the pretrained encoder."""
    parts, names = lessons.parts, lessons.names
    recipe = recipe_for(request, material.lower, parts.train)
    heads = heads_for(trunk, material, parts, names, request.seed)
    if lessons.goes_on and lessons.earlier:
        retraining.take_weights(trunk, heads, lessons.earlier, names)
    elif request.adapt:
        show = functools.partial(progress, "adapting to the chats' words")
        adaptation.adapt(trunk, material.lower.rows, pad_id_of(trunk), request.seed, show)
    return trainer_for(trunk, heads, material, parts, names, recipe, len(request.articles))


def _write(
    folder: Path,
    request: Request,
    lessons: Lessons,
    material: Material,
    trainer: Trainer,
    judged: Judged,
) -> None:
    """All of a version but its figures and its manifest."""
    names, splits, reading = lessons.names, lessons.splits, judged.reading
    pad_id, trunk, heads = pad_id_of(trainer.trunk), trainer.trunk.cpu(), trainer.heads.cpu()
    export.export_trunk(trunk, material.tokenizer, request.source, pad_id, folder, heads.tags)
    export.export_heads(heads, reading.in_context, trunk.dimension, folder)
    version_folder.write_reading(folder, names, reading, material.pieces)
    origin = (lessons.chats, request.source, trainer.recipe, names, splits, lessons.start)
    version_folder.write_origin(folder, *origin, request.method.name)
    taught = lessons.parts.taught()
    checked = labels_to_check(
        taught, material.pretrained, names.intents, lessons.texts, request.seed
    )
    export.write_json(folder / "label_check.json", checked)
    export.write_json(folder / "questions.json", material.taught_questions)
    for part in registry.EVIDENCE:
        left_out = judged.left_out(part, names)
        served, own = judged.served(part), judged.examined[part]
        version_folder.write_evidence(folder, part, served, left_out, own)
    for learnt in (judged.scope, judged.words):
        if learnt is not None:
            learnt.save(folder)
    version_folder.write_weights(folder, checkpoint.trained_state(trainer))


def _manifest(request: Request, lessons: Lessons) -> dict[str, Any]:
    return {
        "kind": "finetuned",
        "created": _now(),
        "source": asdict(request.source),
        "start": lessons.start,
        "run_key": run_key(request),
        "chats": len(lessons.chats),
    }


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


def _peak_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
