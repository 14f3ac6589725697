"""What the customer reads, to the character."""

from __future__ import annotations

import string
from collections.abc import Mapping
from itertools import pairwise
from typing import get_args

import pytest

from bot.decision import (
    Answer,
    Ask,
    Cite,
    Clarify,
    Evidence,
    Handoff,
    HandoffReason,
    Several,
    SmallTalk,
    Summary,
    Unknown,
    UnknownReason,
)
from bot.dialogue.short_answers import PERSON_WORDS
from bot.replies import (
    LONGEST_QUOTE,
    SENTENCES,
    Language,
    in_a_line,
    one_line,
    printable,
    render,
    sentence,
)
from bot.workspace.templates import Template, Templates
from kb.passages import Passage
from kb.search import Hit

EVIDENCE = Evidence("unknown")
TEMPLATES = Templates(
    (
        Template(
            "track", ("track",), "answer", "Track an order", ("order_id",),
            ("Order {order_id} is on its way.", "Good news: {order_id} has left us."),
        ),
        Template("cancel", ("cancel",), "answer", "Cancel an order", (), ("Cancelled.",)),
        Template("lawyer", ("legal",), "handoff", "Legal", (), ("Our lawyers will call.",)),
    )
)  # fmt: skip
LANGUAGES: tuple[Language, ...] = get_args(Language)


def hit(article: str, title: str, text: str) -> Hit:
    return Hit(Passage(1, article, title, (), text, "kb/x.md:1"), 0.9, 0.9, 0.9)


def test_a_template_is_said_with_its_slots_and_its_wordings_in_turn() -> None:
    said = [
        render(Answer("track", {"order_id": "TT-1"}, EVIDENCE, wording), TEMPLATES, "en")
        for wording in range(3)
    ]
    assert said == [
        "Order TT-1 is on its way.",
        "Good news: TT-1 has left us.",
        "Order TT-1 is on its way.",
    ]


def test_what_a_customer_typed_is_put_in_and_never_interpreted() -> None:
    slots = {"order_id": "{order_id} {0.__class__} %s \\1"}
    said = render(SmallTalk("track", slots, EVIDENCE), TEMPLATES, "en")
    assert said == "Order {order_id} {0.__class__} %s \\1 is on its way."


def test_passages_are_quoted_with_their_citations_and_titles_below() -> None:
    hits = (
        hit("returns", "Returns", "You have **30 days**. See [the form](https://x.example)."),
        hit("refunds", "Refunds", "- card: 3 days\n- cash: today"),
        hit("returns", "Returns", "Boots come back clean."),
    )
    assert render(Cite(hits, EVIDENCE), TEMPLATES, "en") == (
        "Here is what our help pages say:\n"
        "\n"
        "You have 30 days. See the form. [1]\n"
        "\n"
        "- card: 3 days\n- cash: today [2]\n"
        "\n"
        "Boots come back clean. [1]\n"
        "\n"
        "[1] Returns\n[2] Refunds"
    )


def test_two_requests_have_their_sources_numbered_through() -> None:
    returns = hit("returns", "Returns", "You have 30 days.")
    refunds = hit("refunds", "Refunds", "On the card in 3 days.")
    cites = (Cite((returns,), EVIDENCE), Cite((refunds, returns), EVIDENCE))
    said = render(Several(cites, ("a", "b"), EVIDENCE), TEMPLATES, "en")
    assert said == (
        "Here is what our help pages say:\n"
        "\n"
        "You have 30 days. [1]\n"
        "\n"
        "[1] Returns\n"
        "\n"
        "Here is what our help pages say:\n"
        "\n"
        "On the card in 3 days. [2]\n"
        "\n"
        "You have 30 days. [1]\n"
        "\n"
        "[2] Refunds\n[1] Returns"
    )


@pytest.mark.parametrize("sentence_", ["All boots may be returned. ", "靴子可以在三十天内退货。"])
def test_a_long_passage_ends_with_a_whole_sentence(sentence_: str) -> None:
    said = render(Cite((hit("a", "A", sentence_ * 100),), EVIDENCE), TEMPLATES, "en")
    quote = said.split("\n\n")[1]
    assert len(quote) <= LONGEST_QUOTE + len(" … [1]")
    assert quote.endswith(sentence_.strip() + " … [1]")


def test_emphasis_is_not_printed_as_stars() -> None:
    text = "Points show as *pending* first. A *whole phrase* too; 3 * 4 * 5 and *.zip stay."
    said = render(Cite((hit("a", "A", text),), EVIDENCE), TEMPLATES, "en")
    assert "as pending first. A whole phrase too; 3 * 4 * 5 and *.zip stay. [1]" in said


def test_a_passage_without_any_sentence_is_cut_all_the_same() -> None:
    said = render(Cite((hit("a", "A", "x" * 5000),), EVIDENCE), TEMPLATES, "en")
    assert said.split("\n\n")[1] == "x" * LONGEST_QUOTE + " … [1]"


