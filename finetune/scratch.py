"""What is remembered of every chat, turn or text lies on disk: memory does not grow with them."""

import sqlite3
import weakref


def scratch(owner: object, *tables: str) -> sqlite3.Connection:
    """A database with these tables, each given as its name and columns, in a temporary file of
    SQLite's own. It goes with its owner."""
    database = sqlite3.connect("", isolation_level=None)
    weakref.finalize(owner, database.close)
    database.execute("PRAGMA journal_mode = OFF")
    for table in tables:
        database.execute(f"CREATE TABLE {table}")
    database.execute("BEGIN")  # once for all: to commit every row would take as long as to write it
    return database


def as_key(text: str) -> bytes:
    """A text as a key, ordered as texts are; halves of characters, which no TEXT holds, too."""
    return text.encode("utf-8", "surrogatepass")


def of_key(key: bytes) -> str:
    """The text of a key."""
    return key.decode("utf-8", "surrogatepass")
