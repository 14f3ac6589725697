"""Many writers of one log at once, and a chat beside an erasure: nothing lost, nobody locked out.

    python benchmarks/writers.py [--seconds 60] [--writers 8] [--turns 100000]

First, writers log turns as quickly as they can while one reader goes through the whole log, as
`gaps` does, and another counts it, as `log stats` does. Each writer keeps a list of the turns that
were acknowledged to it; all are looked for afterwards.

Then a log of many turns has a tenth of its sessions forgotten while a chat logs a turn every 50 ms.
"""

import argparse
import json
import multiprocessing
import random
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.asked import of_log
from bot.decision import Answer, Evidence, Reading, Scored
from bot.evidence import evidence_json
from bot.log.erasure import erase, numbered
from bot.log.reading import opened, opened_to_change
from bot.log.statistics import statistics
from bot.log.verification import verify
from bot.sessions.session_log import SessionLog, TurnRecord
from bot.storage.database import BUSY_TIMEOUT_S, transaction

TURNS_A_SESSION, PAUSE_S, LONGEST_WAIT_S = 10, 0.05, 1.0
MODEL, INDEX = "a" * 64, "b" * 64
INTENTS = tuple(Scored(f"order/intent_{number}", 0.2) for number in range(5))
READING = Reading(INTENTS, {"order_id": "TT-1234"})
DECISION = Answer("track", {"order_id": "TT-1234"}, Evidence("intent-certain", INTENTS, INTENTS))
SAID = "where is my parcel the tent arrived without pegs can you send some 我的包裹在哪里 今天"
PROCESSES = multiprocessing.get_context("fork")


def text(chance: random.Random, words: int) -> str:
    """So many words in a row."""
    return " ".join(chance.choices(SAID.split(), k=words))


def logged(log: SessionLog, session: int, number: int, chance: random.Random) -> float:
    """Log a turn, and give the milliseconds that took."""
    message, reply = text(chance, 12), text(chance, 25)
    turn = (session, number, message, reply, DECISION, READING, 4.5, MODEL, INDEX)
    began = time.perf_counter()
    log.record(TurnRecord(*turn, timings={"encode": 3.2}))
    return 1000 * (time.perf_counter() - began)


def write(path: Path, kept: Path, until: float, seed: int) -> None:
    """Log turns until the time is over; what was acknowledged goes to the file `kept`."""
    chance, turns, ms, errors = random.Random(seed), [], [], []
    with SessionLog.open(path) as log:
        while time.monotonic() < until:
            session = log.start_session(channel="benchmark", model=MODEL, index_digest=INDEX)
            for number in range(1, TURNS_A_SESSION + 1):
                try:
                    ms.append(logged(log, session, number, chance))
                    turns.append((session, number))
                except Exception as error:  # counted: there must be none
                    errors.append(str(error))
    kept.write_text(json.dumps({"turns": turns, "ms": ms, "errors": errors}))


def read(path: Path, over: Event, look: Callable[[Path], object], times: Path) -> None:
    """Look at the log again and again."""
    count = 0
    while not over.is_set():
        look(path)
        count += 1
    times.write_text(str(count))


def whole(path: Path) -> None:
    """As `frontdesk gaps --log`."""
    for _ in of_log(path):
        pass


def count(path: Path) -> None:
    """As `frontdesk log stats`."""
    with opened(path) as connection:
        statistics(connection)


def crowd(folder: Path, writers: int, seconds: float) -> bool:
    """Writers and readers at once; whether nothing was lost."""
    path, over = folder / "frontdesk.db", PROCESSES.Event()
    SessionLog.open(path).close()
    until = time.monotonic() + seconds
    kept = [folder / f"writer-{number}" for number in range(writers)]
    looks = {folder / "whole": whole, folder / "stats": count}
    working = [
        PROCESSES.Process(target=write, args=(path, file, until, number))
        for number, file in enumerate(kept)
    ]
    readers = [
        PROCESSES.Process(target=read, args=(path, over, look, file))
        for file, look in looks.items()
    ]
    for process in (*working, *readers):
        process.start()
    for process in working:
        process.join()
    over.set()
    for process in readers:
        process.join()
    found = [json.loads(file.read_text()) for file in kept]
    print(f"{writers} writers and 2 readers at once, {seconds:.0f} s")
    print("read meanwhile: " + ", ".join(f"{f.name} {f.read_text()} times" for f in looks))
    return told(path, found)


