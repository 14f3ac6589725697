"""How long `frontdesk monitor` takes to open a log, and to look again.

    python benchmarks/monitor.py [--turns 100000] [--intents 30]

The log is made here: 38 days of chats of four turns each, all of which are read at the start. What
it takes is told beside a bare read of the same columns with SQL; looking again, with 100 turns that
are new, beside the time between two looks. A writer writes meanwhile.
"""

import argparse
import json
import random
import resource
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bot.monitor.surges import WINDOW_S
from bot.monitor.watch import Watch
from bot.monitor.windows import KEPT
from bot.sessions.migrations import MIGRATIONS
from bot.storage.database import connect

DAY_S = 86_400.0
EVERY_S = 5.0
NEW = 100
BARE = """SELECT turns.id, at, session_id, kind, intent, json_extract(evidence, '$.sentiment'), ms
    FROM turns JOIN decisions ON turn_id = turns.id"""
KINDS = ["template"] * 7 + ["passages", "handoff", "unknown"]
FEELINGS = ["neutral"] * 8 + ["positive", "negative"]


def evidence(sentiment: str) -> str:
    """About as long as the evidence of a turn is."""
    scores = [{"name": f"intent {n}", "score": 0.123456} for n in range(15)]
    return json.dumps({"rule": "intent-certain", "sentiment": sentiment, "intents": scores})


def write(path: Path, first: int, count: int, intents: int, start: float, step: float) -> None:
    """Turns from number `first` on, `step` seconds apart."""
    chance = random.Random(first)
    said = {feeling: evidence(feeling) for feeling in set(FEELINGS)}
    turns, decisions, sessions = [], [], []
    for number in range(first, first + count):
        at = datetime.fromtimestamp(start + step * (number - first), UTC)
        stamp = at.isoformat(timespec="milliseconds")
        session, place = divmod(number, 4)
        if not place:
            sessions.append((session + 1, stamp, "pipe", "m", "d"))
        ms = chance.lognormvariate(2.3, 0.3)
        turns.append((number + 1, session + 1, place + 1, stamp, "where is it", "here", ms, "{}"))
        feeling, intent = chance.choice(FEELINGS), f"intent {chance.randrange(intents)}"
        kind = chance.choice(KINDS)
        row = (number + 1, kind, None, "[]", said[feeling], intent, 0.9, "m", "d")
        decisions.append(row)
    with closing(connect(path, MIGRATIONS)) as database:
        database.execute("BEGIN IMMEDIATE")
        for table, rows in (("sessions", sessions), ("turns", turns), ("decisions", decisions)):
            if rows:
                places = ", ".join("?" * len(rows[0]))
                database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        database.execute("COMMIT")


def bare(path: Path) -> float:
    """Seconds for a read of the rows."""
    with closing(sqlite3.connect(path)) as database:
        began = time.perf_counter()
        for _ in database.execute(BARE):
            pass
        return time.perf_counter() - began


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--intents", type=int, default=30)
    asked = parser.parse_args()
    now = time.time()
    span = (KEPT - 1) * WINDOW_S
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frontdesk.db"
        write(path, 0, asked.turns, asked.intents, now - span, span / asked.turns)
        reading = min(bare(path) for _ in range(3))
        watch = Watch(path, DAY_S)
        began = time.perf_counter()
        view = watch.look(now)
        opening = time.perf_counter() - began
        again = []
        for look in range(20):
            write(path, asked.turns + NEW * look, NEW, asked.intents, now, 0.0)
            began = time.perf_counter()
            view = watch.look(now)
            again.append(time.perf_counter() - began)
    judged, series = view.judged
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{asked.turns:,} turns; {judged} of {series} series judged for a week")
    print(f"opened in {opening:.2f} s (a bare read: {reading:.2f} s), peak {peak:.0f} MiB")
    print(f"looking again with {NEW} new turns: median {1000 * median(again):.0f} ms", end="")
    print(f", worst {1000 * max(again):.0f} ms (every {EVERY_S:g} s)")


if __name__ == "__main__":
    main()
