"""Texts that are encoded beforehand come back from the disk as they were."""

import numpy as np
import pytest

from bot.replay import survey as module
from bot.replay.known import Known
from bot.replay.reading import Encoded
from bot.replay.survey import Chat, _Frequent
from finetune.tags import FoundEntity
from tests.bot.replay.conftest import chat

NASTY = ["", "a", "é", "中文", "\ud83d half", "\uffff", "\U0001f600", "nul \0 in it"]


def known(said: list[str], heard: list[str]) -> tuple[Known, dict[str, np.ndarray]]:
    """The texts with random vectors; the first character of each customer's text is an `x`."""
    rng, found = np.random.default_rng(0), Known()
    vectors = rng.standard_normal((len(said) + len(heard), 5)).astype(np.float32)
    entities = {place: (FoundEntity(0, 1, "x", 1 / 3),) for place, text in enumerate(said) if text}
    found.add(Encoded(said, vectors[: len(said)], entities), said=True)
    found.add(Encoded(heard, vectors[len(said) :], {}), said=False)
    return found, dict(zip([*said, *heard], vectors, strict=True))


def test_a_block_is_given_its_own_texts_to_the_last_digit() -> None:
    texts, vectors = known(NASTY, ["bye", "other"])
    turns = [f"customer: {text}" for text in NASTY if text] + ["agent: bye", "agent: new"]
    found = texts.of_chats([Chat(0, chat("a", *turns), None)])
    assert found.texts == [*sorted(text for text in NASTY if text), "bye"]
    assert (found.vectors == [vectors[text] for text in found.texts]).all()
    assert found.entities == {n: [FoundEntity(0, 1, "x", 1 / 3)] for n in range(len(NASTY) - 1)}


def test_what_a_customer_says_is_known_only_with_its_entities() -> None:
    texts, _ = known(["hello"], ["thanks"])
    both = Chat(0, chat("a", "customer: thanks", "agent: hello", "agent: thanks"), None)
    assert texts.of_chats([both]).texts == ["hello"]


def test_the_pool_has_the_replies_in_their_order() -> None:
    texts, vectors = known(["hello"], ["Bye!", "thanks"])
    pool = texts.pool(7, [("thanks", "t"), ("hello", "h"), ("Bye!", "b")])
    assert list(pool.keys) == ["t", "h", "b"]
    assert (pool.vectors == [vectors["thanks"], vectors["hello"], vectors["Bye!"]]).all()


def test_the_most_frequent_are_ordered_as_texts_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPEATED", 6)
    counts = _Frequent()
    for texts in (NASTY, NASTY[::-1], NASTY[3:4], [*NASTY[:2], "once"]):
        counts.add(texts)
    often = sorted(set(NASTY) - {"", "a", "中文"})
    assert counts.most() == ["a", "中文", *often][:6]
