"""`kill -9` at random instants of a chat, a fine-tuning, an index build and a switch of models.

    python benchmarks/faults.py [--kills 200]

The tests of tests/faults with more instants: after every death all that was acknowledged is looked
for, the log is proved, and the live model answers. The limit is 0 of anything lost or half-written.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = 4


def main() -> None:
    """Print how often each command was killed; exit with 1 where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    kills = -(-parser.parse_args().kills // COMMANDS)
    tests = [sys.executable, "-m", "pytest", "-s", "tests/faults/test_kills.py"]
    environment = {**os.environ, "FRONTDESK_KILLS": str(kills)}
    done = subprocess.run(tests, cwd=ROOT, env=environment, check=False)
    lost = "nothing" if done.returncode == 0 else "SOMETHING, see above"
    print(f"lost or half-written: {lost}    (limit: nothing)")
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
