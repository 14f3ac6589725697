"""The review as a person does it at a terminal, and through a pipe; what is kept of it, and what
training and the division into parts make of that."""

import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pexpect
import pytest

from bot.asked import Asked
from bot.dialogue import RULES
from bot.errors import BotError
from bot.review.items import Item, items
from bot.review.kept import Kept
from bot.review.lines import read_lines
from bot.review.queue import queue
from bot.workspace import Workspace
from finetune.errors import FinetuneError
from finetune.examples import split
from finetune.transcripts import read_chats
from tests.bot.test_gaps import ANSWERED, STORES, asked, encode

Frontdesk = Callable[..., tuple[int, str, str]]
SetThresholds = Callable[..., None]
MAIN = "from bot.cli import main; main()"


def said(message: str, number: int = 0, **other: Any) -> Asked:
    """A message of the chat c1."""
    return asked(message, turn=2 * number, number=number, **other)


# --- which, in which order -----------------------------------------------------------------------


def ordered(*messages: Asked, most: int = 9, labelled: bool = False) -> list[str]:
    found = queue(items(messages), lambda _: False, encode, most, labelled=labelled)
    return [item.asked.message for item in found]


def test_the_least_certain_come_first_but_not_ten_alike_in_a_row() -> None:
    refunds = [
        said(f"refund for my {what}", margin=margin)
        for what, margin in (("hat", 0.01), ("shoe", 0.02), ("sock", 0.03))
    ]
    other = [said("store in rome", margin=0.5), said("track parcel", margin=0.9)]

    known = [said(text, labels=("x",)) for text in ANSWERED + STORES]

    assert ordered(*known, *other, *refunds) == [
        "refund for my hat",
        "store in rome",
        "track parcel",
        "refund for my shoe",
        "refund for my sock",
    ]
    assert ordered(*known, *other, *refunds, most=2) == ["refund for my hat", "store in rome"]


def test_what_has_a_label_and_what_is_no_request_is_not_asked() -> None:
    messages = [
        said("cancel it", labels=("cancel",)),
        said("BK-0001", rule="slot-filled"),
        said("?!", rule="unreadable"),
        said("track it"),
    ]

    assert ordered(*messages) == ["track it"]
    assert set(ordered(*messages, labelled=True)) == {"cancel it", "track it"}
    assert ordered() == []


def test_a_message_comes_with_the_turns_before_it() -> None:
    first, second, other = items(
        [said("hi", agent_reply="Hello!"), said("track it", 1), said("hi", conversation="c2")]
    )

    assert first.before == other.before == ()
    assert second.before == (("customer", "hi"), ("agent", "Hello!"))


# --- what is kept --------------------------------------------------------------------------------


@pytest.fixture
def kept(tiny_workspace: Workspace) -> Kept:
    return Kept.open(tiny_workspace)


def lines(kept: Kept) -> list[Any]:
    return [json.loads(line) for line in kept.path.read_text(encoding="utf-8").splitlines()]


def test_an_answer_is_a_chat_with_the_turns_before_it(kept: Kept) -> None:
    first, second = items([said("hi", agent_reply="Hello!"), said("退款", 1)])
    kept.keep([(second, "refund")])

    assert lines(kept) == [
        {
            "id": "reviewed/c1",
            "turns": [
                {"speaker": "customer", "text": "hi"},
                {"speaker": "agent", "text": "Hello!"},
                {"speaker": "customer", "text": "退款", "intents": ["refund"]},
            ],
        }
    ]
    again = Kept.open(kept.workspace)
    assert (again.has(first), again.has(second)) == (False, True)
    assert again.intents() == {"refund"}


def test_answers_to_one_chat_are_one_record_and_can_be_taken_back(kept: Kept) -> None:
    first, second = items([said("hi", agent_reply="Hello!"), said("track it", 1)])
    kept.keep([(second, "track")])
    kept.keep([(first, "greet")])
    [chat] = lines(kept)
    assert [turn.get("intents") for turn in chat["turns"]] == [["greet"], None, ["track"]]

    kept.keep([(second, None)])
    assert (kept.has(first), kept.has(second)) == (True, False)
    kept.keep([(first, None)])
    assert not kept.path.exists()


def test_another_chat_of_the_same_name_is_another_record(kept: Kept) -> None:
    [one], [other] = items([said("track it")]), items([said("cancel it")])
    kept.keep([(one, "track"), (other, "cancel")])

    assert [chat["id"] for chat in lines(kept)] == ["reviewed/c1", "reviewed/c1~2"]
    assert kept.has(one)
    assert kept.has(other)