@pytest.mark.parametrize(
    ("language", "attempt", "question", "said"),
    [
        ("en", 0, "Your number?", "Your number?"),
        ("en", 1, "Your number?", "Sorry, I couldn't find that in your message. Your number?"),
        ("en", 0, "", "Could you tell me the order id?"),
        ("zh", 0, "订单号是多少？", "订单号是多少？"),
        ("zh", 1, "订单号是多少？", "抱歉，刚才的消息里没有找到。订单号是多少？"),
    ],
)
def test_a_question(language: Language, attempt: int, question: str, said: str) -> None:
    ask = Ask("order_id", "track", question, {}, EVIDENCE, attempt)
    assert render(ask, TEMPLATES, language) == said


def test_choices_are_numbered() -> None:
    assert render(Clarify(("track", "cancel"), EVIDENCE), TEMPLATES, "en") == (
        "Just so I get this right, which of these do you mean?\n"
        "1. Track an order\n"
        "2. Cancel an order\n"
        "A number will do, or tell me in other words."
    )


def test_a_handoff_uses_its_template_or_our_own_words() -> None:
    own = Handoff("template", Summary(), EVIDENCE, "lawyer")
    assert render(own, TEMPLATES, "en") == "Our lawyers will call."
    assert render(Handoff("requested", Summary(), EVIDENCE), TEMPLATES, "zh") == (
        "好的，我这就为您转接同事，您刚才说的内容会一并转过去。"
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", ["uncertain", "out of scope"])
def test_not_knowing_says_so_and_offers_a_person(language: Language, reason: UnknownReason) -> None:
    say_so = {"en": ("don't know",), "zh": ("不知道", "还不知道", "知道的范围")}[language]
    for wording in range(len(SENTENCES[language][reason])):
        said = render(Unknown(reason, EVIDENCE, wording), TEMPLATES, language)
        assert any(words in said for words in say_so)
        assert any(f"{quotes[0]}{word}{quotes[1]}" in said
                   for word in PERSON_WORDS for quotes in ('""', "“”"))  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_sentence_in_wordings_that_differ(language: Language) -> None:
    assert SENTENCES[language].keys() == SENTENCES["en"].keys()
    assert {*get_args(UnknownReason), *get_args(HandoffReason)} - {"template"} <= set(
        SENTENCES[language]
    )
    for name, wordings in SENTENCES[language].items():
        assert len(set(wordings)) == len(wordings)
        assert len(wordings) > 1 or name in {"choose", "choose or not", "failed", "two"}
        assert max(len(wording) for wording in wordings) < 160


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_sentence_is_never_said_twice_in_a_row(language: Language) -> None:
    said = [sentence(language, "uncertain", turn) for turn in range(5)]
    assert all(one != other for one, other in pairwise(said))


HARMLESS = [
    "plain",
    "tab\there",
    "line\nline",
    "שלום",
    "مرحبا",
    "你好",
    "👩‍👩‍👧 é e\u0301",
    "rtl\u200f mark",
]
HARMFUL: Mapping[str, str] = {
    "\x1b[2J\x1b]0;owned\x07": "\\x1b[2J\\x1b]0;owned\\x07",
    "\x9b31m": "\\x9b31m",
    "\x00\x7f\x08": "\\x00\\x7f\\x08",
    "abc\u202edcba": "abc\\u202edcba",
    "\u2066x\u2069": "\\u2066x\\u2069",
    "a\rb\r\nc": "a\nb\nc",
    "half \udce9": "half \\udce9",
}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_is_printed_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(("text", "shown"), HARMFUL.items())
def test_what_steers_a_terminal_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_no_character_at_all_steers_a_terminal() -> None:
    everything = "".join(map(chr, range(0x11000)))
    shown = printable(everything)
    shown.encode("utf-8")
    assert printable(shown) == shown
    assert {char for char in shown if char < " "} == {"\t", "\n"}
    assert set(string.printable) - {"\r", "\x0b", "\x0c"} <= set(shown)


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        ("见下：\n\n30 天内可退。 [1]\n\n[1] 退货", "见下： 30 天内可退。 [1] ([1] 退货)"),
        (
            "A. [1]\n\nB. [2]\n\n[1] X\n[2] Y\n\nBack to it.",
            "A. [1] B. [2] ([1] X; [2] Y) Back to it.",
        ),
        ("Items:\n[1] is no source here.", "Items: [1] is no source here."),
    ],
)
def test_sources_in_a_pipe_stand_in_brackets(reply: str, line: str) -> None:
    assert in_a_line(reply) == line


def test_a_reply_in_a_pipe_is_one_line() -> None:
    assert one_line("  One.\n\n\tTwo.\x0bThree.\u2028Four.\x85Five.\x1b ") == (
        "One. Two. Three. Four. Five.\\x1b"
    )
