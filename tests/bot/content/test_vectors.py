"""The vectors of sentences lie beside the index, and are made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.content.choosing import pieces
from bot.content.vectors import PieceVectors, load_vectors
from bot.live import build_index, live_model, searcher
from bot.model import Model
from bot.workspace import Workspace
from kb.index import Index


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def model(trained_workspace: Workspace) -> Model:
    return live_model(trained_workspace)


class Counting:
    """A model that counts the texts it encodes."""

    def __init__(self, model: Model) -> None:
        self.model, self.texts = model, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def encode(self, texts: Sequence[str], *given: Any) -> Any:
        self.texts += len(texts)
        return self.model.encode(texts, *given)


@pytest.fixture
def load(trained_workspace: Workspace, model: Model) -> Callable[[], tuple[PieceVectors, int]]:
    """`load()` -> (the vectors of the present index, how many texts were encoded for them)."""

    def load_() -> tuple[PieceVectors, int]:
        counting: Any = Counting(model)
        index = searcher(trained_workspace, model, silent).index
        return load_vectors(index, trained_workspace.index, counting, silent), counting.texts

    return load_


def file_of(workspace: Workspace) -> Path:
    [path] = workspace.index.glob("sentences-*.npz")
    return path


def test_every_sentence_has_its_vector(
    load: Callable[[], tuple[PieceVectors, int]], model: Model, trained_workspace: Workspace
) -> None:
    found, _ = load()
    index: Index = searcher(trained_workspace, model, silent).index
    for passage in index.passages():
        texts = [piece.unit.text for piece in pieces(passage.text)]
        vectors = found.of(passage.id)
        assert vectors is not None
        assert np.allclose(vectors, model.encode(texts, "passage"), atol=0.02)
    assert found.of(-1) is None


def test_they_are_made_once(
    load: Callable[[], tuple[PieceVectors, int]], trained_workspace: Workspace
) -> None:
    file_of(trained_workspace).unlink(missing_ok=True)
    first, count = load()
    assert count == len(first.numbers) > 0
    again, count = load()
    assert count == 0
    assert np.array_equal(again.numbers, first.numbers)


def test_a_new_article_costs_its_own_sentences_alone(
    load: Callable[[], tuple[PieceVectors, int]], trained_workspace: Workspace, model: Model
) -> None:
    load()
    (trained_workspace.kb / "cakes.md").write_text("# Cakes\n\nCakes are cut. They are sweet.\n")
    (trained_workspace.kb / "allergens.md").unlink()
    build_index(trained_workspace, model, silent)
    found, count = load()
    assert count == 2
    assert found.rows.keys() == set(searcher(trained_workspace, model, silent).index.ids.tolist())


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 nothing", b"\x00" * 500])
def test_a_damaged_file_is_made_again(
    damage: bytes, load: Callable[[], tuple[PieceVectors, int]], trained_workspace: Workspace
) -> None:
    whole, _ = load()
    file_of(trained_workspace).write_bytes(damage)
    again, count = load()
    assert count == len(whole.numbers)
    assert np.array_equal(again.numbers, whole.numbers)
