"""Entities as IOB tags over a text's units, and back.

A unit is a word, read by its first token (as in Devlin et al. 2019, arXiv:1810.04805, section 5.3).
Where writing has no spaces it is a token, or each character of a token that holds several: in
"浙商银行的" an entity may end in the middle of a token.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finetune.errors import FinetuneError
from finetune.text import UNSPACED
from finetune.tokens import encodable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
Span = tuple[int, int, str]  # first character, character after the last, type

OUTSIDE = 0
MOST_PIECES = 4
TRANSITIONS = "transitions.safetensors"
_ROUNDING = 0.5  # far more than the sums along two paths may be off
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


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """Scores of the steps of a tag sequence: `start` (c,) of its first tag, `between` (c, c) of a
    tag (column) after another (row). Two are the same only if they are one: what follows from them
    is worked out once."""

    start: FloatArray
    between: FloatArray

    @classmethod
    def none(cls, types: Sequence[str]) -> "Transitions":
        """All steps alike."""
        count = len(tag_names(types))
        return cls(np.zeros(count, np.float32), np.zeros((count, count), np.float32))

    def save(self, folder: Path) -> None:
        """Write transitions.safetensors. Raises OSError and SafetensorError."""
        from safetensors.numpy import save_file

        arrays = {"start": self.start, "between": self.between}
        save_file(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()},
            folder / TRANSITIONS,
        )

    @classmethod
    def load(cls, folder: Path, types: Sequence[str]) -> "Transitions":
        """Read what `save` wrote; `none` where a version was made before there were any.

        Raises FinetuneError when the file is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        alike = cls.none(types)
        if not (folder / TRANSITIONS).is_file():
            return alike
        try:
            read = cls(**load_file(folder / TRANSITIONS))
            if (read.start.shape, read.between.shape) == (alike.start.shape, alike.between.shape):
                return read
            reason = f"{read.between.shape} steps for {len(alike.start)} tags"
        except (OSError, TypeError, SafetensorError) as error:
            reason = str(error)
        raise FinetuneError(
            f"{folder / TRANSITIONS} cannot be read ({reason}); run `frontdesk finetune` again"
        )


def pieces_of(tokenizer: "Tokenizer") -> int:
    """How many units a token may have: more than one if it may hold several such characters."""
    several = any(map(_UNSPACED_PAIR.search, tokenizer.get_vocab()))
    return MOST_PIECES if several else 1


def units_of(tokenizer: "Tokenizer", texts: Sequence[str], prefix: str, pieces: int) -> list[Units]:
    """The units of each text as it is encoded with `prefix` before it."""
    return ids_and_units(tokenizer, texts, prefix, pieces)[1]


def ids_and_units(
    tokenizer: "Tokenizer", texts: Sequence[str], prefix: str, pieces: int
) -> tuple[list[IntArray], list[Units]]:
    """The token ids of each text with `prefix` before it, and its units."""
    encodings = tokenizer.encode_batch(encodable(tokenizer, [prefix + text for text in texts]))
    ids = [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]
    units = [
        _units(text, encoding.offsets, len(prefix), pieces)
        for text, encoding in zip(texts, encodings, strict=True)
    ]
    return ids, units


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


def decode(
    logits: FloatArray, units: Units, types: Sequence[str], transitions: Transitions
) -> list[FoundEntity]:
    """The entities of the likeliest valid tag sequence, from unit logits (u, 2 * types + 1)."""
    if not len(logits) or not types or _all_outside(logits, transitions):
        return []
    path = best_path(logits, transitions)
    if not path.any():
        return []
    shares = marginals(logits, transitions)
    found: list[FoundEntity] = []
    for unit, tag in enumerate(path.tolist()):
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


def _all_outside(logits: FloatArray, transitions: Transitions) -> bool:
    """Whether the best path is known without a search: no tag of an entity makes up, at any unit,
    for what it costs, though the best steps led to it and away from it."""
    gained = logits[:, 1:] - logits[:, :1] + _most_gained(transitions)
    return bool(gained.max() < -_ROUNDING)


@lru_cache(maxsize=8)
def _most_gained(transitions: Transitions) -> FloatArray:
    """The most that the steps to each tag of an entity (c - 1,) and from it to outside can add to a
    path, above those of staying outside."""
    allowed = _allowed(transitions)
    stay = allowed.between[OUTSIDE, OUTSIDE]
    into = np.maximum(allowed.between.max(0) - stay, allowed.start - allowed.start[OUTSIDE])
    away = np.maximum(allowed.between[:, OUTSIDE] - stay, 0)
    most: FloatArray = (into + away)[1:]
    return most


def best_path(logits: FloatArray, transitions: Transitions) -> IntArray:
    """The best tags (u,) for logits (u, c), where an I only follows its B or I: Viterbi (1967)."""
    allowed = _allowed(transitions)
    totals = np.empty_like(logits)
    totals[0] = total = allowed.start + logits[0]
    for unit in range(1, len(logits)):
        totals[unit] = total = (total[:, None] + allowed.between).max(0) + logits[unit]
    path = np.zeros(len(logits), dtype=np.int64)
    path[-1] = tag = total.argmax()
    for unit in range(len(logits) - 2, -1, -1):
        path[unit] = tag = (totals[unit] + allowed.between[:, tag]).argmax()
    return path


@lru_cache(maxsize=8)
def _allowed(transitions: Transitions) -> Transitions:
    """The same with -inf for an I that opens a text or follows neither its B nor itself."""
    start, between = transitions.start.copy(), np.full_like(transitions.between, -np.inf)
    inside = np.arange(2, len(start), 2)
    start[inside] = -np.inf
    between[:, 0], between[:, 1::2] = transitions.between[:, 0], transitions.between[:, 1::2]
    for before in (inside, inside - 1):
        between[before, inside] = transitions.between[before, inside]
    return Transitions(start, between)


def marginals(logits: FloatArray, transitions: Transitions) -> FloatArray:
    """The probability of each tag of each unit (u, c) over all sequences: forward-backward, each
    step scaled to sum to one (Rabiner 1989, doi:10.1109/5.18626)."""
    emitted = np.exp(logits - logits.max(-1, keepdims=True), dtype=np.float64)
    steps = np.exp(transitions.between - transitions.between.max(), dtype=np.float64)
    forward, backward = np.ones_like(emitted), np.ones_like(emitted)
    reached = np.exp(transitions.start - transitions.start.max()) * emitted[0]
    forward[0] = reached = reached / reached.sum()
    for unit in range(1, len(logits)):
        reached = reached @ steps * emitted[unit]
        reached /= reached.sum()
        forward[unit] = reached
    left = backward[-1]
    for unit in range(len(logits) - 2, -1, -1):
        left = steps @ (left * emitted[unit + 1])
        left /= left.sum()
        backward[unit] = left
    shares = forward * backward
    return np.asarray(shares / shares.sum(-1, keepdims=True), dtype=np.float32)
