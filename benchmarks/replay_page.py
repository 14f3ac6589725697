"""How fast the page of a large replay opens in Chromium.

    python benchmarks/replay_page.py [--turns 100000] [--runs 5] [--keep FILE.html]

The rows are made here. The time is the page's own, from the start of the navigation until the table
can be used; the browser is fresh each time.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks._chromium import Browser, chromium
from benchmarks._made_replay import made_replay
from bot.replay import ReplayStore
from bot.replay_page import write_page

LIMIT_S = 2.0
READY = """new Promise(done => {
    const look = () => document.documentElement.dataset.ready
        ? done(+document.documentElement.dataset.ready) : setTimeout(look, 20);
    look();
})"""


def opened(page: Path) -> tuple[float, float]:
    """Seconds until the table is ready and until the page has loaded, in a fresh browser."""
    with Browser() as browser:
        browser.open(page)
        ready = browser.run(READY) / 1000
        loaded = browser.run("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
    return ready, loaded


def main() -> None:
    """Print the median beside its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="Keep the page.")
    arguments = parser.parse_args()
    if chromium() is None:
        sys.exit("no Chromium here: apt-get install chromium")
    with TemporaryDirectory() as folder:
        page = Path(folder) / "replay.html"
        with ReplayStore.open(Path(folder) / "replays.db") as store:
            replay = made_replay(store, arguments.turns, labels=150)
            began = time.perf_counter()
            write_page(store, replay, page, bot="Benchmark")
            seconds = time.perf_counter() - began
        mib = page.stat().st_size / 2**20
        print(f"{arguments.turns:,} turns: a page of {mib:.1f} MiB, written in {seconds:.1f} s")
        runs = [opened(page) for _ in range(arguments.runs)]
        if arguments.keep:
            shutil.copy(page, arguments.keep)
    print("runs: " + "  ".join(f"{ready:.2f} s" for ready, _ in sorted(runs)))
    print(f"loaded: median {median(loaded for _, loaded in runs):.2f} s")
    print(f"table ready: median {median(ready for ready, _ in runs):.2f} s", end=" ")
    print(f"(limit: at most {LIMIT_S} s)")


if __name__ == "__main__":
    main()
