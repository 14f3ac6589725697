"""Few labelled messages and many without: who teaches whom, and when nothing is changed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from finetune import self_training
from finetune.conversation import Conversation
from finetune.corpus import Dialogue, Message, Texts, build_dialogue
from finetune.fitting import examine
from finetune.judging import Reading
from finetune.run import finetune
from finetune.self_training import Learnt, learn, regression, spread, unlabelled

Chat = Callable[..., Conversation]
INTENTS = ["opening", "thanks"]


def messages(*chats: Conversation) -> list[Message]:
    texts = Texts()
    read: list[Dialogue] = [build_dialogue(one, INTENTS, texts, 2) for one in chats]
    return [message for dialogue in read for message in dialogue.messages]


def labelled(chat: Chat, each: int = 1) -> list[Conversation]:
    return [
        chat(f"{intent} {number}", ("customer", f"{intent} {number}", intent))
        for intent in INTENTS
        for number in range(each)
    ]


def asked(chat: Chat, count: int) -> list[Conversation]:
    return [chat(f"asked {i}", ("customer", f"when do you open {i}")) for i in range(count)]


# --- which messages ------------------------------------------------------------------------------


def test_messages_without_labels_are_taken_a_text_once(chat: Chat) -> None:
    again = chat("again", ("customer", "when do you open 0"), ("customer", "thanks 0"))
    taught = messages(*labelled(chat), *asked(chat, 3), again)
    found = unlabelled(taught, 2, seed=7)
    assert len(found) == len({message.text for message in found}) == 3  # "thanks 0" is labelled


@pytest.mark.parametrize(
    ("each", "without", "intents"),
    [(20, 60, 2), (2, 3, 2), (2, 5, 3), (1, 0, 2)],
    ids=["examples enough", "fewer without than with", "an intent has none", "all are labelled"],
)
def test_otherwise_none_is(chat: Chat, each: int, without: int, intents: int) -> None:
    taught = messages(*labelled(chat, each), *asked(chat, without))
    assert unlabelled(taught, intents, seed=7) == []


def test_of_very_many_a_sample_is_taken(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_training, "MOST", 10)
    taught = messages(*labelled(chat), *asked(chat, 30))
    chosen = [message.conversation for message in unlabelled(taught, 2, seed=7)]
    assert len(chosen) == 10
    assert chosen == [message.conversation for message in unlabelled(taught, 2, seed=7)]
    assert chosen != [message.conversation for message in unlabelled(taught, 2, seed=8)]


# --- labels that spread --------------------------------------------------------------------------


def arcs(seed: int, count: int = 100) -> tuple[Any, Any]:
    """Unit vectors on two arcs that bend away from each other, and the arc of each."""
    rng = np.random.default_rng(seed)
    along = rng.uniform(0, np.pi / 2, count)
    arc = np.arange(count) % 2
    height = np.where(arc == 0, 0.35, -0.35) + rng.normal(0, 0.02, count)
    points = np.stack([np.cos(along), np.sin(along), height], axis=1).astype(np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True), arc


def test_a_label_spreads_along_its_neighbours() -> None:
    vectors, arc = arcs(seed=1)
    shares = spread(vectors, np.eye(2, dtype=np.float32)[arc[:2]])
    assert shares.sum(axis=1) == pytest.approx(np.ones(100), abs=1e-5)
    assert (shares.argmax(axis=1) == arc).mean() > 0.95


def test_blocks_do_not_change_what_spreads(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, arc = arcs(seed=2)
    labels = np.eye(2, dtype=np.float32)[arc[:4]]
    whole = spread(vectors, labels)
    monkeypatch.setattr(self_training, "_BLOCK", 7)
    assert spread(vectors, labels) == pytest.approx(whole, abs=1e-6)


def test_two_messages_are_enough_of_a_graph() -> None:
    vectors = np.eye(2, dtype=np.float32)
    assert spread(vectors, np.eye(2, dtype=np.float32)).argmax(axis=1).tolist() == [0, 1]


def test_what_is_hardly_sure_hardly_teaches() -> None:
    vectors = np.asarray([[1, 0], [0, 1], [1, 0], [1, 0]], np.float32)
    labels = np.asarray([0, 1, 1, 1])
    for sure, guess in ((0.01, 0), (1.0, 1)):
        lines, offsets = regression(vectors, labels, np.asarray([1, 1, sure, sure], np.float32))
        assert (lines @ vectors[0] + offsets).argmax() == guess


# --- a run ---------------------------------------------------------------------------------------


def more_chats(chat: Chat) -> list[Conversation]:
    return [
        chat(f"more {i}", ("customer", f"{said} {i}"), split="train")
        for i in range(20)
        for said in ("where is my parcel", "many thanks")
    ]


def test_a_run_says_what_messages_without_labels_taught(
    make_request: Callable[..., Any], bakery_chats: list[Conversation], chat: Chat
) -> None:
    request = make_request(conversations=[*bakery_chats, *more_chats(chat)])
    told = finetune(request, lambda *_: None).notes[-1]
    assert "40 messages without labels" in told
    assert "of 4 held-out messages" in told  # validation is half of the four chats, two turns each


@pytest.mark.parametrize("gain", [0, 1])
def test_the_head_changes_only_where_validation_gains(
    make_trainer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, gain: int
) -> None:
    trainer = make_trainer()
    taught = list(trainer.messages())
    more = [replace(message, intents=(), gold=frozenset()) for message in taught]
    rights = iter((3, 3 + gain))
    monkeypatch.setattr(self_training, "_right", lambda _: next(rights))
    before = trainer.heads.intents.weight.detach().clone()
    held_out = examine(trainer, taught)
    learnt = learn(trainer, taught, more, held_out, Reading(), None)
    assert learnt == Learnt(len(more), len(taught), 3, 3 + gain)
    assert learnt.kept is not torch.equal(trainer.heads.intents.weight, before)


def test_what_taught_nothing_is_said() -> None:
    assert Learnt(4000, 50, before=40, after=40).told() == (
        "4,000 messages without labels taught nothing: no more than 40 of 50 held-out messages "
        "were read rightly"
    )
