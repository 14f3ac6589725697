"""Whether the articles are still those the index was made of, told in milliseconds.

Names, sizes and times of the files are compared first. Only where these differ (a copy or a
checkout gives a file a new time) are the files read, and their bytes decide.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from bot.storage.cache_file import store


@dataclass(frozen=True, slots=True)
class State:
    """Two digests of a folder's files: of how they are listed, and of what is in them."""

    listing: str
    content: str


def state_of(folder: Path) -> State | None:
    """The files below a folder as they are now; None where one cannot be read."""
    try:
        return State(_listing(folder), _content(folder))
    except OSError:
        return None


def keep(state: State | None, index: Path, fingerprint: str) -> None:
    """Remember, beside the index of the encoder `fingerprint`, what it was made of."""
    path = _path(index, fingerprint)
    if state is None:
        path.unlink(missing_ok=True)
        return
    written = json.dumps(asdict(state))
    store(path, lambda file: file.write(f"{written}\n".encode()))


def changed(folder: Path, index: Path, fingerprint: str) -> bool:
    """Whether the files differ from those kept in mind; False where nothing was kept."""
    try:
        known = State(**json.loads(_path(index, fingerprint).read_bytes()))
        return known.listing != _listing(folder) and known.content != _content(folder)
    except (OSError, ValueError, TypeError):
        return False


def _path(index: Path, fingerprint: str) -> Path:
    return index / f"articles-{fingerprint[:12]}.json"


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name below the folder, path) of every file that a reader of articles would look at."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not any(part.startswith((".", "~$")) for part in name.parts) and path.is_file():
            yield name.as_posix(), path


def _listing(folder: Path) -> str:
    listed = [(name, *_size_and_time(path)) for name, path in _files(folder)]
    return sha256(json.dumps(listed).encode()).hexdigest()


def _size_and_time(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _content(folder: Path) -> str:
    digest = sha256()
    for name, path in _files(folder):
        with path.open("rb") as file:
            inside = file_digest(file, "sha256").hexdigest()
        digest.update(json.dumps([name, inside]).encode() + b"\n")
    return digest.hexdigest()
