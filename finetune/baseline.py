"""What the pretrained encoder does untouched: the figure that fine-tuning has to beat."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.corpus import Message

FloatArray = NDArray[np.float32]


def linear_probe(
    vectors: FloatArray, train: Sequence[Message], validation: Sequence[Message], classes: int
) -> tuple[FloatArray, FloatArray]:
    """Weights (c, d) and biases (c,) of a logistic regression on frozen vectors (n, d).

    The penalty is chosen on the validation messages. A message with several intents teaches its
    first. A label with no training message, or a single label in all, keeps weights of zero.
    """
    from sklearn.linear_model import LogisticRegression

    rows, labels = _labelled(train)
    weights = np.zeros((classes, vectors.shape[1]), dtype=np.float32)
    biases = np.full(classes, -1e3, dtype=np.float32)
    present = np.unique(labels)
    biases[present] = 0.0
    if len(present) < 2:
        return weights, biases
    best = -1.0
    held_rows, held_labels = _labelled(validation)
    for penalty in (1.0, 10.0, 100.0) if len(held_rows) else (10.0,):
        probe = LogisticRegression(C=penalty, max_iter=300).fit(vectors[rows], labels)
        accuracy = probe.score(vectors[held_rows], held_labels) if len(held_rows) else 1.0
        if accuracy > best:
            best = accuracy
            weights[present], biases[present] = _two_sided(probe.coef_, probe.intercept_)
    return weights, biases


def _two_sided(coefficients: Any, intercepts: Any) -> tuple[Any, Any]:
    """scikit-learn keeps one row for two classes; the softmax here wants one a class."""
    if len(coefficients) > 1:
        return coefficients, intercepts
    return (
        np.concatenate([-coefficients, coefficients]) / 2,
        np.concatenate([-intercepts, intercepts]) / 2,
    )


def _labelled(messages: Sequence[Message]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    pairs = [(message.text, message.intents[0]) for message in messages if message.intents]
    rows, labels = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    return rows, labels
