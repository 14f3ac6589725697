"""What the words of a message say of its intent, beside what its vector says.

A linear support-vector machine over word and character n-grams errs on other messages than the
trunk does, so the two together err less: "wide and deep" (Cheng et al. 2016, arXiv:1606.07792). It
adds microseconds to a turn. How much it counts is chosen on validation chats; where it does not
help, as with few examples, it counts nothing and is left out.

An n-gram is known by a 64-bit hash, which needs no table of strings; every hash of a batch of
texts comes from one running sum.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.code_points import code_points
from finetune.errors import FinetuneError

FloatArray = NDArray[np.float32]
Hashes = NDArray[np.uint64]
IntArray = NDArray[np.int64]

NAME = "lexical.safetensors"
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
LONGEST = 2000  # characters of a message that are read
_CHARACTERS = (1, 2, 3, 4, 5)
_PENALTY = 0.5
_LEAST_TEXTS = 2  # that hold an n-gram, for it to be known
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s]")
_BASE = np.uint64(0x9E3779B97F4A7C15)
_UNDO = np.uint64(pow(int(_BASE), -1, 2**64))


@dataclass(frozen=True, slots=True)
class Lexical:
    """The known n-grams (g,) by hash, in order, the rarity of each (g,), its weight for each
    intent (g, c) in half precision, and the intents' offsets (c,)."""

    known: Hashes
    rarity: FloatArray
    weights: NDArray[np.float16]
    offsets: FloatArray

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """What to add to the trunk's intent logits (n, c)."""
        found = np.tile(self.offsets, (len(texts), 1))
        grams, values, ends = _rows(self, texts)
        for row, (start, end) in enumerate(pairwise(ends.tolist())):
            found[row] += values[start:end] @ self.weights[grams[start:end]].astype(np.float32)
        return found

    def times(self, weight: float) -> "Lexical":
        """The same, counting `weight` times as much."""
        weights = (self.weights.astype(np.float32) * weight).astype(np.float16)
        return Lexical(self.known, self.rarity, weights, self.offsets * np.float32(weight))

    def save(self, folder: Path) -> None:
        """Write lexical.safetensors. Raises OSError."""
        from safetensors.numpy import save_file

        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in self.__slots__}
        save_file(arrays, folder / NAME)

    @classmethod
    def load(cls, folder: Path) -> "Lexical | None":
        """Read what `save` wrote; None where a version has none.

        Raises FinetuneError when the file is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = folder / NAME
        if not path.is_file():
            return None
        try:
            return cls(**load_file(path))
        except (OSError, ValueError, TypeError, SafetensorError) as error:
            raise FinetuneError(
                f"{path}: cannot be read ({error}); run `frontdesk finetune` again"
            ) from error


def fit(
    texts: Sequence[str], intents: Sequence[Iterable[int]], count: int, seed: int
) -> Lexical | None:
    """Learn to tell `count` intents by the n-grams of texts; a text may have several intents.

    An intent without a text gets the offset of what is never right. None where there are fewer
    than two intents to tell apart, or no two texts have an n-gram in common.
    """
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    pairs = [(row, intent) for row, own in enumerate(intents) for intent in own]
    if len({intent for _, intent in pairs}) < 2:
        return None
    known, rarity = _vocabulary(texts)
    if not len(known):
        return None
    bare = Lexical(known, rarity, np.zeros((len(known), 0), np.float16), np.zeros(0, np.float32))
    grams, values, ends = _rows(bare, texts)
    matrix = csr_matrix((values, grams, ends), shape=(len(texts), len(known)))
    machine = LinearSVC(C=_PENALTY, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of many classes with few examples each
        machine.fit(matrix[[row for row, _ in pairs]], [intent for _, intent in pairs])
    lines, offsets = machine.coef_, machine.intercept_
    if len(lines) == 1:  # scikit-learn has one line for two classes
        lines, offsets = np.concatenate([-lines, lines]), np.concatenate([-offsets, offsets])
    weights = np.zeros((len(known), count), np.float16)
    weights[:, machine.classes_] = lines.T
    everywhere = np.full(count, -1.0, np.float32)
    everywhere[machine.classes_] = offsets
    return Lexical(known, rarity, weights, everywhere)


def _vocabulary(texts: Sequence[str]) -> tuple[Hashes, FloatArray]:
    """The n-grams of at least two texts, in order, and their inverse document frequency."""
    distinct = [np.unique(own) for own in hashes(texts)]
    known, counts = np.unique(np.concatenate(distinct), return_counts=True)
    often = counts >= _LEAST_TEXTS
    rarity = np.log((1 + len(texts)) / (1 + counts[often])) + 1
    return known[often], rarity.astype(np.float32)


def _rows(lexical: Lexical, texts: Sequence[str]) -> tuple[IntArray, FloatArray, IntArray]:
    """The places of the known n-grams of all texts, one text after another, their values, and where
    each text begins and the last one ends (n + 1,). A value is 1 + log of how often, times the
    rarity, words and characters of a text each at unit length (tf-idf)."""
    owners, hashed = _occurrences(texts)
    places = np.searchsorted(lexical.known, hashed).clip(max=len(lexical.known) - 1)
    there = lexical.known[places] == hashed
    keys = owners[there] * len(lexical.known) + places[there]
    distinct, often = np.unique(keys, return_counts=True)
    rows, grams = np.divmod(distinct, len(lexical.known))
    values = ((1 + np.log(often)) * lexical.rarity[grams]).astype(np.float32)
    kinds = 2 * rows + (lexical.known[grams] & np.uint64(1)).astype(np.int64)
    values /= _lengths(values, kinds, 2 * len(texts))
    return grams, values, np.searchsorted(rows, np.arange(len(texts) + 1))


def _lengths(values: FloatArray, kinds: IntArray, count: int) -> FloatArray:
    """Beside each value the Euclidean length of all those of its kind, a number below `count`."""
    order = np.argsort(kinds, kind="stable")
    ordered = values[order]
    ends = np.searchsorted(kinds[order], np.arange(count + 1))
    groups = (ordered[start:end] for start, end in pairwise(ends.tolist()))
    squares = np.asarray([group @ group for group in groups], dtype=np.float32)
    lengths = np.empty_like(values)
    lengths[order] = np.repeat(np.sqrt(squares), np.diff(ends))
    return lengths


def hashes(texts: Sequence[str]) -> list[Hashes]:
    """The hashes of each text's n-grams, one for each time it occurs: characters within a word,
    its ends among them, are even, single words and pairs of words odd."""
    owners, hashed = _occurrences(texts)
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[order], np.arange(1, len(texts)))
    return np.split(hashed[order], starts) if len(texts) else []


def _occurrences(texts: Sequence[str]) -> tuple[IntArray, Hashes]:
    """The text and the hash of each n-gram, once for each time that it occurs."""
    written = [_written(text) for text in texts]
    codes = code_points(written)
    text_of = np.repeat(np.arange(len(texts)), [len(text) for text in written])
    with np.errstate(over="ignore"):
        powers = np.cumprod(np.full(len(codes) + 1, _BASE))
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(codes * powers[:-1])])
        undone = np.cumprod(np.full(len(codes) + 1, _UNDO), dtype=np.uint64)
        found = [*_characters(codes, text_of, sums, undone), *_words(codes, text_of, sums, undone)]
    owners = np.concatenate([owner for owner, _ in found])
    return owners, np.concatenate([hashed for _, hashed in found])


def _written(text: str) -> str:
    """The words of a text in one spelling, a space on each side of each."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()
    return f" {' '.join(_WORDS.findall(plain))} "


