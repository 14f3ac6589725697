"""`frontdesk log forget` and `prune`: nothing of what was said stays in the bytes of a database."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.decision import Answer, Evidence, Reading
from bot.errors import BotError
from bot.log.erasure import age, erase, of_customer
from bot.log.reading import opened_to_change
from bot.replay.store import COLUMNS, ReplayStore
from bot.sessions.session_log import SessionLog, TurnRecord
from bot.workspace import Workspace

Converse = Callable[..., int]
Feedback = Callable[..., None]
Frontdesk = Callable[..., tuple[int, str, str]]
WRITER = Path(__file__).resolve().parent.with_name("log_writer.py")

# No three characters of them are in anything else.
SECRET = "zqxvjkwpgf zvkjxq"
CHINESE = "龘龖龗麤鱻"


@pytest.fixture
def log(frontdesk: Frontdesk, workspace: Workspace) -> Callable[..., dict[str, Any]]:
    """`log("forget", "1")` -> the JSON of a command that succeeds."""

    def log_(*words: str) -> dict[str, Any]:
        code, out, err = frontdesk("-w", workspace.root, "log", *words, "--yes", "--json")
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    return log_


Log = Callable[..., dict[str, Any]]


def traces(workspace: Workspace, *texts: str) -> set[str]:
    """Those three characters of the texts, in a row, that any byte of the databases still holds."""
    files = [*workspace.root.glob("frontdesk.db*"), *workspace.root.glob("replays.db*")]
    data = b"".join(file.read_bytes() for file in files)
    rows = {text[start : start + 3] for text in texts for start in range(len(text) - 2)}
    return {row for row in rows if row.encode() in data}


def sessions(workspace: Workspace) -> list[int]:
    with closing(sqlite3.connect(workspace.database)) as database:
        return [session for (session,) in database.execute("SELECT id FROM sessions")]


def start_replay(store: ReplayStore) -> int:
    named = dict.fromkeys(
        ("request", "chats", "workspace", "version", "model", "index_digest"), "x"
    )
    return store.start(about={}, **named).id


def replayed(workspace: Workspace, *turns: tuple[str, str]) -> None:
    """A replay of these (conversation, message) in `replays.db`."""
    with ReplayStore.open(workspace.replays) as store:
        replay = start_replay(store)
        for chat, (conversation, message) in enumerate(turns):
            row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
            row |= {"chat": chat, "turn": 0, "conversation": conversation, "message": message}
            row |= {"trusted": 1, "confirms": 0, "ms": 1.0}
            names = ", ".join(("replay", *row))
            places = ", ".join("?" * (len(row) + 1))
            insert = f"INSERT INTO turns ({names}) VALUES ({places})"
            store._connection.execute(insert, (replay, *row.values()))


# --- forget --------------------------------------------------------------------------------------


def test_no_byte_of_a_forgotten_customer_stays(
    log: Log, workspace: Workspace, converse: Converse, feedback: Feedback
) -> None:
    converse("where is my bread?")
    session = converse(SECRET, CHINESE, entities={"order_id": SECRET})
    converse("thanks")
    feedback(session, 1, "bad", f"not {SECRET}")
    replayed(workspace, (f"session-{session}", SECRET), ("bakery-01", "where is my bread?"))
    assert SECRET[:3] in traces(workspace, SECRET)
    assert CHINESE[:3] in traces(workspace, CHINESE)

    erased = log("forget", str(session))
    assert erased == {"sessions": [2], "turns": 2, "replay_turns": 1, "remains": []}
    assert traces(workspace, SECRET, CHINESE) == set()
    assert sessions(workspace) == [1, 3]


def test_the_traces_are_gone_while_chats_have_the_log_open(
    log: Log, workspace: Workspace, converse: Converse
) -> None:
    session = converse(SECRET)
    with closing(sqlite3.connect(workspace.database)) as idle:
        idle.execute("SELECT count(*) FROM turns").fetchone()
        assert workspace.database.with_name("frontdesk.db-wal").exists()
        log("forget", str(session))
        assert traces(workspace, SECRET) == set()


def test_the_rest_of_the_log_is_whole_and_found_afterwards(
    log: Log, frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    for text in ("rye bread", SECRET, "white bread"):
        converse(text)
    log("forget", "2")
    out = frontdesk("log", "search", "bread", "--json", "-w", workspace.root)[1]
    assert [turn["session"] for turn in json.loads(out)["turns"]] == [3, 1]
    assert frontdesk("log", "verify", "-w", workspace.root)[0] == 0
    assert converse("hello again") == 4  # the number of an erased session is never given again
    with closing(sqlite3.connect(workspace.database)) as database:
        # Raises where the index and the turns disagree.
        database.execute("INSERT INTO turns_text (turns_text, rank) VALUES ('integrity-check', 1)")


def test_a_customer_is_known_by_what_they_wrote(
    log: Log, workspace: Workspace, converse: Converse, feedback: Feedback
) -> None:
    converse("I am Mia@example.com")
    converse("hello", replies=["write to mia@example.com"])  # the bot said it, not the customer
    converse("hello")
    converse("a 50% discount", "for mia@EXAMPLE.com")
    feedback(3, 1, "bad", "this is mia@example.com again")
    assert log("forget", "--customer", "mia@example.com")["sessions"] == [1, 3, 4]
    assert sessions(workspace) == [2]


def test_forgetting_again_is_no_error(log: Log, converse: Converse) -> None:
    converse("hello")
    assert log("forget", "1")["sessions"] == [1]
    assert log("forget", "1")["sessions"] == []


def test_replays_of_reviewed_and_exported_sessions_are_erased(
    log: Log, workspace: Workspace, converse: Converse
) -> None:
    converse("hello")
    names = ["session-1", "reviewed/session-1", "reviewed/session-1~2", "session-11", "chat-1"]
    replayed(workspace, *((name, "hello") for name in names))
    assert log("forget", "1")["replay_turns"] == 3
    with closing(sqlite3.connect(workspace.replays)) as database:
        left = {name for (name,) in database.execute("SELECT conversation FROM turns")}
    assert left == {"session-11", "chat-1"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["9"], "the log has no session 9; nothing was erased"),
        (["--customer", " "], "an empty text is in every session; name what the customer wrote"),
        ([], "name either sessions or --customer TEXT; see `frontdesk log forget --help`"),
        (
            ["1", "--customer", "x"],
            "name either sessions or --customer TEXT; see `frontdesk log forget --help`",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse, words: list[str], told: str
) -> None:
    converse("hello")
    assert frontdesk("-w", workspace.root, "log", "forget", "--yes", *words) == (
        2,
        "",
        f"frontdesk: {told}\n",
    )
    assert sessions(workspace) == [1]


def test_a_customer_whom_nobody_knows_is_said(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("hello")
    told = frontdesk("-w", workspace.root, "log", "forget", "--customer", "mia", "--yes")
    assert told[:2] == (0, "no session is to be erased\n")


def test_nothing_is_erased_unasked(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("hello")
    assert frontdesk("log", "forget", "1", "-w", workspace.root) == (
        2,
        "",
        "frontdesk: nobody is there to be asked; nothing was erased; add --yes\n",
    )
    assert sessions(workspace) == [1]


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", [1]), (b"y\n", [])])
def test_at_a_terminal_it_asks_first(
    workspace: Workspace, converse: Converse, answer: bytes, left: list[int]
) -> None:
    converse("hello")
    keyboard, terminal = os.openpty()
    os.write(keyboard, answer)
    program = "import sys; from bot.cli import main; sys.argv[0] = 'frontdesk'; main()"
    words = ["-w", str(workspace.root), "log", "forget", "1"]
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, stdin=terminal, capture_output=True, text=True, check=False)
    os.close(keyboard)
    os.close(terminal)
    assert "Erase 1 sessions with 1 turns for good?" in done.stderr
    assert (done.returncode, sessions(workspace)) == (0 if not left else 1, left)


# --- what stands elsewhere -----------------------------------------------------------------------


def test_files_in_which_the_words_still_stand_are_named_and_left_alone(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("I am mia@example.com", "hi", "first line\nsecond line")
    root = workspace.root
    written = {
        "chats/log.jsonl": '{"id": "session-1", "turns": [{"text": "I am [email]"}]}\n',
        "chats/table.csv": "conversation,speaker,text\n7,customer,I am mia@example.com\n",
        "chats/others.jsonl": '{"id": "session-2", "turns": [{"text": "hi"}]}\n',
        "models/v1/memory.jsonl": '{"id": "reviewed/session-1~2", "turns": []}\n',
        "models/v1/predictions.json": '[{"text": "I am mia@example.com"}]',
        "models/v1/report.html": "<td>&quot;I am mia@example.com&quot;</td>",
        ".history": "\n# 2026-01-02\n+first line\n+second line\n",
    }
    for name, text in written.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")

    words = ("-w", root, "log", "forget", "1", "--yes")
    code, out, _ = frontdesk(*words)
    assert code == 0
    assert out == (
        "1 sessions with 3 turns erased, and 0 turns of replays that read them\n"
        "\n"
        "what they wrote still stands in these files, which are yours to change:\n"
        f"{root}/.history (2 times): delete the lines, or the file: it only recalls what was typed"
        " at the terminal\n"
        f"{root}/chats/log.jsonl (2 times): delete the lines, then run `frontdesk finetune --fresh`"
        " if it was trained on\n"
        f"{root}/chats/table.csv (1 times): delete the lines, then run `frontdesk finetune --fresh`"
        " if it was trained on\n"
        + "".join(
            f"{root}/models/v1/{name} (1 times): delete the lines from the chats, run"
            " `frontdesk finetune --fresh`, and delete the folder of v1\n"
            for name in ("memory.jsonl", "predictions.json", "report.html")
        )
    )
    assert {name: (root / name).read_text(encoding="utf-8") for name in written} == written


def test_words_that_were_masked_in_the_log_are_found_as_they_were_typed(
    log: Log, workspace: Workspace, converse: Converse
) -> None:
    converse("I am [email]", "[email]")  # as a masked log has them
    (workspace.root / ".history").write_text("+I am mia@example.com\n+bo@example.com\n+hello\n")
    [found] = log("forget", "1")["remains"]
    assert (Path(found["file"]).name, found["count"]) == (".history", 1)


# --- prune ---------------------------------------------------------------------------------------


def test_prune_erases_what_ended_long_ago(
    log: Log, workspace: Workspace, converse: Converse
) -> None:
    converse(SECRET, at="2020-01-01")
    converse(at="2020-01-01")  # no turn: its beginning counts
    converse("hello", at="2999-01-01")
    assert log("prune", "--older-than", "90d")["sessions"] == [1, 2]
    assert traces(workspace, SECRET) == set()
    assert sessions(workspace) == [3]


def test_the_last_turn_says_how_old_a_session_is(
    log: Log, workspace: Workspace, converse: Converse
) -> None:
    converse("old", "new", at="2020-01-01")
    with closing(sqlite3.connect(workspace.database, isolation_level=None)) as database:
        database.execute("UPDATE turns SET at = '2999-01-01T00:00:00.000+00:00' WHERE number = 2")
    assert log("prune", "--older-than", "36h")["sessions"] == []


def test_an_age_is_hours_days_or_weeks(frontdesk: Frontdesk, workspace: Workspace) -> None:
    assert [age(text).total_seconds() for text in ("36h", "2d", "1w")] == [129600, 172800, 604800]
    workspace.database.touch()
    for text in ("soon", "3 months", "-1d", "d", "1.5d", ""):
        told = frontdesk("-w", workspace.root, "log", "prune", "--older-than", text, "--yes")
        assert told[0] == 2
        assert told[2] == f"frontdesk: {text!r} is no age; write it as 90d, 12w or 36h\n"


def test_a_reader_that_does_not_let_go_is_told_and_the_command_given_again_finishes(
    log: Log,
    frontdesk: Frontdesk,
    workspace: Workspace,
    converse: Converse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.log.erasure.PATIENCE_S", 0.01)
    converse(SECRET)
    with closing(sqlite3.connect(workspace.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM turns").fetchone()
        code, _, err = frontdesk("-w", workspace.root, "log", "forget", "1", "--yes")
        assert (code, sessions(workspace)) == (2, [])
        told = f"frontdesk: the rows are erased from {workspace.database}, but another program"
        assert err.splitlines()[-1].startswith(told)
        assert traces(workspace, SECRET)
        reader.execute("COMMIT")
        log("forget", "1")
        assert traces(workspace, SECRET) == set()


@pytest.mark.parametrize("next_erasure", [["forget", "2"], ["prune", "--older-than", "9999w"]])
def test_an_interrupted_erasure_leaves_a_whole_log_and_the_next_one_finishes_it(
    log: Log,
    frontdesk: Frontdesk,
    workspace: Workspace,
    converse: Converse,
    monkeypatch: pytest.MonkeyPatch,
    next_erasure: list[str],
) -> None:
    """The word that named the customer is in the turn that is erased first."""
    converse("one", "two", "three", "four", f"five {SECRET}")
    converse("kept or not")
    monkeypatch.setattr("bot.log.erasure.BATCH", 2)

    def interrupt(stage: str, done: int, total: int) -> None:
        assert (stage, done, total) == ("erase turns", 2, 5)
        raise KeyboardInterrupt

    with opened_to_change(workspace.database) as connection, pytest.raises(KeyboardInterrupt):
        erase(connection, workspace.database, of_customer(connection, SECRET), interrupt)
    assert sessions(workspace) == [1, 2]
    assert frontdesk("log", "verify", "-w", workspace.root)[:2] == (
        0,
        "note: session 1: its erasure was interrupted; the next `frontdesk log forget` or `prune`"
        " finishes it\n4 turns of 2 sessions: the log is whole\n",
    )
    assert 1 in log(*next_erasure)["sessions"]
    assert 1 not in sessions(workspace)
    assert traces(workspace, SECRET) == set()


def test_a_customer_is_known_by_the_slots_that_were_kept(
    log: Log, workspace: Workspace, converse: Converse
) -> None:
    """The messages of a log are masked; what a chat needs to go on is not."""
    state = '{"State": {"slots": {"map": {"email": "mia@example.com"}}, "last_text": "bo@x.com"}}'
    session = converse("I am [email]")
    converse("I am [email]")
    with closing(sqlite3.connect(workspace.database, isolation_level=None)) as database:
        database.execute("INSERT INTO states VALUES (?, 1, 'e5', ?)", (session, state))
        summary = '{"messages": ["I am bo@x.com"], "slots": {"name": "Zoe"}}'
        columns = "session_id, turn, at, reason, summary"
        insert = f"INSERT INTO handoffs ({columns}) VALUES (2, 1, '2026-01-02', 'requested', ?)"
        database.execute(insert, (summary,))
    assert log("forget", "--customer", "bo@x.com")["sessions"] == []
    assert log("forget", "--customer", "MIA@example.com")["sessions"] == [session]
    assert log("forget", "--customer", "zoe")["sessions"] == [2]


def test_a_chat_whose_session_was_erased_is_told_so(
    log: Log, workspace: Workspace, converse: Converse
) -> None:
    session = converse("hello")
    log("forget", str(session))
    decision, reading = Answer("track", {}, Evidence("intent-certain")), Reading()
    turn = TurnRecord(session, 2, "again", "Hello.", decision, reading, 4.5, "v1", "ab")
    with SessionLog.open(workspace.database) as chat, pytest.raises(BotError) as refusal:
        chat.record(turn)
    assert str(refusal.value) == (
        f"session 1 was erased from {workspace.database}; begin a new chat"
    )


# --- with others at work -------------------------------------------------------------------------


@pytest.fixture
def writer(workspace: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A process that logs turns as quickly as it can."""
    command = [sys.executable, str(WRITER), str(workspace.database), "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_sessions_are_erased_while_others_write_and_nobody_loses_a_turn(
    log: Log, workspace: Workspace, converse: Converse, writer: subprocess.Popen[str]
) -> None:
    assert writer.stdout
    said = [writer.stdout.readline().split()]
    for _ in range(3):
        session = converse(SECRET)
        log("forget", str(session))
        assert traces(workspace, SECRET) == set()
        said.append(writer.stdout.readline().split())
    writer.kill()
    said += [line.split() for line in writer.stdout.read().split("\n")[:-1]]
    with closing(sqlite3.connect(workspace.database)) as database:
        kept = set(database.execute("SELECT session_id, number FROM turns"))
    assert {(int(session), int(number)) for session, number in said} <= kept
    assert writer.poll() != 1
