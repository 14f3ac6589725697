"""The texts of a run below the trunk's frozen layers, which see each text once and no more."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetune.network import Trunk
from finetune.tokens import TokenIds, batches_by_length, pad

FloatArray = NDArray[np.float32]


class Lower:
    """What the frozen layers make of token rows, kept in half precision.

    Rows of an uncut trunk, or more tokens than `max_tokens`, are kept as ids and run through the
    whole trunk instead. `upper` picks the way; its callers need not know which.
    """

    def __init__(self, trunk: Trunk, pad_id: int, max_tokens: int = 800_000) -> None:
        self.trunk, self.pad_id, self.max_tokens = trunk, pad_id, max_tokens
        self.rows: list[TokenIds] = []
        self.hidden: list[Tensor] = []

    def add(self, rows: Sequence[TokenIds], progress: Callable[[int], None]) -> FloatArray:
        """Keep `rows`; returns their vectors (n, d) under the present weights."""
        first, vectors = len(self.rows), np.zeros((len(rows), self.trunk.dimension), np.float32)
        self.rows.extend(rows)
        cut = self.trunk.frozen_layers and sum(map(len, self.rows)) <= self.max_tokens
        self.hidden = self.hidden + [torch.empty(0)] * len(rows) if cut else []
        self.trunk.eval()
        done = 0
        with torch.no_grad():
            for indices in batches_by_length([len(row) for row in rows], 64, 4096):
                ids, mask = map(torch.from_numpy, pad([rows[i] for i in indices], self.pad_id))
                if cut:
                    hidden = self.trunk.lower(ids, mask)
                    vectors[indices] = self.trunk.upper(hidden, mask).cpu().numpy()
                    for i, states in zip(indices, hidden, strict=True):
                        self.hidden[first + i] = states[: len(rows[i])].half()
                else:
                    vectors[indices] = self.trunk(ids, mask).cpu().numpy()
                progress(done := done + len(indices))
        return vectors

    def states(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Token states (n, t, 2d) of kept rows under the present weights, and their mask (n, t)."""
        ids, mask = map(torch.from_numpy, pad([self.rows[i] for i in indices], self.pad_id))
        if not self.hidden:
            return self.trunk.states(ids, mask), mask
        kept = [self.hidden[i] for i in indices]
        hidden = nn.utils.rnn.pad_sequence(kept, batch_first=True).float()
        return self.trunk.upper_states(hidden, mask), mask

    def read(
        self, indices: Sequence[int], max_rows: int = 24, max_tokens: int = 1024
    ) -> tuple[Tensor, list[Tensor]]:
        """Vectors (n, d) and each row's token states (t, 2d), in the order of `indices`; short
        rows do not pay for long ones."""
        lengths = [len(self.rows[i]) for i in indices]
        groups = list(batches_by_length(lengths, max_rows, max_tokens))
        vectors: list[Tensor] = []
        tokens: list[Tensor] = []
        for group in groups:
            states, mask = self.states([indices[i] for i in group])
            vectors.append(self.trunk.pool(states, mask))
            tokens += [row[: lengths[i]] for row, i in zip(states, group, strict=True)]
        order = np.argsort(np.concatenate(groups))
        return torch.cat(vectors)[torch.from_numpy(order)], [tokens[i] for i in order]

    def encode(self, indices: Sequence[int], max_rows: int = 24, max_tokens: int = 1024) -> Tensor:
        """The vectors (n, d) that `read` gives."""
        return self.read(indices, max_rows, max_tokens)[0]

    def states_of(self, indices: Sequence[int]) -> Callable[[int], Tensor]:
        """Token states (t, 2d) of each of these rows, without gradients, for as long as the trunk
        rests. What is not kept anyway is kept for them, in half precision."""
        self.trunk.eval()
        below = self.trunk.dimension if self.hidden else 0
        above: dict[int, Tensor] = {}
        with torch.no_grad():
            for start in range(0, len(indices), 1024):
                some = indices[start : start + 1024]
                read = self.read(some, 64, 4096)[1]
                above |= {i: states[:, below:].half() for i, states in zip(some, read, strict=True)}
        if not below:
            return lambda i: above[i].float()
        return lambda i: torch.cat([self.hidden[i], above[i]], dim=-1).float()

    def encode_all(self, indices: Sequence[int]) -> FloatArray:
        """Vectors (n, d) without gradients."""
        self.trunk.eval()
        with torch.inference_mode():
            return self.encode(indices, 64, 4096).cpu().numpy()
