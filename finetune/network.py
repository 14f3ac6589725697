"""The network: one trunk that encodes an utterance, and heads that read it in its conversation.

The trunk sees each utterance once. What was said before reaches the heads as the vectors of the
earlier turns, which a session already has, so a turn costs one forward pass of its own text and a
head that works on a dozen vectors. Attending over the tokens of the whole history would cost
several times that, in training as well as in serving.
"""

import logging
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from finetune.encoder import MAX_TOKENS
from finetune.errors import FinetuneError

PADDING, CUSTOMER, AGENT = 0, 1, 2
CONTEXT_TURNS = 12
CONTEXT_WIDTH = 192


class Trunk(nn.Module):
    """Token ids (b, t) and mask (b, t) to unit sentence vectors (b, d).

    The embeddings and the first `frozen_layers` layers keep their pretrained weights, so what they
    make of a text never changes: `lower` computes it once, and training works on `upper` alone,
    at about half the cost. An architecture that cannot be cut there has no such cut
    (`frozen_layers` 0) and is trained whole, above its embedding table.
    """

    def __init__(self, encoder: nn.Module, pooling: str, frozen_layers: int = 0) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.dimension = int(encoder.config.hidden_size)  # type: ignore[union-attr,arg-type]
        self.frozen_layers = frozen_layers if _can_be_cut(encoder) else 0
        encoder.get_input_embeddings().requires_grad_(False)  # type: ignore[operator]
        if self.frozen_layers:
            # All but the upper layers: what a stack keeps beside its layers, as MPNet does its
            # position bias, works below the cut too.
            encoder.requires_grad_(False)
            encoder.encoder.layer[self.frozen_layers :].requires_grad_(True)  # type: ignore[union-attr,index]

    @property
    def device(self) -> torch.device:
        """Where the weights are; inputs are taken there."""
        return next(self.encoder.parameters()).device

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.pool(self.states(ids, mask), mask)

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token states (b, t, 2d): those above the frozen layers beside the last ones.

        An uncut encoder has its last states twice.
        """
        kept: list[Tensor] = []
        ids, mask = ids.to(self.device), mask.to(self.device)
        if self.frozen_layers:
            below: nn.Module = self.encoder.encoder.layer[self.frozen_layers - 1]  # type: ignore[union-attr,index,assignment]
            hook = below.register_forward_hook(lambda *seen: kept.append(_first(seen[2])))
        last: Tensor = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.frozen_layers:
            hook.remove()
        return torch.cat([kept[0] if kept else last, last], dim=-1)

    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Hidden states (b, t, d) above the frozen layers."""
        stack = self.encoder.encoder
        layers = stack.layer  # type: ignore[union-attr]
        stack.layer = layers[: self.frozen_layers]  # type: ignore[union-attr,index]
        ids, mask = ids.to(self.device), mask.to(self.device)
        try:
            output = self.encoder(input_ids=ids, attention_mask=mask)
            return output.last_hidden_state  # type: ignore[no-any-return]
        finally:
            stack.layer = layers  # type: ignore[union-attr]

    def upper(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Sentence vectors (b, d) from the hidden states that `lower` gave."""
        return self.pool(self.upper_states(hidden, mask), mask)

    def upper_states(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Token states (b, t, 2d), as `states`, from the hidden states that `lower` gave."""
        stack, embeddings = self.encoder.encoder, self.encoder.embeddings
        mask = mask.to(self.device)
        layers = stack.layer  # type: ignore[union-attr]
        self.encoder.embeddings = _Given(hidden)
        stack.layer = layers[self.frozen_layers :]  # type: ignore[union-attr,index]
        try:
            last = self.encoder(input_ids=mask, attention_mask=mask).last_hidden_state
            return torch.cat([hidden, last], dim=-1)
        finally:
            self.encoder.embeddings, stack.layer = embeddings, layers  # type: ignore[union-attr]

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """Unit sentence vectors (b, d) of token states (b, t, 2d)."""
        hidden = states[..., self.dimension :]
        if self.pooling == "cls":
            return functional.normalize(hidden[:, 0], dim=-1)
        weights = mask.unsqueeze(-1).to(hidden)
        count = weights.sum(1).clamp(min=1)  # not every tokenizer gives "" a token
        return functional.normalize((hidden * weights).sum(1) / count, dim=-1)


def _first(output: Any) -> Tensor:
    """A layer's hidden states; some give them in a tuple with more."""
    hidden: Tensor = output[0] if isinstance(output, tuple) else output
    return hidden


class _Given(nn.Module):
    """Stands where the embeddings stood, and gives hidden states that were computed before."""

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self.hidden = hidden

    def forward(self, *_: object, **__: object) -> Tensor:
        return self.hidden


def _can_be_cut(encoder: nn.Module) -> bool:
    """True for the BERT family: embeddings, then a stack of post-norm layers, then nothing."""
    stack = getattr(encoder, "encoder", None)
    return (
        isinstance(getattr(stack, "layer", None), nn.ModuleList)
        and getattr(stack, "conv", None) is None  # DeBERTa's, which would run in both halves
        and hasattr(encoder, "embeddings")
        and {name for name, _ in encoder.named_children()} <= {"embeddings", "encoder", "pooler"}
    )


class ContextReader(nn.Module):
    """Turn vectors (b, k, d), the present turn last, to a summary (b, CONTEXT_WIDTH).

    k is CONTEXT_TURNS at most; turns that are not there at the front need not be given.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.project = nn.Linear(dimension, CONTEXT_WIDTH)
        self.speaker = nn.Embedding(3, CONTEXT_WIDTH)
        self.position = nn.Embedding(CONTEXT_TURNS, CONTEXT_WIDTH)
        self.layers = nn.ModuleList(ContextLayer(CONTEXT_WIDTH, heads=4) for _ in range(2))
        self.norm = nn.LayerNorm(CONTEXT_WIDTH)

    def forward(self, turns: Tensor, speakers: Tensor) -> Tensor:
        positions = self.position.weight[-turns.shape[1] :]
        hidden = self.project(turns) + self.speaker(speakers) + positions
        blocked = (speakers == PADDING)[:, None, None, :]
        *before, last = self.layers
        for layer in before:
            hidden = layer(hidden, hidden, blocked)
        return self.norm(last(hidden[:, -1:], hidden, blocked)[:, 0])  # type: ignore[no-any-return]


class ContextLayer(nn.Module):
    """One pre-norm transformer layer, written out so that it exports to plain ONNX operators."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mix = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mix = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(0.1)

    def forward(self, asking: Tensor, hidden: Tensor, blocked: Tensor) -> Tensor:
        """What the turns `asking` (b, q, w) become by attending to `hidden` (b, k, w): in the last
        layer only the present turn asks."""
        batch, turns, width = asking.shape
        weight, bias = self.qkv.weight, self.qkv.bias
        query = functional.linear(self.before_attention(asking), weight[:width], bias[:width])
        seen = functional.linear(self.before_attention(hidden), weight[width:], bias[width:])
        query = query.view(batch, turns, self.heads, -1).transpose(1, 2)
        key, value = seen.view(batch, -1, 2, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5
        weights = scores.masked_fill(blocked, -1e9).softmax(-1)
        attended = (weights @ value).transpose(1, 2).reshape(batch, turns, width)
        asking = asking + self.dropout(self.out(attended))
        return asking + self.dropout(self.mix(self.before_mix(asking)))  # type: ignore[no-any-return]


class TagHead(nn.Module):
    """Token states (b, t, 2d) and mask (b, t) to tag logits (b, t, pieces, tags) of tokens' units.

    A bidirectional LSTM reads each text's own tokens, beside a linear layer that learns faster;
    `start` (tags,) and `transitions` (tags, tags), from rows to columns, score the steps of a
    linear-chain CRF over its units (Lample et al. 2016, arXiv:1603.01360).
    """

    def __init__(self, dimension: int, tags: int, pieces: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2 * dimension, dimension // 2, batch_first=True, bidirectional=True)
        width = 2 * (dimension // 2)
        self.mix = nn.Linear(2 * dimension, width)
        self.place = nn.Embedding(pieces, width)
        self.out = nn.Linear(width, tags)
        self.start = nn.Parameter(torch.zeros(tags))
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.dropout = nn.Dropout(0.2)
        nn.init.zeros_(self.place.weight)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        # Packed, so that the backward direction starts at a text's last token, not at padding.
        lengths = mask.sum(1).clamp(min=1).cpu()  # not every tokenizer gives "" a token
        states = self.dropout(states)
        own = pack_padded_sequence(states, lengths, batch_first=True, enforce_sorted=False)
        read, _ = pad_packed_sequence(
            self.lstm(own)[0], batch_first=True, total_length=states.shape[1]
        )
        mixed = (read + self.mix(states)).unsqueeze(-2) + self.place.weight
        return self.out(self.dropout(functional.gelu(mixed)))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class HeadOutput:
    """Intent logits from the message alone (b, c) and in context (b, c), reply queries (b, d),
    sentiment logits (b, s)."""

    message_logits: Tensor
    context_logits: Tensor
    queries: Tensor
    sentiment_logits: Tensor


@dataclass(frozen=True, slots=True)
class Outputs:
    """How many outputs the heads have: intents, sentiments, and entity tags on `pieces` units a
    token. A task that the chats do not carry has none."""

    intents: int
    sentiments: int = 0
    tags: int = 0
    pieces: int = 1


class Heads(nn.Module):
    """Read the present turn among the turns before it.

    The classifiers start as the nearest class mean (`start_at_means`) and the parts that use the
    context start at zero, so training begins at what the pretrained vectors already know.
    `tags`, which reads the tokens of the present turn alone, is None without entities.
    """

    def __init__(self, dimension: int, outputs: Outputs) -> None:
        super().__init__()
        self.context = ContextReader(dimension)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without labels these have no outputs to start
            self.intents = nn.Linear(dimension, outputs.intents)
            self.intents_in_context = nn.Linear(CONTEXT_WIDTH, outputs.intents, bias=False)
            self.sentiment = nn.Linear(dimension, outputs.sentiments)
        self.reply_query = nn.Linear(CONTEXT_WIDTH, dimension)
        self.reply_scale = nn.Parameter(torch.tensor(3.0))
        self.dropout = nn.Dropout(0.1)
        tags = outputs.tags
        self.tags = TagHead(dimension, tags, outputs.pieces) if tags else None
        for layer in (self.intents_in_context, self.reply_query):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.reply_query.bias)

    def forward(self, turns: Tensor, speakers: Tensor) -> HeadOutput:
        message, summary = turns[:, -1], self.context(turns, speakers.to(turns.device))
        logits = self.intents(self.dropout(message))
        return HeadOutput(
            message_logits=logits,
            context_logits=logits + self.intents_in_context(summary),
            queries=functional.normalize(message + self.reply_query(summary), dim=-1),
            sentiment_logits=self.sentiment(self.dropout(message)),
        )


def start_at_means(classifier: nn.Linear, means: Tensor, scale: float = 16.0) -> None:
    """Set a classifier's weights to `scale` times the unit class means (c, d)."""
    with torch.no_grad():
        classifier.weight.copy_(scale * functional.normalize(means, dim=-1))
        classifier.bias.zero_()


def max_tokens(trunk: Trunk) -> int:
    """The longest text that is read, in tokens: no longer than the encoder has positions for.

    Two fewer, because encoders like RoBERTa number theirs from two.
    """
    positions = getattr(trunk.encoder.config, "max_position_embeddings", None)
    return min(MAX_TOKENS, positions - 2) if positions else MAX_TOKENS


def load_trunk(location: str) -> Trunk:
    """The pretrained trunk in float32, pooled as its publisher says, lower half frozen.

    Raises FinetuneError when the encoder cannot be loaded or is pooled in a way that is not the
    mean or the first token.
    """
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    try:
        published = SentenceTransformer(
            location, device="cpu", model_kwargs={"dtype": torch.float32}
        )
        encoder: Any = published[0].auto_model
        pooling = str(published[1].pooling_mode)
    except (OSError, ValueError, AttributeError, SafetensorError) as error:
        raise FinetuneError(
            f"the encoder {location!r} could not be loaded ({_first_line(error)}); set [encoder] "
            "name in frontdesk.toml to a folder with a Hugging Face encoder"
        ) from error
    if pooling not in ("mean", "cls"):
        raise FinetuneError(
            f"the encoder {location!r} pools its tokens by {pooling!r}; choose one that takes the "
            "mean or the first token"
        )
    if hasattr(encoder, "pooler"):
        encoder.pooler = None  # unused here, and often absent from the published weights
    return Trunk(encoder, pooling, int(getattr(encoder.config, "num_hidden_layers", 0)) // 2)


def load_tokenizer(location: str) -> str:
    """The encoder's fast tokenizer as the JSON that the `tokenizers` library reads."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(location, use_fast=True)
    except (OSError, ValueError) as error:
        raise FinetuneError(
            f"the tokenizer of {location!r} could not be loaded ({_first_line(error)})"
        ) from error
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    return str(backend.to_str())


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