def test_of_the_live_log_the_bots_words_are_left_out_and_personal_data_is_masked(
    kept: Kept,
) -> None:
    log: dict[str, Any] = {"session": 3, "conversation": "session-3"}
    _, second = items([said("i am anna@example.com", **log), said("track BK-0001", 1, **log)])
    kept.keep([(second, "order/track")])

    assert [turn["text"] for turn in lines(kept)[0]["turns"]] == [
        "i am [email]",
        "track [order_id]",
    ]
    assert Kept.open(kept.workspace).has(second)


def test_two_people_who_review_at_once_lose_nothing(kept: Kept) -> None:
    other = Kept.open(kept.workspace)
    [one], [two] = items([said("a b")]), items([said("c d", conversation="c2")])
    kept.keep([(one, "track")])
    other.keep([(two, "cancel")])

    assert [chat["id"] for chat in lines(kept)] == ["reviewed/c1", "reviewed/c2"]
    assert [file.name for file in kept.path.parent.iterdir() if file.name.startswith(".")] == []


def test_a_bad_line_is_named_and_nothing_is_overwritten(kept: Kept) -> None:
    kept.path.write_text('{"id": "x"}\n')

    with pytest.raises(FinetuneError, match=r"reviewed\.jsonl:1: turns is missing"):
        Kept.open(kept.workspace)


# --- what becomes of the split -------------------------------------------------------------------


def of_bakery(workspace: Workspace, number: int) -> Item:
    """The first message of a chat, as a replay has it: masked."""
    chat = read_chats([workspace.chats]).conversations[number]
    text = re.sub(r"BK-\d{4}", "[order_id]", chat.turns[0].text)
    [item] = items([said(text, conversation=chat.id)])
    return item


def test_a_chat_that_judges_goes_on_judging(kept: Kept) -> None:
    test, train = of_bakery(kept.workspace, 3), of_bakery(kept.workspace, 0)
    kept.find_originals([test, train])
    kept.keep([(test, "complaint"), (train, "complaint")])

    assert [chat["split"] for chat in lines(kept)] == ["test", "train"]
    assert (kept.judges(test), kept.judges(train)) == (True, False)
    parts = split(read_chats([kept.workspace.chats]).conversations, 7)
    assert f"reviewed/{test.asked.conversation}" in {chat.id for chat in parts.test}


def test_a_chat_of_the_workspace_is_kept_as_it_was_said(kept: Kept) -> None:
    item = of_bakery(kept.workspace, 3)
    kept.find_originals([item])
    kept.keep([(item, "complaint")])
    before, after = (
        next(chat for chat in read_chats([kept.workspace.chats]).conversations if chat.id == name)
        for name in (item.asked.conversation, f"reviewed/{item.asked.conversation}")
    )

    assert [turn.text for turn in after.turns] == [turn.text for turn in before.turns]
    assert [turn.entities for turn in after.turns] == [turn.entities for turn in before.turns]
    assert [turn.intents for turn in after.turns] == [
        ("complaint",),
        *[()] * (len(after.turns) - 1),
    ]
    assert Kept.open(kept.workspace).has(item)


def test_what_a_chat_without_a_split_teaches_does_not_judge(kept: Kept) -> None:
    """A test chat of the live version is taught by its review; its own turns judge no more."""
    path = next(kept.workspace.chats.glob("*.jsonl"))
    chats = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(chat | {"split": None}) + "\n" for chat in chats))
    before = split(read_chats([path]).conversations, 7)
    parts = {
        chat.id: name
        for name in ("train", "validation", "calibration", "test")
        for chat in getattr(before, name)
    }
    chosen = before.test[0].id
    item = of_bakery(kept.workspace, [chat["id"] for chat in chats].index(chosen))
    kept.find_originals([item])
    kept.keep([(item, "complaint")])

    after = split(read_chats([kept.workspace.chats]).conversations, 7, parts)
    assert f"reviewed/{chosen}" in {chat.id for chat in after.train}
    assert chosen in {chat.id for chat in after.test}
    informative = {turn for name, turn in after.leaked if name == chosen}
    assert 0 in informative


# --- through a pipe ------------------------------------------------------------------------------


@pytest.fixture
def shop(
    trained_workspace: Workspace, frontdesk: Frontdesk, set_thresholds: SetThresholds
) -> Workspace:
    """The bakery with a replay of three chats that are new to it and have no labels."""
    set_thresholds(trained_workspace, intent=0.9)
    new = trained_workspace.root / "new.jsonl"
    chats = (
        ("n1", "can i bring my dog inside", "weather and open hours"),
        ("n2", "where is my cake of gluten"),
        ("n3", "open the complaint"),
    )
    new.write_text("".join(json.dumps(_chat(*chat)) + "\n" for chat in chats))
    code, _, err = frontdesk("replay", new, "-w", trained_workspace.root)
    assert code == 0, err
    return trained_workspace


