"""The chat as a person types it at a terminal, and as a program drives it through a pipe."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from rich.console import Console

from bot.chat_commands import COMMANDS, Chat
from bot.repl import exchange_json, in_fence, json_line, run_pipe, unfenced

FAKE = Path(__file__).with_name("fake_chat.py")
FakeBot: Any = runpy.run_path(str(FAKE))["FakeBot"]


# --- commands ------------------------------------------------------------------------------------


class Screen:
    """A chat whose output is kept."""

    def __init__(self, width: int = 80) -> None:
        self.bot = FakeBot()
        self.out = io.StringIO()
        self.chat = Chat(self.bot, Console(file=self.out, width=width), ("track", "cancel"))

    def __call__(self, text: str) -> str:
        """What is shown after `text` was typed."""
        self.out.seek(0)
        self.out.truncate()
        self.chat.take(text)
        return "\n".join(line.rstrip() for line in self.out.getvalue().splitlines())


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_a_reply_is_shown_with_its_source(screen: Screen) -> None:
    assert screen("hello") == "You said:\nhello\ntemplate track"
    assert screen("article") == "You said:\narticle"
    assert screen("") == ""


def test_why_shows_the_rule_the_scores_and_what_was_needed(screen: Screen) -> None:
    screen("hello")
    assert screen("/why") == (
        "template track: the most likely intent clears its threshold (intent-certain)\n"
        "\n"
        "  way        candidate         score          needed\n"
        " ────────────────────────────────────────────────────\n"
        "  intent     track             0.910           0.800\n"
        "             cancel            0.040\n"
        "  template   track             0.660   not certified\n"
        "  passage    Returns › Boots   0.750           0.700\n"
        "\n"
        "The first intent is 0.870 ahead of the second."
    )


def test_sources_name_article_passage_and_score(screen: Screen) -> None:
    screen("article")
    assert screen("/sources") == "[1] Returns › Boots (returns, passage 7, 0.750)"
    screen("hello")
    assert screen("/sources") == "template track"
    screen("unknown")
    assert screen("/sources") == "The reply quotes nothing and comes from no template."


def test_a_verdict_is_kept_for_the_last_turn(screen: Screen) -> None:
    screen("hello")
    screen("hello again")
    said = [
        screen(text) for text in ("/good", "/bad  much [red]too[/red] short ", "/intent cancel")
    ]
    assert said == ["Noted, thank you."] * 3
    assert screen.bot.judged == [
        (2, "good", ""),
        (2, "bad", "much [red]too[/red] short"),
        (2, "intent", "cancel"),
    ]


def test_an_intent_that_does_not_exist_is_not_kept(screen: Screen) -> None:
    screen("hello")
    assert screen("/intent") == "Which one? /intent NAME"
    assert screen("/intent trak") == "There is no intent trak; did you mean track?"
    assert screen("/intent zebra") == "There is no intent zebra."
    assert screen.bot.judged == []


def test_an_unknown_command_says_so_with_the_nearest(screen: Screen) -> None:
    assert screen("/whi") == "There is no command /whi; did you mean /why? /help lists them."
    assert screen("/xyz 1") == "There is no command /xyz. /help lists them."
    assert screen("/") == "There is no command /. /help lists them."
    assert screen.bot.turns == 0


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if command.after_reply])
def test_a_command_about_a_reply_needs_one(screen: Screen, name: str) -> None:
    assert screen(f"/{name} x") == f"/{name} looks at the last reply; there is none yet."


def test_help_lists_the_table(screen: Screen) -> None:
    assert screen("/help") == (
        "/why          why the last reply was given\n"
        "/sources      where the last reply comes from\n"
        "/good [note]  the last reply was right\n"
        "/bad [note]   the last reply was wrong\n"
        "/intent NAME  what the last message was really about\n"
        "/help         this list\n"
        "/quit         leave\n"
        'Alt-Enter starts a new line; a message between """ and """ may have many.'
    )


def test_what_a_customer_wrote_is_inert(screen: Screen) -> None:
    assert screen("[bold]x[/bold] :smile: \x1b[2J\u202e") == (
        "You said:\n[bold]x[/bold] :smile: \\x1b[2J\\u202e\ntemplate track"
    )


def test_wide_characters_wrap_at_the_width_of_the_terminal() -> None:
    assert Screen(width=10)("你好你好你好你好").splitlines()[1:3] == ["你好你好你", "好你好"]


# --- fences --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "more", "message"),
    [
        ("hello", False, "hello"),
        ('"""', True, '"""'),
        ('"""a\nb', True, '"""a\nb'),
        ('"""a\nb\n"""', False, "a\nb"),
        ('""""""', False, ""),
        ('""""', True, '""""'),
        ('say """', False, 'say """'),
        ("half \udce9", False, "half ?"),
    ],
)
def test_a_message_between_fences_may_have_many_lines(typed: str, more: bool, message: str) -> None:
    assert in_fence(typed) is more
    assert unfenced(typed) == message


# --- in a pipe -----------------------------------------------------------------------------------


def pipe(*lines: bytes, **options: Any) -> tuple[int, list[str], str]:
    """(exit code, lines out, errors) of a chat through a pipe."""
    out, err = io.StringIO(), io.StringIO()
    code = run_pipe(FakeBot(), lines, out, err, **options)
    return code, out.getvalue().split("\n")[:-1], err.getvalue()


def test_a_message_a_line_in_an_answer_a_line_out() -> None:
    assert pipe(b"hello\n", b"\n", "你好\r\n".encode(), b"/quit") == (
        0,
        ["You said: hello", "You said:", "You said: 你好", "You said: /quit"],
        "",
    )


def test_input_that_is_no_utf_8_is_read_with_replacement() -> None:
    assert pipe(b"\xef\xbb\xbfcaf\xe9 \xff\x1b\n")[1] == ["You said: caf\ufffd \ufffd\\x1b"]


def test_an_answer_in_json_has_stable_names() -> None:
    code, (line,), _ = pipe("é\x9b\u202e\u2028\n".encode(), as_json=True)
    assert code == 0
    assert "é\\u009b\\u202e\\u2028" in line
    answer = json.loads(line)
    assert set(answer) == {"session", "turn", "reply", "decision", "intent", "ms"}
    assert answer["reply"] == "You said:\né\x9b\u202e\u2028"
    assert answer["intent"] == {"name": "track", "confidence": 0.91}
    assert (answer["session"], answer["turn"], answer["ms"]) == (1, 1, 4.5)
    assert set(answer["decision"]) == {"kind", "template", "evidence"}
    assert answer["decision"]["evidence"]["rule"] == "intent-certain"


def test_a_cited_answer_in_json_names_its_passages() -> None:
    _, (line,), _ = pipe(b"article\n", as_json=True)
    assert json.loads(line)["decision"]["citations"] == [
        {"article": "returns", "passage": 7, "score": 0.75}
    ]


def test_a_model_without_intents_has_no_intent_in_json() -> None:
    from dataclasses import replace

    from bot.decision import Reading

    exchange = replace(FakeBot().respond("hello"), reading=Reading())
    assert exchange_json(exchange)["intent"] == {"name": None, "confidence": 0.0}


def test_a_turn_that_fails_has_its_line_and_the_rest_is_answered() -> None:
    assert pipe(b"explode\n", b"disk\n", b"hello\n") == (
        1,
        [
            "Sorry, something went wrong on my side. Please try that again.",
            "Sorry, something went wrong on my side. Please try that again.",
            "You said: hello",
        ],
        "error: line 1: ValueError: the boiler burst (--debug shows the trace)\n"
        "error: line 2: frontdesk.db cannot grow because the disk is full; free some space\n",
    )
    assert pipe(b"explode\n", as_json=True)[:2] == (
        1,
        ['{"error": "ValueError: the boiler burst"}'],
    )
    assert pipe(b"explode\n", language="zh")[1] == ["抱歉，我这边出了点问题，请再试一次。"]


def test_debug_shows_the_trace() -> None:
    errors = pipe(b"explode\n", debug=True)[2]
    assert errors.startswith("Traceback (most recent call last):")
    assert errors.endswith("ValueError: the boiler\nburst\n")


@pytest.mark.parametrize(
    "value", [{"a": "\x00\x1b\x7f\x85\ud800\ufeff"}, ["你好", 1.5, None, "👍"]]
)
def test_json_lines_are_valid_and_harmless(value: object) -> None:
    line = json_line(value)
    assert json.loads(line) == value
    line.encode("utf-8")
    assert line.isprintable()


def process(mode: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(FAKE), mode]
    streams = (subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
    return subprocess.Popen(command, -1, None, *streams)


def test_each_answer_is_out_before_the_next_message_is_in() -> None:
    with process("pipe") as chat:
        assert chat.stdin
        assert chat.stdout
        for word in (b"one", b"two"):
            chat.stdin.write(word + b"\n")
            chat.stdin.flush()
            assert chat.stdout.readline() == b"You said: " + word + b"\n"
        assert chat.communicate() == (b"", b"")
    assert chat.returncode == 0


def test_a_reader_that_goes_away_is_no_error() -> None:
    with process("pipe") as chat:
        assert chat.stdin
        assert chat.stdout
        chat.stdout.close()
        chat.stdin.write(b"hello\n" * 10)
        chat.stdin.close()
        assert chat.stderr
        assert chat.stderr.read() == b""
    assert chat.returncode == 0


# --- at a terminal -------------------------------------------------------------------------------

READY = re.escape("\x1b[?2004h")  # a terminal that is not dumb is told to mark what is pasted


def terminal(history: Path, term: str) -> pexpect.spawn[str]:
    variables = {**os.environ, "TERM": term, "PROMPT_TOOLKIT_NO_CPR": "1", "LC_ALL": "C.UTF-8"}
    command = [str(FAKE), "repl", str(history)]
    return pexpect.spawn(sys.executable, command, env=variables, encoding="utf-8", timeout=20)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "history"


@pytest.fixture
def dumb(history: Path) -> Iterator[pexpect.spawn[str]]:
    with terminal(history, "dumb") as chat:
        yield chat


@pytest.fixture
def xterm(history: Path) -> Iterator[pexpect.spawn[str]]:
    with terminal(history, "xterm") as chat:
        yield chat


def told(chat: pexpect.spawn[str], *lines: str) -> str:
    """All that is shown when the lines are typed one after the other, until the chat ends."""
    shown = []
    for line in lines:
        chat.expect_exact("> ")
        shown.append(f"{chat.before}> ")
        chat.waitnoecho()  # else the terminal itself would echo, before the chat does
        chat.send(f"{line}\r")
    chat.expect(pexpect.EOF)
    return re.sub(r"\x1b\[\?\d+[hl]", "", f"{''.join(shown)}{chat.before}").replace("\r", "")


def exit_code(chat: pexpect.spawn[str]) -> int | None:
    chat.expect(pexpect.EOF)
    chat.close()
    return chat.exitstatus


def test_a_conversation_to_the_character(dumb: pexpect.spawn[str]) -> None:
    assert told(dumb, "hello", "", "explode", "/whi", "/good", "/bad disk", "/quit") == (
        "Fake. Type a message; /help lists the commands.\n"
        "> hello\n"
        "You said:\nhello\ntemplate track\n"
        "> \n"
        "> explode\n"
        "error: ValueError: the boiler burst (--debug shows the trace)\n"
        "> /whi\n"
        "There is no command /whi; did you mean /why? /help lists them.\n"
        "> /good\n"
        "Noted, thank you.\n"
        "> /bad disk\n"
        "error: frontdesk.db may not be written; allow writing to it\n"
        "> /quit\n"
        "judged [(1, 'good', '')]\n"
    )
    assert exit_code(dumb) == 0


def test_the_end_of_input_ends_the_chat(xterm: pexpect.spawn[str]) -> None:
    xterm.expect(READY)
    xterm.sendcontrol("d")
    assert exit_code(xterm) == 0


def test_ctrl_c_twice_at_an_empty_prompt_ends_the_chat(xterm: pexpect.spawn[str]) -> None:
    xterm.expect(READY)
    xterm.sendcontrol("c")
    xterm.expect_exact("Press Ctrl-C again to leave.")
    xterm.expect(READY)
    xterm.sendcontrol("c")
    assert exit_code(xterm) == 130


def test_ctrl_c_drops_a_line_and_anything_typed_starts_over(xterm: pexpect.spawn[str]) -> None:
    xterm.expect(READY)
    xterm.sendcontrol("c")
    for typed in ("half a mess", "another"):
        xterm.expect(READY)
        xterm.send(typed)
        xterm.sendcontrol("c")
    xterm.expect(READY)
    xterm.send("hello\r")
    xterm.expect_exact("You said:\r\nhello\r\n")
    xterm.expect(READY)
    xterm.sendcontrol("c")
    xterm.expect_exact("again to leave")
    xterm.expect(READY)
    xterm.send("/quit\r")
    assert exit_code(xterm) == 0


def test_ctrl_c_cancels_a_reply_and_the_chat_goes_on(xterm: pexpect.spawn[str]) -> None:
    xterm.expect(READY)
    xterm.send("slow\r")
    xterm.expect_exact("thinking")
    xterm.sendintr()
    xterm.expect_exact("Cancelled.")
    xterm.expect(READY)
    xterm.send("hello\r")
    xterm.expect_exact("You said:\r\nhello\r\n")


@pytest.mark.parametrize(
    "keys", ['"""one\rtwo\r"""\r', "one\x1b\rtwo\r", "\x1b[200~one\ntwo\x1b[201~\r"]
)
def test_a_message_may_have_many_lines(xterm: pexpect.spawn[str], keys: str, history: Path) -> None:
    xterm.expect(READY)
    xterm.send(keys)
    xterm.expect_exact("You said:\r\none\r\ntwo\r\n")
    xterm.expect(READY)
    xterm.send("\x1b[A\r")  # one entry of the history, whole
    xterm.expect_exact("You said:\r\none\r\ntwo\r\n")
    assert history.stat().st_mode & 0o777 == 0o600


def test_commands_and_intents_are_completed(xterm: pexpect.spawn[str]) -> None:
    xterm.expect(READY)
    xterm.send("hello\r")
    for keys, added, shown in [
        ("/wh\t", "y", "intent-certain"),
        ("/intent c\t", "ancel", "Noted, thank you."),
    ]:
        xterm.expect(READY)
        xterm.send(keys)
        xterm.expect_exact(added)
        xterm.send("\r")
        xterm.expect_exact(shown)
    xterm.expect(READY)
    xterm.send("/quit\r")
    xterm.expect_exact("judged [(1, 'intent', 'cancel')]")


def test_history_survives_and_stays_private(history: Path) -> None:
    history.touch(mode=0o644)
    for keys in ("remember me\r", "\x1b[A\r"):
        with terminal(history, "xterm") as chat:
            chat.expect(READY)
            chat.send(keys)
            chat.expect_exact("You said:\r\nremember me\r\n")
    assert history.stat().st_mode & 0o777 == 0o600


def test_a_history_that_cannot_be_kept_costs_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path, "dumb") as chat:
        assert "You said:\nhello" in told(chat, "hello", "/quit")
