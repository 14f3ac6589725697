"""Vectors live in one FAISS index, which is also where they are read back from by passage id.

Up to FLAT_UP_TO passages every vector is compared (exact); above, an HNSW graph is walked. Both sit
under an id map, so an answer is always a passage id and never a position. Vectors have length one
and the inner product is the cosine. Built on one thread, so the same passages give the same bytes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kb.errors import KBError

if TYPE_CHECKING:
    import faiss

FloatArray = NDArray[np.float32]

FLAT_UP_TO = 2_000
LINKS = 32
EF_CONSTRUCTION = 80
EF_SEARCH = 64


def unit(vectors: FloatArray) -> FloatArray:
    """(n, d) rows of length one; a row of zeros stays so. KBError for a number not finite."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if not np.isfinite(vectors).all():
        raise KBError("The encoder gave a vector that is not made of finite numbers.")
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


class Vectors:
    """Unit vectors by passage id."""

    def __init__(self, index: "faiss.Index", dimension: int) -> None:
        self._index = index
        self.dimension = dimension

    @classmethod
    def of(cls, ids: Sequence[int], vectors: FloatArray) -> "Vectors":
        """An index of (n, d) vectors; rows are scaled to length one."""
        import faiss

        count, dimension = vectors.shape
        inner: faiss.Index = faiss.IndexFlatIP(dimension)
        if count > FLAT_UP_TO:
            inner = faiss.IndexHNSWFlat(dimension, LINKS, faiss.METRIC_INNER_PRODUCT)
            inner.hnsw.efConstruction = EF_CONSTRUCTION
            inner.hnsw.efSearch = EF_SEARCH
        index = faiss.IndexIDMap2(inner)
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            index.add_with_ids(unit(vectors), np.asarray(ids, dtype=np.int64))
        finally:
            faiss.omp_set_num_threads(threads)
        return cls(index, dimension)

    @classmethod
    def from_bytes(cls, data: bytes, dimension: int) -> "Vectors":
        """What `to_bytes` gave. The bytes must be known to be whole: FAISS does not check them."""
        import faiss

        return cls(faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8)), dimension)

    def to_bytes(self) -> bytes:
        """The index in FAISS's own format."""
        import faiss

        return bytes(faiss.serialize_index(self._index).tobytes())

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def compares_all(self) -> bool:
        """Whether `nearest` compares every vector; no graph is walked."""
        return len(self) <= FLAT_UP_TO

    def nearest(self, query: FloatArray, n: int) -> list[int]:
        """Ids of (about) the n nearest vectors to a (d,) query, nearest first."""
        if not len(self):
            return []
        _, ids = self._index.search(query[None], min(n, len(self)))
        found: list[int] = ids[ids >= 0].tolist()
        return found

    def get(self, ids: Sequence[int]) -> FloatArray:
        """(n, d) the vectors of some passages. KeyError for an id that is not here."""
        if not ids:
            return np.zeros((0, self.dimension), dtype=np.float32)
        try:
            found = self._index.reconstruct_batch(np.asarray(ids, dtype=np.int64))
        except RuntimeError:
            raise KeyError(f"one of {len(ids)} passage ids is not in this index") from None
        return np.asarray(found, dtype=np.float32)
