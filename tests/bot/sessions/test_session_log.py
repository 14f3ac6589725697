"""Nothing that was acknowledged is ever lost, and what cannot be written is said in words."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.decision import Answer, Cite, Evidence, Handoff, Reading, Scored, Summary, Thresholds
from bot.errors import BotError
from bot.evidence import evidence_json
from bot.sessions.migrations import MIGRATIONS, SCHEMA
from bot.sessions.session_log import SessionLog, TurnRecord
from kb.passages import Passage
from kb.search import Hit

WRITER = Path(__file__).parents[1] / "log_writer.py"
FIRST_RELEASE = Path(__file__).parents[1] / "log_of_schema_1.sql"
TABLES = ("sessions", "turns", "decisions", "feedback")
READING = Reading((Scored("track", 0.9), Scored("cancel", 0.06)), {"order_id": "TT-1"})
HIT = Hit(Passage(7, "returns", "Returns", (), "Thirty days.", "returns.md:1"), 0.8, 0.7, 0.9)
EVIDENCE = Evidence(
    "intent-certain", READING.intents, (Scored("track", 0.7),), (HIT,), Thresholds(0.8, None, 0.6)
)
ANSWER = Answer("track", {"order_id": "TT-1"}, EVIDENCE)


def turn(session: int, number: int = 1, message: str = "where is TT-1?", **more: Any) -> TurnRecord:
    known = {"decision": ANSWER, "reading": READING, "ms": 4.5, "model": "v1", "index_digest": "ab"}
    return TurnRecord(session, number, message, **{"reply": "On its way.", **known, **more})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "frontdesk.db"


@pytest.fixture
def log(path: Path) -> Iterator[SessionLog]:
    with SessionLog.open(path) as log:
        yield log


def start(log: SessionLog) -> int:
    return log.start_session(channel="terminal", model="v1", index_digest="ab")


# --- what is kept --------------------------------------------------------------------------------


def test_a_turn_comes_back_with_its_decision_and_all_its_scores(log: SessionLog) -> None:
    session = start(log)
    log.record(turn(session, timings={"encode": 3.2}, at="2025-01-02T03:04:05+00:00"))
    assert log.turns(session) == [
        {
            "number": 1,
            "at": "2025-01-02T03:04:05+00:00",
            "message": "where is TT-1?",
            "reply": "On its way.",
            "ms": 4.5,
            "timings": {"encode": 3.2},
            "kind": "template",
            "template": "track",
            "citations": [],
            "evidence": evidence_json(ANSWER),
            "intent": "track",
            "confidence": 0.9,
            "model": "v1",
            "index_digest": "ab",
        }
    ]


def test_citations_and_handoffs_are_kept_too(log: SessionLog) -> None:
    session = start(log)
    log.record(turn(session, 1, decision=Cite((HIT,), EVIDENCE)))
    summary = Summary(("help",), {"order_id": "TT-1"})
    log.record(turn(session, 2, decision=Handoff("requested", summary, EVIDENCE)))
    cited, handed = log.turns(session)
    assert cited["citations"] == [{"article": "returns", "passage": 7, "score": 0.8}]
    assert (handed["kind"], handed["template"]) == ("handoff", None)
    assert handed["evidence"]["summary"]["messages"] == ["help"]


def test_a_model_without_intents_leaves_the_intent_empty(log: SessionLog) -> None:
    session = start(log)
    log.record(turn(session, reading=Reading()))
    assert (log.turns(session)[0]["intent"], log.turns(session)[0]["confidence"]) == (None, None)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "\x00\x01\x1b[2J\x9b31m",
        "a\x00b",
        "🤖",
        "שלום‮",
        "'); DROP TABLE turns; --",
        "长" * 100_000,
    ],
)
def test_a_message_is_kept_as_it_was_typed(log: SessionLog, message: str) -> None:
    session = start(log)
    log.record(turn(session, message=message))
    assert log.turns(session)[0]["message"] == message


def test_half_a_character_does_not_stop_the_log(log: SessionLog) -> None:
    session = start(log)
    log.record(turn(session, message="caf\udce9", reply="caf\udce9"))
    assert log.turns(session)[0]["message"] == "caf?"


def test_sessions_are_listed_latest_first_and_survive_a_restart(path: Path) -> None:
    with SessionLog.open(path) as log:
        first = start(log)
        log.record(turn(first))
    with SessionLog.open(path) as log:
        second = log.start_session(channel="pipe", model="v2", index_digest="cd")
        listed = [(row.id, row.channel, row.model, row.turns) for row in log.sessions()]
        assert listed == [(second, "pipe", "v2", 0), (first, "terminal", "v1", 1)]
        assert [row.id for row in log.sessions(limit=1)] == [second]


def test_feedback_belongs_to_a_turn(log: SessionLog, path: Path) -> None:
    session = start(log)
    log.record(turn(session))
    log.feedback(session, 1, "bad", "too short")
    log.feedback(session, 1, "intent", "cancel")
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT turn_id, verdict, note FROM feedback").fetchall()
    database.close()
    assert rows == [(1, "bad", "too short"), (1, "intent", "cancel")]
    with pytest.raises(BotError, match=f"^session {session} has no turn 2; it cannot be judged$"):
        log.feedback(session, 2, "good")


def test_the_same_turn_twice_is_refused_and_leaves_nothing(log: SessionLog) -> None:
    session = start(log)
    log.record(turn(session))
    with pytest.raises(BotError, match="went on elsewhere: its turn 1 is written already"):
        log.record(turn(session, message="again"))
    assert [row["message"] for row in log.turns(session)] == ["where is TT-1?"]
    log.record(turn(session, 2))


# --- what cannot be opened or written ------------------------------------------------------------


def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = path.read_bytes()
    with pytest.raises(BotError) as refusal:
        SessionLog.open(path)
    assert str(refusal.value) == (
        f"{path} has schema version 99, and this Frontdesk knows versions up to {SCHEMA};"
        " install the newer Frontdesk that wrote it"
    )
    assert path.read_bytes() == before


def test_a_database_of_the_first_release_opens_unchanged_and_is_searchable(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(FIRST_RELEASE.read_text(encoding="utf-8"))
        before = [database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES]
    with SessionLog.open(path) as log:
        assert [row["message"] for row in log.turns(2)] == ["where is TT-1?", "我要退款"]
    with closing(sqlite3.connect(path)) as database:
        after = [database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES]
        found = database.execute("SELECT rowid FROM turns_text WHERE turns_text MATCH '要退款'")
        assert (after, found.fetchall()) == (before, [(2,), (4,)])
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA,)


def test_the_full_text_is_kept_in_step_whoever_writes(log: SessionLog, path: Path) -> None:
    def found(words: str) -> list[tuple[int]]:
        query = "SELECT rowid FROM turns_text WHERE turns_text MATCH ?"
        return database.execute(query, (words,)).fetchall()

    log.record(turn(start(log)))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        assert found("TT-1".join('""')) == [(1,)]
        database.execute("UPDATE turns SET message = 'rye bread'")
        assert (found("bread"), found("TT-1".join('""'))) == ([(1,)], [])
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("DELETE FROM sessions")
        assert found("bread") == []
        # Raises where the index and the turns disagree.
        database.execute("INSERT INTO turns_text (turns_text, rank) VALUES ('integrity-check', 1)")


def test_an_older_database_is_brought_up_to_date(path: Path, monkeypatch: Any) -> None:
    with SessionLog.open(path) as log:
        session = start(log)
        log.record(turn(session))
    added = (*MIGRATIONS, ("ALTER TABLE turns ADD COLUMN mood TEXT",))
    monkeypatch.setattr("bot.sessions.session_log.MIGRATIONS", added)
    with SessionLog.open(path) as log:
        assert len(log.turns(session)) == 1
    database = sqlite3.connect(path)
    assert database.execute("SELECT mood FROM turns").fetchall() == [(None,)]
    assert database.execute("PRAGMA user_version").fetchone() == (len(added),)
    database.close()


def test_a_migration_that_fails_halfway_leaves_the_schema_before_it(
    path: Path, monkeypatch: Any
) -> None:
    SessionLog.open(path).close()
    added = ("CREATE TABLE added (a)",)
    broken = (*MIGRATIONS, added, ("CREATE TABLE extra (a)", "CREATE TABLE turns (a)"))
    monkeypatch.setattr("bot.sessions.session_log.MIGRATIONS", broken)
    with pytest.raises(BotError):
        SessionLog.open(path)
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA user_version").fetchone() == (len(broken) - 1,)
    names = "SELECT name FROM sqlite_master WHERE name IN ('added', 'extra')"
    assert database.execute(names).fetchall() == [("added",)]
    database.close()


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_text("a diary, not a database\n" * 100)
    with pytest.raises(BotError) as refusal:
        SessionLog.open(path)
    assert str(refusal.value) == (f"{path} is not a database; move it away and a new one is begun")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "frontdesk.db"
    with pytest.raises(BotError) as refusal:
        SessionLog.open(path)
    assert str(refusal.value) == (
        f"{path} cannot be opened; its folder must exist and allow writing"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(BotError, match="its folder must exist and allow writing"):
            SessionLog.open(tmp_path / "frontdesk.db")
    finally:
        tmp_path.chmod(0o700)


def test_a_database_that_may_not_be_written_is_named(log: SessionLog, path: Path) -> None:
    session = start(log)
    log._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(BotError) as refusal:
        log.record(turn(session))
    assert str(refusal.value) == (
        f"{path} may not be written; allow writing to it and to its folder"
    )


def test_a_full_disk_loses_the_turn_whole_and_says_so(log: SessionLog, path: Path) -> None:
    session = start(log)
    log.record(turn(session))
    pages = log._connection.execute("PRAGMA page_count").fetchone()[0]
    log._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(BotError) as refusal:
        log.record(turn(session, 2, "长" * 50_000))
    assert str(refusal.value) == (
        f"{path} cannot grow because the disk is full; free some space and try again "
        "(every turn that was answered is kept)"
    )
    log._connection.execute("PRAGMA max_page_count = 1000000")
    log.record(turn(session, 2))
    assert [row["number"] for row in log.turns(session)] == [1, 2]


def test_a_lock_that_is_never_given_up_is_named(path: Path, monkeypatch: Any) -> None:
    SessionLog.open(path).close()
    monkeypatch.setattr("bot.storage.database.BUSY_TIMEOUT_S", 0.01)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with SessionLog.open(path) as log, pytest.raises(BotError, match="kept locked by another"):
        start(log)
    holder.close()


def test_a_damaged_page_is_named(path: Path) -> None:
    with SessionLog.open(path) as log:
        session = start(log)
        for number in range(200):
            log.record(turn(session, number))
    data = bytearray(path.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 512] = b"\xff" * 512
    path.write_bytes(bytes(data))
    with pytest.raises(BotError, match="is damaged; restore it"), SessionLog.open(path) as log:
        log.turns(session)


def test_ctrl_c_between_the_rows_of_a_turn_leaves_neither(log: SessionLog) -> None:
    session = start(log)

    def interrupted() -> None:
        with log._transaction() as connection:
            row = (session,)
            connection.execute("INSERT INTO turns VALUES (9, ?, 9, '', '', '', 0, '{}')", row)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert log._connection.execute("SELECT count(*) FROM turns").fetchone() == (0,)
    log.record(turn(session))


# --- many processes, and their deaths ------------------------------------------------------------


def writer(path: Path, turns: int = 1_000_000) -> subprocess.Popen[str]:
    """A process that says "ready", opens the log, and says each turn once it is committed."""
    command = [sys.executable, str(WRITER), str(path), str(turns)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def acknowledged(output: str) -> list[tuple[int, int]]:
    """(session, turn) of every whole line; the last line may be torn by the kill."""
    whole = output[: output.rfind("\n") + 1].removeprefix("ready\n").splitlines()
    return [(int(session), int(number)) for session, number in map(str.split, whole)]


def recorded(path: Path) -> set[tuple[int, int]]:
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    rows = set(
        database.execute(
            "SELECT session_id, number FROM turns JOIN decisions ON turn_id = turns.id"
        )
    )
    assert database.execute("SELECT count(*) FROM turns").fetchone() == (len(rows),)
    database.close()
    return rows


def test_killed_at_any_instant_no_acknowledged_turn_is_lost(path: Path) -> None:
    chance = random.Random(7)
    said: list[tuple[int, int]] = []
    for longest in (0.02, 0.02, *[0.15] * 8):  # seconds; the first die while they open the log
        process = writer(path)
        assert process.stdout is not None
        ready = process.stdout.readline()
        time.sleep(chance.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        said += acknowledged(ready + process.communicate()[0])
        if path.exists():
            SessionLog.open(path).close()
            assert set(said) <= recorded(path)
    assert len(said) > 9


def test_two_processes_write_at_once_and_lose_nothing(path: Path) -> None:
    processes = [writer(path, 150), writer(path, 150)]
    said = [pair for process in processes for pair in acknowledged(process.communicate()[0])]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(said) == 300
    assert set(said) == recorded(path)
