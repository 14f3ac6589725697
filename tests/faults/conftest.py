"""Commands that die in the middle, at chosen instants."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FORKING = Path(__file__).with_name("forking.py")
ROOT = Path(__file__).resolve().parents[2]
INSTANTS = int(os.environ.get("FRONTDESK_KILLS", "2"))
"""How often each command is killed; benchmarks/faults.py asks for more."""


@dataclass(frozen=True, slots=True)
class Death:
    """How commands ended: by the kill, or before it with an exit code, after `ran` seconds."""

    killed: bool
    code: int | None
    ran: float
    out: bytes
    err: str


class Killer:
    """Runs commands and kills them."""

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server, self._folder = server, folder

    def run(
        self,
        *commands: Sequence[str | Path],
        stdin: bytes = b"",
        after: float | None = None,
        humble: bool = False,
    ) -> Death:
        """Run command lines one after another and kill them `after` so many seconds, or never;
        `humble` has even root obey the modes of files."""
        typed, out = self._folder / "stdin", self._folder / "stdout"
        typed.write_bytes(stdin)
        order: dict[str, Any] = {"stdin": str(typed), "stdout": str(out), "after": after}
        order["humble"] = humble
        order["commands"] = [list(map(str, words)) for words in commands]
        assert self._server.stdin
        assert self._server.stdout
        print(json.dumps(order), file=self._server.stdin, flush=True)
        told = json.loads(self._server.stdout.readline())
        err = out.with_name("stdout.err")
        return Death(
            told["killed"],
            told["code"],
            told["ran"],
            out.read_bytes() if out.exists() else b"",
            err.read_text(encoding="utf-8") if err.exists() else "",
        )

    def deaths(
        self,
        *commands: Sequence[str | Path],
        longest: float,
        seed: int,
        stdin: bytes = b"",
        count: int = INSTANTS,
    ) -> Iterator[Death]:
        """So many runs, each killed at an instant of the first `longest` seconds."""
        chance = random.Random(seed)
        for _ in range(count):
            yield self.run(*commands, stdin=stdin, after=chance.uniform(0, longest))


@pytest.fixture(scope="session")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    command = [sys.executable, str(FORKING)]
    folder = tmp_path_factory.mktemp("killer")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as server:
        assert server.stdin
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        yield Killer(server, folder)
        server.stdin.close()
