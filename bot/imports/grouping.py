"""Turns of one chat that lie apart in a file, brought together in bounded memory.

The turns are dealt by a hash of their chat's id into as many temporary files as make each small
enough for the memory; then one file after the other is gathered. A file that is small to begin
with makes one part, whose chats come in the order in which they began. The temporary files take
about as much disk as the source. One chat is held whole.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from pydantic_core import from_json, to_json

from bot.imports.source import Bad, Chat, Found, Source

PART_BYTES = 12 * 2**20
"""Of text; as Python objects it is some ten times as much."""
MOST_PARTS = 500  # files open at once: the usual limit is 1,024


def grouped(
    parts: Iterable[Chat | Bad | tuple[str, str, dict[str, Any]]],
    source: Source,
    bytes_in_all: int,
) -> Iterator[Found]:
    """Chats that are whole at once, then those made of (id, place, turn), a part at a time.

    A turn may have a `split`, which becomes its chat's; two different ones make the chat bad.
    """
    count = min(MOST_PARTS, bytes_in_all // PART_BYTES + 1)
    with TemporaryDirectory(dir=source.scratch) as folder, ExitStack() as stack:
        files = [stack.enter_context((Path(folder) / str(i)).open("w+b")) for i in range(count)]
        for part in parts:
            if isinstance(part, tuple):
                files[_deal(part[0], count)].write(_line(part))
            else:
                yield part
        if any(file.tell() for file in files):
            for file in files:
                yield from _gather(file)
                source.gathered(bytes_in_all // count)
            source.gathered(bytes_in_all % count)


def _deal(chat: str, count: int) -> int:
    name = chat.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=8).digest()) % count


def _line(part: tuple[str, str, dict[str, Any]]) -> bytes:
    try:
        return to_json(part) + b"\n"
    except ValueError:  # half a character, which only Python's own JSON knows
        return json.dumps(part).encode() + b"\n"


def _part(line: bytes) -> tuple[str, str, dict[str, Any]]:
    try:
        part: tuple[str, str, dict[str, Any]] = from_json(line, cache_strings="keys")
    except ValueError:
        part = json.loads(line)
    return part


def _gather(file: BinaryIO) -> Iterator[Found]:
    chats: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    broken: set[str] = set()
    file.seek(0)
    for line in file:
        chat_id, place, turn = _part(line)
        split = turn.pop("split", None)
        chat = chats.setdefault(chat_id, {"id": chat_id, "turns": []})
        places.setdefault(chat_id, place)
        if split is not None and chat.setdefault("split", split) != split:
            broken.add(chat_id)
        chat["turns"].append(turn)
    file.close()
    Path(file.name).unlink()
    for chat_id, chat in chats.items():
        if chat_id in broken:
            yield Bad(places[chat_id], f"chat {chat_id} is in two splits")
        else:
            yield Chat(places[chat_id], chat)
