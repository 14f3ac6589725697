"""Do these chats still resemble those that the thresholds were certified on?"""

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.decision import OUT_OF_SCOPE
from bot.model import Model

FloatArray = NDArray[np.float32]


def surest(labels: Sequence[str], probabilities: FloatArray) -> FloatArray:
    """The confidence (n,) in the likeliest intent that may be answered, of rows (n, c)."""
    inside = [name != OUT_OF_SCOPE for name in labels]
    best: FloatArray = probabilities[:, inside].max(axis=1, initial=0.0)
    return best


def shift_of(model: Model, chats: Sequence[str], confidence: FloatArray) -> str:
    """What to tell the owner where the messages of these chats (a chat's id for each) are read
    less or more surely than the calibration chats were, by more than chance; else nothing."""
    if not model.trained or not model.labels:
        return ""
    from safetensors.numpy import load_file

    from finetune.shift import sentence, shift

    records = json.loads((model.folder / "evidence.json").read_text(encoding="utf-8"))
    shares = load_file(model.folder / "evidence.safetensors")["probabilities"]
    before = [record["conversation"] for record in records]
    found = shift(surest(model.labels, shares), _numbers(before), confidence, _numbers(chats))
    return sentence(found)


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    number: dict[str, int] = {}
    return np.asarray([number.setdefault(name, len(number)) for name in names], dtype=np.int64)
