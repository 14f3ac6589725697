"""`frontdesk chat` as a person has it: a real terminal, a real bot, a real database."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pexpect
import pytest

from bot.replies import SENTENCES
from bot.terminal.slash_commands import COMMANDS
from bot.workspace import Workspace

SetThresholds = Callable[..., None]
MAIN = "from bot.cli import main; main()"
READY = re.escape("\x1b[?2004h")  # a terminal that is not dumb is told to mark what is pasted
GREETING = "The Bakery. Type a message; /help lists the commands."
NOTHING_ANSWERS = (
    "nothing is answered by itself yet, as no way to answer keeps `max_wrong_answers`; "
    "`frontdesk finetune` says why\n"
)


def terminal(workspace: Workspace, *options: str, term: str = "dumb") -> pexpect.spawn[str]:
    variables = {**os.environ, "TERM": term, "PROMPT_TOOLKIT_NO_CPR": "1", "LC_ALL": "C.UTF-8"}
    command = ["-c", MAIN, "chat", "-w", str(workspace.root), *options]
    return pexpect.spawn(
        sys.executable, command, env=variables, encoding="utf-8", timeout=30, dimensions=(40, 100)
    )


def talk(
    workspace: Workspace, *lines: str, options: Sequence[str] = ()
) -> tuple[int | None, list[str]]:
    """(exit code, [what is shown before the first line, after the first, after the second, ...])"""
    shown = []
    with terminal(workspace, *options) as chat:
        for line in lines:
            chat.expect_exact("> ")
            shown.append(chat.before)
            chat.waitnoecho()  # else the terminal itself would echo, before the chat does
            chat.send(f"{line}\r")
            chat.expect(re.escape(line) + r"\r+\n")
        chat.expect(pexpect.EOF)
        shown.append(chat.before)
    return chat.exitstatus, [_plain(text) for text in shown]


def _plain(text: str) -> str:
    lines = re.sub(r"\x1b\[\?\d+[hl]", "", text).replace("\r", "").splitlines()
    return "\n".join(line.rstrip() for line in lines)


def suggesting(shown: str) -> str:
    """A reply that suggests what to ask next, without that."""
    reply, _, suggested = shown.rpartition("\n")
    assert suggested.startswith("You may also ask: ")
    return reply


def rows(workspace: Workspace, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(workspace.database)) as database:
        return database.execute(query).fetchall()


def test_a_conversation(trained_workspace: Workspace, set_thresholds: SetThresholds) -> None:
    set_thresholds(trained_workspace, intent=0.0)
    code, shown = talk(
        trained_workspace,
        *("where is my parcel BK-0001", "/why", "/sources", "/good", "/bad much too short"),
        *("/help", "where is my parcel BK-0001", "/quit"),
    )
    greeting, answer, why, sources, good, bad, help_, again, end = shown
    assert greeting == GREETING
    assert suggesting(answer) == "Parcel BK-0001 is on its way.\ntemplate track"
    assert re.match(
        r"Understood as order/track, \d+% sure; an answer needs 0%; the next is [\w/]+ with \d+%\."
        r" Decided: template track, because the most likely intent clears its threshold"
        r" \(intent-certain\)\. known order_id = BK-0001 found order_id = BK-0001 ",
        " ".join(why.split()),
    )
    assert re.search(r"took +\d+\.\d ms \(encode \d", why)
    assert all(word in why for word in ("order/track", "template", "passage", "not certified"))
    assert sources == "template track"
    assert (good, bad) == ("Noted, thank you.", "Noted, thank you.")
    assert all(f"/{command.name}" in help_ for command in COMMANDS)
    assert suggesting(again) == (
        "The van has parcel BK-0001.\n\n"
        "If that is not what you need, shall I get a colleague?\ntemplate track"
    )
    assert (code, end) == (0, "")
    assert rows(trained_workspace, "SELECT channel FROM sessions") == [("terminal",)]
    assert rows(trained_workspace, "SELECT number, reply FROM turns ORDER BY id") == [
        (1, "Parcel [order_id] is on its way."),
        (
            2,
            "The van has parcel [order_id].\n\n"
            "If that is not what you need, shall I get a colleague?",
        ),
    ]
    assert rows(trained_workspace, "SELECT turn_id, verdict, note FROM feedback") == [
        (1, "good", ""),
        (1, "bad", "much too short"),
    ]


def test_an_answer_from_the_articles(
    trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, passage=0.0)
    _, shown = talk(trained_workspace, "gift voucher sold at the till", "/sources", "/quit")
    assert suggesting(shown[1]) == (
        "Here is what our help pages say:\n\n"
        "A gift voucher is sold at the till. [1]\n\n"
        "[1] Gift vouchers"
    )
    buying, sold = shown[2].splitlines()
    assert re.fullmatch(r"\[1\] Gift vouchers › Buying \(vouchers, passage \d+, 0\.\d+\)", buying)
    assert sold == "A gift voucher is sold at the till."


def test_a_message_that_is_no_words(trained_workspace: Workspace) -> None:
    _, shown = talk(trained_workspace, "🥐🥐", "", "/wy", "/quit")
    assert shown[1].startswith(SENTENCES["en"]["unreadable"][0])
    assert shown[2] == ""
    assert shown[3] == "There is no command /wy; did you mean /why? /help lists them."


def test_the_history_is_for_its_owner_alone(trained_workspace: Workspace) -> None:
    talk(trained_workspace, "thanks for monday", "/quit")
    history = trained_workspace.root / ".history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "+thanks for monday\n" in history.read_text(encoding="utf-8")


def test_ctrl_c_twice_and_ctrl_d(trained_workspace: Workspace) -> None:
    with terminal(trained_workspace, term="xterm") as chat:
        chat.expect(READY)
        chat.sendcontrol("c")
        chat.expect_exact("Press Ctrl-C again to leave.")
        chat.expect(READY)
        chat.sendcontrol("c")
        chat.expect(pexpect.EOF)
    assert chat.exitstatus == 130
    with terminal(trained_workspace, term="xterm") as chat:
        chat.expect(READY)
        chat.sendcontrol("d")
        chat.expect(pexpect.EOF)
    assert chat.exitstatus == 0


def test_what_a_person_should_do_is_said_before_the_first_message(
    base_workspace: Workspace,
) -> None:
    (base_workspace.kb / "new.md").write_text("# New\n\nThe door is new.\n")
    _, shown = talk(base_workspace, "/quit")
    assert shown[0].splitlines()[-3:] == [
        "no model is fine-tuned yet: nothing answers, as no article clears `max_wrong_answers`"
        " either; run `frontdesk finetune`",
        "articles changed since the index was built; run `frontdesk kb build`",
        GREETING,
    ]


def test_where_nothing_may_answer_that_is_said_before_the_first_message(
    trained_workspace: Workspace,
) -> None:
    _, shown = talk(trained_workspace, "/quit")
    assert shown[0] == f"{NOTHING_ANSWERS}{GREETING}"


@pytest.mark.parametrize("workspace", ["base_workspace", "trained_workspace"])
def test_a_chat_never_needs_training_code(workspace: str, request: pytest.FixtureRequest) -> None:
    opened: Workspace = request.getfixturevalue(workspace)
    heavy = ["torch", "transformers", "sentence_transformers", "onnx", "sqlite_utils"]
    code = (
        "import atexit, json, sys\n"
        f"atexit.register(lambda: print(json.dumps(sorted(set(sys.modules) & set({heavy!r})))))\n"
        f"{MAIN}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "chat", "-w", str(opened.root)],
        input=b"where is my parcel BK-0001\nhow long is a voucher valid\n",
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


# --- coming back ---------------------------------------------------------------------------------


def test_a_chat_goes_on_where_the_last_one_stopped(
    trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, intent=0.0)
    talk(trained_workspace, "thanks for monday", "/quit")
    talk(trained_workspace, "where is my parcel", "/quit")
    code, shown = talk(
        trained_workspace, "BK-0042", "/state", "/sessions", "/quit", options=["--continue"]
    )
    assert code == 0
    assert shown[0] == (
        f"{GREETING}\n"
        "Session 2 goes on after its turn 1.\n"
        "you: where is my parcel\n"
        "What is your order number?"
    )
    assert suggesting(shown[1]) == "Parcel BK-0042 is on its way.\ntemplate track"
    assert shown[2] == "known           order_id = BK-0042\nanswered with   track"
    assert [line.split("  ")[-1] for line in shown[3].splitlines()] == [
        "where is my parcel",
        "thanks for monday",
    ]
    assert rows(trained_workspace, "SELECT session_id, number FROM turns ORDER BY id") == [
        (1, 1),
        (2, 1),
        (2, 2),
    ]


def test_two_chats_in_one_session(
    trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, intent=0.0)
    talk(trained_workspace, "where is my parcel", "/quit")
    with terminal(trained_workspace, "--resume", "1") as chat:
        chat.expect_exact("What is your order number?")
        talk(trained_workspace, "BK-0042", "/quit", options=["--continue"])
        for typed, told in [
            ("BK-0001", "error: session 1 went on elsewhere: its turn 2 is written already"),
            ("/resume 1", "you: [order_id]"),
            ("where is my parcel", "The van has parcel BK-0042."),
            ("/quit", ""),
        ]:
            chat.expect_exact("> ")
            chat.waitnoecho()
            chat.send(f"{typed}\r")
            chat.expect_exact(told)
        chat.expect(pexpect.EOF)
    assert rows(trained_workspace, "SELECT number, message FROM turns") == [
        (1, "where is my parcel"),
        (2, "[order_id]"),
        (3, "where is my parcel"),
    ]


def test_the_first_chat_with_continue_is_a_new_one(trained_workspace: Workspace) -> None:
    code, shown = talk(trained_workspace, "/sessions", "/quit", options=["--continue"])
    assert code == 0
    assert shown[0].splitlines()[-2:] == [
        "there is no earlier session to go on with; a new one begins",
        GREETING,
    ]
    assert shown[1] == "There is no earlier session."


# --- languages -----------------------------------------------------------------------------------


def test_our_own_sentences_follow_the_message_and_else_the_chat(
    trained_workspace: Workspace,
) -> None:
    _, shown = talk(
        trained_workspace, "你们会修自行车吗", "zzz", "/language zh", "qqq", "what is that", "/quit"
    )
    assert shown[1] in SENTENCES["zh"]["uncertain"] + SENTENCES["zh"]["out of scope"]
    assert shown[3] == "好的，用中文。"
    assert not shown[2].isascii() or shown[2].startswith("I")
    _, shown = talk(trained_workspace, "/wy", "/quit")
    assert shown[0] == f"{NOTHING_ANSWERS}The Bakery。请输入消息；输入 /help 查看命令。"
    assert shown[1] == "没有 /wy 这个命令，您是想输入 /why 吗？输入 /help 查看命令。"


# --- it never dies -------------------------------------------------------------------------------


def test_what_goes_wrong_in_a_turn_is_a_line_and_the_chat_goes_on(
    trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, intent=0.0)
    path = trained_workspace.database
    steps: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: None, "You are welcome!"),
        (
            lambda: _execute(path, "ALTER TABLE decisions RENAME TO gone"),
            "failed (no such table: decisions)",
        ),
        (lambda: _execute(path, "ALTER TABLE gone RENAME TO decisions"), "Any time!"),
        (lambda: shutil.rmtree(trained_workspace.index), "You are welcome!"),
        (lambda: shutil.rmtree(trained_workspace.models), "Any time!"),
    )
    with terminal(trained_workspace) as chat:
        for damage, told in steps:
            chat.expect_exact("> ")
            damage()
            chat.waitnoecho()
            chat.send("thanks for monday\r")
            chat.expect_exact(told)
        chat.expect_exact("> ")
        path.rename(path.with_name("away.db"))
        chat.waitnoecho()
        chat.send("thanks for monday\r")
        chat.expect(r"was\s+moved\s+or\s+removed")  # the path before it may fill the line
        chat.expect_exact("> ")
        chat.waitnoecho()
        chat.send("/quit\r")
        chat.expect(pexpect.EOF)
    assert chat.exitstatus == 0


def _execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement)


# --- exit codes ----------------------------------------------------------------------------------

Frontdesk = Callable[..., tuple[int, str, str]]


def test_a_pipe_goes_on_with_a_session(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, intent=0.0)
    chat = ("chat", "-w", trained_workspace.root)
    assert frontdesk(*chat, stdin=b"where is my parcel\n")[:2] == (
        0,
        "What is your order number?\n",
    )
    assert frontdesk(*chat, "--continue", stdin=b"BK-0042\n")[1] == (
        "Parcel BK-0042 is on its way.\n"
    )
    answer = json.loads(frontdesk(*chat, "--resume", "1", "--json", stdin=b"where is it\n")[1])
    assert (answer["session"], answer["turn"]) == (1, 3)


def test_2_for_a_session_that_is_not_there(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    chat = ("chat", "-w", trained_workspace.root)
    assert frontdesk(*chat, "--resume", "9") == (
        2,
        "",
        f"{NOTHING_ANSWERS}frontdesk: the log has no session 9; /sessions lists what there is\n",
    )
    for wrong in (["--resume", "x"], ["--resume", "0"], ["--resume", "1", "--continue"]):
        code, out, err = frontdesk(*chat, *wrong)
        assert (code, out) == (2, "")
        assert "Error" in err
    assert not rows(trained_workspace, "SELECT * FROM sessions")


def test_3_without_a_model(frontdesk: Frontdesk, tiny_workspace: Workspace) -> None:
    code, out, err = frontdesk("chat", "-w", tiny_workspace.root, stdin=b"hello\n")
    assert (code, out) == (3, "")
    assert err.count("\n") == 1


def test_130_for_ctrl_c_in_a_pipe(trained_workspace: Workspace) -> None:
    command = [sys.executable, "-c", MAIN, "chat", "-w", str(trained_workspace.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as chat:
        assert chat.stdin
        assert chat.stdout
        chat.stdin.write(b"thanks for monday\n")
        chat.stdin.flush()
        assert chat.stdout.readline()
        chat.send_signal(signal.SIGINT)
        assert chat.wait() == 130
