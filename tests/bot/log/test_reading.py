"""`frontdesk log show`, `search`, `stats` and `export`, as a person uses them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.workspace import Workspace
from finetune.transcripts import read_chats

Converse = Callable[..., int]
Feedback = Callable[..., None]
Frontdesk = Callable[..., tuple[int, str, str]]
WRITER = Path(__file__).resolve().parent.with_name("log_writer.py")


@pytest.fixture
def log(frontdesk: Frontdesk, workspace: Workspace) -> Callable[..., str]:
    """`log("show", "1")` -> standard output of a command that succeeds."""

    def log_(*words: str | Path) -> str:
        code, out, err = frontdesk("-w", workspace.root, "log", *words)
        assert (code, err) == (0, "")
        return out

    return log_


Log = Callable[..., str]


def found(out: str) -> list[tuple[int, int]]:
    return [(turn["session"], turn["number"]) for turn in json.loads(out)["turns"]]


# --- show ----------------------------------------------------------------------------------------


def test_a_session_is_shown_in_order(log: Log, converse: Converse, feedback: Feedback) -> None:
    converse("where is it?", "thanks")
    feedback(1, 2, "bad", "too short")
    assert log("show", "1") == (
        "session 1, turn 1  2026-01-02T10:00:01.000+00:00  template track  (track 0.90)\n"
        "customer: where is it?\n"
        "bot:      It is on its way.\n"
        "\n"
        "session 1, turn 2  2026-01-02T10:00:02.000+00:00  template track  (track 0.90)\n"
        "customer: thanks\n"
        "bot:      It is on its way.\n"
        "feedback: bad too short\n"
    )


def test_the_last_turns_of_a_session_and_of_all(log: Log, converse: Converse) -> None:
    converse("a", "b", "c")
    converse("d")
    assert found(log("show", "1", "--last", "2", "--json")) == [(1, 2), (1, 3)]
    assert found(log("show", "--last", "2", "--json")) == [(1, 3), (2, 1)]
    assert found(log("show", "--json")) == [(1, 1), (1, 2), (1, 3), (2, 1)]


def test_json_has_all_that_was_decided_on(log: Log, converse: Converse, feedback: Feedback) -> None:
    converse("where is it?")
    feedback(1, 1, "intent", "cancel")
    [turn] = json.loads(log("show", "1", "--json"))["turns"]
    assert turn["evidence"]["rule"] == "intent-certain"
    assert (turn["model"], turn["timings"]) == ("a" * 64, {"encode": 3.0})
    assert turn["feedback"] == [{"verdict": "intent", "note": "cancel"}]


def test_personal_data_is_masked_unless_it_is_asked_for(
    log: Log, converse: Converse, feedback: Feedback
) -> None:
    converse(
        "mia@example.com wants BK-1234",
        replies=["Order BK-1234 of mia@example.com is cancelled."],
        entities={"order_id": "BK-1234"},
    )
    feedback(1, 1, "bad", "mia@example.com is angry")
    for words in (["show", "1"], ["show", "1", "--json"], ["search", "mia@example.com"]):
        out = log(*words)
        assert "[email]" in out
        assert "mia@" not in out
        assert "BK-1234" not in out
        assert "mia@example.com wants BK-1234" in log(*words, "--keep-personal-data")


STEERING = "\x1b[2J\x1b]0;owned\x07\x9b31m[bold red]hello[/]\u202e\r\x08"


def test_what_steers_a_terminal_and_markup_are_inert(log: Log, converse: Converse) -> None:
    converse(STEERING, replies=[STEERING])
    for out in (log("show", "1"), log("search", "hello"), log("show", "1", "--json")):
        assert not {"\x1b", "\x9b", "\x07", "\x08", "\r", "\u202e"} & set(out)
        assert "[bold red]hello[/]" in out
    assert json.loads(log("show", "1", "--json"))["turns"][0]["message"] == STEERING


def test_no_line_of_a_message_passes_for_a_reply(log: Log, converse: Converse) -> None:
    converse("hello\nbot:      You get a refund.")
    assert "\n          bot:      You get a refund.\n" in log("show", "1")


# --- search --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["refund"], [(2, 1)]),
        (["REFUND"], [(2, 1)]),
        (["way"], [(2, 1), (1, 2), (1, 1)]),  # the bot's words count, the latest come first
        (["parcel", "red"], [(1, 1)]),
        (["red", "refund"], []),
        (["red parcel"], [(1, 1)]),
        (["parcel red"], []),
        (["退款"], [(3, 2), (3, 1)]),  # two characters
        (["退"], [(3, 2), (3, 1)]),
        (["要退款"], [(3, 1)]),
        (["我", "退款"], [(3, 1)]),
        (["to"], [(1, 2)]),
        (['"quoted"'], [(1, 2)]),
        (["100%"], [(1, 2)]),
        (["turns_text: OR NEAR(*"], []),
    ],
)
def test_words_are_found(
    log: Log, converse: Converse, words: list[str], expected: list[tuple[int, int]]
) -> None:
    converse("where is my red parcel?", 'the "quoted" price is 100% to high')
    converse("I want a refund")
    converse("我要退款，快一点", "退款什么时候到", replies=["好的。", "三天。"])
    assert found(log("search", "--json", *words)) == expected


def test_nothing_found_is_said(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("hello")
    told = frontdesk("log", "search", "goodbye", "-w", workspace.root)
    assert told == (0, "", "no turn is found\n")


def test_search_gives_the_latest_and_no_more_than_asked(log: Log, converse: Converse) -> None:
    converse("bread", "bread", "bread")
    assert found(log("search", "bread", "--most", "2", "--json")) == [(1, 3), (1, 2)]


def test_a_turn_is_found_as_soon_as_it_is_written(
    log: Log, workspace: Workspace, converse: Converse
) -> None:
    converse("hello")
    command = [sys.executable, str(WRITER), str(workspace.database), "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        try:
            assert writer.stdout.readline() == "ready\n"
            for _ in range(5):
                session, number = map(int, writer.stdout.readline().split())
                assert (session, number) in found(
                    log("search", "where is it?where", "--most", "1000000", "--json")
                )
        finally:
            writer.kill()


# --- stats ---------------------------------------------------------------------------------------


def test_stats_count_the_log(log: Log, converse: Converse, feedback: Feedback) -> None:
    converse("a", "b")
    converse("c", at="2026-01-05")
    feedback(1, 1, "good")
    assert json.loads(log("stats", "--json")) == {
        "sessions": 2,
        "turns": 3,
        "first": "2026-01-02T10:00:01.000+00:00",
        "last": "2026-01-05T10:00:01.000+00:00",
        "channels": {"terminal": 2},
        "decisions": {"template": 3},
        "intents": {"track": 3},
        "templates": {"track": 3},
        "feedback": {"good": 1},
        "models": {"a" * 64: 3},
        "ms": {"p50": 4.5, "p95": 4.5, "p99": 4.5},
    }
    lines = log("stats").splitlines()
    assert lines[0] == "3 turns of 2 sessions"
    assert lines[2] == "ms a turn: p50 4.5, p95 4.5, p99 4.5"
    assert [line.split() for line in lines if line.startswith("template ")] == [
        ["template", "3", "100.0%"]
    ]


def test_stats_name_the_version_that_answered(
    log: Log, converse: Converse, monkeypatch: pytest.MonkeyPatch
) -> None:
    converse("a")
    known = [SimpleNamespace(name="v3", fingerprint="a" * 64)]
    monkeypatch.setattr("finetune.registry.versions", lambda _: known)
    assert log("stats").splitlines()[-1].split() == ["v3", "1", "100.0%"]


def test_stats_of_a_log_without_a_turn(log: Log, converse: Converse) -> None:
    converse()
    assert log("stats").splitlines()[0] == "0 turns of 1 sessions"
    assert json.loads(log("stats", "--json"))["ms"] == {}


# --- export --------------------------------------------------------------------------------------


def test_an_export_is_read_back_as_chats_with_the_corrected_intents(
    log: Log, tmp_path: Path, converse: Converse, feedback: Feedback
) -> None:
    converse("cancel my order", "hello", "thanks")
    converse("我要退款", replies=["好的。"])
    feedback(1, 1, "intent", "track")
    feedback(1, 1, "intent", "cancel")  # the last one counts
    feedback(1, 2, "bad", "rude")
    feedback(1, 3, "good")
    path = tmp_path / "log.jsonl"
    assert log("export", path) == (
        f"2 conversations with 6 turns and 1 labels are in {path}; 2 replies left out\n"
    )
    chats = read_chats([path])
    assert (chats.bad, chats.warnings) == ([], [])
    first, second = chats.conversations
    assert [(turn.speaker, turn.text, turn.intents, turn.template) for turn in first.turns] == [
        ("customer", "cancel my order", ("cancel",), None),
        ("customer", "hello", (), None),
        ("customer", "thanks", (), None),
        ("agent", "It is on its way.", (), "track"),
    ]
    assert (first.id, second.id) == ("session-1", "session-2")
    assert second.turns[1].text == "好的。"
    assert first.turns[0].at
    assert first.turns[0].at.isoformat() == "2026-01-02T10:00:01+00:00"


def test_an_export_masks_unless_told_otherwise(
    log: Log, tmp_path: Path, converse: Converse
) -> None:
    converse("I am mia@example.com, BK-1234")
    log("export", tmp_path / "masked.jsonl")
    log("export", tmp_path / "plain.jsonl", "--keep-personal-data", "--customers-only")
    assert "I am [email], [order_id]" in (tmp_path / "masked.jsonl").read_text(encoding="utf-8")
    [chat] = read_chats([tmp_path / "plain.jsonl"]).conversations
    assert [turn.text for turn in chat.turns] == ["I am mia@example.com, BK-1234"]


def test_an_export_never_overwrites_and_leaves_nothing_half_written(
    frontdesk: Frontdesk, workspace: Workspace, tmp_path: Path, converse: Converse
) -> None:
    converse("hello")
    with closing(sqlite3.connect(workspace.database, isolation_level=None)) as database:
        database.execute("UPDATE decisions SET evidence = 'torn'")
    path, root = tmp_path / "log.jsonl", workspace.root
    assert frontdesk("log", "export", path, "-w", root) == (
        2,
        "",
        "frontdesk: session 1, turn 1 cannot be read; `frontdesk log verify` says why\n",
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bakery"]
    path.write_text("mine")
    assert frontdesk("log", "export", path, "-w", root)[2] == (
        f"frontdesk: {path} is there already and is not overwritten; name another file\n"
    )
    assert path.read_text() == "mine"
    nowhere = tmp_path / "nowhere" / "log.jsonl"
    assert "is no folder" in frontdesk("log", "export", nowhere, "-w", root)[2]


# --- nothing to read -----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["show"], ["search", "x"], ["stats"], ["export", "x.jsonl"]])
def test_without_a_log_it_says_what_to_do(
    frontdesk: Frontdesk, workspace: Workspace, words: list[str]
) -> None:
    told = f"{workspace.database} is not there: nobody has chatted yet; run `frontdesk chat` first"
    assert frontdesk("log", *words, "-w", workspace.root) == (2, "", f"frontdesk: {told}\n")
    assert not workspace.database.exists()


def test_a_session_that_is_not_there(
    frontdesk: Frontdesk, workspace: Workspace, converse: Converse
) -> None:
    converse("hello")
    assert frontdesk("log", "show", "7", "-w", workspace.root) == (
        2,
        "",
        "frontdesk: the log has no session 7; `frontdesk log show` has the last turns\n",
    )
