"""What the pretrained encoder does untouched: the figure that fine-tuning has to beat."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.corpus import NO_LABEL, Message

FloatArray = NDArray[np.float32]


IntArray = NDArray[np.int64]
Labelled = tuple[IntArray, IntArray]  # the text (n,) of each message and its label (n,)


def linear_probe(
    vectors: FloatArray, train: Labelled, validation: Labelled, classes: int
) -> tuple[FloatArray, FloatArray]:
    """Weights (c, d) and biases (c,) of a logistic regression on frozen vectors (n, d).

    The penalty is chosen on the validation messages. A label with no training message, or a
    single label in all, keeps weights of zero.
    """
    from sklearn.linear_model import LogisticRegression

    rows, labels = train
    weights = np.zeros((classes, vectors.shape[1]), dtype=np.float32)
    biases = np.full(classes, -1e3, dtype=np.float32)
    present = np.unique(labels)
    biases[present] = 0.0
    if len(present) < 2:
        return weights, biases
    best = -1.0
    held_rows, held_labels = validation
    for penalty in (1.0, 10.0, 100.0) if len(held_rows) else (10.0,):
        probe = LogisticRegression(C=penalty, max_iter=300).fit(vectors[rows], labels)
        accuracy = probe.score(vectors[held_rows], held_labels) if len(held_rows) else 1.0
        if accuracy > best:
            best = accuracy
            weights[present], biases[present] = two_sided(probe.coef_, probe.intercept_)
    return weights, biases


def two_sided(coefficients: Any, intercepts: Any) -> tuple[Any, Any]:
    """scikit-learn keeps one row for two classes; the softmax here wants one a class."""
    if len(coefficients) > 1:
        return coefficients, intercepts
    return (
        np.concatenate([-coefficients, coefficients]) / 2,
        np.concatenate([-intercepts, intercepts]) / 2,
    )


def labelled_intents(messages: Sequence[Message]) -> Labelled:
    """A message with several intents teaches its first."""
    return _columns([(m.text, m.intents[0]) for m in messages if m.intents])


def labelled_sentiments(messages: Sequence[Message]) -> Labelled:
    """The messages whose sentiment is labelled."""
    return _columns([(m.text, m.sentiment) for m in messages if m.sentiment != NO_LABEL])


def _columns(pairs: Sequence[tuple[int, int]]) -> Labelled:
    rows, labels = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    return rows, labels
