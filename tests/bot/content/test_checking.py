"""Whether a sentence that a model wrote says no more than its sources."""

import pytest

from bot.content.checking import kept, source_of

ENGLISH = (
    "An order can be cancelled free of charge until it is packed.",
    "That usually happens about 2 hours after ordering.",
    "Refunds go to Klarna or the card you paid with.",
)
CHINESE = ("订单打包前可以免费取消。", "退款会在3个工作日内到账。", "定制商品不能退货。")


@pytest.mark.parametrize(
    ("sentence", "place"),
    [
        ("You can cancel an order free of charge until it is packed.", 0),
        ("Refunds go to the card you paid with.", 2),
        ("Packing usually happens about 2 hours after ordering.", 1),
        ("You can cancel for free until it is packed, usually 2 hours after ordering.", 0),
        ("You cannot cancel an order free of charge until it is packed.", None),
        ("That usually happens about 3 hours after ordering.", None),
        ("Refunds go to PayPal or the card you paid with.", None),
        ("An order can be cancelled free of charge at any time by phone or email.", None),
        ("Our rocket leaves for the moon today.", None),
        ("Yes, of course!", None),
        ("", None),
    ],
)
def test_english(sentence: str, place: int | None) -> None:
    assert source_of(sentence, ENGLISH) == place


@pytest.mark.parametrize(
    ("sentence", "place"),
    [
        ("订单在打包前可以免费取消。", 0),
        ("退款3个工作日内到账。", 1),
        ("退款在5个工作日内到账。", None),
        ("定制商品可以退货。", None),
        ("定制商品不能退货。", 2),
        ("我们明天去月球旅行。", None),
    ],
)
def test_chinese(sentence: str, place: int | None) -> None:
    assert source_of(sentence, CHINESE) == place


def test_what_does_not_stand_is_dropped() -> None:
    written = "Refunds go to the card you paid with. They take 9 days. 退款会在3个工作日内到账。"
    assert kept(written, [*ENGLISH, *CHINESE]) == [
        ("Refunds go to the card you paid with.", 2),
        ("退款会在3个工作日内到账。", 4),
    ]
