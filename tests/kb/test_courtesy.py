"""Which sentences of an article answer nothing."""

import pytest

from kb.courtesy import is_courtesy


@pytest.mark.parametrize(
    "sentence",
    [
        "Thank you for reading our help pages!",
        "Thanks so much for shopping with us.",
        "Welcome to Tern & Trail.",
        "Dear customer,",
        "Hello there!",
        "We hope this information is useful to you.",
        "We're glad you are here.",
        "You've come to the right place!",
        "In this article, you'll learn how to return something.",
        "This guide explains how refunds work.",
        "**Read on** to find out more.",
        "感谢您阅读本文。",
        "欢迎来到岑屿茶铺！",
        "亲爱的顾客，您好！",
        "本文为您介绍如何退货。",
        "希望本文对您有帮助。",
    ],
)
def test_a_courtesy(sentence: str) -> None:
    assert is_courtesy(sentence.replace("**", ""))


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "Returns are free within 30 days.",
        "Thank you for your order number.",
        "Welcome to the club, where delivery is free.",
        "Welcome to the club where delivery is free.",
        "Welcome drinks are free.",
        "We hope to be back in stock in May.",
        "This page is about the 2024 recall.",
        "In this article you'll find: a form, a label.",
        "Hello Kitty mugs cannot be returned.",
        "Scroll down and select Search.",
        "欢迎自带茶杯。",
        "感谢您的支持，满一百元减十元。",
        "本文讲退货，运费由我们承担。",
    ],
)
def test_a_sentence_that_may_answer(sentence: str) -> None:
    assert not is_courtesy(sentence)


def test_a_long_sentence_takes_no_time() -> None:
    assert not is_courtesy("thank you for reading " * 50_000)
