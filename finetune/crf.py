"""A linear-chain CRF over the tags of a text's units: how likely a whole sequence is.

Lafferty, McCallum and Pereira 2001 (https://repository.upenn.edu/handle/20.500.14332/6188), on the
logits of a bidirectional LSTM as in Lample et al. 2016 (arXiv:1603.01360).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from finetune.network import TagHead
from finetune.tags import Transitions, Units


def unit_logits(head: TagHead, states: Sequence[Tensor], units: Sequence[Units]) -> list[Tensor]:
    """Tag logits (u, tags) of the units of each text, from the states (t, 2d) of its tokens; every
    text has at least one token."""
    if not states:
        return []
    mask = pad_sequence([row.new_ones(len(row)) for row in states], batch_first=True)
    logits = head(pad_sequence(list(states), batch_first=True), mask)
    counts = [len(own.token) for own in units]
    rows = np.repeat(np.arange(len(units)), counts)
    tokens = np.concatenate([own.token for own in units])
    places = np.concatenate([own.place for own in units])
    return list(logits[rows, tokens, places].split(counts))


def negative_log_likelihood(
    head: TagHead, logits: Sequence[Tensor], tags: Sequence[Tensor]
) -> Tensor:
    """-log p(tags) (b,) of each text, from the logits (u, c) and the right tags (u,) of its units;
    every text has at least one unit."""
    padded = pad_sequence(list(logits), batch_first=True)
    wanted = pad_sequence(list(tags), batch_first=True)
    mask = pad_sequence([torch.ones_like(own, dtype=torch.bool) for own in tags], batch_first=True)
    return _log_partition(head, padded, mask) - _score(head, padded, wanted, mask)


def _score(head: TagHead, logits: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
    """Of the right sequences (b, u): their logits, their first tags and their steps, summed."""
    own = logits.gather(2, tags.unsqueeze(-1)).squeeze(-1) * mask
    steps = head.transitions[tags[:, :-1], tags[:, 1:]] * mask[:, 1:]
    return head.start[tags[:, 0]] + own.sum(1) + steps.sum(1)


def _log_partition(head: TagHead, logits: Tensor, mask: Tensor) -> Tensor:
    """Log of the summed scores of all sequences (b,): the forward algorithm.

    A step is a matrix product: with the largest total taken out, no sum of exponentials vanishes.
    """
    steps = head.transitions.exp()
    total = head.start + logits[:, 0]
    for unit in range(1, logits.shape[1]):
        largest = total.detach().amax(-1, keepdim=True)
        moved = ((total - largest).exp() @ steps).log() + largest + logits[:, unit]
        total = torch.where(mask[:, unit, None], moved, total)
    return total.logsumexp(-1)


def transitions_of(head: TagHead) -> Transitions:
    """What the chain has learnt of steps, as it is decoded with."""
    return Transitions(*(p.detach().cpu().numpy() for p in (head.start, head.transitions)))
