"""Chats from helpdesks and bots: Zendesk, Intercom, Chatwoot, Rasa."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Frontdesk = Callable[..., tuple[int, str, str]]
Imported = Callable[..., tuple[list[dict[str, Any]], dict[str, Any]]]


def lines_of(path: Path, *records: object) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


# --- Zendesk -------------------------------------------------------------------------------------

TICKET = {
    "id": 35436,
    "subject": "Tent",
    "description": "Where is TT-123456?",
    "requester_id": 20978392,
    "submitter_id": 20978392,
    "tags": ["enterprise"],
    "comments": [
        {"id": 1, "type": "Comment", "author_id": 20978392, "public": True,
         "body": "Where is TT-123456?", "created_at": "2024-03-04T10:00:00Z"},
        {"id": 2, "type": "Comment", "author_id": 35, "public": False, "body": "He is angry",
         "created_at": "2024-03-04T10:01:00Z"},
        {"id": 3, "type": "Comment", "author_id": 35, "public": True,
         "html_body": "<div><p>Hi &amp; sorry,</p><p>it left <b>today</b>.</p></div>",
         "created_at": "2024-03-04T10:02:00Z"},
        {"id": 4, "type": "Comment", "author_id": -1, "public": True, "body": "Ticket solved"},
        {"id": 5, "type": "Comment", "author_id": 7, "author": {"id": 7, "role": "end-user"},
         "public": True, "body": "I am his wife, thanks"},
        {"id": 6, "type": "Comment", "author_id": 20978392, "public": True, "body": "",
         "attachments": [{"file_name": "tent.jpg"}]},
    ],
}  # fmt: skip
FROM_ZENDESK = [
    {
        "id": "zendesk-35436",
        "tags": ["enterprise"],
        "turns": [
            {"speaker": "customer", "text": "Where is [order_id]?", "at": "2024-03-04T10:00:00Z"},
            {
                "speaker": "agent",
                "text": "Hi & sorry,\nit left today.",
                "at": "2024-03-04T10:02:00Z",
            },
            {"speaker": "customer", "text": "I am his wife, thanks"},
        ],
    },
    {"id": "zendesk-35437", "turns": [{"speaker": "customer", "text": "Only this"}]},
]


@pytest.mark.parametrize("shape", ["lines", "array", "object"])
def test_zendesk(imported: Imported, tmp_path: Path, shape: str) -> None:
    tickets = [TICKET, {"id": 35437, "requester_id": 1, "description": "Only this"}]
    path = tmp_path / "tickets.json"
    if shape == "lines":
        lines_of(path, *tickets)
    else:
        path.write_text(json.dumps(tickets if shape == "array" else {"tickets": tickets}, indent=2))
    lines, told = imported(path)

    assert lines == FROM_ZENDESK
    assert told["format"] == "zendesk"
    assert told["dropped"]["messages"] == {
        "media only": 1,
        "private note": 1,
        "system message": 1,
    }


def test_a_ticket_of_another_shape_is_bad(frontdesk: Frontdesk, desk: Path, tmp_path: Path) -> None:
    path = lines_of(tmp_path / "a.json", TICKET, {"id": 2, "requester_id": 1, "comments": ["hi"]})
    code, out, err = frontdesk("chats", "import", path, "-w", desk)

    assert (code, out) == (2, "")
    assert err.startswith(f"frontdesk: {path}:2: not shaped as this format's records are (")


# --- Intercom ------------------------------------------------------------------------------------

CONVERSATION = {
    "type": "conversation",
    "id": "471",
    "created_at": 1709546400,
    "source": {
        "type": "conversation",
        "delivered_as": "customer_initiated",
        "body": "<p>Hi,<br>my mail is mia@example.com</p>",
        "author": {"type": "lead", "id": "a1", "name": "Mia"},
    },
    "conversation_parts": {
        "type": "conversation_part.list",
        "total_count": 5,
        "conversation_parts": [
            {"type": "conversation_part", "part_type": "assignment", "body": None,
             "created_at": 1709546410, "author": {"type": "bot"}},
            {"type": "conversation_part", "part_type": "note", "body": "<p>VIP</p>",
             "created_at": 1709546420, "author": {"type": "admin"}},
            {"type": "conversation_part", "part_type": "comment", "body": "<p>Hello Mia</p>",
             "created_at": 1709546460, "author": {"type": "admin", "name": "Tom"}},
            {"type": "conversation_part", "part_type": "comment", "body": None,
             "attachments": [{"type": "upload"}], "author": {"type": "lead"}},
            {"type": "conversation_part", "part_type": "close", "body": "<p>Bye</p>",
             "created_at": 1709546520, "author": {"type": "admin"}},
        ],
    },
}  # fmt: skip


def test_intercom(imported: Imported, tmp_path: Path) -> None:
    lines, told = imported(lines_of(tmp_path / "i.jsonl", CONVERSATION))

    assert told["format"] == "intercom"
    assert lines == [
        {
            "id": "intercom-471",
            "turns": [
                {
                    "speaker": "customer",
                    "text": "Hi,\nmy mail is [email]",
                    "at": "2024-03-04T10:00:00Z",
                },
                {"speaker": "agent", "text": "Hello Mia", "at": "2024-03-04T10:01:00Z"},
                {"speaker": "agent", "text": "Bye", "at": "2024-03-04T10:02:00Z"},
            ],
        }
    ]
    assert told["dropped"]["messages"] == {
        "media only": 1,
        "private note": 1,
        "system message": 1,
    }


# --- Chatwoot ------------------------------------------------------------------------------------


def woot(kind: object, content: str | None, **more: object) -> dict[str, object]:
    at = {"created_at": 1709546400, "private": False}
    return {"id": 1, "message_type": kind, "content": content, **at, **more}


MESSAGES = [
    woot(0, "Hi"),
    woot(2, "Conversation was opened by Tom"),
    woot(1, "He always asks", private=True),
    woot(1, "Hello"),
    woot(0, None, attachments=[{"file_type": "image"}]),
    woot(3, "How would you rate us?"),
]
FROM_CHATWOOT = {
    "id": "chatwoot-12",
    "turns": [
        {"speaker": "customer", "text": "Hi", "at": "2024-03-04T10:00:00Z"},
        {"speaker": "agent", "text": "Hello", "at": "2024-03-04T10:00:00Z"},
    ],
}


def test_chatwoot_conversations(imported: Imported, tmp_path: Path) -> None:
    payload = [{"id": 12, "messages": MESSAGES, "meta": {"sender": {"name": "Mia"}}}]
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"data": {"meta": {"all_count": 1}, "payload": payload}}))
    lines, told = imported(path)

    assert told["format"] == "chatwoot"
    assert lines == [FROM_CHATWOOT]
    assert told["dropped"]["messages"] == {
        "media only": 1,
        "private note": 1,
        "system message": 2,
    }


def test_chatwoot_messages_alone(imported: Imported, tmp_path: Path) -> None:
    messages = [{**message, "conversation_id": 12} for message in MESSAGES]
    lines, _ = imported(lines_of(tmp_path / "c.jsonl", *messages))

    assert lines == [FROM_CHATWOOT]


# --- Rasa ----------------------------------------------------------------------------------------

NLU = """\
version: "3.1"
nlu:
- intent: order/track
  examples: |
    - where is [TT-123456](order_id)?
    - track it, I am in [New York]{"entity": "city", "role": "to", "value": "nyc"}
