"""A chat with a bot that is made up; run by test_repl.py at a terminal and in a pipe.

python fake_chat.py repl HISTORY | pipe | json | debug
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bot.decision import (
    Answer,
    Cite,
    Decision,
    Evidence,
    Reading,
    Scored,
    Thresholds,
    Unknown,
)
from bot.errors import BotError
from bot.repl import Exchange, run_pipe, run_repl
from bot.session_log import Verdict
from kb.passages import Passage
from kb.search import Hit

READING = Reading((Scored("track", 0.91), Scored("cancel", 0.04)))
HIT = Hit(Passage(7, "returns", "Returns", ("Boots",), "Thirty days.", "r.md:1"), 0.75, 0.7, 0.8)
EVIDENCE = Evidence(
    "intent-certain",
    READING.intents,
    (Scored("track", 0.66),),
    (HIT,),
    Thresholds(0.8, None, 0.7),
)
DECISIONS: dict[str, Decision] = {
    "article": Cite((HIT,), EVIDENCE),
    "unknown": Unknown("uncertain", EVIDENCE),
}


@dataclass
class FakeBot:
    """Says back what it hears; some words make it fail."""

    turns: int = 0
    judged: list[tuple[int, str, str]] = field(default_factory=list)

    def respond(self, text: str) -> Exchange:
        if text == "explode":
            raise ValueError("the boiler\nburst")
        if text == "disk":
            raise BotError("frontdesk.db cannot grow because the disk is full; free some space")
        if text == "slow":
            sys.stdout.write("thinking\n")
            sys.stdout.flush()
            time.sleep(30)
        self.turns += 1
        decision = DECISIONS.get(text, Answer("track", {}, EVIDENCE))
        return Exchange(1, self.turns, f"You said:\n{text}", decision, READING, 4.5)

    def feedback(self, turn: int, verdict: Verdict, note: str) -> None:
        if note == "disk":
            raise BotError("frontdesk.db may not be written; allow writing to it")
        self.judged.append((turn, verdict, note))


def main(mode: str, *rest: str) -> int:
    bot = FakeBot()
    if mode == "repl":
        history = Path(rest[0])
        code = run_repl(bot, name="Fake", intents=("track", "cancel"), history=history)
        sys.stdout.write(f"judged {bot.judged}\n")
        return code
    streams = (sys.stdin.buffer, sys.stdout, sys.stderr)
    return run_pipe(bot, *streams, as_json=mode == "json", debug=mode == "debug")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
