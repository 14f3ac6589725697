"""What every command shares: one-line errors with an exit code, progress, JSON and tables.

Results go to standard output, everything about them to standard error. Exit codes: 0 done,
1 something failed, 2 the command or an input file needs mending, 3 no usable model or index,
130 interrupted. FRONTDESK_DEBUG=1 shows the trace of any error.
"""

import errno
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import Any

Progress = Callable[[str, int, int], None]


def silent(_stage: str, _done: int, _total: int) -> None:
    """Progress of a process that nobody watches."""


"""Called with the stage, the steps done and their total (0: unknown)."""


@contextmanager
def reporting_errors() -> Iterator[None]:
    """Turn any exception into one sentence on standard error and an exit code."""
    try:
        yield
    except Exception as error:  # the last line of defence: no command ends in a trace
        if os.environ.get("FRONTDESK_DEBUG"):
            raise
        print(f"frontdesk: {sentence(error)}", file=sys.stderr)
        sys.exit(exit_code(error))


def exit_code(error: Exception) -> int:
    """3 for a missing model or index, 2 for what the person can mend, 1 for the rest."""
    import bot.errors
    import finetune.errors
    import kb.errors

    if isinstance(
        error,
        bot.errors.NoModel | bot.errors.NoIndex | finetune.errors.NoModel | kb.errors.NoIndex,
    ):
        return 3
    return 2 if _is_ours(error) or _remedy(error) else 1


def sentence(error: Exception) -> str:
    """What to tell the person about an error, on one line."""
    named = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
    if _is_ours(error):
        text = str(error)
    elif remedy := _remedy(error):
        text = named + remedy
    elif isinstance(error, OSError) and error.strerror:
        text = named + error.strerror
    else:
        text = f"{type(error).__name__}: {error} (FRONTDESK_DEBUG=1 shows where)"
    return " ".join(text.split())


def _is_ours(error: Exception) -> bool:
    """Whether the error already is a sentence that says what to do."""
    import bot.errors
    import finetune.errors
    import kb.errors

    known = bot.errors.BotError | finetune.errors.FinetuneError | kb.errors.KBError
    return isinstance(error, known)


# Whatever a command was writing has a temporary name until it is whole.
_UNCHANGED = "then run the command again; what was there before is unchanged"
_REMEDIES = {
    errno.ENOSPC: f"the disk is full; free some space, {_UNCHANGED}",
    errno.EDQUOT: f"your share of the disk is used up; free some space, {_UNCHANGED}",
    errno.EACCES: f"permission denied; allow reading and writing it, {_UNCHANGED}",
    errno.EPERM: f"permission denied; allow reading and writing it, {_UNCHANGED}",
    errno.EROFS: f"the disk may only be read; allow writing to it, {_UNCHANGED}",
}


def _remedy(error: BaseException | None) -> str | None:
    """What to do about a disk or a permission that stands in the way; None for other errors."""
    if error is None:
        return None
    code = error.errno if isinstance(error, OSError) else _number_in(str(error))
    return _REMEDIES.get(code or 0) or _remedy(error.__cause__)


def _number_in(text: str) -> int | None:
    """The system's error number in the words of a library that is not written in Python."""
    return next((code for code in _REMEDIES if os.strerror(code) in text), None)


def say(text: str) -> None:
    """A line for the person at the keyboard; never part of the result."""
    print(text, file=sys.stderr)


def left_out(bad: Sequence[str]) -> list[str]:
    """A sentence for each line that --skip-bad left out, and one for their number."""
    counted = [f"{len(bad)} left out by --skip-bad"] if bad else []
    return [*(f"left out: {line}" for line in bad), *counted]


def say_left_out(bad: Sequence[str]) -> None:
    """Tell the person what --skip-bad left out."""
    for line in left_out(bad):
        say(line)


def print_json(value: Mapping[str, Any]) -> None:
    """One object on one line of standard output."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output. At a terminal what does not fit goes on in the line below, and
    where not even words fit, a row is written one thing below the other; elsewhere a row is a line,
    however long. Nothing is cut."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[str(cell) for cell in row] for row in rows]
    room = get_terminal_size().columns if sys.stdout.isatty() else None
    widths = _widths([columns, *cells], room)
    if widths is None:
        return _print_records(columns, cells, room)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, width in zip(columns, widths, strict=True):
        table.add_column(Text(name), width=width, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    # With no height rich takes a dumb terminal for one of 80 columns, always.
    return Console(width=sum(widths) + _APART * len(widths), height=1).print(table)


_APART, _LEAST = 2, 12
"""Cells between two columns, and the width to which even a longer word may be broken."""


def _widths(rows: Sequence[Sequence[str]], room: int | None) -> list[int] | None:
    """The width of each column, in cells, the widest made narrower first; None: no room."""
    from rich.cells import cell_len

    columns = list(zip(*rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    if room is None:
        return widths
    words = [max(map(cell_len, " ".join(column).split()), default=0) for column in columns]
    least = [min(word, _LEAST) for word in words]
    room -= _APART * (len(widths) - 1)
    if sum(least) > room:
        return None
    for _ in range(sum(widths) - room):
        above = [width if width > floor else 0 for width, floor in zip(widths, least, strict=True)]
        widths[above.index(max(above))] -= 1
    return widths


def _print_records(columns: Sequence[str], rows: Iterable[Sequence[str]], room: int | None) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(width=room, height=1, highlight=False)
    for number, row in enumerate(rows):
        if number:
            console.print()
        for name, cell in zip(columns, row, strict=True):
            if cell:
                console.print(Text(f"{name}: {cell}" if name else cell, overflow="fold"))


@contextmanager
def progress() -> Iterator[Progress]:
    """Bars on a terminal, a line a stage elsewhere; always on standard error."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bars() as show:
            yield show
    else:
        yield _lines()


def _lines() -> Progress:
    finished: set[str] = set()

    def show(stage: str, done: int, total: int) -> None:
        if done >= total > 0 and stage not in finished:
            finished.add(stage)
            say(f"{stage}: {done} of {total}")

    return show


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield show
