"""From `frontdesk chat` typed to its first answer, and what was imported on the way.

    python benchmarks/startup.py [--workspace data/outdoor] [--runs 5]

The time is wall time from the start of the process, with one message in the pipe, to the line of
its answer; the first run, which warms the disk, does not count.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

LIMIT_S = 2.0
ROOT = Path(__file__).resolve().parents[1]
MESSAGE = b"where is my parcel\n"
HEAVY = ("torch", "transformers", "sentence_transformers", "sklearn", "scipy", "pandas")
CHAT = """
import sys
from bot.cli import main
try:
    main()
finally:
    print(",".join(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""


def borrowed(workspace: Path, folder: Path) -> Path:
    """The workspace under another name, so that its database stays as it is."""
    for path in workspace.iterdir():
        if not path.name.startswith((".", "frontdesk.db")):
            (folder / path.name).symlink_to(path.resolve())
    return folder


def first_answer(workspace: Path) -> tuple[float, str]:
    """Seconds to the first line of the answer, and the heavy modules that were imported."""
    program = CHAT.format(heavy=HEAVY)
    command = [sys.executable, "-c", program, "chat", "--workspace", str(workspace)]
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as chat:
        assert chat.stdin is not None
        assert chat.stdout is not None
        chat.stdin.write(MESSAGE)
        chat.stdin.flush()
        answer = chat.stdout.readline()
        seconds = time.perf_counter() - started
        _, said = chat.communicate()
    if chat.returncode or not answer.strip():
        sys.exit(said.decode())
    return seconds, said.decode().splitlines()[-1]


def main() -> None:
    """Print the median beside its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workspace", type=Path, default=ROOT / "data" / "outdoor")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        workspace = borrowed(arguments.workspace, Path(folder))
        runs = [first_answer(workspace) for _ in range(1 + arguments.runs)][1:]
    times = sorted(seconds for seconds, _ in runs)
    print("runs: " + "  ".join(f"{seconds:.2f} s" for seconds in times))
    print(f"`frontdesk chat` to its first answer: median {median(times):.2f} s", end=" ")
    print(f"(limit: at most {LIMIT_S} s)")
    imported = {name for _, names in runs for name in names.split(",") if name}
    print(f"heavy modules imported: {', '.join(sorted(imported)) or 'none'} (limit: not torch)")
    assert "torch" not in imported


if __name__ == "__main__":
    main()
