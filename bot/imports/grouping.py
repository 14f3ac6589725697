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
from typing import Any, TextIO

from bot.imports.source import Bad, Chat, Found

PART_BYTES = 12 * 2**20
"""Of text; as Python objects it is some ten times as much."""
MOST_PARTS = 500  # files open at once: the usual limit is 1,024


def grouped(
    parts: Iterable[Chat | Bad | tuple[str, str, dict[str, Any]]],
    scratch: Path,
    bytes_in_all: int,
) -> Iterator[Found]:
    """Chats that are whole at once, then those made of (id, place, turn), a part at a time.

    A turn may have a `split`, which becomes its chat's; two different ones make the chat bad.
    """
    count = min(MOST_PARTS, bytes_in_all // PART_BYTES + 1)
    with TemporaryDirectory(dir=scratch) as folder, ExitStack() as stack:
        files = [
            stack.enter_context((Path(folder) / str(i)).open("w+", encoding="utf-8"))
            for i in range(count)
        ]
        for part in parts:
            if isinstance(part, tuple):
                files[_deal(part[0], count)].write(json.dumps(part) + "\n")
            else:
                yield part
        for file in files:
            yield from _gather(file)


def _deal(chat: str, count: int) -> int:
    return int.from_bytes(blake2b(chat.encode(), digest_size=8).digest()) % count


def _gather(file: TextIO) -> Iterator[Found]:
    chats: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    broken: set[str] = set()
    file.seek(0)
    for line in file:
        chat_id, place, turn = json.loads(line)
        split = turn.pop("split", None)
        chat = chats.setdefault(chat_id, {"id": chat_id, "turns": []})
        places.setdefault(chat_id, place)
        if split is not None and chat.setdefault("split", split) != split:
            broken.add(chat_id)
        chat["turns"].append(turn)
    file.close()
    for chat_id, chat in chats.items():
        if chat_id in broken:
            yield Bad(places[chat_id], f"chat {chat_id} is in two splits")
        else:
            yield Chat(places[chat_id], chat)
