"""The queue of conversations that a person is to take over."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.bot import Bot
from bot.console import silent
from bot.decision import Thresholds
from bot.live import open_desk
from bot.log.verification import verify
from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]
ALWAYS = Thresholds(intent=0.0, max_wrong=0.05)


@pytest.fixture
def bot(trained_workspace: Workspace) -> Iterator[Bot]:
    desk = replace(open_desk(trained_workspace, silent), thresholds=ALWAYS)
    with SessionLog.open(trained_workspace.database) as log:
        yield Bot(desk, log, channel="test")


def rows(workspace: Workspace) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(workspace.database)) as log:
        log.row_factory = sqlite3.Row
        return [dict(row) for row in log.execute("SELECT * FROM handoffs ORDER BY id")]


def test_what_a_person_needs_is_queued_with_the_turn(
    bot: Bot, trained_workspace: Workspace
) -> None:
    bot.respond("where is my parcel")
    bot.respond("BK-0001")
    bot.respond("can I talk to someone?")
    [row] = rows(trained_workspace)
    assert (row["session_id"], row["turn"], row["reason"]) == (1, 3, "requested")
    assert (row["status"], row["taken_by"], row["taken_at"]) == ("waiting", "", "")
    summary = json.loads(row["summary"])
    assert len(summary["messages"]) == 3
    assert summary["messages"][-1] == "can I talk to someone?"
    assert summary["slots"] == {"order_id": "BK-0001"}
    assert summary["tried"] == [
        {"turn": 1, "kind": "ask", "template": "track", "slot": "order_id"},
        {"turn": 2, "kind": "template", "template": "track"},
    ]
    assert (summary["articles"], summary["upset"]) == ([], 0)


def test_the_bot_does_not_talk_over_the_person_and_passes_on_what_is_said(
    bot: Bot, trained_workspace: Workspace
) -> None:
    bot.respond("agent")
    said = bot.respond("where is my parcel BK-0001")
    assert said.reply.startswith("A colleague is on the way")
    [row] = rows(trained_workspace)
    summary = json.loads(row["summary"])
    assert len(summary["messages"]) == 2
    assert summary["slots"] == {"order_id": "BK-0001"}


@pytest.mark.parametrize("words", ["never mind", "算了", "start over"])
def test_the_customer_may_call_it_off(bot: Bot, trained_workspace: Workspace, words: str) -> None:
    bot.respond("agent")
    bot.respond(words)
    assert bot.respond("where is my parcel BK-0001").decision.kind == "template"
    [row] = rows(trained_workspace)
    assert (row["status"], row["closed_at"] != "") == ("closed", True)


def test_once_the_person_has_closed_it_the_bot_answers_again(
    bot: Bot, trained_workspace: Workspace, frontdesk: Frontdesk
) -> None:
    bot.respond("agent")
    frontdesk("-w", trained_workspace.root, "handoffs", "take", "1", "--as", "Ann")
    assert bot.respond("hello?").decision.evidence.rule == "handed-over"
    frontdesk("-w", trained_workspace.root, "handoffs", "close", "1")
    assert bot.respond("where is my parcel BK-0001").decision.kind == "template"


def test_a_handoff_that_is_over_is_not_repeated(
    bot: Bot, trained_workspace: Workspace, frontdesk: Frontdesk
) -> None:
    bot.respond("agent")
    frontdesk("-w", trained_workspace.root, "handoffs", "close", "1")
    assert bot.respond("what did you say?").decision.kind != "handoff"
    assert [row["status"] for row in rows(trained_workspace)] == ["closed"]


@pytest.mark.parametrize("by", ["command", "customer", "sql"])
def test_what_is_known_of_the_customer_is_kept_until_it_is_closed(
    bot: Bot, trained_workspace: Workspace, frontdesk: Frontdesk, by: str
) -> None:
    bot.respond("where is my parcel BK-0001")
    bot.respond("agent")
    [row] = rows(trained_workspace)
    assert json.loads(row["summary"])["slots"] == {"order_id": "BK-0001"}
    if by == "command":
        frontdesk("-w", trained_workspace.root, "handoffs", "close", "1")
    elif by == "customer":
        bot.respond("never mind")
    else:
        with closing(sqlite3.connect(trained_workspace.database)) as log:
            log.execute("UPDATE handoffs SET status = 'closed'")
            log.commit()
    [row] = rows(trained_workspace)
    assert json.loads(row["summary"])["slots"] == {"order_id": "[order_id]"}
    assert verify(trained_workspace.database).holds
    bot.respond("agent")  # the conversation itself has not forgotten it
    assert json.loads(rows(trained_workspace)[-1]["summary"])["slots"] == {"order_id": "BK-0001"}


def test_a_second_handoff_is_a_second_entry(bot: Bot, trained_workspace: Workspace) -> None:
    for words in ("agent", "never mind", "agent"):
        bot.respond(words)
    assert [row["status"] for row in rows(trained_workspace)] == ["closed", "waiting"]


def test_a_turn_that_fails_leaves_nothing_in_the_queue(
    bot: Bot, trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the printer is on fire")

    bot.respond("where is my parcel")
    monkeypatch.setattr("bot.sessions.session_log.keep_up", broken)
    with pytest.raises(RuntimeError, match="printer"):
        bot.respond("agent")
    monkeypatch.undo()
    assert rows(trained_workspace) == []
    assert len(bot.log.turns(1)) == 1
    assert bot.respond("BK-0001").decision.kind == "template"


# --- the command ---------------------------------------------------------------------------------


def test_the_queue_is_listed_read_taken_and_closed(
    bot: Bot, trained_workspace: Workspace, frontdesk: Frontdesk
) -> None:
    bot.respond("where is my parcel BK-0001")
    bot.respond("agent")
    at = ("-w", trained_workspace.root, "handoffs")
    code, out, _ = frontdesk(*at, "list")
    assert (code, out.splitlines()[0].split()) == (
        0, ["number", "session", "since", "(UTC)", "reason", "status", "the", "last", "message"],
    )  # fmt: skip
    assert "waiting" in out
    code, out, _ = frontdesk(*at, "take", "1", "--as", "Ann")
    assert (code, out) == (0, "handoff 1 of session 1 is taken by Ann\n")
    code, out, err = frontdesk(*at, "take", "1", "--as", "Bob")
    assert (code, out) == (2, "")
    assert "handoff 1 is taken by Ann; take one that is waiting" in err
    code, out, _ = frontdesk(*at, "show", "1")
    assert "customer: agent\n" in out
    assert "order_id: BK-0001\n" in out
    assert "tried in turn 1: template track\n" in out
    assert frontdesk(*at, "close", "1")[1] == "handoff 1 of session 1 is closed by Ann\n"
    assert frontdesk(*at, "list")[1] == "nobody waits for a person\n"
    assert len(json.loads(frontdesk(*at, "list", "--all", "--json")[1])["handoffs"]) == 1


@pytest.mark.parametrize("command", ["show", "take", "close"])
def test_a_number_that_is_not_there_is_said_to_be(
    bot: Bot, trained_workspace: Workspace, frontdesk: Frontdesk, command: str
) -> None:
    bot.respond("agent")
    code, out, err = frontdesk("-w", trained_workspace.root, "handoffs", command, "7")
    assert (code, out) == (2, "")
    assert "there is no handoff 7; `frontdesk handoffs list` has them" in err


def test_the_json_of_an_entry(bot: Bot, trained_workspace: Workspace, frontdesk: Frontdesk) -> None:
    bot.respond("agent")
    out = frontdesk("-w", trained_workspace.root, "handoffs", "show", "1", "--json")[1]
    found = json.loads(out)
    assert list(found) == [
        "id", "session", "turn", "at", "reason", "status", "summary", "taken_by", "taken_at",
        "closed_at",
    ]  # fmt: skip


ROOT = Path(__file__).parents[3]


def test_the_sql_that_is_documented_does_what_it_says(
    bot: Bot, trained_workspace: Workspace
) -> None:
    bot.respond("where is my parcel")
    bot.respond("agent")
    page = (ROOT / "docs" / "handover.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sql\n(.*?)```", page, re.S)
    waiting, take, read, close = (
        block.replace("= 7", "= 1").replace("= 3", "= 1") for block in blocks
    )
    said, tried = (query for query in read.split(";") if query.strip())
    with closing(sqlite3.connect(trained_workspace.database)) as log:
        [row] = log.execute(waiting)
        assert (row[0], row[1], row[4]) == (1, 1, "agent")
        assert [log.execute(take).rowcount for _ in range(2)] == [1, 0]
        assert [number for number, *_ in log.execute(said)] == [1, 2]
        assert log.execute(tried).fetchall() == [(1, "ask", "track")]
        log.execute(close)
        log.commit()
    assert not bot.log.person_awaited(bot.session)


# --- the log -------------------------------------------------------------------------------------


def test_a_handoff_that_is_missing_from_the_queue_breaks_the_invariant(
    bot: Bot, trained_workspace: Workspace
) -> None:
    bot.respond("agent")
    assert verify(trained_workspace.database).holds
    with closing(sqlite3.connect(trained_workspace.database)) as log:
        log.execute("DELETE FROM handoffs")
        log.commit()
    [breach] = verify(trained_workspace.database).breaches
    assert str(breach) == ("session 1, turn 1: it hands over, and no handoff of it is in the queue")


def test_forgetting_a_session_takes_its_handoffs(
    bot: Bot, trained_workspace: Workspace, frontdesk: Frontdesk
) -> None:
    bot.respond("where is my parcel BK-0001")
    bot.respond("agent")
    bot.respond("my cousin zanzibarella will write")
    assert b"zanzibarella" in _bytes(trained_workspace)
    code, _, _ = frontdesk("-w", trained_workspace.root, "log", "forget", "1", "--yes")
    assert code == 0
    assert rows(trained_workspace) == []
    assert b"zanzibarella" not in _bytes(trained_workspace)


def _bytes(workspace: Workspace) -> bytes:
    files = workspace.root.glob(f"{workspace.database.name}*")
    return b"".join(file.read_bytes() for file in files)
