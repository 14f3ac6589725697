"""Chats that are not like the calibration chats are noticed; chats that are like them are not."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bot.risk.traffic import shift_of, surest
from finetune.export import write_json


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """A version that read sixty calibration chats, two messages each, fairly surely."""
    from safetensors.numpy import save_file

    shares = np.random.default_rng(1).uniform(0.6, 1.0, size=(120, 1))
    probabilities = np.concatenate([shares, 1 - shares], axis=1).astype(np.float32)
    save_file({"probabilities": probabilities}, tmp_path / "evidence.safetensors")
    records = [{"conversation": f"c{n // 2}"} for n in range(120)]
    write_json(tmp_path / "evidence.json", records)
    return SimpleNamespace(trained=True, labels=("order", "oos"), folder=tmp_path)


def test_the_confidence_is_that_of_an_intent_that_may_be_answered() -> None:
    shares = np.array([[0.2, 0.7, 0.1], [0.0, 1.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(surest(("a", "oos", "b"), shares), [0.2, 0.0])
    assert surest((), np.zeros((2, 0), np.float32)).tolist() == [0.0, 0.0]


def test_chats_like_the_calibration_chats_are_no_news(model: Any) -> None:
    confidence = np.random.default_rng(2).uniform(0.6, 1.0, size=80).astype(np.float32)
    assert shift_of(model, [f"n{n // 2}" for n in range(80)], confidence) == ""


def test_chats_that_are_read_less_surely_are_noticed(model: Any) -> None:
    confidence = np.random.default_rng(2).uniform(0.1, 0.6, size=80).astype(np.float32)
    found = shift_of(model, [f"n{n // 2}" for n in range(80)], confidence)
    assert "40 chats are not like those" in found
    assert "read less surely" in found


def test_the_pretrained_encoder_alone_has_nothing_to_compare() -> None:
    base: Any = SimpleNamespace(trained=False, labels=())
    assert shift_of(base, ["a"], np.zeros(1, np.float32)) == ""
