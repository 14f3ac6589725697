"""The flow that docs/flows.md begins with: its three files, and the conversation below them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.bot.dialogue.conversation import Conversation

PAGE = Path(__file__).resolve().parents[3] / "docs" / "flows.md"


def block(page: str, kind: str) -> str:
    """The first block of a kind."""
    found = re.search(rf"```{kind}\n(.*?)```", page, re.S)
    assert found, kind
    return found[1]


def test_the_conversation_goes_as_the_page_says(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    settings = 'name = "Tern & Trail"\n' + block(page, "toml")
    talk = Conversation.of(tmp_path, settings, block(page, "yaml"), block(page, "python"))
    lines = [line.strip("> \\") for line in page.splitlines() if line.startswith("> ")]
    customer, bot = lines[::2], [line.strip("*") for line in lines[1::2]]
    replies = [
        talk.customer(text, None if number else "order/move")
        for number, text in enumerate(customer)
    ]
    assert len(replies) == 5
    assert replies == bot


def test_the_values_of_the_page_are_the_codes() -> None:
    from bot.actions import AT_ONCE, _wait
    from bot.actions.endpoint import LONGEST_REPLY
    from bot.dialogue.filling import MOST_LISTED
    from bot.workspace.settings import ActionSettings

    page = PAGE.read_text(encoding="utf-8")
    assert f"up to {LONGEST_REPLY // 1024} KiB" in page
    assert f"a wait of {_wait(2)}, then {_wait(3)} seconds" in page
    assert (AT_ONCE, MOST_LISTED) == (8, 9)
    assert "eight such runs" in page
    assert "up to nine values" in page
    settings = ActionSettings(function="f")
    assert (settings.timeout_seconds, settings.retries) == (5, 0)