def told(path: Path, found: Sequence[dict[str, Any]]) -> bool:
    """Print what became of the turns; whether all is well."""
    said: set[tuple[int, int]] = {(turn[0], turn[1]) for one in found for turn in one["turns"]}
    errors = [error for one in found for error in one["errors"]]
    with opened(path) as connection:
        there = set(connection.execute("SELECT session_id, number FROM turns"))
    lost, verified = len(said - there), verify(path)
    print(f"acknowledged turns {len(said):10,}")
    print(f"lost               {lost:10,}    (limit: 0)")
    print(f"errors, locked     {len(errors):10,}    (limit: 0)")
    print(f"log verify         {'whole' if verified.holds else 'BROKEN':>10}")
    show_latencies([ms for one in found for ms in one["ms"]])
    return not lost and not errors and verified.holds


def show_latencies(ms: list[float]) -> None:
    """Percentiles of the time a turn's commit took."""
    ordered = sorted(ms)
    for share in (50, 95, 99):
        print(f"a turn, p{share}        {ordered[len(ordered) * share // 100]:10.2f} ms")
    print(f"a turn, longest    {ordered[-1]:10.2f} ms")


def fill(path: Path, turns: int) -> None:
    """A log of so many turns, in a moment."""
    chance, evidence = random.Random(5), json.dumps(evidence_json(DECISION))
    at = "2026-01-02T03:04:05.000+00:00"
    with SessionLog.open(path):
        pass
    with opened_to_change(path) as connection, transaction(connection):
        for turn in range(turns):
            session, number = turn // TURNS_A_SESSION + 1, turn % TURNS_A_SESSION + 1
            if number == 1:
                row = (session, at, "benchmark", MODEL, INDEX)
                connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", row)
            said = (turn + 1, session, number, at, text(chance, 12), text(chance, 25), 4.5, "{}")
            connection.execute("INSERT INTO turns VALUES (?, ?, ?, ?, ?, ?, ?, ?)", said)
            decided = (turn + 1, "template", "track", "[]", evidence, "track", 0.9, MODEL, INDEX)
            connection.execute("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", decided)


def erasure(folder: Path, turns: int) -> bool:
    """A chat beside an erasure; whether no turn of it waited too long but for the new file."""
    path, kept = folder / "frontdesk.db", folder / "chat"
    fill(path, turns)
    size = path.stat().st_size / 1e6
    over = PROCESSES.Event()
    stages: dict[str, float] = {}

    def show(stage: str, done: int, total: int) -> None:
        stages.setdefault(f"{stage} {'begins' if done < total else 'ends'}", time.monotonic())

    chat = PROCESSES.Process(target=chat_beside, args=(path, kept, over))
    chat.start()
    time.sleep(1)
    began = time.monotonic()
    with opened_to_change(path) as connection:
        erase(connection, path, numbered(connection, range(1, turns // TURNS_A_SESSION, 10)), show)
    ended = time.monotonic()
    over.set()
    chat.join()
    waits: list[tuple[float, float]] = json.loads(kept.read_text())
    anew = stages["write the file anew begins"]
    before = max(wait for at, wait in waits if at + wait < anew)
    during = max(wait for at, wait in waits if at + wait >= anew)
    print(f"\na tenth of {turns:,} turns ({size:.0f} MB) forgotten beside a chat")
    print(f"erasing            {anew - began:10.2f} s")
    print(f"writing anew       {ended - anew:10.2f} s")
    print(f"longest wait       {before:10.2f} s     (limit: {LONGEST_WAIT_S})")
    print(f"while written anew {during:10.2f} s     (limit: {BUSY_TIMEOUT_S:.0f}, then refused)")
    return before < LONGEST_WAIT_S and verify(path).holds


def chat_beside(path: Path, kept: Path, over: Event) -> None:
    """Log a turn now and then, and keep when it began and the seconds it took."""
    chance, waits, number = random.Random(1), [], 0
    with SessionLog.open(path) as log:
        session = log.start_session(channel="benchmark", model=MODEL, index_digest=INDEX)
        while not over.is_set():
            number += 1
            began = time.monotonic()
            waits.append((began, logged(log, session, number, chance) / 1000))
            time.sleep(PAUSE_S)
    kept.write_text(json.dumps(waits))


def main() -> None:
    """Print what was lost and how long a turn waited, beside their limits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--turns", type=int, default=100_000)
    arguments = parser.parse_args()
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        well = [
            crowd(Path(one), arguments.writers, arguments.seconds),
            erasure(Path(other), arguments.turns),
        ]
    raise SystemExit(0 if all(well) else 1)


if __name__ == "__main__":
    main()
