"""Records turns in a log and says each once it is committed; run by test_session_log.py."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.decision import Answer, Evidence, Reading
from bot.sessions.session_log import SessionLog, TurnRecord


def write(path: Path, turns: int) -> None:
    """Say "ready", open the log, and say "session number" for every turn that is in it."""
    print("ready", flush=True)
    decision, reading = Answer("track", {}, Evidence("intent-certain")), Reading()
    with SessionLog.open(path) as log:
        session = log.start_session(channel="test", model="v1", index_digest="ab")
        for number in range(1, turns + 1):
            turn = (session, number, "where is it?" * 20, "On its way.", decision, reading)
            log.record(TurnRecord(*turn, ms=4.5, model="v1", index_digest="ab"))
            print(session, number, flush=True)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
