"""Which part of a question is said not to be found."""

from collections.abc import Mapping

import pytest

from bot.content.checking import content_terms
from bot.content.coverage import missing
from kb.lexical import Word

HELD = content_terms(
    "order cancel packed refund days card moon trail norway boots 取消 订单 发票 退款 开具"
)


def weigh(text: str) -> Mapping[str, Word]:
    return {term: Word((term,), 2.0, term in HELD) for term in content_terms(text)}


PASSAGE = content_terms(
    "An order can be cancelled until it is packed. 订单打包前可以取消。怎么取消订单"
)


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Can I cancel my order?", ()),
        ("Can I cancel my order and where is the best moon trail?",
         ("where is the best moon trail",)),
        ("Where is the best moon trail? And can I cancel my order?",
         ("Where is the best moon trail",)),
        ("Can I cancel my order, or is it packed?", ()),
        ("Can I cancel my order and boots?", ()),
        ("Can I cancel the order of my Zephyr boots?", ("Zephyr",)),
        ("can i cancel my x200 order", ("x200",)),
        ("Can I cancel my order within 45 days?", ()),
        ("怎么取消订单", ()),
        ("怎么取消订单，另外发票怎么开具呢", ("发票怎么开具呢",)),
    ],
)  # fmt: skip
def test_a_part_that_no_passage_covers_is_named(question: str, parts: tuple[str, ...]) -> None:
    assert missing(question, PASSAGE, weigh) == parts


def test_an_orders_number_is_nothing_to_look_for() -> None:
    assert missing("cancel order TT-4412", PASSAGE, weigh, ["TT-4412"]) == ()
    assert missing("cancel order TT4412", PASSAGE, weigh) == ("TT4412",)


def test_at_most_two_parts_are_named_and_none_at_length() -> None:
    far = "where is the moon trail of norway" + " far away" * 40
    found = missing(f"cancel my order? And {far}? Boots {far}? Card {far}?", PASSAGE, weigh)
    assert len(found) == 2
    assert max(map(len, found)) <= 80
