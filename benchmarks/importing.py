"""`frontdesk chats import` of a file that is larger than the memory it may take.

    python benchmarks/importing.py [--gigabytes 1]

The file is CSV, a message a row, the rows of a thousand conversations mixed at a time. Its texts
are those of real chats (`../shared/data` where it is there, else the sample's own), drawn anew for
every row; one in six has an e-mail address, a number or a code put into it. Some rows are to be
dropped: empty, a system's, by an agent whom nobody asked, or a cell short. Every row has to be
written or counted. The command runs in a process of its own, without a live model, so that names
are not looked for. Four times the file's size has to be free where temporary files lie.
"""

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHATS = (*(ROOT.parent / "shared/data/workspaces").glob("*/chats"), ROOT / "data/outdoor/chats")
LIMIT_MB, MB, GB = 500, 1e6, 1e9
MIXED, LONGEST = 1_000, 13  # conversations at a time, rows of one
HEADER = ("thread", "role", "body", "sent", "channel")
COLUMNS = "conversation=thread,speaker=role,text=body,at=sent"
SETTINGS = """name = "Import"
[entities.order_id]
pattern = '\\b[Tt]{2}-\\d{6}\\b'
ask = "What is your order number?"
"""

Row = tuple[str, ...]
Number = Callable[[int, int], int]
_PUT_IN: Sequence[Callable[[Number], str]] = (
    lambda n: f"mia.{n(10, 9999)}@example.com",
    lambda n: f"+44 20 {n(1000, 9999)} {n(1000, 9999)}",
    lambda n: f"call {n(200, 999)}-{n(200, 999)}-{n(1000, 9999)}",
    lambda n: f"手机1{n(30, 99)}{n(10_000_000, 99_999_999)}",
    lambda n: f"{n(4000, 4999)} {n(1000, 9999)} {n(1000, 9999)} {n(1000, 9999)}",
    lambda n: f"GB{n(10, 99)} WEST {n(1000, 9999)} {n(1000, 9999)} {n(1000, 9999)} {n(10, 99)}",
    lambda n: f"TT-{n(100_000, 999_999)}",
    lambda n: f"{n(1, 28)}/{n(1, 12)}/2025, {n(1, 99)}.{n(10, 99)} EUR",
    lambda n: f"x{n(2, 9)}",
)


def texts_of(folders: Sequence[Path]) -> list[str]:
    """What was said in the chats of some folders."""
    found = dict[str, None]()
    for path in sorted(path for folder in folders for path in folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                found |= dict.fromkeys(turn["text"] for turn in json.loads(line)["turns"])
    return [text for text in found if text.strip()]


def said(texts: Sequence[str], chance: random.Random) -> str:
    """A text, one time in six with something put into it."""
    text = chance.choice(texts)
    if chance.random() > 1 / 6:
        return text
    at = text.find(" ", chance.randrange(len(text)))
    return f"{text[:at]} {chance.choice(_PUT_IN)(chance.randint)}{text[at:]}"


def rows(texts: Sequence[str], chance: random.Random, batch: int) -> Iterator[Row]:
    """The rows of a thousand conversations, each begun by a customer, and a few to be dropped."""
    threads = [
        f"T-{MIXED * batch + number:08}"
        for number in range(MIXED)
        for _ in range(chance.randint(1, LONGEST))
    ]
    chance.shuffle(threads)
    begun = set[str]()
    for number, thread in enumerate(threads):
        role = chance.choice(("customer", "agent")) if thread in begun else "customer"
        begun.add(thread)
        text = "" if role == "agent" and number % 50 == 0 else said(texts, chance)
        yield thread, role, text, f"2025-{batch % 12 + 1:02}-01T{number // 500:02}:30:00Z", "web"
        if number % 100 == 0:
            yield thread, "system", "The conversation was assigned.", "", "web"
    yield f"A-{batch}", "agent", "Is anybody there?", "", "web"
    yield f"B-{batch}", "customer"


def write(path: Path, size: float) -> int:
    """Fill a file with at least so many bytes; how many rows it has below its header."""
    texts, chance, count, batch = texts_of(CHATS), random.Random(7), 0, 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        while os.fstat(file.fileno()).st_size < size:
            made = list(rows(texts, chance, batch))
            writer.writerows(made)
            count, batch = count + len(made), batch + 1
    return count


def imported(workspace: Path, path: Path) -> tuple[dict[str, Any], float]:
    """What `frontdesk chats import --json` says, and the seconds of wall time it took."""
    workspace.mkdir()
    (workspace / "frontdesk.toml").write_text(SETTINGS, encoding="utf-8")
    code = "from bot.cli import main; main()"
    options = ("--columns", COLUMNS, "--skip-bad", "--json", "--workspace", str(workspace))
    command = [sys.executable, "-c", code, "chats", "import", str(path), *options]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    return json.loads(done.stdout), time.perf_counter() - started


def main() -> None:
    """Print what it took, beside the limit; 1 where it took more or a row is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gigabytes", type=float, default=1)
    wanted = parser.parse_args().gigabytes * GB
    with TemporaryDirectory() as folder:
        path = Path(folder) / "export.csv"
        count, size = write(path, wanted), path.stat().st_size
        told, seconds = imported(Path(folder) / "workspace", path)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / MB
    dropped = sum(sum(reasons.values()) for reasons in told["dropped"].values())
    missing = count - told["messages"] - dropped
    print(f"a CSV file of {size / GB:.2f} GB, {told['conversations']:,} conversations")
    print(f"time         {seconds:12,.0f} s    {size / MB / seconds:.2f} MB/s")
    print(f"peak memory  {peak:12,.0f} MB   (limit: {LIMIT_MB})")
    print(f"rows         {count:12,}")
    print(f"kept         {told['messages']:12,}")
    print(f"dropped      {dropped:12,}      {json.dumps(told['dropped'])}")
    print(f"missing      {missing:12,}      (limit: 0)")
    print(f"masked       {sum(told['masked'].values()):12,}      {json.dumps(told['masked'])}")
    raise SystemExit(0 if peak <= LIMIT_MB and not missing else 1)


if __name__ == "__main__":
    main()
