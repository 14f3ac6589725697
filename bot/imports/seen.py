"""Which chats came before, of any number, in bounded memory: a temporary SQLite file of hashes.

A hash has 64 bits: among ten million chats the odds that any two share one are 1 in 370,000.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_CACHE_KIB = 32 * 1024


class Seen:
    """Remembers keys with the content that each had first."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def before(self, key: str, content: str = "") -> str | None:
        """None for a new key; otherwise "same" or "other", as its content is what it was first."""
        number, print_ = _hash(key), _hash(content)
        added = self._database.execute(
            "INSERT OR IGNORE INTO seen VALUES (?, ?)", (number, print_)
        ).rowcount
        if added:
            return None
        (first,) = self._database.execute(
            "SELECT content FROM seen WHERE key = ?", (number,)
        ).fetchone()
        return "same" if first == print_ else "other"


@contextmanager
def seen_in(scratch: Path | None) -> Iterator[Seen]:
    """A memory that is gone at the end; its file lies in `scratch`, or where temporary files do."""
    with TemporaryDirectory(dir=scratch) as folder:
        database = sqlite3.connect(Path(folder) / "seen.db", isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            database.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, content INTEGER)")
            database.execute("BEGIN")
            yield Seen(database)
        finally:
            database.close()


def content_of(chat: Mapping[str, Any]) -> str:
    """A chat without its id, as one text: equal for equal chats."""
    rest = {key: value for key, value in chat.items() if key != "id"}
    return json.dumps(rest, ensure_ascii=False, sort_keys=True)


def _hash(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
