"""The templates' wordings as vectors, so that ranking them is one product.

The vectors are kept beside the index and computed again only when a wording or the encoder
changes.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bot.decision import Scored
from bot.storage.cache_file import store
from bot.workspace.templates import Templates

FloatArray = NDArray[np.float32]
Encode = Callable[[Sequence[str]], FloatArray]


@dataclass(frozen=True, slots=True)
class TemplateBank:
    """Spoken templates by id and the vectors (m, d) of all their wordings; `owner` (m,) names the
    template of each wording by its place in `ids`."""

    ids: tuple[str, ...]
    owner: NDArray[np.int64]
    vectors: FloatArray

    def scores(self, queries: FloatArray) -> FloatArray:
        """How well each template answers (n, d) unit queries: its best wording, (n, t) in 0..1."""
        return self._best(queries @ self.vectors.T)

    def rank(self, query: FloatArray, count: int = 5) -> tuple[Scored, ...]:
        """The best templates for one query (d,), best first."""
        return self.rank_all(query[None], count)[0]

    def rank_all(self, queries: FloatArray, count: int = 5) -> list[tuple[Scored, ...]]:
        """The best templates for each of (n, d) queries, to the digit as for one alone: a product
        of matrices would round otherwise."""
        scores = self._best(np.stack([query @ self.vectors.T for query in queries]))
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        best = np.take_along_axis(scores, order, axis=1)
        return [
            tuple(Scored(self.ids[i], score) for i, score in zip(places, found, strict=True))
            for places, found in zip(order.tolist(), best.tolist(), strict=True)
        ]

    def _best(self, products: FloatArray) -> FloatArray:
        """The scores (n, t) of the templates by those of their wordings (n, m)."""
        best = np.full((len(products), len(self.ids)), -1.0, dtype=np.float32)
        if len(self.owner):
            starts = np.searchsorted(self.owner, np.arange(len(self.ids)))
            best = np.maximum.reduceat(products, starts, axis=1)
        return np.clip(best, 0.0, 1.0)

    def vector(self, template: str, wording: int) -> FloatArray:
        """The vector (d,) of one wording."""
        first = int(np.searchsorted(self.owner, self.ids.index(template)))
        vector: FloatArray = self.vectors[first + wording]
        return vector


def load_bank(templates: Templates, folder: Path, fingerprint: str, encode: Encode) -> TemplateBank:
    """The bank of these templates under the encoder of `fingerprint`, from `folder` if it is there
    and up to date."""
    spoken = templates.spoken
    wordings = [_spoken(wording) for template in spoken for wording in template.wordings]
    owner = np.asarray([i for i, t in enumerate(spoken) for _ in t.wordings], dtype=np.int64)
    path = folder / f"templates-{fingerprint[:12]}.npz"
    key = hashlib.sha256("\0".join([fingerprint, *wordings]).encode()).hexdigest()
    vectors = _read(path, key)
    if vectors is None:
        vectors = encode(wordings)
        _write(path, key, vectors)
    return TemplateBank(tuple(template.id for template in spoken), owner, vectors)


def _spoken(wording: str) -> str:
    """A wording as the encoder sees it: a slot is its name."""
    return wording.replace("{", "").replace("}", "").replace("_", " ")


def _read(path: Path, key: str) -> FloatArray | None:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return None
            vectors: FloatArray = file["vectors"]
            return vectors
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, NotImplementedError):
        return None  # not there, or of no use: it is made again


def _write(path: Path, key: str, vectors: FloatArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    store(path, lambda file: np.savez(file, key=np.asarray(key), vectors=vectors))
