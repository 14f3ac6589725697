"""An open index: nothing is read from it before every byte has been verified.

An index never changes. A rebuild in another process publishes a new file; an open index goes on
answering from the one it opened.
"""

import json
import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.errors import NoIndex
from kb.lexical import FullText, Word
from kb.manifest import MEND, Manifest, read_manifest, verify
from kb.passages import Passage
from kb.recent import Recent
from kb.vectors import FloatArray, Vectors

ATTEMPTS = 3
PASSAGES_KEPT = 4096


class Index:
    """Passages, full text and vectors of one knowledge base under one encoder."""

    def __init__(self, manifest: Manifest, db: sqlite3.Connection) -> None:
        self._manifest = manifest
        self._db = db
        weakref.finalize(self, db.close)
        ids = (row[0] for row in db.execute("SELECT id FROM passage ORDER BY id"))
        self._ids: NDArray[np.int64] = np.fromiter(ids, dtype=np.int64)
        parts = db.execute("SELECT bytes FROM vectors ORDER BY part")
        self._vectors = Vectors.from_bytes(b"".join(p for (p,) in parts), manifest.dimension)
        self._fulltext = FullText(db, len(self._ids))
        self._recent = Recent(partial(_read, db), PASSAGES_KEPT)

    @classmethod
    def open(cls, folder: Path, fingerprint: str) -> "Index":
        """The index of an encoder. NoIndex, naming the mend, for anything missing or damaged."""
        for _ in range(ATTEMPTS):
            manifest = read_manifest(folder, fingerprint)
            # A rebuild may replace the database after we have read its manifest.
            with suppress(FileNotFoundError):
                return cls._open(folder, manifest)
        path = folder / manifest.database
        raise NoIndex(f"{path}: the index's database is missing; {MEND}.")

    @classmethod
    def _open(cls, folder: Path, manifest: Manifest) -> "Index":
        path = folder / manifest.database
        try:
            verify(path, manifest)
            # Immutable: no lock, no journal, and a read-only folder will do.
            uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
            return cls(manifest, sqlite3.connect(uri, uri=True, check_same_thread=False))
        except PermissionError as error:
            raise NoIndex(f"{path}: cannot be read ({error.strerror}); {MEND}.") from None
        except sqlite3.OperationalError as error:
            if not path.exists():
                raise FileNotFoundError(path) from None
            raise NoIndex(f"{path}: cannot be read ({error}); {MEND}.") from None

    @property
    def fingerprint(self) -> str:
        """The encoder whose vectors these are."""
        return self._manifest.fingerprint

    @property
    def digest(self) -> str:
        """The version of the index: SHA-256 of its database."""
        return self._manifest.sha256

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._manifest.dimension

    @property
    def content(self) -> str:
        """SHA-256 of everything the index was made of."""
        return self._manifest.content

    @property
    def ids(self) -> NDArray[np.int64]:
        """(len,) the ids of all passages, ascending."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def passage(self, id_: int) -> Passage:
        """A passage by its id. KeyError when this index has none of that id."""
        return self.passages([id_])[0]

    def passages(self, ids: Sequence[int] | None = None) -> list[Passage]:
        """Some passages in the order asked for, or all in the order of their ids."""
        if ids is None:
            return list(_read(self._db, self._ids.tolist()).values())
        return self._recent.get([int(id_) for id_ in ids])

    def vectors(self, ids: Sequence[int]) -> FloatArray:
        """(n, d) unit vectors of some passages. KeyError for an id that is not here."""
        return self._vectors.get(ids)

    def nearest(self, query: FloatArray, n: int) -> list[int]:
        """Ids of (about) the n passages nearest to a (d,) unit vector, nearest first."""
        return self._vectors.nearest(query, n)

    @property
    def compares_all(self) -> bool:
        """Whether `nearest` compares every vector, so that what it finds is exact."""
        return self._vectors.compares_all

    def lexical_scores(self, text: str) -> FloatArray:
        """(len,) the lexical score, 0..1, of every passage in the order of `ids`; never raises."""
        return self._fulltext.scores(text)

    def all_lexical_scores(self, texts: Sequence[str]) -> Iterator[FloatArray]:
        """As `lexical_scores`, for each text."""
        return self._fulltext.all_scores(texts)

    def words(self, words: Sequence[str]) -> list[Word]:
        """What the full text makes of each word, as `kb.lexical.analyse` gives it."""
        return self._fulltext.words(words)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def _read(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Passage]:
    """Some passages by id, in the order asked for. KeyError for an id that is not here."""
    rows = db.execute(
        "SELECT id, article, title, headings, text, source FROM passage"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(ids),),
    )
    found = {row[0]: _passage(*row) for row in rows}
    return {id_: found[id_] for id_ in ids}


def _passage(id_: int, article: str, title: str, headings: str, text: str, source: str) -> Passage:
    return Passage(id_, article, title, tuple(json.loads(headings)), text, source)
