"""`frontdesk chat` as a person has it: a real terminal, a real bot, a real database."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pexpect
import pytest

from bot.chat_commands import COMMANDS
from bot.replies import SENTENCES
from bot.workspace import Workspace

SetThresholds = Callable[..., None]
MAIN = "from bot.cli import main; main()"
READY = re.escape("\x1b[?2004h")  # a terminal that is not dumb is told to mark what is pasted
GREETING = "The Bakery. Type a message; /help lists the commands."


def terminal(workspace: Workspace, term: str = "dumb") -> pexpect.spawn[str]:
    variables = {**os.environ, "TERM": term, "PROMPT_TOOLKIT_NO_CPR": "1", "LC_ALL": "C.UTF-8"}
    command = ["-c", MAIN, "chat", "-w", str(workspace.root)]
    return pexpect.spawn(
        sys.executable, command, env=variables, encoding="utf-8", timeout=30, dimensions=(40, 100)
    )


def talk(workspace: Workspace, *lines: str) -> tuple[int | None, list[str]]:
    """(exit code, [what is shown before the first line, after the first, after the second, ...])"""
    shown = []
    with terminal(workspace) as chat:
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
    assert answer == "Parcel BK-0001 is on its way.\ntemplate track"
    assert why.startswith(
        "template track: the most likely intent clears its threshold (intent-certain)\n"
    )
    assert all(word in why for word in ("order/track", "template", "passage", "not certified"))
    assert sources == "template track"
    assert (good, bad) == ("Noted, thank you.", "Noted, thank you.")
    assert all(f"/{command.name}" in help_ for command in COMMANDS)
    assert again == "The van has parcel BK-0001.\ntemplate track"
    assert (code, end) == (0, "")
    assert rows(trained_workspace, "SELECT channel FROM sessions") == [("terminal",)]
    assert rows(trained_workspace, "SELECT number, reply FROM turns ORDER BY id") == [
        (1, "Parcel BK-0001 is on its way."),
        (2, "The van has parcel BK-0001."),
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
    assert shown[1] == (
        "Here is what our help pages say:\n\n"
        "A gift voucher is sold at the till. [1]\n\n"
        "A voucher is valid for three years. [1]\n\n"
        "[1] Gift vouchers"
    )
    buying, validity = shown[2].splitlines()
    assert re.fullmatch(r"\[1\] Gift vouchers › Buying \(vouchers, passage \d+, 0\.\d+\)", buying)
    assert validity.startswith("[1] Gift vouchers › Validity (vouchers, passage ")


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
    with terminal(trained_workspace, "xterm") as chat:
        chat.expect(READY)
        chat.sendcontrol("c")
        chat.expect_exact("Press Ctrl-C again to leave.")
        chat.expect(READY)
        chat.sendcontrol("c")
        chat.expect(pexpect.EOF)
    assert chat.exitstatus == 130
    with terminal(trained_workspace, "xterm") as chat:
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
        "no model is fine-tuned yet: only the articles answer; run `frontdesk finetune`",
        "articles changed since the index was built; run `frontdesk kb build`",
        GREETING,
    ]


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
