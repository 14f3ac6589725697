"""What a run writes into its version's folder, beside the graphs: how to read them, what they were
made from, how they did, and the evidence that thresholds are computed from."""

import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from finetune import checkpoint, memory, retraining, transcripts
from finetune.conversation import Conversation
from finetune.encoder import EncoderSource
from finetune.errors import FinetuneError
from finetune.examples import Splits
from finetune.export import write_json
from finetune.judging import Examined, Names, Reading
from finetune.registry import EVIDENCE
from finetune.training import Recipe

FloatArray = NDArray[np.floating]


class new_version:  # noqa: N801 - used as a context manager
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


def write_reading(folder: Path, names: Names, reading: Reading, pieces: int) -> None:
    """What the outputs are called, and how logits become probabilities."""
    write_json(folder / "labels.json", list(names.intents))
    write_json(folder / "entities.json", {"types": list(names.types), "pieces": pieces})
    write_json(folder / "calibration.json", asdict(reading))


def write_figures(
    folder: Path,
    metrics: Mapping[str, Any],
    progression: checkpoint.Progression,
    predictions: Sequence[Mapping[str, Any]],
) -> None:
    """How it did: the figures, the learning curve, and every held-out message."""
    write_json(folder / "metrics.json", {**metrics, "epochs": progression.history})
    write_json(folder / "predictions.json", predictions)


def write_origin(
    folder: Path,
    conversations: Sequence[Conversation],
    source: EncoderSource,
    recipe: Recipe,
    names: Names,
    splits: Splits,
    start: str | None,
    method: str,
) -> None:
    """What it was made from; with its memory and weights a later run can go on from it."""
    settings = {
        "recipe": asdict(recipe),
        "source": asdict(source),
        "start": start,
        "method": method,
        "sentiments": list(names.sentiments),
        "chats_digest": transcripts.digest(conversations),
        "chats": {chat.id: retraining.chat_digest(chat) for chat in conversations},
        "seen": {**_seen_before(folder.parent, start), **_seen(splits)},
        "splits": {name: [chat.id for chat in getattr(splits, name)] for name in retraining.PARTS},
        "notes": splits.notes,
    }
    write_json(folder / "settings.json", settings)
    memory.write(folder, retraining.remember(splits, recipe.seed))


def _seen(splits: Splits) -> dict[str, str]:
    """The part of each chat that the version learnt from or was chosen, tuned or certified by, by
    the hash of what was said in it."""
    parts = ("calibration", "validation", "train")  # a chat that is in two counts as the last
    return {
        transcripts.content_hash(chat): part for part in parts for chat in getattr(splits, part)
    }


def _seen_before(models: Path, start: str | None) -> dict[str, str]:
    """Those of the version whose weights it went on from: they are in it, remembered or not."""
    path = models / (start or "") / "settings.json"
    if start is None or not path.is_file():
        return {}
    seen: dict[str, str] = json.loads(path.read_text(encoding="utf-8")).get("seen", {})
    return seen


def write_weights(folder: Path, state: Mapping[str, Tensor]) -> None:
    """The trained parameters, by name."""
    from safetensors.torch import save_file

    save_file(dict(state), folder / retraining.WEIGHTS)


def write_evidence(
    folder: Path,
    part: str,
    probabilities: FloatArray,
    left_out: FloatArray | None,
    examined: Examined,
) -> None:
    """Keep how the messages of a `part` were read: thresholds are computed from it wherever the
    templates, the articles or the promised risk change, without the chats or another pass. Those
    of calibration certify them, those of validation say which to try first.

    `probabilities` (n, c) are those that are served; `left_out` (n,) is the confidence in the best
    guess were the message's intent unknown (`finetune.scope.left_out`).
    """
    from safetensors.numpy import save_file

    rows = [message.text for message in examined.messages]
    output, vectors = examined.output, examined.vectors
    arrays = {
        "queries": output.queries.numpy(),
        "probabilities": probabilities,
        "vectors": vectors[rows],
    }
    if left_out is not None:
        arrays["left_out"] = left_out
    save_file(
        {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()},
        folder / f"{EVIDENCE[part]}.safetensors",
    )
    records = [
        {
            "conversation": message.conversation,
            "turn": message.turn,
            "intents": sorted(message.gold),
            "reply": message.reply_key,
        }
        for message in examined.messages
    ]
    write_json(folder / f"{EVIDENCE[part]}.json", records)
