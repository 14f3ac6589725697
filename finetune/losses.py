"""What each task asks of the network: a loss a task, zero where a batch does not teach it."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from finetune.corpus import NO_LABEL, NO_TEXT, Message, intent_targets
from finetune.crf import negative_log_likelihood, unit_logits
from finetune.network import HeadOutput, TagHead
from finetune.tags import Units, tags_of

FloatArray = NDArray[np.float32]


def intent_loss(output: HeadOutput, messages: Sequence[Message], smoothing: float) -> Tensor:
    """Cross-entropy of the labelled messages, read alone and read in context, averaged."""
    classes = output.message_logits.shape[1]
    labelled = [row for row, message in enumerate(messages) if message.intents]
    if classes < 2 or not labelled:
        return output.queries.new_zeros(())
    targets = torch.from_numpy(intent_targets([messages[row] for row in labelled], classes))
    targets = targets.to(output.message_logits)
    losses = [
        functional.cross_entropy(logits[labelled], targets, label_smoothing=smoothing)
        for logits in (output.message_logits, output.context_logits)
    ]
    return (losses[0] + losses[1]) / 2


def sentiment_loss(output: HeadOutput, messages: Sequence[Message], smoothing: float) -> Tensor:
    """Cross-entropy of the messages whose sentiment is labelled."""
    rows = [row for row, message in enumerate(messages) if message.sentiment != NO_LABEL]
    if output.sentiment_logits.shape[1] < 2 or not rows:
        return output.queries.new_zeros(())
    targets = torch.tensor([messages[row].sentiment for row in rows])
    logits = output.sentiment_logits[rows]
    return functional.cross_entropy(logits, targets.to(logits.device), label_smoothing=smoothing)


def entity_loss(
    head: TagHead | None,
    messages: Sequence[Message],
    states: Sequence[Tensor],
    units: Sequence[Units],
    types: Sequence[str],
) -> Tensor:
    """Negative log-likelihood of the tags of the messages whose entities are marked, a unit.

    `states` (t, 2d) are the token states of each message, `units` those of all texts.
    """
    if head is None:
        return torch.zeros(())
    rows = [
        row
        for row, message in enumerate(messages)
        if message.spans is not None and len(units[message.text].token)
    ]
    if not rows:
        return torch.zeros(())
    own = [units[messages[row].text] for row in rows]
    logits = unit_logits(head, [states[row] for row in rows], own)
    tags = [
        torch.from_numpy(tags_of(messages[row].spans or (), found, types)).to(head.start.device)
        for row, found in zip(rows, own, strict=True)
    ]
    return negative_log_likelihood(head, logits, tags).sum() / sum(map(len, tags))


def question_loss(
    asked: Tensor, answers: Sequence[int], passages: Tensor, numbers: NDArray[np.int64]
) -> Tensor:
    """Questions (n, d), scaled already, against passages (c, d) whose text numbers are `numbers`
    (c,), distinct and in order; `answers` are those of the right ones."""
    targets = torch.from_numpy(np.searchsorted(numbers, answers)).to(asked.device)
    return functional.cross_entropy(asked @ passages.T, targets)


def ranking_loss(
    queries: Tensor, messages: Sequence[Message], candidates: Sequence[str], vectors: Tensor
) -> Tensor:
    """The agents' replies against all candidates (c,), whose vectors are (c, d). `queries` (n, d)
    are scaled already. The same reply is one candidate, so it never counts as wrong."""
    replied = [row for row, message in enumerate(messages) if message.reply != NO_TEXT]
    if not replied or len(candidates) < 2:
        return queries.new_zeros(())
    number = {key: index for index, key in enumerate(candidates)}
    targets = torch.tensor([number[messages[row].reply_key] for row in replied])
    return functional.cross_entropy(queries[replied] @ vectors.T, targets.to(queries.device))


def distance(vectors: Tensor, pretrained: FloatArray) -> Tensor:
    """Mean of 1 - cosine to the pretrained vectors."""
    return (1 - (vectors * torch.from_numpy(pretrained).to(vectors)).sum(-1)).mean()
