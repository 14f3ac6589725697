"""One key at a time from a terminal, without Enter; the terminal is left as it was."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Key = Callable[[float], str]
"""Waits that many seconds at most for a key, and gives it; "" where none was pressed."""


@contextmanager
def keys() -> Iterator[Key]:
    """Keys of standard input, where that is a terminal; else nothing but the waiting."""
    if not sys.stdin.isatty():
        yield _wait
        return
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number, termios.TCSANOW)
    try:
        yield lambda seconds: _read(number, seconds)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _wait(seconds: float) -> str:
    select.select((), (), (), seconds)
    return ""


def _read(number: int, seconds: float) -> str:
    ready, _, _ = select.select((number,), (), (), seconds)
    if not ready:
        return ""
    return os.read(number, 1).decode("utf-8", "replace") or "q"  # end of file: nobody is there
