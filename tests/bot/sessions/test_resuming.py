"""A session goes on where it was left: in another process, beside another one, after a change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.bot import Bot, Desk
from bot.decision import Thresholds
from bot.errors import BotError
from bot.evidence import evidence_json
from bot.live import open_desk
from bot.privacy import PLAIN
from bot.sessions.restoring import dumps
from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    opened = open_desk(trained_workspace, silent)
    return replace(opened, thresholds=Thresholds(intent=0.0, max_wrong=0.05))


@pytest.fixture
def path(trained_workspace: Workspace) -> Path:
    return trained_workspace.database


@pytest.fixture
def bot(desk: Desk, path: Path) -> Iterator[Bot]:
    with SessionLog.open(path) as log:
        yield Bot(desk, log, channel="test")


@pytest.fixture
def another(desk: Desk, path: Path) -> Iterator[Bot]:
    """As another process has it, or the same one tomorrow."""
    with SessionLog.open(path) as log:
        yield Bot(desk, log, channel="test")


def execute(path: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement, values)


def test_a_session_goes_on_as_if_it_had_never_stopped(bot: Bot, another: Bot) -> None:
    asked = bot.respond("where is my parcel")
    assert asked.reply == "What is your order number?"
    found = another.resume(bot.session)
    assert (found.turn, found.note) == (1, "")
    assert [(said.message, said.reply) for said in found.last] == [
        ("where is my parcel", "What is your order number?")
    ]
    assert dumps(another.state) == dumps(bot.state)
    filled = another.respond("BK-0042")
    assert filled.reply == "Parcel BK-0042 is on its way."
    assert (filled.session, filled.turn) == (asked.session, 2)


CONVERSATION = (
    "hello",
    "where is my parcel",
    "gift voucher sold at the till",
    "BK-0042",
    "where is my parcel",
    "no, I meant BK-0007",
    "thanks for monday",
    "what did you say?",
    "zzz",
    "qqq",
    "never mind",
    "cancel everything please",
    "我要转人工",
    "算了",
    "awful cake monday, i want to complain",
)


def test_a_restart_before_every_message_changes_no_answer(desk: Desk, path: Path) -> None:
    clock = iter(range(1_000_000))
    with SessionLog.open(path, PLAIN) as log:
        steady = Bot(desk, log, channel="test", now=lambda: float(next(clock)))
        restarted = Bot(desk, log, channel="test", now=lambda: float(next(clock)))
        for message in CONVERSATION:
            expected = steady.respond(message)
            answer = restarted.respond(message)
            assert answer.reply == expected.reply
            assert evidence_json(answer.decision) == evidence_json(expected.decision)
            again = Bot(desk, log, channel="test", now=lambda: float(next(clock)))
            again.resume(restarted.session)
            assert dumps(again.state) == dumps(restarted.state)
            restarted = again


def test_only_the_last_exchanges_are_shown(bot: Bot, another: Bot) -> None:
    for day in ("monday", "tuesday", "friday"):
        bot.respond(f"thanks for {day}")
    shown = [said.message for said in another.resume(bot.session).last]
    assert shown == ["thanks for tuesday", "thanks for friday"]


def test_of_two_that_resume_one_session_the_second_is_told(bot: Bot, another: Bot) -> None:
    bot.respond("where is my parcel")
    another.resume(bot.session)
    another.respond("BK-0042")
    before = dumps(bot.state)
    with pytest.raises(BotError) as told:
        bot.respond("BK-0001")
    assert str(told.value) == (
        "session 1 went on elsewhere: its turn 2 is written already, and this message is not"
        " answered; resume the session to go on from there"
    )
    assert (dumps(bot.state), bot.turn) == (before, 1)
    assert [row["message"] for row in bot.log.turns(1)] == ["where is my parcel", "BK-0042"]
    bot.resume(1)
    assert bot.respond("thanks for monday").turn == 3


def test_a_session_that_is_not_there(bot: Bot) -> None:
    bot.respond("thanks for monday")
    with pytest.raises(BotError, match=r"^the log has no session 9; /sessions lists what there"):
        bot.resume(9)
    assert bot.respond("thanks for friday").turn == 2


def test_an_erased_session_is_not_gone_on_with(bot: Bot, path: Path) -> None:
    bot.respond("thanks for monday")
    execute(path, "PRAGMA foreign_keys = ON")
    bot.log._connection.execute("DELETE FROM sessions")
    with pytest.raises(BotError, match="session 1 was erased from"):
        bot.respond("thanks for friday")
    assert bot.log._rows("SELECT * FROM states", ()) == []
    bot.start()
    assert bot.respond("thanks for friday").session == 2


def vectors(value: Any) -> list[str]:
    """All vectors in a state that was made plain."""
    if isinstance(value, list):
        return [found for part in value for found in vectors(part)]
    if not isinstance(value, dict):
        return []
    own = [value["float32"]] if "float32" in value else []
    return own + [found for part in value.values() for found in vectors(part)]


def test_another_encoder_reads_again_what_was_said(bot: Bot, another: Bot, path: Path) -> None:
    bot.respond("how long is a voucher valid")
    bot.respond("where is my parcel")
    execute(path, "UPDATE states SET encoder = 'another'")
    found = another.resume(1)
    assert found.note == "other model"
    assert another.respond("BK-0042").reply == "Parcel BK-0042 is on its way."
    known = another.desk.model.encode(
        [text for said in found.last for text in (said.message, said.reply)]
    )
    assert [speaker for speaker, _ in found.state.turns] == ["customer", "agent"] * 2
    assert np.array_equal([vector for _, vector in found.state.turns], known)
    assert len(vectors(json.loads(dumps(found.state)))) == 4
    assert dumps(replace(found.state, turns=())) == dumps(replace(bot.state, turns=(), asked=None))


DAMAGE: dict[str, Callable[[Path], None]] = {
    "none was kept": lambda path: execute(path, "DELETE FROM states"),
    "it is of an earlier turn": lambda path: execute(path, "UPDATE states SET turn = 0"),
    "it cannot be read": lambda path: execute(path, "UPDATE states SET state = '{\"Mood\": {}}'"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_without_its_state_a_session_goes_on_and_says_so(
    bot: Bot, another: Bot, path: Path, damage: Callable[[Path], None]
) -> None:
    bot.respond("where is my parcel BK-0001")
    damage(path)
    found = another.resume(1)
    assert (found.turn, found.note, found.state.slots) == (1, "forgotten", {})
    assert len(found.state.turns) == 2
    assert another.respond("thanks for monday").turn == 2


def test_ctrl_c_after_the_commit_does_not_lock_the_session(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = SessionLog.record

    def interrupted(log: SessionLog, turn: Any) -> int:
        record(log, turn)
        raise KeyboardInterrupt

    bot.respond("where is my parcel")
    with monkeypatch.context() as patched:
        patched.setattr(SessionLog, "record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bot.respond("BK-0042")
    bot.catch_up()
    assert bot.state.slots == {"order_id": "BK-0042"}
    assert bot.respond("thanks for monday").turn == 3


def test_a_session_is_in_the_log_from_its_first_message_on(bot: Bot) -> None:
    bot.catch_up()
    assert (bot.log.sessions(), bot.talks(5)) == ([], [])
    bot.respond("thanks for monday")
    bot.start()
    bot.respond("thanks for friday")
    bot.resume(1)
    bot.respond("where is my parcel")
    assert [(row.id, row.turns, row.first) for row in bot.talks(5)] == [
        (1, 2, "thanks for monday"),
        (2, 1, "thanks for friday"),
    ]
    assert [row.id for row in bot.talks(1)] == [1]
    assert bot.log.talks("terminal", 5) == []
