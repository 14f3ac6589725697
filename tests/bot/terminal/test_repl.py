"""The chat as a person types it at a terminal, and as a program drives it through a pipe."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pexpect
import pytest
from rich.cells import cell_len
from rich.console import Console

from bot.decision import KINDS as DECIDED
from bot.decision import Ask, Evidence, Scored, Summary, Thresholds
from bot.dialogue import RULES
from bot.errors import BotError
from bot.exchange import exchange_json
from bot.replies import SENTENCES, Language, language_of
from bot.state import State
from bot.terminal.repl import in_fence, json_line, run_pipe, unfenced
from bot.terminal.screen import Screen
from bot.terminal.slash_commands import COMMANDS, Chat, usage
from bot.terminal.why import SHOWN_APART
from bot.terminal.words import (
    KINDS,
    LANGUAGES,
    RULES_IN_CHINESE,
    WORDS,
    remember_language,
    remembered,
)

FAKE = Path(__file__).with_name("fake_chat.py")
FakeBot: Any = runpy.run_path(str(FAKE))["FakeBot"]


# --- commands ------------------------------------------------------------------------------------


class Shown:
    """A chat whose output is kept."""

    def __init__(self, width: int = 80, language: Language = "en", **more: Any) -> None:
        self.bot = FakeBot()
        self.out = io.StringIO()
        screen = Screen(Console(file=self.out, width=width))
        self.chat = Chat(self.bot, screen, ("track", "cancel"), language, **more)

    def __call__(self, text: str) -> str:
        """What is shown after `text` was typed."""
        self.out.seek(0)
        self.out.truncate()
        self.chat.take(text)
        return "\n".join(line.rstrip() for line in self.out.getvalue().splitlines())


@pytest.fixture
def screen() -> Shown:
    return Shown()


def test_a_reply_is_shown_with_its_source(screen: Shown) -> None:
    assert screen("hello") == "You said:\nhello\ntemplate track"
    assert screen("article") == "You said:\narticle"
    assert screen("") == ""


def test_why_says_it_in_a_sentence_and_then_shows_all_of_it(screen: Shown) -> None:
    screen("hello")
    assert screen("/why") == (
        "Understood as track, 91% sure; an answer needs 80%; the next is cancel with 4%.\n"
        "Decided: template track, because the most likely intent clears its threshold\n"
        "(intent-certain).\n"
        "\n"
        "  way        candidate         score          needed\n"
        " ────────────────────────────────────────────────────\n"
        "  intent     track             0.910           0.800\n"
        "             cancel            0.040\n"
        "  template   track             0.660   not certified\n"
        "  passage    Returns › Boots   0.750           0.700\n"
        "\n"
        "took   4.5 ms (encode 3.0, read 1.5)"
    )


def test_why_in_chinese() -> None:
    screen = Shown(language="zh")
    screen("hello")
    assert screen("/why").splitlines()[:2] == [
        "理解为 track，把握 91%；直接回答需要 80%；其次是 cancel，4%。",
        "决定：模板 track，因为最可能的意图达到了门槛（intent-certain）。",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [20, 49, 50, 80, 200])
def test_nothing_is_wider_than_the_terminal(width: int, language: Language) -> None:
    screen = Shown(width, language)
    for typed in ("suggest", "article", "👩‍👩‍👧" * 30, "e\u0301" * 90, "漢字" * 50):
        assert all(cell_len(line) <= width for line in screen(typed).splitlines())
    for command in COMMANDS:
        shown = screen(f"/{command.name} 7")
        assert all(cell_len(line) <= width for line in shown.splitlines()), command.name


def test_a_narrow_terminal_has_rows_below_each_other() -> None:
    screen = Shown(width=30)
    screen("hello")
    assert (
        screen("/why").splitlines()[-7:]
        == [
            "intent track 0.910 0.800",
            "cancel 0.040",
            "template track 0.660 not",
            "certified",
            "passage Returns › Boots 0.750",
            "0.700",
            "took: 4.5 ms (encode 3.0, read",
            "1.5)",
        ][-7:]
    )


def test_sources_name_article_passage_and_score(screen: Shown) -> None:
    screen("article")
    assert screen("/sources") == "[1] Returns › Boots (returns, passage 7, 0.750)"
    screen("hello")
    assert screen("/sources") == "template track"
    screen("unknown")
    assert screen("/sources") == "The reply quotes nothing and comes from no template."


def test_two_requests_have_both_sources_and_both_reasons(screen: Shown) -> None:
    assert screen("both") == "You said:\nboth\ntemplate track"
    assert screen("/sources") == "[1] Returns › Boots (returns, passage 7, 0.750)\ntemplate track"
    told = [line for line in screen("/why").splitlines() if not line.startswith(" ") and line]
    assert [line for line in told if line.startswith(("Request", "Decided"))] == [
        "Request 1",
        "Decided: template track, because the most likely intent clears its threshold",
        "Request 2",
        "Decided: passages, because the most likely intent clears its threshold",
    ]


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ({"intents": ()}, "No intent was read: the model has learnt none."),
        (
            {"thresholds": Thresholds()},
            "Understood as track, 91% sure; no certainty is known to be enough to answer by it;"
            " the next is cancel with 4%.",
        ),
        (
            {"intents": (Scored("track", 0.999),)},
            "Understood as track, 99% sure; an answer needs 80%; there is no other.",
        ),
        ({"entities": {"day": "friday"}, "values": {"day": "2026-03-06"}}, "friday (2026-03-06)"),
        ({"slots": {"size": "M", "day": "friday"}}, "known   size = M, day = friday"),
        ({"slots": {"day": "friday"}, "meanings": {"day": "2026-03-06"}}, "friday (2026-03-06)"),
        ({"follows": "how long?"}, "follows up   how long?"),
    ],
)
def test_why_tells_what_there_is(evidence: dict[str, Any], told: str) -> None:
    screen = Shown(width=120)
    exchange = screen.bot.respond("hello")
    decision = replace(exchange.decision, evidence=replace(exchange.decision.evidence, **evidence))
    screen.chat.last = replace(exchange, decision=decision)
    assert told in screen("/why")


def test_what_evidence_will_have_tomorrow_is_shown_too(screen: Shown) -> None:
    told = {field.name for field in fields(Evidence)} - SHOWN_APART
    for name in told:
        exchange = screen.bot.respond("hello")
        evidence = replace(exchange.decision.evidence, **{name: "something"})
        screen.chat.last = replace(exchange, decision=replace(exchange.decision, evidence=evidence))
        assert "something" in screen("/why"), name


def test_a_verdict_is_kept_for_the_last_turn(screen: Shown) -> None:
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


def test_an_intent_that_does_not_exist_is_not_kept(screen: Shown) -> None:
    screen("hello")
    assert screen("/intent") == "Which one? /intent NAME"
    assert screen("/intent trak") == "There is no intent trak; did you mean track?"
    assert screen("/intent zebra") == "There is no intent zebra."
    assert screen.bot.judged == []


def test_an_unknown_command_says_so_with_the_nearest(screen: Shown) -> None:
    assert screen("/whi") == "There is no command /whi; did you mean /why? /help lists them."
    assert screen("/xyz 1") == "There is no command /xyz. /help lists them."
    assert screen("/") == "There is no command /. /help lists them."
    assert screen.bot.turns == 0


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if command.after_reply])
def test_a_command_about_a_reply_needs_one(screen: Shown, name: str) -> None:
    assert screen(f"/{name} x") == f"/{name} looks at the last reply; there is none yet."


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_lists_the_table(language: Language) -> None:
    *listed, hint = Shown(language=language)("/help").splitlines()
    assert [re.split(r" {3,}", line.rstrip())[:2] for line in listed] == [
        [usage(command), command.help[language]] for command in COMMANDS
    ]
    assert hint == WORDS["many lines"][language]


def test_suggestions_stand_below_the_reply(screen: Shown) -> None:
    assert screen("suggest").splitlines()[-1] == "You may also ask: Cancel an order · 退货"


def test_the_state_is_what_the_bot_remembers(screen: Shown) -> None:
    assert screen("/state") == "Nothing yet."
    ask = Ask("order_id", "track", "Which?", {}, Evidence("intent-certain"))
    told = Summary(("hi",), {}, ("greet",), ("returns",))
    screen.bot.state = State({"size": "M"}, pending=ask, unknown_streak=1, so_far=told)
    assert screen("/state") == (
        "known                 size = M\n"
        "waiting for           order_id (track)\n"
        "unanswered in a row   1\n"
        "answered with         greet\n"
        "articles shown        returns"
    )


def test_sessions_are_listed_with_their_first_words(screen: Shown) -> None:
    late, early = screen("/sessions").splitlines()
    assert re.fullmatch(r"   7  2026-03-04 \d\d:\d\d  2 turns  where is it", early)
    assert re.fullmatch(r"  12  2026-03-0[56] \d\d:\d\d  1 turn  (退款)+退? ?…", late)
    assert cell_len(late) <= 80


def test_a_session_is_resumed_where_it_was_left(screen: Shown) -> None:
    assert screen("/resume 7") == (
        "Session 7 goes on after its turn 2.\n"
        "you: where is it\n"
        "On its way.\n"
        "The model has changed since then: what was said was read again by the new one."
    )
    assert screen.bot.session == 7
    assert screen("/good") == "/good looks at the last reply; there is none yet."
    assert screen("/resume seven") == "Which one? /resume ID; /sessions lists them."
    assert screen("/resume 8") == "There is no session 8; /sessions lists what there is."


def test_a_new_session_has_no_last_reply(screen: Shown) -> None:
    screen("hello")
    assert screen("/new") == "A new session begins."
    assert screen("/why") == "/why looks at the last reply; there is none yet."


# --- languages -----------------------------------------------------------------------------------


def test_the_language_is_kept_for_the_next_chat(tmp_path: Path) -> None:
    file = tmp_path / ".language"
    screen = Shown(memory=file)
    assert screen("/language") == "English. /language zh 切换为中文。"
    assert screen("/language zh") == "好的，用中文。"
    assert screen("/xyz") == "没有 /xyz 这个命令。输入 /help 查看命令。"
    assert (screen.bot.language, remembered(file, "en")) == ("zh", "zh")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".language"]


@pytest.mark.parametrize("content", [b"", b"fr\n", b"\xff\x00", b"zh\nzh\n"])
def test_a_language_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / ".language"
    file.write_bytes(content)
    assert remembered(file, "en") == "en"
    assert remembered(tmp_path / "absent", "zh") == "zh"
    assert remembered(None, "zh") == "zh"


def test_a_language_that_cannot_be_kept_holds_for_this_chat(tmp_path: Path) -> None:
    file = tmp_path / "absent" / ".language"
    assert not remember_language(file, "zh")
    shown = Shown(memory=file, width=400)("/language zh")
    assert shown == f"好的，用中文。\n仅对本次聊天有效：{file} 无法写入。"


@pytest.mark.parametrize(
    ("message", "language"),
    [
        ("退款到哪了", "zh"),
        ("我的TT-1234在哪里 thanks", "zh"),
        ("請問幾時送到", "zh"),
        ("where is it", "en"),
        ("CAN I RETURN THIS?", "en"),
        ("返品はできますか", None),  # Japanese has Chinese characters too
        ("TT-1234", None),
        ("iPhone 15 Pro Max", None),
        ("👍", None),
        ("", None),
        ("wo ist mein Paket", None),
    ],
)
def test_a_message_says_its_language_or_leaves_it_open(
    message: str, language: Language | None
) -> None:
    assert language_of(message) == language


def test_a_turn_that_fails_is_excused_in_the_language_of_its_message() -> None:
    class Failing(FakeBot):  # type: ignore[misc]
        def respond(self, text: str) -> Any:
            raise BotError(text)

    out = io.StringIO()
    run_pipe(Failing(), ["我的订单".encode(), b"where is it", b"42"], out, io.StringIO())
    apologies = [SENTENCES[language]["failed"][0] for language in ("zh", "en", "en")]
    assert out.getvalue().splitlines() == apologies


def test_every_word_is_in_every_language() -> None:
    for name, sentences in [*WORDS.items(), *KINDS.items()]:
        assert tuple(sentences) == LANGUAGES, name
        places = [set(re.findall(r"{\w+}", sentence)) for sentence in sentences.values()]
        assert places[0] == places[1], name
    assert set(KINDS) == set(DECIDED)
    assert list(RULES_IN_CHINESE) == list(RULES)


def test_what_a_customer_wrote_is_inert(screen: Shown) -> None:
    assert screen("[bold]x[/bold] :smile: \x1b[2J\u202e") == (
        "You said:\n[bold]x[/bold] :smile: \\x1b[2J\\u202e\ntemplate track"
    )


def test_wide_characters_wrap_at_the_width_of_the_terminal() -> None:
    assert Shown(width=10)("你好你好你好你好").splitlines()[1:3] == ["你好你好你", "好你好"]


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


def pipe(*lines: bytes, language: Language = "en", **options: Any) -> tuple[int, list[str], str]:
    """(exit code, lines out, errors) of a chat through a pipe."""
    out, err = io.StringIO(), io.StringIO()
    code = run_pipe(FakeBot(language=language), lines, out, err, **options)
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
    assert set(answer) == {"session", "turn", "reply", "decision", "intent", "suggestions", "ms"}
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
        [
            '{"error": "ValueError: the boiler burst",'
            ' "reply": "Sorry, something went wrong on my side. Please try that again."}'
        ],
    )
    assert json.loads(pipe(b"explode\n", as_json=True, language="zh")[1][0])["reply"] == (
        "抱歉，我这边出了点问题，请再试一次。"
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


def terminal(
    home: Path,
    term: str,
    width: int = 80,
    variables: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> pexpect.spawn[str]:
    own = {"TERM": term, "PROMPT_TOOLKIT_NO_CPR": "1", "LC_ALL": "C.UTF-8"}
    return pexpect.spawn(
        sys.executable,
        [str(FAKE), "repl", str(home), *options],
        env={**os.environ, **own, **(variables or {})},
        encoding="utf-8",
        timeout=20,
        dimensions=(24, width),
    )


@pytest.fixture
def dumb(tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    with terminal(tmp_path, "dumb") as chat:
        yield chat


@pytest.fixture
def xterm(tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    with terminal(tmp_path, "xterm") as chat:
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


def seen(chat: pexpect.spawn[str], typed: str) -> str:
    """What a terminal that is not dumb shows until the chat is ready again after `typed`."""
    chat.expect(READY)
    begun = str(chat.before)
    chat.send(f"{typed}\r")
    chat.expect(READY)
    return f"{begun}{chat.before}".replace("\r", "")


def plain(shown: str) -> str:
    """What is shown without the sequences that steer the terminal."""
    return re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown)


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
        "Sorry, something went wrong on my side. Please try that again.\n"
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


def test_the_trace_of_an_error_is_shown_where_it_is_wanted(tmp_path: Path) -> None:
    with terminal(tmp_path, "dumb", options=["debug"]) as chat:
        shown = told(chat, "explode", "hello", "/quit")
    assert "Traceback (most recent call last):\n" in shown
    assert "ValueError: the boiler\nburst\n> hello\nYou said:\nhello\n" in shown


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
def test_a_message_may_have_many_lines(
    xterm: pexpect.spawn[str], keys: str, tmp_path: Path
) -> None:
    xterm.expect(READY)
    xterm.send(keys)
    xterm.expect_exact("You said:\r\none\r\ntwo\r\n")
    xterm.expect(READY)
    xterm.send("\x1b[A\r")  # one entry of the history, whole
    xterm.expect_exact("You said:\r\none\r\ntwo\r\n")
    assert (tmp_path / ".history").stat().st_mode & 0o777 == 0o600


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


def test_history_survives_and_stays_private(tmp_path: Path) -> None:
    history = tmp_path / ".history"
    history.touch(mode=0o644)
    for keys in ("remember me\r", "\x1b[A\r"):
        with terminal(tmp_path, "xterm") as chat:
            chat.expect(READY)
            chat.send(keys)
            chat.expect_exact("You said:\r\nremember me\r\n")
    assert history.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path / "absent", "dumb") as chat:
        assert "You said:\nhello" in told(chat, "hello", "/quit")


def test_the_next_chat_opens_in_the_last_language(tmp_path: Path) -> None:
    with terminal(tmp_path, "dumb") as chat:
        assert "好的，用中文。" in told(chat, "/language zh", "/quit")
    with terminal(tmp_path, "dumb") as chat:
        shown = told(chat, "explode", "/quit")
    assert shown.startswith("Fake。请输入消息；输入 /help 查看命令。\n")
    assert (
        "抱歉，我这边出了点问题，请再试一次。\n"
        "出错：ValueError: the boiler burst （--debug 可显示详情）\n"
    ) in shown


def test_a_command_is_refused_in_the_language_of_the_chat(tmp_path: Path) -> None:
    with terminal(tmp_path, "dumb") as chat:
        shown = told(chat, "/language zh", "/whi", "/why", "/resume 8", "/resume eight", "/quit")
    assert shown.splitlines()[4:-1:2] == [
        "没有 /whi 这个命令，您是想输入 /why 吗？输入 /help 查看命令。",
        "/why 针对上一条回复，现在还没有回复。",
        "没有编号为 8 的会话；输入 /sessions 查看。",
        "哪一个？用法：/resume 编号；输入 /sessions 查看。",
    ]


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_a_terminal_of_twenty_columns(tmp_path: Path, term: str) -> None:
    with terminal(tmp_path, term, width=20) as chat:
        shown = plain(told(chat, "suggest", "/quit") if term == "dumb" else seen(chat, "suggest"))
    assert "Fake. Type a \nmessage; /help lists\nthe commands.\n" in shown
    assert "You may also ask:\nCancel an order ·\n退货\n" in shown


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_a_terminal_of_two_hundred_columns(tmp_path: Path, term: str) -> None:
    line = "0123456789" * 15
    with terminal(tmp_path, term, width=200) as chat:
        shown = plain(told(chat, line, "/quit") if term == "dumb" else seen(chat, line))
    assert f"You said:\n{line}\n" in shown


def test_a_terminal_that_changes_its_width_while_one_types(xterm: pexpect.spawn[str]) -> None:
    xterm.expect(READY)
    xterm.send("suggest")
    xterm.expect_exact("suggest")
    xterm.setwinsize(24, 20)
    xterm.send("\r")
    xterm.expect(
        r"You may also ask:(\x1b\[\d*m)*\r\n(\x1b\[\d*m)*Cancel an order ·(\x1b\[\d*m)*\r\n"
    )


@pytest.mark.parametrize(
    ("more", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_no_colour_where_none_is_wanted(
    tmp_path: Path, more: dict[str, str], coloured: bool
) -> None:
    with terminal(tmp_path, "xterm", variables=more) as chat:
        chat.expect("> |" + READY)
        chat.waitnoecho()
        chat.send("explode\r")
        chat.expect_exact("error: ValueError")
        assert ("\x1b[31m" in chat.before) is coloured


def test_a_terminal_that_has_no_chinese(tmp_path: Path) -> None:
    with terminal(tmp_path, "dumb", variables={"PYTHONIOENCODING": "ascii"}) as chat:
        assert "You may also ask: Cancel an order ? ??\n" in told(chat, "suggest", "/quit")
