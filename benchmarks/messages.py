"""10,000 generated messages through the whole turn: exceptions, hangs over 1 s, rows lost.

    python benchmarks/messages.py [--workspace data/outdoor] [--count 10000] [--seed 7]

Sessions of up to eight messages, until they are handed over, so that they meet open questions,
choices and follow-ups too. The log is a new one in a passing folder.
"""

import argparse
import os
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._messages import customers_messages, messages
from bot.bot import Bot, Desk
from bot.live import open_desk
from bot.privacy import of_log
from bot.sessions.session_log import SessionLog
from bot.workspace import open_workspace

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data" / "workspaces"
CHATS = [
    ROOT / "data" / "outdoor" / "chats",
    ROOT / "data" / "tea-zh" / "chats",
    *(SHARED / name / "chats" for name in ("star", "twitter-care", "crosswoz-zh")),
]
LIMIT = 1.0
SESSION, SLOWEST = 8, 5


@dataclass
class Outcome:
    """Of each turn the seconds by the clock and of the processor, and the start of its message;
    exceptions by kind, decisions by rule."""

    turns: list[tuple[float, float, str]] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)


def send(desk: Desk, log: SessionLog, texts: list[str]) -> Outcome:
    """Each message through a bot's whole turn."""
    outcome, handed_over = Outcome(), False
    for number, text in enumerate(texts):
        if number % SESSION == 0 or handed_over:
            bot, handed_over = Bot(desk, log, channel="benchmark"), False
        started, busy = time.perf_counter(), time.process_time()
        try:
            exchange = bot.respond(text)
        except Exception as error:  # what is measured
            outcome.errors[f"{type(error).__name__}: {str(error)[:80]} <- {text[:40]!r}"] += 1
        else:
            outcome.rules[exchange.decision.evidence.rule] += 1
            handed_over = exchange.decision.kind == "handoff"
        spent = time.perf_counter() - started, time.process_time() - busy
        outcome.turns.append((*spent, f"{len(text):,} {text[:40]!r}"))
    return outcome


def rows(path: Path) -> tuple[int, int]:
    """The turns and the decisions that are in the log."""
    with closing(sqlite3.connect(path)) as db:
        counts = [db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES]
    return counts[0], counts[1]


TABLES = ("turns", "decisions")


def main() -> None:
    """Print what happened beside what may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workspace", type=Path, default=ROOT / "data" / "outdoor")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    texts = list(messages(arguments.count, customers_messages(CHATS), arguments.seed))
    desk = open_desk(open_workspace(arguments.workspace), lambda *_: None)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        with SessionLog.open(path, of_log(desk.settings)) as log:
            outcome = send(desk, log, texts)
        turns, decisions = rows(path)
    clock = sorted(seconds for seconds, _, _ in outcome.turns)
    busy = sorted(seconds for _, seconds, _ in outcome.turns)
    print(
        f"{len(texts):,} messages, {sum(map(len, texts)):,} characters, model {desk.model.version}"
    )
    print(f"exceptions           {outcome.errors.total():6}    (limit 0)")
    print(f"rows lost            {len(texts) - turns:6}    (limit 0; {decisions:,} decisions)")
    for what, times in (("by the clock", clock), ("of the processor", busy)):
        over = sum(seconds > LIMIT for seconds in times)
        print(f"over {LIMIT:.0f} s {what:16}{over:3}    (limit 0)", end="   ")
        print(f"median {1000 * times[len(times) // 2]:.1f} ms, most {1000 * times[-1]:.0f} ms")
    print("the slowest, milliseconds by the clock and of the processor:")
    for seconds, cpu, what in sorted(outcome.turns, key=lambda turn: -turn[1])[:SLOWEST]:
        print(f"  {1000 * seconds:7.0f} {1000 * cpu:7.0f}  {what}")
    print("rules: " + ", ".join(f"{rule} {n}" for rule, n in outcome.rules.most_common()))
    for error, count in outcome.errors.most_common(20):
        print(f"  {count:5}  {error}")


if __name__ == "__main__":
    main()
