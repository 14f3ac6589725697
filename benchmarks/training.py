"""Fine-tuning the sample workspace as `make chat` does it: time, memory, and a second run.

    python benchmarks/training.py [--workspace data/outdoor]

The command runs in a process of its own on a fresh copy of the workspace. Its time is all of it:
reading, training, judging, indexing the articles, certifying the thresholds.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS, LIMIT_MIB = 240, 2048
MADE = ("models", "index", "frontdesk.db*", ".history")


def finetune(workspace: Path) -> tuple[dict[str, Any], float]:
    """What `frontdesk finetune --json` says, and the seconds of wall time it took."""
    started = time.perf_counter()
    code = "from bot.cli import main; main()"
    command = [sys.executable, "-c", code, "finetune", "--workspace", str(workspace), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    return json.loads(done.stdout), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, default=ROOT / "data" / "outdoor")
    source = parser.parse_args().workspace
    with TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        shutil.copytree(source, workspace, ignore=shutil.ignore_patterns(*MADE))
        first, seconds = finetune(workspace)
        again, seconds_again = finetune(workspace)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"fine-tuning {source.name}: {seconds:.0f} s, limit {LIMIT_SECONDS} s")
    print(f"peak memory: {peak:.0f} MiB, limit {LIMIT_MIB} MiB")
    print(f"again, nothing changed: {seconds_again:.1f} s, trained again: {again['trained']}")
    for name in ("frozen", "test"):
        print(name, json.dumps(first["metrics"][name]))


if __name__ == "__main__":
    main()
