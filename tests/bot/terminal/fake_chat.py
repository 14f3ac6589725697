"""A chat with a bot that is made up; run by test_repl.py at a terminal and in a pipe.

python fake_chat.py repl FOLDER [debug] | pipe | json | debug
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.decision import (
    Answer,
    Cite,
    Decision,
    Evidence,
    Reading,
    Scored,
    Several,
    Thresholds,
    Unknown,
)
from bot.errors import BotError, NoSession
from bot.exchange import Exchange
from bot.replies import Language
from bot.sessions.resuming import Resumed, Said
from bot.sessions.session_log import SessionRow, Verdict
from bot.state import State
from bot.terminal.repl import run_pipe, run_repl
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
    "both": Several((Answer("track", {}, EVIDENCE), Cite((HIT,), EVIDENCE)), ("a", "b"), EVIDENCE),
}
SUGGESTED = ("Cancel an order", "退货")
SESSIONS = {
    7: SessionRow(7, "", "terminal", "v1", "ab", 2, "2026-03-04T12:30:00+00:00", "where is it"),
    12: SessionRow(12, "", "terminal", "v1", "ab", 1, "2026-03-05T12:30:00+00:00", "退款" * 40),
}


@dataclass
class FakeBot:
    """Says back what it hears; some words make it fail."""

    turns: int = 0
    session: int = 1
    language: Language = "en"
    state: State = field(default_factory=State)
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
        return Exchange(
            self.session,
            self.turns,
            f"You said:\n{text}",
            decision,
            READING,
            4.5,
            {"encode": 3.0, "read": 1.5},
            SUGGESTED if text == "suggest" else (),
        )

    def feedback(self, turn: int, verdict: Verdict, note: str) -> None:
        if note == "disk":
            raise BotError("frontdesk.db may not be written; allow writing to it")
        self.judged.append((turn, verdict, note))

    def start(self) -> None:
        self.session, self.turns = self.session + 1, 0

    def resume(self, session: int) -> Resumed:
        if session not in SESSIONS:
            raise NoSession(f"the log has no session {session}; /sessions lists what there is")
        self.session, self.turns = session, SESSIONS[session].turns
        said = Said(SESSIONS[session].first, "On its way.")
        return Resumed(session, self.turns, self.state, [said], "other model")

    def catch_up(self) -> None:
        """A bot that is made up has no log."""

    def talks(self, limit: int) -> Sequence[SessionRow]:
        return [SESSIONS[number] for number in sorted(SESSIONS, reverse=True)][:limit]


def main(mode: str, *rest: str) -> int:
    bot = FakeBot()
    if mode == "repl":
        code = run_repl(
            bot, name="Fake", intents=("track", "cancel"), home=Path(rest[0]), debug="debug" in rest
        )
        sys.stdout.write(f"judged {bot.judged}\n")
        return code
    streams = (sys.stdin.buffer, sys.stdout, sys.stderr)
    return run_pipe(bot, *streams, as_json=mode == "json", debug=mode == "debug")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
