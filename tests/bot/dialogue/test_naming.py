"""A listed value is named by its beginning."""

from __future__ import annotations

import pytest

from bot.dialogue.naming import beginning, named_in_short

BAGS = (
    "Dunlin 300 sleeping bag", "Dunlin 600 sleeping bag", "Puffin kids' jacket", "Puffin kids' bag",
    "Swift daypack", "熟普",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("do you have the Dunlin 300 in stock?", "Dunlin 300 sleeping bag"),
        ("is the dunlin-600 warmer", "Dunlin 600 sleeping bag"),
        ("the Dunlin 300 or the Dunlin 600?", None),
        ("my puffin kids' thing", None),  # two begin so
        ("a swift reply", None),
        ("which sleeping bag", None),
        ("熟普怎么泡", None),
        ("", None),
    ],
)
def test_two_words_name_it_where_no_other_begins_so(text: str, value: str | None) -> None:
    assert named_in_short(text, BAGS) == value


def test_what_has_no_more_than_two_words_is_named_whole() -> None:
    assert beginning("Dunlin 300 sleeping bag") == "dunlin 300"
    assert beginning("Swift daypack") == beginning("熟普") == ""
