"""Tables and texts that are not UTF-8: told by their owner, never guessed at."""

import codecs
import io
import re
from pathlib import Path
from typing import Any, BinaryIO

from bot.errors import BotError

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PIECE = 2**16


class Recoded(io.RawIOBase):
    """A file in another encoding, as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str, path: Path) -> None:
        self._stream, self._encoding, self._path = stream, encoding, path
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            read = self._stream.read(_PIECE)
            try:
                self._ready = self._decoder.decode(read, final=not read).encode()
            except UnicodeError as error:
                raise BotError(
                    f"{self._path}: not valid {self._encoding}; save it as UTF-8"
                ) from error
            if not read:
                break
        given, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)

    def close(self) -> None:
        self._stream.close()
        super().close()


def check_encoding(name: str | None) -> None:
    """Raises BotError where there is no such encoding."""
    try:
        "".encode(name or "utf-8")
    except LookupError:
        raise BotError(
            f'--encoding: there is no "{name}"; common ones are windows-1252, gb18030 and big5'
        ) from None


def other_encoding(path: Path) -> str | None:
    """What a file is likely to be in, by its first lines, where none with letters beyond ASCII is
    UTF-8 and it has no mark: Western and Chinese programs write the two that it tells apart."""
    with path.open("rb") as stream:
        read = stream.read(_PIECE)
    whole = read.rpartition(b"\n")[0] if len(read) == _PIECE else read
    first = [line for line in whole.splitlines() if not line.isascii()]
    if not first or any(map(_is_utf8, first)) or read.startswith(UTF16_MARKS):
        return None
    text = b"\n".join(first)
    # Chinese letters, two bytes each, stand together; Western ones stand among those of ASCII.
    together = sum(map(len, re.findall(rb"[\x80-\xff]{4,}", text)))
    return "gb18030" if 2 * together > sum(byte > 127 for byte in text) else "windows-1252"


def is_in_utf8(path: Path) -> bool:
    """Whether a table or text is in UTF-8, by its first lines."""
    with path.open("rb") as stream:
        return not stream.read(2).startswith(UTF16_MARKS) and other_encoding(path) is None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
