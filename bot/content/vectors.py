"""The vectors of the pieces of all passages, made once an index and kept beside it.

They cost about as much again as embedding the articles, and a byte a number: each vector is kept
in 8 bits, divided by its largest number. Only passages that are new are encoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bot.content.choosing import pieces
from bot.storage.cache_file import store

if TYPE_CHECKING:
    from bot.console import Progress
    from bot.model import Model
    from kb.index import Index

FloatArray = NDArray[np.float32]
SCHEMA = 3


@dataclass(frozen=True, slots=True)
class PieceVectors:
    """Vectors (n, d) in 8 bits; `rows` says where those of a passage lie, by its id."""

    rows: dict[int, tuple[int, int]] = field(default_factory=dict)
    numbers: NDArray[np.int8] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int8))

    def of(self, passage: int) -> FloatArray | None:
        """The unit vectors (n, d) of a passage's pieces; None where they are not known."""
        if passage not in self.rows:
            return None
        found = self.numbers[slice(*self.rows[passage])].astype(np.float32)
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        vectors: FloatArray = found / np.maximum(norms, 1)
        return vectors


def load_vectors(
    index: "Index", folder: Path, model: "Model", progress: "Progress"
) -> PieceVectors:
    """The vectors of an index's pieces, from `folder` as far as they are there."""
    path = folder / f"sentences-{model.encoder_fingerprint[:12]}.npz"
    before = _read(path)
    if before.rows.keys() == set(index.ids.tolist()):
        return before
    passages = index.passages()
    new = [passage for passage in passages if passage.id not in before.rows]
    texts = [[piece.unit.text for piece in pieces(passage.text)] for passage in new]
    flat = [text for some in texts for text in some]
    made = _encoded(flat, model.encode, progress) if flat else before.numbers[:0]
    fresh = _table([p.id for p in new], [len(some) for some in texts], made)
    found = _joined([passage.id for passage in passages], before, fresh)
    _write(path, found)
    return found


def _encoded(
    texts: Sequence[str], encode: Callable[..., FloatArray], progress: "Progress"
) -> NDArray[np.int8]:
    vectors = encode(texts, "passage", lambda done: progress("sentences", done, len(texts)))
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-9)
    numbers: NDArray[np.int8] = np.rint(127 * vectors / largest).astype(np.int8)
    return numbers


def _table(ids: Sequence[int], counts: Sequence[int], numbers: NDArray[np.int8]) -> PieceVectors:
    ends = np.cumsum(counts, dtype=np.int64).tolist()
    rows = {i: (end - count, end) for i, count, end in zip(ids, counts, ends, strict=True)}
    return PieceVectors(rows, numbers)


def _joined(ids: Sequence[int], *tables: PieceVectors) -> PieceVectors:
    """One table of some passages out of several."""
    parts = [next(t.numbers[slice(*t.rows[i])] for t in tables if i in t.rows) for i in ids]
    numbers = np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.int8)
    return _table(ids, [len(part) for part in parts], numbers)


def _read(path: Path) -> PieceVectors:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if int(file["schema"]) == SCHEMA and int(file["counts"].sum()) == len(file["numbers"]):
                return _table(file["ids"].tolist(), file["counts"].tolist(), file["numbers"])
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile, NotImplementedError):
        pass  # not there, or of no use: they are made again
    return PieceVectors()


def _write(path: Path, found: PieceVectors) -> None:
    counts = [end - start for start, end in found.rows.values()]
    store(
        path,
        lambda file: np.savez(
            file,
            schema=np.asarray(SCHEMA),
            ids=np.asarray(list(found.rows), dtype=np.int64),
            counts=np.asarray(counts, dtype=np.int64),
            numbers=found.numbers,
        ),
    )
