"""Entities as IOB tags over a text's units, and back.

A unit is a word, read by its first token (as in Devlin et al. 2019, arXiv:1810.04805, section 5.3).
Where writing has no spaces it is a token, or each character of a token that holds several: in
"浙商银行的" an entity may end in the middle of a token.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finetune.text import UNSPACED
from finetune.tokens import encodable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
Span = tuple[int, int, str]  # first character, character after the last, type

OUTSIDE = 0
MOST_PIECES = 4
_UNSPACED_PAIR = re.compile(f"[{UNSPACED}]{{2}}")
_INSIDE_WORD = re.compile(rf"(?<=[^\W{UNSPACED}])(?=[^\W{UNSPACED}])")


@dataclass(frozen=True, slots=True)
class Units:
    """The u units of a text: characters `starts` to `ends`, read at piece `place` of `token`."""

    starts: IntArray
    ends: IntArray
    token: IntArray
    place: IntArray


@dataclass(frozen=True, slots=True)
class FoundEntity:
    """Characters `start` to `end` are a `type`, with the probability of its least sure unit."""

    start: int
    end: int
    type: str
    score: float


def pieces_of(tokenizer: "Tokenizer") -> int:
    """How many units a token may have: more than one if it may hold several such characters."""
    several = any(map(_UNSPACED_PAIR.search, tokenizer.get_vocab()))
    return MOST_PIECES if several else 1


def units_of(tokenizer: "Tokenizer", texts: Sequence[str], prefix: str, pieces: int) -> list[Units]:
    """The units of each text as it is encoded with `prefix` before it."""
    encodings = tokenizer.encode_batch(encodable(tokenizer, [prefix + text for text in texts]))
    return [
        _units(text, encoding.offsets, len(prefix), pieces)
        for text, encoding in zip(texts, encodings, strict=True)
    ]


def _units(text: str, offsets: Sequence[tuple[int, int]], skipped: int, pieces: int) -> Units:
    rows: list[tuple[int, int, int, int]] = []
    for token, (first, last) in enumerate(offsets):
        start, end = max(first - skipped, 0), last - skipped
        while start < end and text[start].isspace():
            start += 1
        if start >= end:
            continue  # a mark of the tokenizer, or a part of the prefix
        if rows and rows[-1][1] == start and _INSIDE_WORD.match(text, start):
            rows[-1] = (rows[-1][0], end, *rows[-1][2:])  # goes on with a word
        elif pieces > 1 and _UNSPACED_PAIR.search(text, start, end):
            rows += [
                (place, place + 1, token, min(place - start, pieces - 1))
                for place in range(start, end)
            ]
        else:
            rows.append((start, end, token, 0))
    columns = np.asarray(rows, dtype=np.int64).reshape(-1, 4).T
    return Units(*columns)


def tag_names(types: Sequence[str]) -> list[str]:
    """`["O", "B-a", "I-a", "B-b", …]`."""
    return ["O", *(f"{mark}-{name}" for name in types for mark in "BI")]


def tags_of(spans: Sequence[Span], units: Units, types: Sequence[str]) -> IntArray:
    """The tag number (u,) of each unit; a unit belongs to an entity it shares a character with."""
    tags = np.full(len(units.starts), OUTSIDE, dtype=np.int64)
    number = {name: i for i, name in enumerate(types)}
    for start, end, name in spans:
        if name not in number:
            continue
        inside = np.flatnonzero((units.starts < end) & (units.ends > start))
        tags[inside] = 2 + 2 * number[name]
        tags[inside[:1]] = 1 + 2 * number[name]
    return tags


def decode(logits: FloatArray, units: Units, types: Sequence[str]) -> list[FoundEntity]:
    """The entities of the likeliest valid tag sequence, from unit logits (u, 2 * types + 1)."""
    if not len(logits) or not types:
        return []
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    shares = raised / raised.sum(-1, keepdims=True)
    tags = best_path(np.log(shares + 1e-12))
    found: list[FoundEntity] = []
    for unit, tag in enumerate(tags.tolist()):
        if tag == OUTSIDE:
            continue
        start, end = int(units.starts[unit]), int(units.ends[unit])
        score = float(shares[unit, tag])
        if tag % 2 == 0:  # inside: goes on from the unit before
            last = found.pop()
            found.append(FoundEntity(last.start, end, last.type, min(last.score, score)))
        else:
            found.append(FoundEntity(start, end, types[(tag - 1) // 2], score))
    return found


def best_path(scores: FloatArray) -> IntArray:
    """The best tags (u,) for log-probabilities (u, c) in which an I only follows its B or I.

    Viterbi (1967), with all allowed steps equally likely.
    """
    greedy = scores.argmax(-1)
    if _is_valid(greedy):
        return np.asarray(greedy, dtype=np.int64)
    count = scores.shape[1]
    inside = np.arange(2, count, 2)
    total, back = scores[0].copy(), np.zeros(scores.shape, dtype=np.int64)
    total[inside] = -np.inf
    for unit in range(1, len(scores)):
        best = int(total.argmax())
        back[unit], stepped = best, np.full(count, total[best])
        opened = total[inside - 1] >= total[inside]
        back[unit, inside] = np.where(opened, inside - 1, inside)
        stepped[inside] = np.maximum(total[inside - 1], total[inside])
        total = stepped + scores[unit]
    path = np.zeros(len(scores), dtype=np.int64)
    path[-1] = total.argmax()
    for unit in range(len(scores) - 1, 0, -1):
        path[unit - 1] = back[unit, path[unit]]
    return path


def _is_valid(tags: IntArray) -> bool:
    inside = (tags > 0) & (tags % 2 == 0)
    before = np.concatenate([[OUTSIDE], tags[:-1]])
    return bool(np.all(~inside | (before == tags) | (before == tags - 1)))
