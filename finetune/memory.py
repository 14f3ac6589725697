"""The chats that a version carries with it, so that it can be taught and judged by them again when
they have left the folder."""

from collections.abc import Iterable
from pathlib import Path

from finetune.conversation import Conversation

FILE = "memory.jsonl"


def write(folder: Path, chats: Iterable[Conversation]) -> None:
    """Keep chats in a version's folder."""
    with (folder / FILE).open("w", encoding="utf-8") as file:
        for chat in chats:
            file.write(chat.model_dump_json(exclude_unset=True) + "\n")


def read(folder: Path) -> list[Conversation]:
    """The chats that a version keeps; none where it keeps no memory."""
    path = folder / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [Conversation.model_validate_json(line) for line in lines]


def gone(kept: Iterable[Conversation], given: Iterable[Conversation]) -> list[Conversation]:
    """Those of the kept chats that are not among the given ones any more."""
    ids = {chat.id for chat in given}
    return [chat for chat in kept if chat.id not in ids]
