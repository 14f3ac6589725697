"""What a customer typed about themselves is in no file of the log; the conversation knows it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.commands.chat import NOTHING_ANSWERS
from bot.decision import Answer, Evidence, Handoff, Reading, Scored, Summary
from bot.privacy import PLAIN, Privacy, names, of_log
from bot.sessions.session_log import SavedState, SessionLog, TurnRecord
from bot.workspace import Workspace, open_workspace
from bot.workspace.settings import load_settings

Frontdesk = Callable[..., tuple[int, str, str]]
CARD = "4111 1111 1111 1111"
SECRETS = (CARD, "mia@example.com", "+44 20 7946 0958", "GB82 WEST 1234 5698 7654 32", "CU-778899")
CUSTOMER_NUMBER = '\n[privacy.patterns]\ncustomer = "CU-[0-9]{6}"\n'


def bytes_of(workspace: Workspace) -> bytes:
    """All that the log's files hold, the write-ahead log included."""
    return b"".join(path.read_bytes() for path in workspace.root.glob("frontdesk.db*"))


def add_settings(workspace: Workspace, text: str) -> Workspace:
    path = workspace.root / "frontdesk.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    return open_workspace(workspace.root)


@pytest.fixture
def typed() -> bytes:
    lines = [f"thanks, this is {secret}" for secret in SECRETS]
    lines += [f"我的卡号是{CARD}，谢谢", "我的手机号是13812345678", "agent", f"my card: {CARD}"]
    return ("\n".join(lines) + "\n").encode()


# --- in a chat -----------------------------------------------------------------------------------


def test_what_is_personal_is_nowhere_in_the_bytes_of_the_log(
    frontdesk: Frontdesk, trained_workspace: Workspace, typed: bytes
) -> None:
    workspace = add_settings(trained_workspace, CUSTOMER_NUMBER)
    code, _, err = frontdesk("chat", "-w", workspace.root, stdin=typed)
    assert (code, err) == (0, f"{NOTHING_ANSWERS}\n")
    kept = bytes_of(workspace)
    for secret in (*SECRETS, "13812345678"):
        assert secret.encode() not in kept
    for kind in ("card", "email", "phone", "iban", "customer"):
        assert f"this is [{kind}]".encode() in kept
    assert "我的卡号是[card]，谢谢".encode() in kept
    [handed] = json.loads(frontdesk("handoffs", "list", "--json", "-w", workspace.root)[1])[
        "handoffs"
    ]
    assert handed["summary"]["messages"][-1] == "my card: [card]"
    assert frontdesk("log", "verify", "-w", workspace.root)[0] == 0


def test_the_owner_may_keep_it(
    frontdesk: Frontdesk, trained_workspace: Workspace, typed: bytes
) -> None:
    workspace = add_settings(trained_workspace, "\n[privacy]\nmask_log = false\n")
    frontdesk("chat", "-w", workspace.root, stdin=typed)
    assert all(secret.encode() in bytes_of(workspace) for secret in SECRETS)
    shown = frontdesk("log", "show", "1", "-w", workspace.root)[1]
    assert "[card]" in shown  # masked still, when it is shown
    assert CARD not in shown


def test_the_conversation_is_the_same_with_it_and_without(
    frontdesk: Frontdesk,
    trained_workspace: Workspace,
    set_thresholds: Callable[..., None],
) -> None:
    """The order's number is personal, and is what the bot asked for."""
    set_thresholds(trained_workspace, intent=0.5)
    typed = b"where is my parcel\nBK-0001\n"
    code, out, _ = frontdesk("chat", "-w", trained_workspace.root, stdin=typed)
    assert (code, out.splitlines()[1]) == (0, "Parcel BK-0001 is on its way.")
    shown = frontdesk("log", "show", "1", "-w", trained_workspace.root)[1]
    assert "customer: [order_id]\n" in shown
    assert "bot:      Parcel [order_id] is on its way.\n" in shown


def test_an_export_of_a_masked_log_is_read_back(
    frontdesk: Frontdesk, trained_workspace: Workspace, typed: bytes
) -> None:
    root = trained_workspace.root
    frontdesk("chat", "-w", root, stdin=typed)
    path = root / "log.jsonl"
    assert frontdesk("log", "export", path, "-w", root)[0] == 0
    code, out, _ = frontdesk("replay", path, "--json", "-w", root)
    assert (code, json.loads(out)["chats"]) == (0, 1)
    assert "this is [card]" in path.read_text(encoding="utf-8")


# --- in the parts of a turn ----------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> SessionLog:
    return SessionLog.open(tmp_path / "frontdesk.db")


def recorded(log: SessionLog, **parts: object) -> dict[str, object]:
    session = log.start_session(channel="test", model="v1", index_digest="ab")
    known: dict[str, object] = {
        "session": session,
        "number": 1,
        "message": "hello",
        "reply": "Hello.",
        "decision": Answer("hello", {}, Evidence("intent-certain")),
        "reading": Reading((Scored("greeting", 0.9),)),
        "ms": 1.0,
        "model": "v1",
        "index_digest": "ab",
    }
    log.record(TurnRecord(**(known | parts)))  # type: ignore[arg-type]
    [turn] = log.turns(session)
    log.close()
    return turn


