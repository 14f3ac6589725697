"""Chats from text: plain, WhatsApp, Telegram."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.imports.stamps import Stamp, stamp_of

Frontdesk = Callable[..., tuple[int, str, str]]
Imported = Callable[..., tuple[list[dict[str, Any]], dict[str, Any]]]


def said(chat: dict[str, Any]) -> list[tuple[str, str]]:
    return [(turn["speaker"], turn["text"]) for turn in chat["turns"]]


# --- plain ---------------------------------------------------------------------------------------

PLAIN = """\
Customer: Hi, where is TT-123456?
My mail is mia@example.com.
Agent: It is on its way.

---
客户：你好，我的电话是13812345678
客服：好的，稍等。
"""


def test_plain_text_is_cut_at_blank_lines(imported: Imported, tmp_path: Path) -> None:
    (tmp_path / "night shift.txt").write_text(PLAIN, encoding="utf-8")
    lines, told = imported(tmp_path / "night shift.txt")

    assert lines == [
        {
            "id": "night-shift-000001",
            "turns": [
                {
                    "speaker": "customer",
                    "text": "Hi, where is [order_id]?\nMy mail is [email].",
                },
                {"speaker": "agent", "text": "It is on its way."},
            ],
        },
        {
            "id": "night-shift-000002",
            "turns": [
                {"speaker": "customer", "text": "你好，我的电话是[phone]"},
                {"speaker": "agent", "text": "好的，稍等。"},
            ],
        },
    ]
    assert told["format"] == "plain"
    assert (told["conversations"], told["messages"]) == (2, 4)
    assert told["masked"] == {"email": 1, "order_id": 1, "phone": 1}


def test_whoever_is_no_agent_is_a_customer_where_agents_are_named(
    imported: Imported, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("Mia: hello\nTom: how can I help?\n", encoding="utf-8")
    lines, _ = imported(tmp_path / "a.txt", "--format", "plain", "--agent", "Tom")

    assert said(lines[0]) == [("customer", "hello"), ("agent", "how can I help?")]


def test_a_chat_of_unknown_speakers_is_named_and_nothing_is_written(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Customer: hi\nAgent: hi\n\nBob: hello\n", encoding="utf-8")

    assert frontdesk("chats", "import", path, "-w", desk) == (
        2,
        "",
        f'frontdesk: {path}:4: speaker "Bob" is neither customer nor agent; name the agents with '
        "--agent NAME\n",
    )
    assert list((desk / "chats").iterdir()) == []

    code, out, err = frontdesk("chats", "import", path, "--skip-bad", "-w", desk)
    assert (code, err.splitlines()[1]) == (0, "1 left out by --skip-bad")
    assert out.splitlines()[1:] == [
        "unreadable  conversations  1",
        f"1 conversations with 2 messages from plain are in {desk}/chats/a.jsonl",
    ]


# --- WhatsApp ------------------------------------------------------------------------------------

ANDROID = """\
31/12/2023, 21:39 - Messages and calls are end-to-end encrypted. No one outside can read them.
31/12/2023, 21:41 - Mia: Hello, is my tent there?
It is TT-123456.
31/12/2023, 21:42 - Mia: <Media omitted>
31/12/2023, 21:43 - Tern & Trail: Let me look: one moment
01/01/2024, 09:00 - Mia: This message was deleted
01/01/2024, 09:01 - Mia: IMG-20240101-WA0001.jpg (file attached)
this one <This message was edited>
03/01/2024, 10:00 - Mia: Any news?
"""


def test_whatsapp_of_android(imported: Imported, tmp_path: Path) -> None:
    (tmp_path / "wa.txt").write_text(ANDROID, encoding="utf-8")
    lines, told = imported(tmp_path / "wa.txt", "--agent", "Tern & Trail")

    assert [line["id"] for line in lines] == ["wa-000001", "wa-000002"]
    assert lines[0]["turns"] == [
        {
            "speaker": "customer",
            "text": "Hello, is my tent there?\nIt is [order_id].",
            "at": "2023-12-31T21:41:00",
        },
        {"speaker": "agent", "text": "Let me look: one moment", "at": "2023-12-31T21:43:00"},
        {"speaker": "customer", "text": "this one", "at": "2024-01-01T09:01:00"},
    ]
    assert said(lines[1]) == [("customer", "Any news?")]
    assert told["format"] == "whatsapp"
    assert told["dropped"]["messages"] == {
        "deleted message": 1,
        "media only": 1,
        "system message": 1,
    }


IOS = """\
[12/31/23, 9:41:05\u202fPM] Mia: \u200eMessages and calls are end-to-end encrypted.
[12/31/23, 9:41:05\u202fPM] Mia: Hi
\u200e[12/31/23, 9:42:00\u202fPM] Mia: \u200eimage omitted
[1/1/24, 12:05:00\u202fAM] Tom: Happy new year
"""


def test_whatsapp_of_ios(imported: Imported, tmp_path: Path) -> None:
    (tmp_path / "_chat.txt").write_text(IOS, encoding="utf-8")
    lines, told = imported(tmp_path / "_chat.txt", "--agent", "Tom", "--out", "ios")

    assert lines == [
        {
            "id": "ios-000001",
            "turns": [
                {"speaker": "customer", "text": "Hi", "at": "2023-12-31T21:41:05"},
                {"speaker": "agent", "text": "Happy new year", "at": "2024-01-01T00:05:00"},
            ],
        }
    ]
    assert told["dropped"]["messages"] == {"media only": 1, "system message": 1}


def test_the_order_of_dates_has_to_be_told_where_it_cannot_be_seen(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path
) -> None:
    path = tmp_path / "wa.txt"
    path.write_text("3/4/24, 21:41 - Mia: hi\n3/4/24, 21:42 - Tom: hi\n", encoding="utf-8")
    words = ("chats", "import", path, "--agent", "Tom", "-w", desk)

    assert frontdesk(*words) == (
        2,
        "",
        f"frontdesk: {path}: 03/04 may be day and month or month and day, as may all its dates; "
        "say which with --day-first or --month-first\n",
    )
    assert frontdesk(*words, "--month-first", "--out", "m")[0] == 0
    assert frontdesk(*words, "--day-first", "--out", "d")[0] == 0
    assert '"at": "2024-03-04T21:41:00"' in (desk / "chats" / "m.jsonl").read_text()
    assert '"at": "2024-04-03T21:41:00"' in (desk / "chats" / "d.jsonl").read_text()


@pytest.mark.parametrize(
    ("agents", "fault"),
    [
        ((), "who speaks for the company? name them with --agent NAME"),
        (("--agent", "Tim"), '"Tim" says nothing in it'),
    ],
)
def test_the_agents_have_to_be_named(
    frontdesk: Frontdesk, desk: Path, tmp_path: Path, agents: tuple[str, ...], fault: str
) -> None:
    path = tmp_path / "wa.txt"
    path.write_text("2024/3/4 下午9:41 - Mia: hi\n2024/3/4 下午9:42 - Tom: hi\n", encoding="utf-8")

    assert frontdesk("chats", "import", path, *agents, "-w", desk) == (
        2,
        "",
        f"frontdesk: {path}: {fault}; those who write are Mia, Tom\n",
    )
    assert list((desk / "chats").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("31/12/2023, 21:41", (21, 41, 0)),
        ("31.12.23, 21:41:05", (21, 41, 5)),
        ("31/12/23, 9:41 PM", (21, 41, 0)),
        ("31/12/23, 9:41\u202fp.\u00a0m.", (21, 41, 0)),
        ("31/12/23, 12:41 AM", (0, 41, 0)),
        ("31.12.2023 klo 9.41.05", (9, 41, 5)),
    ],
)
def test_stamps_of_many_phones(text: str, time: tuple[int, int, int]) -> None:
    assert stamp_of(text) == Stamp(2023, 31, 12, False, time)


def test_stamps_that_begin_with_the_year() -> None:
    assert stamp_of("2023/12/31 下午9:41") == Stamp(2023, 12, 31, True, (21, 41, 0))
    assert stamp_of("2023-12-31, 上午12:05") == Stamp(2023, 12, 31, True, (0, 5, 0))
    assert stamp_of("call me at 21:41") is None


# --- Telegram ------------------------------------------------------------------------------------


def message(number: int, name: str | None, text: object, **more: object) -> dict[str, object]:
    at = {"date": "2024-03-04T10:00:00", "date_unixtime": str(1709546400 + 60 * number)}
    return {
        "id": number,
        "type": "message",
        **at,
        "from": name,
        "from_id": "u1",
        "text": text,
    } | more


ONE_CHAT = {
    "name": "Mia",
    "type": "personal_chat",
    "id": 4242,
    "messages": [
        message(1, None, "", type="service", action="create_group"),
        message(2, "Mia", ["See ", {"type": "link", "text": "tern.example"}, "\nsizes?"]),
        message(3, "Mia", "", photo="photos/1.jpg"),
        message(4, "Tom", "EU 42"),
    ],
}


def test_telegram_of_one_chat(imported: Imported, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(ONE_CHAT, indent=1), encoding="utf-8")
    lines, told = imported(tmp_path / "result.json", "--agent", "Tom")

    assert lines == [
        {
            "id": "result-000001",
            "turns": [
                {
                    "speaker": "customer",
                    "text": "See tern.example\nsizes?",
                    "at": "2024-03-04T10:02:00Z",
                },
                {"speaker": "agent", "text": "EU 42", "at": "2024-03-04T10:04:00Z"},
            ],
        }
    ]
    assert told["format"] == "telegram"
    assert told["dropped"]["messages"] == {"media only": 1, "system message": 1}


def test_telegram_of_all_chats_keeps_them_apart(imported: Imported, tmp_path: Path) -> None:
    hello = message(2, "Tom", "hello")
    chats = [
        {"name": name, "type": "personal_chat", "messages": [message(1, name, text), hello]}
        for name, text in (("Mia", "hi"), ("Ben", "hi, Ben here"))
    ]
    (tmp_path / "result.json").write_text(json.dumps({"about": "", "chats": {"list": chats}}))
    lines, _ = imported(tmp_path / "result.json", "--agent", "Tom")

    assert [(line["id"], said(line)) for line in lines] == [
        ("result-000001", [("customer", "hi"), ("agent", "hello")]),
        ("result-000002", [("customer", "hi, Ben here"), ("agent", "hello")]),
    ]


def test_telegram_copied_from_the_window(imported: Imported, tmp_path: Path) -> None:
    text = "Mia, [31.12.2023 21:41]\nhello\nthere\n\nTom, [31.12.2023 21:42]\nhi\n"
    (tmp_path / "copied.txt").write_text(text, encoding="utf-8")
    lines, told = imported(tmp_path / "copied.txt", "--agent", "Tom")

    assert told["format"] == "telegram"
    assert lines[0]["turns"] == [
        {"speaker": "customer", "text": "hello\nthere", "at": "2023-12-31T21:41:00"},
        {"speaker": "agent", "text": "hi", "at": "2023-12-31T21:42:00"},
    ]