def _characters(
    codes: Hashes, text_of: IntArray, sums: Hashes, undone: Hashes
) -> Iterable[tuple[IntArray, Hashes]]:
    spaces = np.concatenate([[0], np.cumsum(codes == 32)])
    for length in _CHARACTERS:
        starts = np.arange(max(len(codes) - length + 1, 0))
        last = starts + length - 1
        inner = spaces[last] - spaces[np.minimum(starts + 1, last)] if length > 1 else spaces[0]
        blank = (spaces[last + 1] - spaces[starts]) == length
        kept = starts[(inner == 0) & ~blank & (text_of[starts] == text_of[last])]
        yield text_of[kept], _hash(sums, undone, kept, kept + length) & ~np.uint64(1)


def _words(
    codes: Hashes, text_of: IntArray, sums: Hashes, undone: Hashes
) -> Iterable[tuple[IntArray, Hashes]]:
    """Runs between two spaces. A run of Chinese is one word: its characters tell the most there."""
    blanks = np.flatnonzero(codes == 32)
    for count in (1, 2):
        first, last = blanks[: len(blanks) - count], blanks[count:]
        kept = (text_of[first] == text_of[last]) & (last - first > count)
        first, last = first[kept], last[kept]
        yield text_of[first], _hash(sums, undone, first, last) | np.uint64(1)


def _hash(sums: Hashes, undone: Hashes, first: IntArray, last: IntArray) -> Hashes:
    """The hash of the characters from `first` up to `last`, wherever they stand."""
    hashed: Hashes = (sums[last] - sums[first]) * undone[first]
    hashed ^= hashed >> np.uint64(31)
    hashed *= _BASE
    return hashed ^ (hashed >> np.uint64(29))
