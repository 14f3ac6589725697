"""Few examples, many chats without labels: what the labelled messages say of the others.

Labels spread along a graph of nearest neighbours among the messages' vectors (Zhou et al. 2004,
"Learning with Local and Global Consistency"), and the intents' head learns from all of them, each
as much as its label is sure and the message looks like one of the business at all. The trunk
stays as it is, so this costs seconds. Where validation does not gain, nothing is changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from finetune import judging
from finetune.baseline import two_sided
from finetune.corpus import Message, intent_targets
from finetune.judging import Examined, Reading
from finetune.material import FEW_EXAMPLES
from finetune.scope import Scope
from finetune.training import Trainer, read_all

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

MOST = 10_000  # messages without labels
NEIGHBOURS = 15
SHARPNESS = 4  # the power of a cosine that weighs an edge
REACH = 0.9  # of a message's label that comes from its neighbours
ROUNDS = 40
PENALTY = 10.0  # C of the logistic regression
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Learnt:
    """From how many messages without labels the intents' head learnt, and how many of the `judged`
    validation messages it read rightly before and after; it is kept where that is more."""

    messages: int
    judged: int
    before: int
    after: int

    @property
    def kept(self) -> bool:
        return self.after > self.before

    def told(self) -> str:
        """A sentence for the owner."""
        if not self.kept:
            return (
                f"{self.messages:,} messages without labels taught nothing: no more than "
                f"{self.before:,} of {self.judged:,} held-out messages were read rightly"
            )
        return (
            f"learnt from {self.messages:,} messages without labels too: {self.after:,} of "
            f"{self.judged:,} held-out messages are read rightly, {self.before:,} before"
        )


def unlabelled(taught: Sequence[Message], intents: int, seed: int) -> list[Message]:
    """The messages of the training chats to spread labels to, a text once, MOST at most.

    None where an intent has FEW_EXAMPLES or more on average, where one has none, or where there
    are fewer messages without labels than with.
    """
    labelled = [message for message in taught if message.intents]
    known = {message.text for message in labelled}
    found = list({m.text: m for m in taught if not m.gold and m.text not in known}.values())
    missing = intents - len({intent for message in labelled for intent in message.intents})
    if missing or len(labelled) >= FEW_EXAMPLES * intents or len(found) < max(len(labelled), 1):
        return []
    chosen = np.random.default_rng(seed).permutation(len(found))[:MOST]
    return [found[place] for place in sorted(chosen.tolist())]


def learn(
    trainer: Trainer,
    taught: Sequence[Message],
    more: Sequence[Message],
    validation: Examined,
    reading: Reading,
    scope: Scope | None,
) -> Learnt:
    """Teach the intents' head from labelled messages and from `more`, which have no label; the
    head is as it was where validation does not gain.

    `reading` and `scope` are those of the model so far, without words.
    """
    labelled = [message for message in taught if message.intents]
    head = trainer.heads.intents
    before = _right(validation)
    vectors = np.zeros_like(trainer.data.pretrained)
    texts = sorted({message.text for message in (*labelled, *more)})
    vectors[texts] = trainer.data.lower.encode_all(texts)
    known, others = (vectors[[m.text for m in part]] for part in (labelled, more))
    targets = intent_targets(labelled, head.out_features)
    shares = spread(np.concatenate([known, others]), targets)[len(labelled) :]
    sure = shares.max(axis=1)
    if scope is not None:
        alone = [replace(m, window=m.window[-1:], speakers=m.speakers[-1:]) for m in more]
        sure = sure * scope.in_scope(
            reading.logits(read_all(trainer.heads, alone, vectors)), others
        )
    rows, intents = np.nonzero(targets)
    weights, biases = regression(
        np.concatenate([known[rows], others]),
        np.concatenate([intents, shares.argmax(axis=1)]),
        np.concatenate([targets[rows, intents], sure]),
    )
    was = [parameter.detach().clone() for parameter in head.parameters()]
    _set(head, [torch.from_numpy(weights), torch.from_numpy(biases)])
    after = _right(reread(trainer, validation))
    found = Learnt(len(more), sum(m.names_intent for m in validation.messages), before, after)
    if not found.kept:
        _set(head, was)
    return found


def reread(trainer: Trainer, examined: Examined) -> Examined:
    """The same messages under the present heads; the trunk has not changed."""
    output = read_all(trainer.heads, examined.messages, examined.vectors)
    return replace(examined, output=output)


def spread(vectors: FloatArray, labels: FloatArray) -> FloatArray:
    """The share of each label (n, c) in each message, spread from the first ones to all.

    Args:
        vectors: (n, d) unit vectors, those of labelled messages first.
        labels: (k, c) what the first k are labelled with, each row adding up to 1.
    """
    from scipy.sparse import csr_matrix, diags_array

    count = len(vectors)
    edges = zip(*_edges(vectors, min(NEIGHBOURS, count - 1)), strict=True)
    rows, columns, weights = (np.concatenate(part) for part in edges)
    graph = csr_matrix((weights, (rows, columns)), shape=(count, count))
    graph = graph.maximum(graph.T)
    scale = diags_array(1 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-9)))
    graph = (scale @ graph @ scale).astype(np.float32)
    start = np.zeros((count, labels.shape[1]), np.float32)
    start[: len(labels)] = labels
    found = start
    for _ in range(ROUNDS):
        found = REACH * (graph @ found) + (1 - REACH) * start
    shares: FloatArray = found / np.maximum(found.sum(axis=1, keepdims=True), 1e-12)
    return shares


def _edges(vectors: FloatArray, neighbours: int) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
    """From each message to its nearest others: both places and the weight, a block at a time."""
    for start in range(0, len(vectors), _BLOCK):
        likeness = vectors[start : start + _BLOCK] @ vectors.T
        own = np.arange(len(likeness))
        likeness[own, start + own] = -1.0
        nearest = np.argpartition(-likeness, neighbours - 1, axis=1)[:, :neighbours]
        weights = np.take_along_axis(likeness, nearest, axis=1).clip(0, 1) ** SHARPNESS
        yield np.repeat(start + own, neighbours), nearest.ravel(), weights.ravel()


def regression(
    vectors: FloatArray, labels: IntArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weights (c, d) and biases (c,) of a logistic regression on vectors (n, d) of which each
    counts as its weight (n,) says; every label from 0 to c - 1 must occur."""
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=PENALTY, max_iter=200).fit(vectors, labels, weights)
    lines, offsets = two_sided(found.coef_, found.intercept_)
    return lines.astype(np.float32), offsets.astype(np.float32)


def _right(examined: Examined) -> int:
    """How many messages the better kind of logits reads rightly."""
    rows = [row for row, message in enumerate(examined.messages) if message.names_intent]
    messages = [examined.messages[row] for row in rows]
    output = examined.output
    kinds = (output.message_logits, output.context_logits)
    return max(sum(judging.right(logits[rows].numpy(), messages)) for logits in kinds)


def _set(head: nn.Linear, values: Sequence[torch.Tensor]) -> None:
    with torch.no_grad():
        for parameter, value in zip(head.parameters(), values, strict=True):
            parameter.copy_(value)
