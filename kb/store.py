"""Passages, full text and vectors are one artefact: built whole, verified whole, never changed.

A build writes a new database beside the current one and publishes it with one rename (see
kb/manifest.py). Vectors of texts that have not changed are taken from the index before, whichever
article they are in now.
"""

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import file_digest, sha256
from itertools import pairwise
from pathlib import Path

import numpy as np

from kb import lexical
from kb.errors import KBError, NoIndex
from kb.index import Index
from kb.manifest import SCHEMA, Manifest, next_generation, publish
from kb.passages import Passage
from kb.vectors import FloatArray, Vectors, unit

__all__ = ["BuildReport", "Encode", "Index", "Progress", "build"]

Encode = Callable[[list[str]], FloatArray]
"""n texts -> (n, d) vectors."""
Progress = Callable[[str, int, int], None]
"""(stage, done, total); the stages are wait, embed, index and write."""

BATCH = 256
"""Texts given to the encoder at a time, of like length, so that little is padding."""
_PART = 256 << 20  # bytes; SQLite takes no blob above 1,000,000,000

_SCHEMA = """
CREATE TABLE passage (
    id INTEGER PRIMARY KEY,
    article TEXT NOT NULL,
    title TEXT NOT NULL,
    headings TEXT NOT NULL,  -- a JSON array
    text TEXT NOT NULL,
    source TEXT NOT NULL
);
CREATE TABLE vectors (part INTEGER PRIMARY KEY, bytes BLOB NOT NULL);  -- one FAISS index, in parts
"""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did."""

    passages: int
    embedded: int
    """Texts given to the encoder."""
    reused: int
    """Passages whose vector was at hand."""
    removed: int
    """Passages of the index before that are gone."""
    written: bool
    """False when the index was already this one, and no file was touched."""
    seconds: float
    digest: str
    """The version of the index: SHA-256 of its database."""


def _silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def build(
    folder: Path,
    passages: Sequence[Passage],
    encode: Encode,
    *,
    fingerprint: str,
    dimension: int,
    progress: Progress = _silent,
) -> BuildReport:
    """Make an index of `passages` the current one of the encoder `fingerprint` in `folder`.

    Only texts that the current index does not hold are given to `encode`, which returns (n,
    dimension) vectors. When nothing has changed no file is touched. One build at a time: another
    one waits. Killed at any point, the index before stays current. KBError for two passages of
    one id, vectors of a wrong shape, or a disk that is full.
    """
    started = time.perf_counter()
    ordered = sorted(passages, key=lambda passage: passage.id)
    _refuse_repeats(ordered)
    content = _content(ordered, fingerprint, dimension)
    with _alone(folder, progress), _current(folder, fingerprint) as before:
        gone = set() if before is None else set(before.ids.tolist()) - {p.id for p in ordered}
        if before is not None and before.content == content:
            embedded, reused, digest = 0, len(ordered), before.digest
        else:
            same_shape = before if before and before.dimension == dimension else None
            vectors, embedded = _embed(ordered, encode, dimension, same_shape, progress)
            reused = len(ordered) - embedded
            draft = Manifest(SCHEMA, fingerprint, dimension, len(ordered), content)
            digest = _write_and_publish(folder, draft, ordered, vectors, progress)
        written = before is None or digest != before.digest
    seconds = time.perf_counter() - started
    return BuildReport(len(ordered), embedded, reused, len(gone), written, seconds, digest)


def _refuse_repeats(ordered: list[Passage]) -> None:
    for one, other in pairwise(ordered):
        if one.id == other.id:
            raise KBError(
                f"{other.source}: this passage of {other.article!r} was given twice"
                f" (also {one.source}); give each article once."
            )


def _content(ordered: list[Passage], fingerprint: str, dimension: int) -> str:
    digest = sha256(json.dumps([SCHEMA, fingerprint, dimension]).encode())
    for p in ordered:
        record = [p.id, p.article, p.title, p.headings, p.text, p.source, p.embedding_text]
        digest.update(json.dumps(record).encode() + b"\n")
    return digest.hexdigest()


@contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold the folder's lock; the system lets go of it when the process ends, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise KBError(f"{folder}: the index cannot be kept there ({error.strerror}).") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("wait", 0, 1)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _current(folder: Path, fingerprint: str) -> Iterator[Index | None]:
    """The index before, or None where there is none that can be trusted."""
    try:
        index = Index.open(folder, fingerprint)
    except NoIndex:
        yield None
        return
    with closing(index):
        yield index


def _embed(
    ordered: list[Passage],
    encode: Encode,
    dimension: int,
    before: Index | None,
    progress: Progress,
) -> tuple[FloatArray, int]:
    """((n, d) unit vectors in the order of the passages, how many texts were encoded)."""
    known = {p.embedding_text: p.id for p in before.passages()} if before else {}
    rows: dict[str, list[int]] = {}
    for row, passage in enumerate(ordered):
        rows.setdefault(passage.embedding_text, []).append(row)
    vectors = np.zeros((len(ordered), dimension), dtype=np.float32)
    at_hand = [text for text in rows if text in known]
    if before and at_hand:
        for text, vector in zip(
            at_hand, before.vectors([known[text] for text in at_hand]), strict=True
        ):
            vectors[rows[text]] = vector
    missing = sorted(rows.keys() - known.keys(), key=lambda text: (len(text), text))
    for start in range(0, len(missing), BATCH):
        progress("embed", start, len(missing))
        batch = missing[start : start + BATCH]
        for text, vector in zip(batch, _encode(encode, batch, dimension), strict=True):
            vectors[rows[text]] = vector
    progress("embed", len(missing), len(missing))
    return vectors, len(missing)


def _encode(encode: Encode, texts: list[str], dimension: int) -> FloatArray:
    vectors = np.asarray(encode(texts), dtype=np.float32)
    if vectors.shape != (len(texts), dimension):
        raise KBError(
            f"The encoder gave vectors of shape {vectors.shape} for {len(texts)} texts;"
            f" expected {(len(texts), dimension)}."
        )
    return unit(vectors)


def _write_and_publish(
    folder: Path, draft: Manifest, ordered: list[Passage], vectors: FloatArray, progress: Progress
) -> str:
    """Write a complete database, make it current, and return its SHA-256."""
    generation = next_generation(folder, draft.fingerprint)
    temporary = folder / f"{draft.of(generation).database}.tmp"
    try:
        temporary.unlink(missing_ok=True)
        progress("index", 0, len(ordered))
        data = Vectors.of([p.id for p in ordered], vectors).to_bytes()
        progress("write", 0, len(ordered))
        with closing(sqlite3.connect(temporary)) as db:
            _write(db, ordered, data)
        with temporary.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        manifest = draft.of(generation, temporary.stat().st_size, digest)
        publish(folder, temporary, manifest)
        progress("write", len(ordered), len(ordered))
    except (OSError, sqlite3.Error) as error:
        temporary.unlink(missing_ok=True)
        raise KBError(
            f"{folder}: the index could not be written ({error}); make room or change the folder's"
            " permissions, then run `frontdesk kb build` again. The index before is unchanged."
        ) from error
    return digest


def _write(db: sqlite3.Connection, ordered: list[Passage], vectors: bytes) -> None:
    # No journal: until it is published, nobody else knows this file.
    db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
    db.executescript(_SCHEMA + lexical.SCHEMA)
    db.executemany(
        "INSERT INTO passage VALUES (?, ?, ?, ?, ?, ?)",
        ((p.id, p.article, p.title, json.dumps(p.headings), p.text, p.source) for p in ordered),
    )
    lexical.write(db, [p.id for p in ordered], (p.embedding_text for p in ordered))
    parts = enumerate(range(0, len(vectors), _PART))
    db.executemany(
        "INSERT INTO vectors VALUES (?, ?)",
        ((number, vectors[start : start + _PART]) for number, start in parts),
    )
    db.commit()
