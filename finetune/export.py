"""From trained modules to the files of a model version: two ONNX graphs and their companions.

`trunk.onnx` is the one pass of a turn: tokens to a sentence vector. `heads.onnx` reads that vector
among the vectors of the turns before: intent logits and the reply query. They are two files
because a replay encodes each text once and reads it in many places.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from finetune.crf import transitions_of
from finetune.encoder import EncoderSource
from finetune.network import CONTEXT_TURNS, Heads, TagHead, Trunk, max_tokens

OPSET = 17


class _ServedTrunk(nn.Module):
    """The one pass of a turn: the sentence vector and, where there are any, the tag logits."""

    def __init__(self, trunk: Trunk, tags: TagHead | None) -> None:
        super().__init__()
        self.trunk, self.tags = trunk, tags

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if self.tags is None:
            return self.trunk(ids, mask)  # type: ignore[no-any-return]
        states = self.trunk.states(ids, mask)
        return self.trunk.pool(states, mask), self.tags(states, mask)


class _ServedHeads(nn.Module):
    """The heads as they are served: one kind of logits, the queries and the sentiment."""

    def __init__(self, heads: Heads, in_context: bool) -> None:
        super().__init__()
        self.heads, self.in_context = heads, in_context

    def forward(self, turns: Tensor, speakers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self.heads(turns, speakers)
        logits = output.context_logits if self.in_context else output.message_logits
        return logits, output.queries, output.sentiment_logits


def export_trunk(
    trunk: Trunk,
    tokenizer: str,
    source: EncoderSource,
    pad_id: int,
    folder: Path,
    tags: TagHead | None = None,
) -> None:
    """Write trunk.onnx, tokenizer.json, encoder.json and, with `tags`, transitions.safetensors."""
    ids = torch.randint(5, 50, (2, 7))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    _export(
        _ServedTrunk(trunk, tags),
        (ids, mask),
        folder / "trunk.onnx",
        ("ids", "mask"),
        ("vector", "tags") if tags else ("vector",),
        {0: "n", 1: "t"},
    )
    if tags is not None:
        transitions_of(tags).save(folder)
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    settings = {
        "name": source.name,
        "query_prefix": source.query_prefix,
        "passage_prefix": source.passage_prefix,
        "dimension": trunk.dimension,
        "max_tokens": max_tokens(trunk),
        "pad_id": pad_id,
        "context_turns": CONTEXT_TURNS,
    }
    write_json(folder / "encoder.json", settings)


def export_heads(heads: Heads, in_context: bool, dimension: int, folder: Path) -> None:
    """Write heads.onnx; `in_context` says which intent logits are served."""
    turns = torch.randn(2, CONTEXT_TURNS, dimension)
    speakers = torch.ones(2, CONTEXT_TURNS, dtype=torch.int64)
    _export(
        _ServedHeads(heads, in_context),
        (turns, speakers),
        folder / "heads.onnx",
        ("turns", "speakers"),
        ("logits", "query", "sentiment"),
        {0: "n", 1: "k"},
    )


def write_json(path: Path, value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write a value so that the same value gives the same bytes."""
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def _export(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    input_names: tuple[str, ...],
    output_names: tuple[str, ...],
    input_axes: Mapping[int, str],
) -> None:
    axes = {name: dict(input_axes) for name in (*input_names, "tags")}
    axes |= {name: {0: input_axes[0]} for name in output_names if name != "tags"}
    with warnings.catch_warnings():
        # The exporter that needs no further package announces its successor at every call.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            inputs,
            str(path),
            input_names=list(input_names),
            output_names=list(output_names),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
