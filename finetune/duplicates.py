"""Messages that say nearly the same: found with MinHash, confirmed with exact Jaccard similarity.

Two messages are near-duplicates when the sets of character 4-grams of their normalised texts
overlap by 0.8 or more. MinHash signatures (Broder 1997) cut into bands propose the pairs, so the
cost grows with the number of messages, not with its square: a pair at similarity 0.8 is proposed
with probability 1 - (1 - 0.8^6)^20 = 0.998, one at 0.5 with 0.27. A bucket of many is compared
along its sorted order only, each message with the next few; a chain still joins the bucket.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from finetune.code_points import code_points
from finetune.text import words_in

SIMILARITY = 0.8
INFORMATIVE_WORDS = 4  # "yes please" twice is no leak; "my card was stolen abroad" is

_GRAM = 4
_BANDS, _ROWS = 20, 6
_NEIGHBOURS = 8  # how many of its bucket a message is compared with, each way
_CHUNK = 200_000  # pairs compared at once: bounds the memory

UInt64Array = npt.NDArray[np.uint64]
IntArray = npt.NDArray[np.int64]


def informative(key: str) -> bool:
    """Whether a normalised message is long enough (4 words, 8 Han characters) to identify."""
    return words_in(key) >= INFORMATIVE_WORDS


def near_pairs(keys: Sequence[str]) -> IntArray:
    """The near-duplicates among distinct normalised texts: (p, 2) positions, each row i < j."""
    if len(keys) < 2:
        return np.empty((0, 2), np.int64)
    grams, owners = _grams(keys)
    candidates = _candidates(_signatures(grams, owners, len(keys)))
    near = _similarity(grams, owners, candidates, len(keys)) >= SIMILARITY
    kept: IntArray = candidates[near]
    return kept


def roots(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """For each of `count` things the smallest thing it is joined with, directly or not."""
    parent = list(range(count))

    def find(thing: int) -> int:
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    for one, other in pairs:
        low, high = sorted((find(one), find(other)))
        parent[high] = low
    return [find(thing) for thing in range(count)]


def _mix(values: UInt64Array) -> UInt64Array:
    """The finaliser of SplitMix64 (Steele et al. 2014): scatters 64-bit values, wrapping."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _grams(keys: Sequence[str]) -> tuple[UInt64Array, IntArray]:
    """The distinct hashed 4-grams of each text and the position of the text that owns each."""
    padded = [key.ljust(_GRAM) for key in keys]
    codes = code_points(padded)
    counts = np.array([len(text) - _GRAM + 1 for text in padded])
    owners = np.repeat(np.arange(len(keys)), counts)
    # Each text's grams start _GRAM - 1 characters later than a plain count of grams would say.
    starts = np.arange(len(owners)) + owners * (_GRAM - 1)
    grams = np.zeros(len(owners), np.uint64)
    for offset in range(_GRAM):
        grams = _mix(grams + codes[starts + offset] + np.uint64(0x9E3779B97F4A7C15))
    order = np.lexsort((grams, owners))
    grams, owners = grams[order], owners[order]
    new = np.ones(len(grams), bool)
    new[1:] = (grams[1:] != grams[:-1]) | (owners[1:] != owners[:-1])
    return grams[new], owners[new]


def _signatures(grams: UInt64Array, owners: IntArray, count: int) -> UInt64Array:
    """(count, bands * rows): the smallest hash of each text's grams under each hash function."""
    starts = np.searchsorted(owners, np.arange(count))
    functions = _mix(np.arange(1, _BANDS * _ROWS + 1, dtype=np.uint64))
    return np.stack(
        [np.minimum.reduceat(_mix(grams ^ function), starts) for function in functions], axis=1
    )


def _candidates(signatures: UInt64Array) -> IntArray:
    """Distinct pairs whose signatures agree on a whole band, (p, 2), each row i < j."""
    found = [np.empty((0, 2), np.int64)]
    for band in np.split(signatures, _BANDS, axis=1):
        bucket = np.zeros(len(band), np.uint64)
        for column in band.T:
            bucket = _mix(bucket + column)
        order = np.argsort(bucket, kind="stable")
        ordered = bucket[order]
        for step in range(1, min(_NEIGHBOURS, len(order) - 1) + 1):
            same = ordered[step:] == ordered[:-step]
            found.append(np.stack([order[:-step][same], order[step:][same]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _similarity(
    grams: UInt64Array, owners: IntArray, pairs: IntArray, count: int
) -> npt.NDArray[np.float64]:
    """Jaccard similarity of each pair's sets of grams, (p,)."""
    from scipy.sparse import csr_matrix

    _, columns = np.unique(grams, return_inverse=True)
    sets = csr_matrix((np.ones(len(grams), np.float32), (owners, columns)))
    sizes = np.bincount(owners, minlength=count)
    similar = np.empty(len(pairs))
    for start in range(0, len(pairs), _CHUNK):
        left, right = pairs[start : start + _CHUNK].T
        shared = np.asarray(sets[left].multiply(sets[right]).sum(axis=1)).ravel()
        similar[start : start + _CHUNK] = shared / (sizes[left] + sizes[right] - shared)
    return similar
