"""`frontdesk chats stats`: the figures of chats, as people and as programs read them."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.imports.chat_statistics import histogram, script_of
from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]


def turn(speaker: str, text: str, **more: object) -> dict[str, object]:
    return {"speaker": speaker, "text": text, **more}


def write(path: Path, *chats: list[dict[str, object]]) -> Path:
    lines = (json.dumps({"id": f"{number}", "turns": turns}) for number, turns in enumerate(chats))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


ASKED = "where is the tent that i ordered on monday evening"
CHATS = (
    [
        turn("customer", ASKED, intent="order/track", at="2026-01-02T10:00:00Z"),
        turn("agent", "On its way.", template="track"),
    ],
    [turn("customer", f"{ASKED}!", sentiment="negative"), turn("agent", "Soon.")],
    [turn("customer", f"{ASKED} please", entities=[{"start": 13, "end": 17, "type": "item"}])],
    [turn("customer", "我的订单在哪里", at="2026-03-04T10:00:00+08:00")],
    [turn("customer", "我的订单在哪里")],
    [turn("customer", "42?")],
)
FIGURES: dict[str, Any] = {
    "conversations": 6,
    "turns": {"customer": 6, "agent": 2},
    "languages": {"en": 3, "zh": 2, "none": 1},
    "labelled": {"intents": 1, "entities": 1, "sentiment": 1, "template": 1},
    "intents": {"order/track": 1},
    "turns_per_conversation": [
        {"from": 1, "to": 1, "count": 4},
        {"from": 2, "to": 2, "count": 2},
    ],
    "words_per_message": [
        {"from": 1, "to": 1, "count": 2},
        {"from": 2, "to": 2, "count": 0},
        {"from": 3, "to": 4, "count": 3},
        {"from": 5, "to": 8, "count": 0},
        {"from": 9, "to": 16, "count": 3},
    ],
    "characters_per_message": [
        {"from": 3, "to": 4, "count": 1},
        {"from": 5, "to": 8, "count": 3},
        {"from": 9, "to": 16, "count": 1},
        {"from": 17, "to": 32, "count": 0},
        {"from": 33, "to": 64, "count": 3},
    ],
    "duplicates": {"conversations": 1, "ids": 0, "messages": 1, "sampled": 2, "near": 2},
    "first": "2026-01-02T10:00:00+00:00",
    "last": "2026-03-04T10:00:00+08:00",
    "bad": [],
}
TABLE = """\
                               count  share
conversations                  6
turns of customers             6
turns of agents                2
different intents              1
conversations in en            3      50.0%
conversations in zh            2      33.3%
conversations in none          1      16.7%
customer turns with intents    1      16.7%
customer turns with entities   1      16.7%
customer turns with sentiment  1      16.7%
agent turns with template      1      50.0%
repeated conversations         1      16.7%
repeated customer messages     1      16.7%
near-duplicates among 2        2      100.0%
from 2026-01-02 to 2026-03-04

turns a conversation
            1  ######################################## 4
            2  ####################                     2

words a message
            1  ###########################              2
            2                                           0
          3-4  ######################################## 3
          5-8                                           0
         9-16  ######################################## 3

characters a message
          3-4  ##############                           1
          5-8  ######################################## 3
         9-16  ##############                           1
        17-32                                           0
        33-64  ######################################## 3
"""


def test_the_figures_as_json(frontdesk: Frontdesk, tmp_path: Path) -> None:
    code, out, _ = frontdesk("chats", "stats", write(tmp_path / "a.jsonl", *CHATS), "--json")

    assert (code, json.loads(out)) == (0, FIGURES)


def test_the_figures_for_people(frontdesk: Frontdesk, tmp_path: Path) -> None:
    code, out, err = frontdesk("chats", "stats", write(tmp_path / "a.jsonl", *CHATS))

    assert (code, err) == (0, "")
    assert "\n".join(line.rstrip() for line in out.splitlines()) + "\n" == TABLE


def test_the_chats_of_the_workspace_are_those_that_are_counted(
    frontdesk: Frontdesk, tiny_workspace: Workspace
) -> None:
    code, out, _ = frontdesk("chats", "stats", "--json", "-w", tiny_workspace.root)
    figures = json.loads(out)

    assert (code, figures["conversations"]) == (0, 72)
    assert figures["turns"]["customer"] == figures["labelled"]["intents"] == 180


def test_csv_is_counted_as_the_same_chats_in_json_are(frontdesk: Frontdesk, tmp_path: Path) -> None:
    rows = [("conversation", "speaker", "text", "intent")]
    rows += [("1", "customer", "hello there", "greet"), ("1", "agent", "hi", "")]
    path = tmp_path / "a.csv"
    path.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    chat = [turn("customer", "hello there", intent="greet"), turn("agent", "hi")]
    told = [
        frontdesk("chats", "stats", file, "--json")[1]
        for file in (path, write(tmp_path / "a.jsonl", chat))
    ]

    assert told[0] == told[1] != ""


def test_a_bad_line_is_named(frontdesk: Frontdesk, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [turn("customer", "hello")], [turn("robot", "beep")])
    fault = f"{path}:2: turns[0].speaker must be 'customer' or 'agent'"

    assert frontdesk("chats", "stats", path) == (
        2,
        "",
        f"frontdesk: {fault}; mend it, or leave it out with `--skip-bad`\n",
    )
    code, out, err = frontdesk("chats", "stats", path, "--skip-bad", "--json")
    assert (code, json.loads(out)["bad"]) == (0, [fault])
    assert err == f"left out: {fault}\n1 left out by --skip-bad\n"


def test_chats_that_share_an_id_are_told(frontdesk: Frontdesk, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    said = ("hello", "hello", "bye")
    chats = [{"id": "x", "turns": [turn("customer", text)]} for text in said]
    path.write_text("\n".join(map(json.dumps, chats)), encoding="utf-8")
    code, out, err = frontdesk("chats", "stats", path, "--json")

    assert (code, json.loads(out)["duplicates"]["ids"]) == (0, 1)
    assert "1 conversations have the id of a different one: give each its own" in err


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("none", "there is no such file or folder; check the name"),
        ("a.txt", "is no transcript; `frontdesk chats import {path}` makes one of it"),
        ("empty", "no *.jsonl or *.csv file; `frontdesk chats import` makes one"),
    ],
)
def test_what_is_no_transcript(frontdesk: Frontdesk, tmp_path: Path, name: str, fault: str) -> None:
    (tmp_path / "a.txt").touch()
    (tmp_path / "empty").mkdir()
    path = tmp_path / name

    assert frontdesk("chats", "stats", path) == (
        2,
        "",
        f"frontdesk: {path}: {fault.format(path=path)}\n",
    )


def test_buckets_double() -> None:
    assert histogram(Counter({1: 3, 4: 1})) == [
        {"from": 1, "to": 1, "count": 3},
        {"from": 2, "to": 2, "count": 0},
        {"from": 3, "to": 4, "count": 0},
        {"from": 5, "to": 8, "count": 1},
    ]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("hello", "en"),
        ("我要退 TT-123456 这双鞋", "zh"),
        ("你好hello", "zh"),
        ("please call 王 today about my order", "en"),
        ("注文はどこですか", "other"),
        ("где мой заказ", "other"),
        ("12 :)", "none"),
        ("", "none"),
    ],
)
def test_languages_go_by_script(text: str, script: str) -> None:
    assert script_of(text) == script
