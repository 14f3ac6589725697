"""What may be quoted by itself, in English and Chinese."""

import pytest

from bot.content.sentences import sentences, units


def texts(markdown: str) -> list[str]:
    return [unit.text for unit in units(markdown)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 3.50 EUR. Pay by card.", ["It costs 3.50 EUR.", "Pay by card."]),
        ("Use a card, e.g. Visa. Or cash.", ["Use a card, e.g. Visa.", "Or cash."]),
        ("Ask Dr. Moss. He knows.", ["Ask Dr. Moss.", "He knows."]),
        ("See tern.example/a.html now. Done.", ["See tern.example/a.html now.", "Done."]),
        ("Wait ... then go. Stop.", ["Wait ... then go.", "Stop."]),
        ('He said "Go." Then left.', ['He said "Go."', "Then left."]),
        ("三天内到账。可以查询吗？可以！", ["三天内到账。", "可以查询吗？", "可以！"]),
        ("他说：“可以。”然后走了。", ["他说：“可以。”", "然后走了。"]),
        ("支持Visa卡。Refunds take 3 days.", ["支持Visa卡。", "Refunds take 3 days."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, parts: list[str]) -> None:
    spans = sentences(text)
    assert [text[start:end].strip() for start, end in spans] == parts
    assert "".join(text[start:end] for start, end in spans) == (text if parts else "")


def test_a_list_is_one_piece_with_the_sentence_that_leads_into_it() -> None:
    markdown = "Boots come back clean. To return them:\n\n1. Open the form.\n2. Print it.\n\nDone."
    assert texts(markdown) == [
        "Boots come back clean.",
        "To return them:\n1. Open the form.\n2. Print it.",
        "Done.",
    ]


@pytest.mark.parametrize(
    "listed",
    [
        "- one. Two.\n- three",
        "* one\n\n* two\n\n* three",
        "1) one\n2) two\n   more of two\n3) three",
        "1、打开。\n2、确认。",
        "① 打开。\n② 确认。",
        "步骤1 打开。\n步骤2 确认。",
        "| a | b |\n| --- | --- |\n| c. D | e |",
        "```\nline. One.\n\nLine two.\n```",
    ],
)
def test_lists_tables_and_code_are_never_cut(listed: str) -> None:
    assert len(units(f"Before.\n\n{listed}\n\nAfter.")) == 3


def test_pieces_are_places_in_the_text_as_written() -> None:
    markdown = "You have **30 days**. See [the form](https://x.example).\n\n- card: 3 days"
    assert [(markdown[u.start : u.end], u.text) for u in units(markdown)] == [
        ("You have **30 days**.", "You have 30 days."),
        ("See [the form](https://x.example).", "See the form."),
        ("- card: 3 days", "- card: 3 days"),
    ]


@pytest.mark.parametrize("piece", [":", ".", "a. ", "A. ", ".) ", "- x\n", "```\n", "\n \t"])
def test_a_long_text_of_one_thing_over_and_over_is_held_whole(piece: str) -> None:
    text = piece * 20_000  # the square of its length would be minutes
    assert "".join(text[start:end] for start, end in sentences(text)).strip() == text.strip()
    assert all(text[unit.start : unit.end].strip() for unit in units(text))
