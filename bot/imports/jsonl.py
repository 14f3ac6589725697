"""JSON Lines, or one JSON array, of chats, turns or labelled texts, as `bot.imports.rows` says."""

from collections.abc import Iterator

from bot.imports import Look
from bot.imports.rows import chats_of
from bot.imports.source import Found, Source, json_records


def recognises(look: Look) -> bool:
    """Whether the file is JSON at all: the formats tried before are JSON of their own kind."""
    return bool(look.keys) or look.suffix in (".jsonl", ".ndjson", ".json")


def read(source: Source) -> Iterator[Found]:
    """The chats of the file; an array may be called data, chats or rows."""
    records = json_records(source, "data", "chats", "rows")
    yield from chats_of(source, records, source.path.stat().st_size)
