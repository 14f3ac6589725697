"""Do these chats still resemble those that the thresholds were certified on?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.model import Model
from bot.risk.trials import evidence
from finetune.conversation import OUT_OF_SCOPE
from finetune.corpus import numbers_of

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
    from finetune.shift import sentence, shift

    records, arrays = evidence(model)
    before = numbers_of(record["conversation"] for record in records)
    certified = surest(model.labels, arrays["probabilities"])
    return sentence(shift(certified, before, confidence, numbers_of(chats)))