- intent: greet
  examples:
  - text: |
      hello
    metadata:
      sentiment: neutral
- synonym: nyc
  examples: |
    - New York
"""
STORIES = """\
version: "3.1"
stories:
- story: happy
  steps:
  - user: |
      hello
    intent: greet
  - action: utter_greet
  - intent: order/track
  - action: action_look_up
  - user: where is [TT-654321](order_id)
- story: of labels alone
  steps:
  - intent: greet
  - action: utter_greet
rules:
- rule: x
  steps: []
"""
DOMAIN = """\
responses:
  utter_greet:
  - text: "Hello! How can I help?"
  - text: "Hi!"
"""


def test_rasa_project(imported: Imported, tmp_path: Path) -> None:
    for name, text in (("nlu.yml", NLU), ("stories.yml", STORIES), ("domain.yml", DOMAIN)):
        (tmp_path / "bot" / "data").mkdir(parents=True, exist_ok=True)
        (tmp_path / "bot" / "data" / name).write_text(text, encoding="utf-8")
    lines, told = imported(tmp_path / "bot")

    assert told["format"] == "rasa"
    assert [line["id"] for line in lines] == [f"bot-00000{n}" for n in (1, 2, 3, 4)]
    assert [line["turns"] for line in lines[:3]] == [
        [
            {
                "speaker": "customer",
                "text": "where is [order_id]?",
                "intents": ["order/track"],
                "entities": [{"start": 9, "end": 19, "type": "order_id"}],
            }
        ],
        [
            {
                "speaker": "customer",
                "text": "track it, I am in New York",
                "intents": ["order/track"],
                "entities": [{"start": 18, "end": 26, "type": "city"}],
            }
        ],
        [{"speaker": "customer", "text": "hello", "intents": ["greet"], "entities": []}],
    ]
    assert lines[3]["turns"] == [
        {"speaker": "customer", "text": "hello", "intents": ["greet"], "entities": []},
        {"speaker": "agent", "text": "Hello! How can I help?", "template": "utter_greet"},
        {
            "speaker": "customer",
            "text": "where is [order_id]",
            "entities": [{"start": 9, "end": 19, "type": "order_id"}],
        },
    ]
    assert told["dropped"] == {
        "conversations": {"no customer turn": 1},
        "messages": {"step without a text": 3},
    }
    assert told["ignored"] == ["nlu.synonym", "rules"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "nlu:\n- intent: a\n  examples: |\n    - [x]()\n",
            ":4: [x]() marks an entity without a type",
        ),
        ("nlu:\n- intent: a\n  examples: 'x\n", ":4: is not valid YAML (found unexpected end"),
    ],
)
def test_rasa_faults_have_their_line(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path, text: str, fault: str
) -> None:
    path = tmp_path / "nlu.yml"
    path.write_text(text, encoding="utf-8")
    code, out, err = frontdesk("chats", "import", path, "-w", desk)

    assert (code, out) == (2, "")
    assert err.startswith(f"frontdesk: {path}{fault}")
