"""The chain over a text's units: its likelihood, and how it is learnt."""

from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from finetune.conversation import Conversation
from finetune.corpus import Dialogue, Texts, build_dialogue
from finetune.crf import negative_log_likelihood, transitions_of, unit_logits
from finetune.losses import entity_loss
from finetune.lower import Lower
from finetune.network import TagHead, load_tokenizer, load_trunk
from finetune.tags import Units, decode, units_of
from finetune.tokens import load_tokenizer as fast_tokenizer
from finetune.tokens import token_ids
from finetune.training import tag_logits

TAGS = 3


@pytest.fixture
def head() -> TagHead:
    torch.manual_seed(2)
    head = TagHead(dimension=8, tags=TAGS, pieces=2).eval()
    with torch.no_grad():
        head.start.normal_()
        head.transitions.normal_()
    return head


def units(tokens: list[int], places: list[int]) -> Units:
    some = np.arange(len(tokens))
    return Units(some, some + 1, np.array(tokens, np.int64), np.array(places, np.int64))


def score(head: TagHead, logits: Tensor, path: tuple[int, ...]) -> Tensor:
    steps = sum(head.transitions[a, b] for a, b in pairwise(path))
    return head.start[path[0]] + logits[range(len(path)), path].sum() + steps


def test_a_sequence_is_as_likely_as_its_share_of_all_sequences(head: TagHead) -> None:
    logits = [torch.randn(length, TAGS) for length in (4, 1, 2)]
    tags = [torch.randint(TAGS, (len(row),)) for row in logits]
    found = negative_log_likelihood(head, logits, tags)
    for loss, row, right in zip(found, logits, tags, strict=True):
        paths = list(product(range(TAGS), repeat=len(row)))
        scores = torch.stack([score(head, row, path) for path in paths])
        own = paths.index(tuple(right.tolist()))
        torch.testing.assert_close(loss, -scores.log_softmax(0)[own])


def test_far_apart_scores_stay_finite(head: TagHead) -> None:
    logits = [torch.tensor([[500.0, -500, 0], [-500, 500, 0]], requires_grad=True)]
    [loss] = negative_log_likelihood(head, logits, [torch.tensor([1, 0])])
    loss.backward()
    assert loss.item() == pytest.approx(2000, rel=0.01)
    assert logits[0].grad is not None
    assert torch.isfinite(logits[0].grad).all()


def test_a_text_is_read_alike_beside_longer_ones(head: TagHead) -> None:
    states = [torch.randn(length, 16) for length in (2, 9, 1)]
    own = [units([0, 1, 1], [0, 0, 1]), units([1, 8], [0, 0]), units([0], [1])]
    together = unit_logits(head, states, own)
    assert [tuple(row.shape) for row in together] == [(3, TAGS), (2, TAGS), (1, TAGS)]
    for row, state, unit in zip(together, states, own, strict=True):
        torch.testing.assert_close(row, unit_logits(head, [state], [unit])[0])


def test_no_texts_have_no_logits(head: TagHead) -> None:
    assert unit_logits(head, [], []) == []


# --- learning ------------------------------------------------------------------------------------


TYPES = ["city"]


def marked(*said: tuple[str, str | None]) -> tuple[Dialogue, Texts]:
    """One chat of messages, each with the part of it that is a city."""
    turns = [
        {
            "speaker": "customer",
            "text": text,
            "entities": [
                {"start": text.index(city), "end": text.index(city) + len(city), "type": "city"}
                for city in ([city] if city else [])
            ],
        }
        for text, city in said
    ]
    texts = Texts()
    chat = Conversation.model_validate({"id": "c", "turns": turns})
    return build_dialogue(chat, [], texts, context_turns=1), texts


def test_what_is_taught_is_found(tiny_encoder: Path) -> None:
    dialogue, texts = marked(
        ("where is new york", "new york"), ("monday to oslo", "oslo"), ("thanks", None)
    )
    trunk, name = load_trunk(str(tiny_encoder)).eval(), str(tiny_encoder)
    tokenizer = fast_tokenizer(load_tokenizer(name), 64)
    lower = Lower(trunk, 0)
    lower.add(token_ids(tokenizer, texts.all), lambda _: None)
    own = units_of(tokenizer, texts.all, "", 1)
    torch.manual_seed(1)
    head = TagHead(trunk.dimension, 3, 1)
    optimizer = torch.optim.Adam(head.parameters(), 0.01)
    numbers = [message.text for message in dialogue.messages]
    with torch.no_grad():
        states = lower.read(numbers)[1]
    for _ in range(60):
        optimizer.zero_grad()
        entity_loss(head, dialogue.messages, states, own, TYPES).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    found = [
        [
            (entity.start, entity.end)
            for entity in decode(logits, own[i], TYPES, transitions_of(head))
        ]
        for i, logits in zip(numbers, tag_logits(head, lower, numbers, own), strict=True)
    ]
    assert found == [[(9, 17)], [(10, 14)], []]
    assert all(p.grad is not None and p.grad.any() for p in head.parameters())


def test_messages_without_a_unit_teach_nothing(head: TagHead) -> None:
    dialogue, _ = marked(("hm", None))
    loss = entity_loss(head, dialogue.messages, [torch.randn(2, 16)], [units([], [])], TYPES)
    assert loss.item() == 0
