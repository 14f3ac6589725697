"""The manifest says which database is the index, and is how anyone knows that it is whole.

An index is two files in `<workspace>/index`, named after the encoder's fingerprint:

    1f0c5e2a9b77.json       this manifest
    1f0c5e2a9b77-4.db       generation 4: passages, full text and vectors, never written again

The manifest holds the size and SHA-256 of the database, and a SHA-256 of itself, so any byte that
changes in either is found before a passage is read. Replacing the manifest (one rename) is what
publishes a new generation; readers see the old one or the new one.
"""

import json
import os
import re
from dataclasses import asdict, dataclass, fields, replace
from hashlib import file_digest, sha256
from pathlib import Path

from kb.errors import KBError, NoIndex

SCHEMA = 1
MEND = "run `frontdesk kb build`"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of the current database of one encoder."""

    schema: int
    fingerprint: str
    """The encoder's, hexadecimal."""
    dimension: int
    passages: int
    content: str
    """SHA-256 over everything the index was made of; equal means nothing to rebuild."""
    generation: int = 0
    bytes: int = 0
    sha256: str = ""
    """Of the database file."""

    def of(self, generation: int, size: int = 0, digest: str = "") -> "Manifest":
        """The same content, kept in a certain database."""
        return replace(self, generation=generation, bytes=size, sha256=digest)

    @property
    def database(self) -> str:
        """The database's file name."""
        return f"{_stem(self.fingerprint)}-{self.generation}.db"


def _stem(fingerprint: str) -> str:
    if len(fingerprint) < 12 or set(fingerprint) - set("0123456789abcdef"):
        raise KBError(f"{fingerprint!r} is not a fingerprint: 12 or more hexadecimal digits.")
    return fingerprint[:12]


def manifest_path(folder: Path, fingerprint: str) -> Path:
    """Where the manifest of an encoder's index lies."""
    return folder / f"{_stem(fingerprint)}.json"


def render(manifest: Manifest) -> bytes:
    """The only bytes that this manifest may have on disk."""
    body = asdict(manifest)
    checksum = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return (json.dumps(body | {"checksum": checksum}, indent=1) + "\n").encode()


def read_manifest(folder: Path, fingerprint: str) -> Manifest:
    """The manifest of an encoder's index. NoIndex when it is missing, damaged or another's."""
    path = manifest_path(folder, fingerprint)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NoIndex(f"{folder} has no index for this encoder; {MEND}.") from None
    except OSError as error:
        raise NoIndex(f"{path}: cannot be read ({error.strerror}); {MEND}.") from None
    manifest = _parse(path, data)
    if manifest.fingerprint != fingerprint:
        raise NoIndex(f"{path}: the index was made for another encoder; {MEND}.")
    return manifest


def _parse(path: Path, data: bytes) -> Manifest:
    try:
        found = json.loads(data)
        schema = found["schema"]
        if isinstance(schema, int) and schema > SCHEMA:
            raise NoIndex(
                f"{path}: the index is in format {schema}, newer than this Frontdesk reads"
                f" ({SCHEMA}); upgrade Frontdesk, or {MEND} to make it again."
            )
        manifest = Manifest(**{field.name: found[field.name] for field in fields(Manifest)})
        if schema == SCHEMA and render(manifest) == data:
            return manifest
    except (ValueError, KeyError, TypeError, RecursionError, KBError) as error:
        if isinstance(error, NoIndex):
            raise
    raise NoIndex(f"{path}: the index's manifest is damaged; {MEND}.")


def verify(path: Path, manifest: Manifest) -> None:
    """NoIndex unless the database is the very one that the manifest was written for.

    FileNotFoundError when it is gone, which a rebuild in another process may cause.
    """
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        if length != manifest.bytes:
            raise NoIndex(
                f"{path}: the index is damaged ({length:,} bytes, not {manifest.bytes:,}); {MEND}."
            )
        if file_digest(file, "sha256").hexdigest() != manifest.sha256:
            raise NoIndex(f"{path}: the index is damaged (its checksum does not match); {MEND}.")


def publish(folder: Path, temporary: Path, manifest: Manifest) -> None:
    """Make a finished database the current one, then remove what it replaces.

    Killed after any step, the folder holds the old index or the new one, whole. What needs room
    is written before anything has its final name.
    """
    draft = folder / f"{_stem(manifest.fingerprint)}.json.tmp"
    draft.write_bytes(render(manifest))
    _sync(draft)
    _sync(temporary)
    os.replace(temporary, folder / manifest.database)
    _sync(folder)
    os.replace(draft, manifest_path(folder, manifest.fingerprint))
    _sync(folder)
    _sweep(folder, manifest.fingerprint, keep=manifest.database)


def next_generation(folder: Path, fingerprint: str) -> int:
    """A number above that of every database of this encoder, whole or not."""
    pattern = re.compile(rf"{_stem(fingerprint)}-(\d+)\.db")
    taken = (int(match[1]) for path in folder.iterdir() if (match := pattern.match(path.name)))
    return max(taken, default=0) + 1


def _sweep(folder: Path, fingerprint: str, keep: str) -> None:
    """Remove this encoder's other databases, and what killed builds left behind."""
    for path in folder.glob(f"{_stem(fingerprint)}-*.db*"):
        if path.name != keep:
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have the disk hold a file or a folder's names before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
