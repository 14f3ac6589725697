"""What is personal data in a message, and what only looks like it."""

import re

import pytest

from bot.privacy.masking import Masked, Span, mask

PERSONAL = [
    # e-mail
    ("write to mia.b+x@mail.example.co.uk.", "write to [email]."),
    ("邮箱是abc@qq.com谢谢", "邮箱是[email]谢谢"),
    ("邮箱是ａｂｃ＠ｑｑ．ｃｏｍ", "邮箱是[email]"),
    # phones
    ("call +44 20 7946 0958 please", "call [phone] please"),
    ("+1 (415) 555-2671", "[phone]"),
    ("(415) 555-2671", "[phone]"),
    ("415.555.2671", "[phone]"),
    ("1-800-555-0199", "[phone]"),
    ("+49 (0)30 123456", "[phone]"),
    ("0044 20 7946 0958", "[phone]"),
    ("07911 123456", "[phone]"),
    ("020 7946 0958", "[phone]"),
    ("01 23 45 67 89", "[phone]"),
    ("030/1234567 89", "[phone]"),
    ("my phone is 4155552671", "my phone is [phone]"),
    ("tel:5551234", "tel:[phone]"),
    ("tel: 020 7946 0958 or 07911 123456", "tel: [phone] or [phone]"),
    ("about my order, 07911 123456", "about my order, [phone]"),
    ("no, 07911 123456", "no, [phone]"),
    ("我的手机号是13812345678，谢谢", "我的手机号是[phone]，谢谢"),
    ("138 1234 5678", "[phone]"),
    ("+86 138-1234-5678", "[phone]"),
    ("电话：１３８１２３４５６７８", "电话：[phone]"),
    ("座机010-62345678", "座机[phone]"),
    # cards: Luhn
    ("4111 1111 1111 1111", "[card]"),
    ("card 4111-1111-1111-1111, exp 12/27", "card [card], exp 12/27"),
    ("5555555555554444", "[card]"),
    ("3782 822463 10005", "[card]"),
    ("3056 930902 5904", "[card]"),
    # IBAN: modulo 97
    ("GB82 WEST 1234 5698 7654 32 please", "[iban] please"),
    ("DE89370400440532013000", "[iban]"),
    ("de89 3704 0044 0532 0130 00 and more", "[iban] and more"),
    # Chinese identity numbers: GB 11643
    ("身份证11010519491231002X", "身份证[id_number]"),
]
HARMLESS = [
    # dates and times
    "2026-03-13",
    "13/03/2026",
    "13.03.2026 14:30",
    "20260313",
    "2026-03-13 14:30:00",
    "call me on 2026-03-13",
    "call before 13.03.2026 14:00",
    "call me at 3:30",
    "12:30-13:45",
    "9:00 - 17:30",
    "2019-2020",
    "2026年3月13日",
    "06112018 1999",
    "052718 238 pm",
    "tell me by phone 06032018",
    "https://web.archive.org/web/20181027121551/https://help.example",
    # prices and totals
    "$1,299.50",
    "$4155552671",
    "1.299.000,50 €",
    "1 299 000",
    "10 000 000 people",
    "total: 1299000",
    "￥1300.00",
    "100 - 200",
    "+5000000 points",
    # versions, addresses, measures
    "version 10.15.7.1",
    "v2.10.1234567",
    "192.168.1.100",
    "0.123456789",
    "5 x 10 x 15",
    "EU 42 or 43",
    # numbers of orders, parcels, books
    "order 4155552671",
    "order number: 07911123456",
    "订单号：13812345678",
    "112-1234567-1234567",
    "1Z999AA10123456784",
    "978-3-16-148410-0",
    "tracking 00340434161094021501",
    "http://example.com/13812345678",
    "1700000000000",
    # with a wrong check digit
    "4111 1111 1111 1112",
    "DE89370400440532013001",
    "110105194912310021",
    # nothing at all
    "",
    "mia at example",
    "@mia",
]


@pytest.mark.parametrize(("text", "masked"), PERSONAL)
def test_personal_data_is_replaced_by_what_it_is(text: str, masked: str) -> None:
    assert mask(text).text == masked


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask(text) == Masked(text)


def test_masking_again_changes_nothing() -> None:
    for text, _ in PERSONAL:
        once = mask(text).text
        assert mask(once).text == once


def test_own_patterns_and_known_spans_come_first() -> None:
    own = {"order_id": re.compile(r"TT-\d{6}")}
    masked = mask("Mia, TT-123456, mia@example.com", own, [Span(0, 3, "name")])

    assert masked.text == "[name], [order_id], [email]"
    assert masked.spans == (Span(0, 3, "name"), Span(5, 14, "order_id"), Span(16, 31, "email"))


def test_where_two_overlap_the_first_holds() -> None:
    own = {"account": re.compile(r"\d{11}")}

    assert mask("13812345678", own).text == "[account]"


def test_places_are_moved() -> None:
    text = "from mia@example.com to TT-123456 now"
    masked = mask(text, {"order_id": re.compile(r"TT-\d{6}")})
    places = {
        "from": "from",
        "mia@example.com": "[email]",
        "example.com": "[email]",
        "mia@example.com to": "[email] to",
        "to": "to",
        "TT-123456": "[order_id]",
        "now": "now",
        text: masked.text,
    }
    for before, after in places.items():
        start, end = masked.moved(text.index(before), text.index(before) + len(before))
        assert masked.text[start:end] == after


@pytest.mark.parametrize("text", ["1 " * 20_000, "0" * 50_000, "a" * 50_000 + "@", "+1-" * 20_000])
def test_long_texts_cost_little(text: str) -> None:
    mask(text)  # a pattern that backtracks would not come back


def test_an_owners_pattern_finds_all_in_a_long_text_and_takes_no_square_of_its_length() -> None:
    """`[\\w.]+@` on a run of 100,000 letters would take a minute; window by window it is quick."""
    pattern = {"mail": re.compile(r"\b[\w.-]+@[\w-]+\.\w+\b")}
    run = "tt-" * 30_000
    many = " ".join(f"mia.{number}@a-long-name-of-a-shop.example" for number in range(400))
    masked = mask(f"{run} {many}", pattern)
    assert masked.text == f"{run} {' '.join(['[email]'] * 400)}"
    own = " ".join(f"code-{number:04}" for number in range(2_000))
    assert mask(own, {"code": re.compile(r"\bcode-\d{4}\b")}).text == " ".join(["[code]"] * 2_000)
