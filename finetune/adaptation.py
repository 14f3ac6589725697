"""A trunk made at home in a company's words before any label is used.

A text loses most of its words; the sentence vector of what is left must be enough to write the
whole text down again: TSDAE (Wang et al. 2021, arXiv:2104.06979). The writer is one small layer
that sees no more of the text than the words it has written, so the vector has to carry the rest.
Masked language modelling asks the words' states, not the vector that everything here reads, and
wants a mask token; it is a quarter cheaper and, held as this is, no different within noise
(docs/methods.md). The writer chooses among the words of these texts alone, which is cheaper than
the whole vocabulary.

A hold keeps the vectors of the whole texts near the pretrained ones, as in training.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from finetune.network import Trunk
from finetune.tokens import TokenIds, batches_by_length, pad

FloatArray = NDArray[np.float32]
IGNORED = -100


@dataclass(frozen=True, slots=True)
class Adaptation:
    """How the pass is made: `deleted` is the share of words a text loses, `hold` the weight of
    1 - cosine between its vector and the pretrained one of the whole text. No more than
    `most_tokens` are read, of texts drawn at random, and `longest` of one text."""

    epochs: int = 1
    learning_rate: float = 1e-4
    batch_tokens: int = 128
    most_tokens: int = 100_000
    longest: int = 48
    deleted: float = 0.6
    hold: float = 1.0


def adapt(
    trunk: Trunk,
    rows: Sequence[TokenIds],
    pad_id: int,
    seed: int,
    progress: Callable[[int, int], None],
    how: Adaptation | None = None,
) -> dict[str, float]:
    """Adapt what trains of `trunk` to texts given as token ids; returns the last epoch's losses.

    Rows begin and end with the tokenizer's special tokens; those with nothing between are passed
    over. Call it once a method is applied; what `Lower` keeps still holds. Nothing happens to a
    frozen trunk.
    """
    how, rng = how or Adaptation(), np.random.default_rng(seed)
    torch.manual_seed(seed)
    rows = _chosen(rows, how, rng)
    trained = [p for p in trunk.parameters() if p.requires_grad]
    if not rows or not trained:
        return {}
    words = np.unique(np.concatenate(rows))
    pretrained = torch.from_numpy(_encode(trunk, rows, pad_id)).to(trunk.device)
    writer = Writer(_embeddings(trunk, words), how.longest).to(trunk.device)
    optimizer = _optimizer(trained, writer, how)
    epochs = [list(_batches(rows, how.batch_tokens, rng)) for _ in range(how.epochs)]
    steps = sum(map(len, epochs))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _Rate(steps))
    seen: list[tuple[float, float]] = []
    for batch in itertools.chain(*epochs):
        texts = [rows[i] for i in batch]
        vectors = trunk(*_padded([_without_some(row, how.deleted, rng) for row in texts], pad_id))
        writing = _writing_loss(writer, vectors, texts, words)
        hold = (1 - (vectors * pretrained[torch.from_numpy(batch)]).sum(-1)).mean()
        optimizer.zero_grad(set_to_none=True)
        (writing + how.hold * hold).backward()
        nn.utils.clip_grad_norm_([*trained, *writer.parameters()], 1.0)
        optimizer.step()
        schedule.step()
        seen.append((writing.item(), hold.item()))
        progress(len(seen), steps)
    last = np.mean(seen[-len(epochs[-1]) :], axis=0)
    return {"writing": float(last[0]), "hold": float(last[1])}


class Writer(nn.Module):
    """Sentence vectors (b, d) and the words so far (b, t) to logits of the next word (b, t, w).

    `words` (w, d) are the trunk's embeddings of the words that occur, as they are; what a
    decoder's attention to a single vector can give is a linear map of it, and is written so.
    """

    def __init__(self, words: Tensor, longest: int) -> None:
        super().__init__()
        width = words.shape[1]
        self.register_buffer("words", functional.normalize(words, dim=-1), persistent=False)
        self.spread = math.sqrt(width)
        self.position = nn.Parameter(torch.randn(longest, width) * 0.02)
        self.read = nn.Linear(width, width)
        self.layer = nn.TransformerEncoderLayer(
            width, width // 32, 2 * width, dropout=0.0, activation="gelu", batch_first=True
        )
        self.out = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(len(words)))

    def forward(self, vectors: Tensor, written: Tensor) -> Tensor:
        length = written.shape[1]
        told = self.read(vectors * self.spread)[:, None]
        hidden = self.words[written] * self.spread + self.position[:length] + told  # type: ignore[index]
        unseen = nn.Transformer.generate_square_subsequent_mask(length, self.words.device)  # type: ignore[arg-type]
        hidden = self.layer(hidden, src_mask=unseen, is_causal=True)
        return self.out(hidden + told) @ self.words.T + self.bias  # type: ignore[no-any-return]


def _chosen(rows: Sequence[TokenIds], how: Adaptation, rng: np.random.Generator) -> list[TokenIds]:
    """The texts to adapt to, in random order, up to the most tokens."""
    order = rng.permutation(len(rows))
    cut = [rows[i][: how.longest] for i in order if len(rows[i]) > 2]
    ends = np.cumsum([len(row) for row in cut])
    return cut[: int(np.searchsorted(ends, how.most_tokens, side="right"))]


def _writing_loss(
    writer: Writer, vectors: Tensor, texts: Sequence[TokenIds], words: TokenIds
) -> Tensor:
    """Cross-entropy of each word after those before it; `words` are sorted."""
    numbers = [np.searchsorted(words, row) for row in texts]
    written, _ = _padded([row[:-1] for row in numbers], 0)
    wanted, _ = _padded([row[1:] for row in numbers], IGNORED)
    logits = writer(vectors, written)
    wanted = wanted.flatten().to(logits.device)
    return functional.cross_entropy(logits.flatten(0, 1), wanted, ignore_index=IGNORED)


def _without_some(row: TokenIds, deleted: float, rng: np.random.Generator) -> TokenIds:
    """`row` without a share of its words; its first and last token and one word at least stay."""
    kept = rng.random(len(row)) >= deleted
    kept[[0, -1]] = True
    if not kept[1:-1].any():
        kept[rng.integers(1, len(row) - 1)] = True
    return row[kept]


def _batches(
    rows: Sequence[TokenIds], tokens: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """One pass in random order, rows of like length together."""
    groups = list(batches_by_length([len(row) for row in rows], 64, tokens))
    for place in rng.permutation(len(groups)):
        yield groups[place]


def _padded(rows: Sequence[TokenIds], fill: int) -> tuple[Tensor, Tensor]:
    ids, mask = pad(rows, fill)
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _encode(trunk: Trunk, rows: Sequence[TokenIds], pad_id: int) -> FloatArray:
    trunk.eval()
    vectors = np.zeros((len(rows), trunk.dimension), np.float32)
    with torch.inference_mode():
        for batch in batches_by_length([len(row) for row in rows], 64, 4096):
            vectors[batch] = trunk(*_padded([rows[i] for i in batch], pad_id)).cpu().numpy()
    return vectors


def _embeddings(trunk: Trunk, words: TokenIds) -> Tensor:
    table: Tensor = trunk.encoder.get_input_embeddings().weight  # type: ignore[operator]
    return table[torch.from_numpy(words)].detach()


def _optimizer(
    trained: list[nn.Parameter], writer: Writer, how: Adaptation
) -> torch.optim.Optimizer:
    """The writer starts from nothing and learns faster."""
    groups = [
        {"params": trained, "lr": how.learning_rate},
        {"params": list(writer.parameters()), "lr": 10 * how.learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)


class _Rate:
    """Linear warm-up over a tenth of the steps, then a line to zero."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __call__(self, step: int) -> float:
        done = step / self.steps
        return min(1.0, done / 0.1 + 1 / self.steps) * (1 - done)