def _chat(name: str, *messages: str) -> dict[str, Any]:
    turns = []
    for message in messages:
        turns.append({"speaker": "customer", "text": message})
        turns.append({"speaker": "agent", "text": "One moment."})
    return {"id": name, "turns": turns}


def listed(frontdesk: Frontdesk, workspace: Workspace, *options: str) -> list[dict[str, Any]]:
    code, out, _ = frontdesk("review", "--json", *options, "-w", workspace.root)
    assert code == 0
    return [json.loads(line) for line in out.splitlines()]


def test_a_pipe_lists_and_takes_the_same_lines(frontdesk: Frontdesk, shop: Workspace) -> None:
    found = listed(frontdesk, shop)
    assert {(line["conversation"], line["turn"]) for line in found} == {
        ("n1", 0), ("n1", 2), ("n2", 0), ("n3", 0),
    }  # fmt: skip
    assert set(found[0]) == {
        "conversation", "turn", "message", "intent", "before", "did", "rule", "margin", "readings",
    }  # fmt: skip
    [second] = [line for line in found if line["turn"] == 2]
    assert second["before"][1] == {"speaker": "agent", "text": "One moment."}
    assert [line["margin"] for line in found] == sorted(line["margin"] for line in found)

    second["intent"] = "opening"
    file = shop.root / "answers.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in found))
    code, out, err = frontdesk("review", "--apply", file, "-w", shop.root)
    path = shop.chats / "reviewed.jsonl"
    assert (code, out) == (
        0,
        f"1 answer is kept in {path}; `frontdesk finetune` learns from it\n",
    )
    assert err == "3 lines have no intent yet\n"
    assert [turn.get("intents") for turn in json.loads(path.read_text())["turns"]] == [
        None, None, ["opening"],
    ]  # fmt: skip
    assert len(listed(frontdesk, shop)) == 3
    assert read_chats([shop.chats]).bad == []


