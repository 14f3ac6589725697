"""The near-duplicate key folds what does not matter, in any script."""

import random

import pytest

from finetune.text import normalise, words_in


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello, how can I help?", "hello how can i help"),
        ("It costs $1,299.00", "it costs 7"),
        ("What's up", "Whats   up"),
        ("What\u2019s up", "what's up!"),
        ("ＡＢＣ１２３", "abc 9".replace(" ", "")),
        ("Straße", "STRASSE"),
        ("你好，我要 2 张票！", "你好 我要3张票"),
        ("我想要 iPhone 手机", "我想要iPhone手机。"),
        ("Café", "Cafe\u0301"),
        ("", " \n?!… "),
    ],
)
def test_the_same(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("refund", "refunds"), ("किताब", "कताब"), ("👍", "👎"), ("to day", "today"), ("票", "标")],
)
def test_not_the_same(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_normalising_twice_changes_nothing() -> None:
    rng = random.Random(0)
    ranges = (
        range(0x20, 0x180),
        range(0x3040, 0x3100),
        range(0x4E00, 0x4F00),
        range(0xFF00, 65519),
    )
    alphabet = [code for codes in ranges for code in codes]
    for _ in range(3000):
        key = normalise("".join(map(chr, rng.choices(alphabet, k=12))))
        assert normalise(key) == key


@pytest.mark.parametrize(
    ("key", "words"),
    [("", 0), ("i lost my card", 4), ("我的银行卡丢了吗", 4), ("我要买iphone手机", 3.5)],
)
def test_two_han_characters_count_as_a_word(key: str, words: float) -> None:
    assert words_in(key) == words
