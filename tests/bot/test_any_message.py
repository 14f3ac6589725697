"""Whatever is sent, the bot answers, and every turn is in the log.

A small share of what benchmarks/messages.py sends: 10,000, timed.
"""

import faulthandler
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from benchmarks._messages import ODD, messages
from bot.bot import Bot, Desk
from bot.live import open_desk
from bot.privacy import of_log
from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace
from finetune.transcripts import read_chats

GENERATED, A_SESSION = 150, 6
HUNG = 60  # seconds after which the whole test run ends with a trace


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def watched() -> Iterator[None]:
    """A hang ends with the stack of where it hung, rather than never."""
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    return open_desk(trained_workspace, silent)


@pytest.mark.usefixtures("watched")
def test_every_message_is_answered_and_logged(desk: Desk, trained_workspace: Workspace) -> None:
    chats = read_chats([trained_workspace.chats]).conversations
    real = [t.text for chat in chats for t in chat.turns if t.speaker == "customer"]
    texts = list(messages(len(ODD) + GENERATED, real))
    with SessionLog.open(trained_workspace.database, of_log(desk.settings)) as log:
        for number, text in enumerate(texts):
            if number % A_SESSION == 0:
                bot = Bot(desk, log, channel="test")
            faulthandler.dump_traceback_later(HUNG, exit=True)
            assert bot.respond(text).reply.strip(), repr(text[:80])
    with closing(sqlite3.connect(trained_workspace.database)) as db:
        [(turns, decisions)] = db.execute(
            "SELECT (SELECT count(*) FROM turns), (SELECT count(*) FROM decisions)"
        )
    assert (turns, decisions) == (len(texts), len(texts))


def test_the_generator_gives_the_same_messages_every_time() -> None:
    first, second = (list(messages(400, ["where is my order?", "我要退货"])) for _ in range(2))
    assert first == second
    assert len(first) == 400
    assert len(set(first)) > 300
    assert any("\ud800" in text for text in first)


def test_half_of_a_character_is_no_hindrance(desk: Desk, trained_workspace: Workspace) -> None:
    """A lone surrogate, as broken JSON has it, can be in no file and in no encoding."""
    with SessionLog.open(trained_workspace.database) as log:
        bot = Bot(desk, log, channel="test")
        bot.respond("where is \ud800 parcel BK-0001")
        [row] = log.turns(bot.session)
    assert row["message"] == "where is ? parcel BK-0001"


def test_of_a_very_long_message_the_beginning_is_searched_for_entities(desk: Desk) -> None:
    entity = desk.settings.entities["order_id"]
    assert entity.find("x " * 1000 + "BK-0001") == "BK-0001"
    assert entity.find("x " * 10_000 + "BK-0001") is None
