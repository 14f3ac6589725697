"""Chats in a line each, and what a small training run needs.

chat("c1", ("customer", "are you open", "opening"), ("agent", "From seven."), split="train")
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from finetune.conversation import Conversation
from finetune.encoder import EncoderSource


def _chat(name: str, *turns: Sequence[str], split: str | None = None) -> Conversation:
    said = [
        {"speaker": speaker, "text": text, "intents": intents} for speaker, text, *intents in turns
    ]
    return Conversation.model_validate({"id": name, "split": split, "turns": said})


@pytest.fixture(scope="session")
def chat() -> Callable[..., Conversation]:
    """Makes a conversation of (speaker, text, *intents)."""
    return _chat


@pytest.fixture(scope="session")
def bakery_chats() -> list[Conversation]:
    """Sixteen chats of two requests each: eight train, four each for validation and test."""
    return [
        _chat(
            f"c{number}",
            ("customer", f"where is my parcel BK-{number:04}", "order/track"),
            ("agent", "Parcel is on its way." if number % 3 else "The van has parcel."),
            ("customer", f"many thanks, see you {('monday', 'friday')[number % 2]}", "thanks"),
            ("agent", "You are welcome!" if number % 5 else "Any time!"),
            split=("train", "train", "validation", "test")[number % 4],
        )
        for number in range(16)
    ]


@pytest.fixture
def make_request(
    tiny_encoder: Path, tmp_path: Path, bakery_chats: list[Conversation]
) -> Callable[..., Any]:
    """Makes a `finetune.run.Request` of one epoch over `bakery_chats`, into `tmp_path/models`."""

    def make(**changed: Any) -> Any:
        from finetune.run import Request

        asked: dict[str, Any] = {
            "conversations": bakery_chats,
            "models": tmp_path / "models",
            "source": EncoderSource(str(tiny_encoder)),
            "base": tmp_path,
            "epochs": 1,
            "threads": 1,
        }
        return Request(**asked | changed)

    return make


@pytest.fixture
def make_trainer(tiny_encoder: Path, bakery_chats: list[Conversation]) -> Callable[..., Any]:
    """Makes a `finetune.training.Trainer` on the training half of `bakery_chats`."""

    def make(articles: Sequence[str] = (), **recipe: Any) -> Any:
        import torch

        from finetune import corpus, network, tokens, training
        from finetune.lower import Lower

        chats = [chat for chat in bakery_chats if chat.split == "train"]
        labels, texts = corpus.label_names(chats), corpus.Texts()
        turns = network.CONTEXT_TURNS
        dialogues = [corpus.build_dialogue(chat, labels, texts, turns) for chat in chats]
        torch.manual_seed(1)
        trunk = network.load_trunk(str(tiny_encoder))
        tokenizer = tokens.load_tokenizer(network.load_tokenizer(str(tiny_encoder)), 64)
        lower = Lower(trunk, 0)
        rows = tokens.token_ids(tokenizer, [*texts.all, *articles])
        data = training.TrainingData(
            dialogues, lower, lower.add(rows, lambda _: None), len(articles)
        )
        heads = network.Heads(trunk.dimension, network.Outputs(len(labels)))
        return training.Trainer(trunk, heads, data, training.Recipe(**recipe))

    return make
