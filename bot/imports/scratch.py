"""Where an import keeps its temporary files: a folder of its own, beside what it writes.

A process that is killed leaves that folder behind, gigabytes of it; the next import removes it. Who
is at work holds a lock on its folder, which the system lets go of however the process ends.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

_PREFIX = ".import-"


@contextmanager
def scratch_in(parent: Path) -> Iterator[Path]:
    """A folder in `parent` that is gone at the end, and with it what killed imports left there."""
    with ExitStack() as stack:
        with _held(parent):  # so that no folder is taken for left before its lock is
            _sweep(parent)
            folder = stack.enter_context(TemporaryDirectory(dir=parent, prefix=_PREFIX))
            stack.enter_context(_held(Path(folder)))
        yield Path(folder)


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError), _held(left, fcntl.LOCK_NB):  # BlockingIOError: it is at work
            shutil.rmtree(left)


@contextmanager
def _held(folder: Path, how: int = 0) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(handle)
