"""A file that only spares work: what it holds can be made again, so it may be missing."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def store(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Have `write` fill a file that is there whole or not at all. Where nothing may be written, as
    in a read-only workspace, there is none, and what it would spare is done each time."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(3)}")
    try:
        with temporary.open("wb") as file:
            write(file)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
