"""Runs commands of Frontdesk that are killed in the middle; started once by killing.py.

Starting Python and importing all that a command needs takes seconds; a fork takes a moment. A line
of JSON comes in for every death, and one goes out when it is over:

    {"commands": [["chat"]], "stdin": "in", "stdout": "out", "after": 0.7, "humble": false}
    {"killed": true, "code": null, "ran": 0.7}

`after` is in seconds; null lets the commands end. `code` is that of the last command that ended.
`humble` has even root obey the modes of files.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn


def main() -> None:
    """Serve deaths until the input ends."""
    for name in ("bot.bot", "bot.live", "bot.terminal.repl", "finetune.run", "kb.store"):
        import_module(name)

    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(died(json.loads(line))), flush=True)


def died(order: dict[str, Any]) -> dict[str, Any]:
    """Fork, wait, kill the child with all its children, and tell."""
    began = time.monotonic()
    child = os.fork()
    if not child:
        if order["humble"]:
            obey_modes()
        run(order["commands"], order["stdin"], order["stdout"])
    status = waited(child, order["after"])
    if status is None:
        os.killpg(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status)
    code = None if killed else os.waitstatus_to_exitcode(status)
    return {"killed": killed, "code": code, "ran": time.monotonic() - began}


def obey_modes() -> None:
    """Give up what lets root write where nobody may: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    (capabilities(7)). Of a user without them it changes nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, and their upper halves
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    for place in range(3):
        sets[place] &= ~(1 << 1 | 1 << 2)
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def waited(child: int, seconds: float | None) -> int | None:
    """The status of the child if it ended by itself in so many seconds; None: wait for ever."""
    if seconds is None:
        return os.waitpid(child, 0)[1]
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(min(left, 0.002))
    return None


def run(commands: Sequence[Sequence[str]], stdin: str, stdout: str) -> NoReturn:
    """What the child does: the commands one after another, in a process group of its own."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(stdin, os.O_RDONLY), 0)
        out = os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(os.open(f"{stdout}.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        for words in commands:
            code = command(words)
    finally:
        os._exit(code)


def command(words: Sequence[str]) -> int:
    """The exit code of a command line."""
    from bot.cli import main

    sys.argv = ["frontdesk", *words]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    try:
        with suppress(BrokenPipeError):
            main()
    except SystemExit as ended:
        sys.stdout.flush()
        return int(ended.code or 0)
    return 0


if __name__ == "__main__":
    main()