def test_bad_lines_are_named_and_nothing_is_kept(
    frontdesk: Frontdesk, shop: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "answers.jsonl"
    good = {"conversation": "n3", "turn": 0, "intent": "complaint"}
    file.write_text(f"{json.dumps(good)}\n{json.dumps(good | {'intent': 'complain'})}\n")
    code, out, err = frontdesk("review", "--apply", file, "-w", shop.root)

    assert (code, out) == (2, "")
    assert err == (
        f"frontdesk: {file}:2: there is no intent complain; did you mean complaint? a new one needs"
        ' "new": true; mend it, or leave it out with --skip-bad\n'
    )
    assert not (shop.chats / "reviewed.jsonl").exists()
    code, out, _ = frontdesk("review", "--apply", file, "--skip-bad", "--json", "-w", shop.root)
    assert (code, json.loads(out)) == (
        0,
        {
            "kept": 1,
            "judge": 0,
            "open": 0,
            "bad": 1,
            "file": str(shop.chats / "reviewed.jsonl"),
        },
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"turn": 0}', "conversation must be a text and turn a whole number"),
        ('{"conversation": "c1", "turn": 9}', "no turn 9 of c1 is there to review"),
        ('{"conversation": "c1", "turn": 0, "message": "x"}', "turn 0 of c1 is another message"),
        ('{"conversation": "c1", "turn": 0, "intent": 3}', "intent must be the name of one"),
        ('{"conversation": "c1", "turn": 0, "intent": "zzz"}', "there is no intent zzz"),
    ],
)
def test_what_can_be_wrong_with_a_line(tmp_path: Path, line: str, fault: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(line + "\n")

    with pytest.raises(BotError) as raised:
        read_lines(file, items([said("track it")]), {"track"})
    assert str(raised.value).startswith(f"{file}:1: {fault}")


def test_a_new_intent_is_taken_where_it_is_said_to_be_new(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    line = {"conversation": "c1", "turn": 0, "intent": "gift", "new": True}
    file.write_text(json.dumps(line) + "\n\n")
    found = read_lines(file, items([said("wrap it")]), {"track"})

    assert [label for _, label in found.answers] == ["gift"]


def test_a_pipe_without_json_lists_a_table(frontdesk: Frontdesk, shop: Workspace) -> None:
    code, out, _ = frontdesk("review", "--most", "1", "-w", shop.root)
    head, row = out.splitlines()

    assert code == 0
    assert head.split() == ["margin", "conversation", "turn", "message", "the", "bot", "did"]
    assert row.split()[1] == listed(frontdesk, shop, "--most", "1")[0]["conversation"]


# --- at a terminal -------------------------------------------------------------------------------


class Terminal:
    """`frontdesk review` at a terminal: `press` answers a message and gives what follows."""

    def __init__(self, workspace: Workspace, *options: str) -> None:
        variables = {
            **os.environ, "TERM": "dumb", "PROMPT_TOOLKIT_NO_CPR": "1", "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        self.child = pexpect.spawn(
            sys.executable,
            ["-c", MAIN, "review", *options, "-w", str(workspace.root)],
            env=variables,
            encoding="utf-8",
            timeout=30,
            dimensions=(40, 160),
        )

    def shown(self, prompt: str = "? ") -> str:
        """What is shown before the next prompt."""
        self.child.expect_exact(prompt)
        self.child.waitnoecho()
        return _plain(self.child.before or "")

    def press(self, keys: str, prompt: str = "? ") -> str:
        self.child.send(keys)
        return self.shown(prompt)

    def end(self, keys: str) -> tuple[int | None, str]:
        """(exit code, what is shown last)."""
        self.child.send(keys)
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus, _plain(self.child.before or "")


def _plain(text: str) -> str:
    lines = re.sub(r"\x1b\[\?\d+[hl]", "", text).replace("\r", "").splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


def test_one_key_a_label(frontdesk: Frontdesk, shop: Workspace) -> None:
    first, second, third, _ = listed(frontdesk, shop)
    terminal = Terminal(shop)
    screen = terminal.shown()
    readings = [f"  {n} {r['name']} {r['score']:.3f}" for n, r in enumerate(first["readings"], 1)]
    expected = [
        "encode: 8 of 8",
        f"1 of 4  {first['conversation']}, turn {first['turn']}  margin {first['margin']:.3f}",
        *(f"  {turn['speaker']:8}  {turn['text']}" for turn in first["before"]),
        f"> customer  {first['message']}",
        f"  bot       {first['did']}: {RULES[first['rule']]} ({first['rule']})",
        *readings,
        "  n none of these  / search  + new intent  s skip  u undo  q quit",
    ]
    assert screen.split() == " ".join(expected).split()  # a dumb terminal breaks long lines

    assert f"2 of 4  {second['conversation']}" in (after := terminal.press("1"))
    assert after.startswith(f"= {first['readings'][0]['name']}\n")
    assert terminal.press("n").startswith("= oos\n")
    assert terminal.press("u").startswith("= oos is taken back\n")
    assert f"3 of 4  {third['conversation']}" in terminal.press("s")
    code, last = terminal.end("q")
    path = shop.chats / "reviewed.jsonl"
    assert (code, last) == (
        0, f"1 answer is kept in {path}; `frontdesk finetune` learns from it",
    )  # fmt: skip
    [chat] = [json.loads(line) for line in path.read_text().splitlines()]
    assert chat["id"] == f"reviewed/{first['conversation']}"
    assert chat["turns"][-1]["intents"] == [first["readings"][0]["name"]]
    assert len(listed(frontdesk, shop)) == 3


def test_search_and_new_intents_are_typed(shop: Workspace) -> None:
    terminal = Terminal(shop)
    terminal.shown()
    terminal.press("/", "intent: ")
    assert "There is no intent openin; did you mean opening?" in terminal.press("openin\r")
    terminal.press("/", "intent: ")
    assert "= opening" in terminal.press("opening\r")
    terminal.press("+", "new intent: ")
    assert "= dogs" in terminal.press("dogs\r")
    terminal.press("/", "intent: ")
    assert "= dogs" in terminal.press("dogs\r")
    code, last = terminal.end("\x04")
    assert code == 0
    assert last.startswith("3 answers are kept in ")
    assert Kept.open(shop).intents() == {"opening", "dogs"}


def test_ctrl_c_and_a_kill_lose_no_answer(frontdesk: Frontdesk, shop: Workspace) -> None:
    terminal = Terminal(shop)
    terminal.shown()
    terminal.press("1")
    code, last = terminal.end("\x03")
    assert code == 130
    assert "1 answer is kept in " in last

    terminal = Terminal(shop)
    assert "1 of 3" in terminal.shown()
    terminal.press("n")
    terminal.child.kill(9)
    terminal.child.close()
    assert len(listed(frontdesk, shop)) == 2


def test_messages_of_the_live_log_become_feedback(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace)
    assert frontdesk("chat", "-w", trained_workspace.root, stdin=b"bread of my dog\n")[0] == 0
    terminal = Terminal(trained_workspace, "--log")
    assert "1 of 1  session-1, turn 1" in terminal.shown()
    code, last = terminal.end("n")

    assert code == 0
    assert last.startswith("= oos\n")
    with closing(sqlite3.connect(trained_workspace.database)) as database:
        query = "SELECT turn_id, verdict, note FROM feedback"
        assert database.execute(query).fetchall() == [(1, "intent", "oos")]
    terminal = Terminal(trained_workspace, "--log")
    assert terminal.end("") == (
        0,
        "nothing to review: every message has a label (--labelled takes them too)",
    )
