"""Where a fine-tuned encoder's vectors were before its training: kept beside the index it is for.

Both encoders read the same sentences of the articles, and `kb.alignment` finds the way from the one
to the other. The map is made once an index, with progress, and read back from then on.
"""

import random
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bot.cache_file import store
from bot.content.choosing import pieces
from bot.model import Model
from kb.alignment import fit

if TYPE_CHECKING:
    from bot.console import Progress
    from finetune.registry import VersionInfo
    from kb.index import Index
    from kb.passages import Passage

FloatArray = NDArray[np.float32]
SCHEMA = 1
SENTENCES = 5000
"""That a map is made of, at most."""


def alignment(
    index: "Index", folder: Path, model: Model, before: "VersionInfo", progress: "Progress"
) -> FloatArray:
    """The map (d, d) from the vectors of `model`, whose index this is, to those of the encoder
    `before` its training; from `folder` where it lies there."""
    path = folder / f"alignment-{model.encoder_fingerprint[:12]}.npz"
    key = f"{SCHEMA} {index.digest} {before.encoder_fingerprint}"
    found = _read(path, key)
    if found is None:
        texts = sentences(index.passages())
        pretrained = Model.load(before.folder)
        found = fit(*(_encoded(encoder, texts, progress) for encoder in (model, pretrained)))
        _write(path, key, found)
    return found


def sentences(passages: "list[Passage]") -> list[str]:
    """The sentences of passages, or SENTENCES of them drawn by a fixed seed."""
    texts = list(dict.fromkeys(p.unit.text for passage in passages for p in pieces(passage.text)))
    if len(texts) > SENTENCES:
        texts = random.Random(0).sample(texts, SENTENCES)
    return texts


def _encoded(model: Model, texts: list[str], progress: "Progress") -> FloatArray:
    stage = f"aligning the articles ({model.version})"
    return model.encode(texts, "passage", lambda done: progress(stage, done, len(texts)))


def _read(path: Path, key: str) -> FloatArray | None:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if str(file["key"]) == key:
                return np.asarray(file["map"], dtype=np.float32)
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile, NotImplementedError):
        pass  # not there, or of no use: it is made again
    return None


def _write(path: Path, key: str, map_: FloatArray) -> None:
    store(path, lambda file: np.savez(file, key=np.asarray(key), map=map_))
