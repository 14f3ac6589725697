"""What words alone say of an intent, and how it is kept."""

from pathlib import Path

import numpy as np
import pytest

from finetune import lexical
from finetune.errors import FinetuneError
from finetune.lexical import Lexical

TEXTS = [
    "cancel my order",
    "please cancel the order",
    "I want to cancel",
    "where is my parcel",
    "has the parcel been sent",
    "parcel still not here",
    "我想退款",
    "请给我退款",
    "退款多久到",
]
INTENTS = [[0]] * 3 + [[1]] * 3 + [[2]] * 3


def fitted(texts: list[str], intents: list[list[int]], count: int) -> Lexical:
    found = lexical.fit(texts, intents, count, seed=7)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def learnt() -> Lexical:
    return fitted(TEXTS, INTENTS, 3)


@pytest.mark.parametrize(
    ("text", "intent"),
    [("cancel it", 0), ("the PARCEL?", 1), ("Cancelling!", 0), ("可以退款吗", 2), ("cancell", 0)],
)
def test_new_words_are_known_by_their_parts(learnt: Lexical, text: str, intent: int) -> None:
    assert learnt.logits([text]).argmax(1).tolist() == [intent]


def test_a_text_is_read_alike_alone_and_among_others(learnt: Lexical) -> None:
    together = learnt.logits([*TEXTS, "", "\U0001f600 parcel", "a" * 10_000])
    alone = [learnt.logits([text])[0] for text in [*TEXTS, "", "\U0001f600 parcel", "a" * 10_000]]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_text_without_a_known_word_says_nothing(learnt: Lexical) -> None:
    np.testing.assert_array_equal(learnt.logits(["", "ЖЖЖ"]), [learnt.offsets, learnt.offsets])


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Order  NOW", "order now", True),
        ("ＯＲＤＥＲ now", "order now", True),
        ("order, now", "order now", False),
        ("order now", "now order", False),
        ("ab c", "a bc", False),
    ],
)
def test_spelling_counts_and_case_does_not(one: str, other: str, alike: bool) -> None:
    first, second = (sorted(found.tolist()) for found in lexical.hashes([one, other]))
    assert (first == second) is alike


def test_hashes_do_not_depend_on_where_a_word_stands() -> None:
    [alone], [_, later] = lexical.hashes(["parcel"]), lexical.hashes(["你好", "so parcel"])
    assert set(alone.tolist()) <= set(later.tolist())


def test_characters_and_words_are_told_apart() -> None:
    [found] = lexical.hashes(["to be"])
    words = found & np.uint64(1)
    # " to", "to", ... within each word and its ends; "to", "be" and the pair of them
    assert words.sum() == 3
    assert (1 - words).sum() == 2 * (2 + 3 + 2 + 1)


def test_several_intents_of_a_text_each_learn_from_it() -> None:
    both = fitted([*TEXTS, "cancel the parcel"], [*INTENTS, [0, 1]], 4)
    scores = both.logits(["cancel the parcel"])[0]
    assert set(np.argsort(-scores)[:2]) == {0, 1}
    assert scores[3] == -1.0  # an intent nobody has an example of


def test_two_intents_are_a_line_and_its_opposite() -> None:
    pair = fitted(TEXTS[:6], INTENTS[:6], 2)
    scores = pair.logits(["cancel my order"])[0]
    assert scores[0] == pytest.approx(-scores[1], abs=1e-3)
    assert scores[0] > 0


def test_it_counts_as_much_as_it_is_told(learnt: Lexical) -> None:
    half = learnt.times(0.5).logits(TEXTS)
    np.testing.assert_allclose(half, learnt.logits(TEXTS) / 2, atol=2e-3)


def test_it_is_kept_in_a_version_folder(learnt: Lexical, tmp_path: Path) -> None:
    assert Lexical.load(tmp_path) is None
    learnt.save(tmp_path)
    kept = Lexical.load(tmp_path)
    assert kept is not None
    np.testing.assert_array_equal(kept.logits(TEXTS), learnt.logits(TEXTS))
    (tmp_path / lexical.NAME).write_bytes(b"damaged")
    with pytest.raises(FinetuneError, match=r"lexical\.safetensors: cannot be read"):
        Lexical.load(tmp_path)


@pytest.mark.parametrize(
    ("texts", "intents"),
    [([], []), (["a b", "a c"], [[0], [0]]), (["ab", "cd"], [[0], [1]]), (["a", "b"], [[], []])],
)
def test_what_tells_nothing_apart_is_not_learnt(texts: list[str], intents: list[list[int]]) -> None:
    assert lexical.fit(texts, intents, 2, seed=7) is None