def test_a_name_that_the_model_has_learnt_is_masked_wherever_it_stands(log: SessionLog) -> None:
    reading = Reading(entities={"name": "Mia", "product": "tea"})
    evidence = Evidence("requested", entities=reading.entities)
    summary = Summary(("I am Mia", "where is it, Miami?"), {"surname": "王小明"})
    turn = recorded(
        log,
        message="Mia here, 我是王小明, I want tea",
        reply="Thank you, Mia.",
        reading=reading,
        decision=Handoff("requested", summary, evidence),
    )
    assert turn["message"] == "[name] here, 我是[surname], I want tea"
    assert turn["reply"] == "Thank you, [name]."
    kept = turn["evidence"]
    assert isinstance(kept, dict)
    assert kept["entities"]["name"] == {"text": "[name]", "value": None}
    assert kept["entities"]["product"] == {"text": "tea", "value": None}
    assert kept["summary"]["messages"] == ["I am [name]", "where is it, Miami?"]
    assert kept["summary"]["slots"] == {"surname": "[surname]"}


def test_what_the_owner_named_stays_as_it_is(log: SessionLog) -> None:
    article = "+44 20 7946 0958"
    reading = Reading((Scored(article, 0.9),))
    decision = Answer(article, {}, Evidence("intent-certain", intents=reading.intents))
    turn = recorded(log, reading=reading, decision=decision)
    assert (turn["intent"], turn["template"]) == (article, article)
    kept = turn["evidence"]
    assert isinstance(kept, dict)
    assert kept["intents"] == [{"name": article, "score": 0.9}]


def test_what_is_added_to_the_evidence_is_masked_unless_it_is_known_to_be_the_owners() -> None:
    evidence = {
        "rule": "several",
        "something new": [{"text": CARD}],
        "parts": [{"rule": "slot-filled", "entities": {"kind": {"text": CARD}}}],
    }
    assert Privacy().evidence(evidence) == {
        "rule": "several",
        "something new": [{"text": "[card]"}],
        "parts": [{"rule": "slot-filled", "entities": {"kind": {"text": "[card]"}}}],
    }


def test_a_state_keeps_the_slots_that_the_conversation_needs(log: SessionLog) -> None:
    state = {"State": {"last_text": f"card {CARD}", "slots": {"map": {"email": "mia@example.com"}}}}
    recorded(log, state=SavedState("e5", json.dumps(state)))
    with closing(sqlite3.connect(log.path)) as database:
        [(kept,)] = database.execute("SELECT state FROM states")
    assert json.loads(kept) == {
        "State": {"last_text": "card [card]", "slots": {"map": {"email": "mia@example.com"}}}
    }


def test_what_a_person_notes_of_a_turn_is_masked_and_an_intent_is_not(log: SessionLog) -> None:
    session = log.start_session(channel="test", model="v1", index_digest="ab")
    decision = Answer("hello", {}, Evidence("intent-certain"))
    log.record(TurnRecord(session, 1, "hi", "Hi.", decision, Reading(), 1.0, "v1", "ab"))
    log.feedback(session, 1, "bad", "ask mia@example.com")
    log.feedback(session, 1, "intent", "10.1.2024/mia@example.com")
    rows = log._rows("SELECT note FROM feedback ORDER BY id", ())
    assert rows == [("ask [email]",), ("10.1.2024/mia@example.com",)]
    log.close()


# --- what is personal ----------------------------------------------------------------------------


def test_nothing_is_masked_where_the_owner_says_so(tmp_path: Path) -> None:
    path = tmp_path / "frontdesk.toml"
    path.write_text('name = "x"\n[privacy]\nmask_log = false\n', encoding="utf-8")
    assert of_log(load_settings(path)) is PLAIN
    assert PLAIN.text(CARD) == CARD
    assert PLAIN.evidence({"summary": CARD}) == {"summary": CARD}
    assert PLAIN.state(CARD) == CARD


def test_a_name_within_a_longer_word_stays() -> None:
    said = {"Mia": "[name]", "ana b ana": "[name]", "小明": "[姓名]"}
    masked = {
        "Mia, Miami and Mia": "[name], Miami and [name]",
        "banana b ana b ana": "banana b [name]",
        "王小明，abc": "王[姓名]，abc",
        "小明小明": "[姓名][姓名]",
        "": "",
    }
    assert {text: Privacy().text(text, said) for text in masked} == masked


def test_names_are_the_entities_that_are_called_so() -> None:
    found = [
        ("name", "Mia"),
        ("Customer_Name", "Bo"),
        ("product", "tea"),
        ("姓名", "小明"),
        ("name", " "),
    ]
    assert names(found) == {"Mia": "[name]", "Bo": "[Customer_Name]", "小明": "[姓名]"}
