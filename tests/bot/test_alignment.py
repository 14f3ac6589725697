"""Search in a fine-tuned encoder's vectors is led back to the encoder before its training."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bot.alignment import SENTENCES, alignment, sentences
from bot.live import build_index, export_base, live_index, live_model
from bot.model import Model
from bot.workspace import Workspace
from finetune.registry import VersionInfo, open_version
from kb.index import Index
from kb.passages import Passage


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def workspace(trained_workspace: Workspace) -> Workspace:
    """Trained, and with the encoder before the training beside the version."""
    export_base(trained_workspace, silent)
    return trained_workspace


@pytest.fixture
def model(workspace: Workspace) -> Model:
    return live_model(workspace)


@pytest.fixture
def base(workspace: Workspace) -> VersionInfo:
    return open_version(workspace.models, "base")


class Counting:
    """A model that counts the texts it encodes."""

    def __init__(self, model: Model) -> None:
        self.model, self.texts = model, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def encode(self, texts: Sequence[str], *given: Any) -> Any:
        self.texts += len(texts)
        return self.model.encode(texts, *given)


def test_sentences_of_the_articles_come_nearer_to_where_they_were(
    workspace: Workspace, model: Model, base: VersionInfo
) -> None:
    index = live_index(workspace, model, silent)
    assert index.space
    texts = sentences(index.passages())
    own, before = model.encode(texts, "passage"), Model.load(base.folder).encode(texts, "passage")
    led = np.stack([index.query(vector) for vector in own])
    assert (led * before).sum() > (own * before).sum()


def test_it_is_made_once_for_an_index(
    workspace: Workspace, model: Model, base: VersionInfo
) -> None:
    index = Index.open(workspace.index, model.encoder_fingerprint)
    counting: Any = Counting(model)

    def make(index: Index) -> tuple[Any, int]:
        before = counting.texts
        found = alignment(index, workspace.index, counting, base, silent)
        return found, counting.texts - before

    [path.unlink() for path in workspace.index.glob("alignment-*")]
    first, count = make(index)
    assert count == len(sentences(index.passages())) > 0
    again, count = make(index)
    assert count == 0
    assert np.array_equal(again, first)
    (workspace.kb / "cakes.md").write_text("# Cakes\n\nCakes are cut. They are sweet.\n")
    build_index(workspace, model, silent)
    _, count = make(Index.open(workspace.index, model.encoder_fingerprint))
    assert count > 0


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 nothing", b"\x00" * 500])
def test_a_damaged_file_is_made_again(damage: bytes, workspace: Workspace, model: Model) -> None:
    whole = live_index(workspace, model, silent).space
    [path] = workspace.index.glob("alignment-*.npz")
    path.write_bytes(damage)
    assert live_index(workspace, model, silent).space == whole


def test_without_the_encoder_before_vectors_are_searched_as_they_are(
    workspace: Workspace, model: Model
) -> None:
    shutil.rmtree(workspace.models / "base")
    assert live_index(workspace, model, silent).space == ""


def test_the_pretrained_encoder_needs_no_map(base_workspace: Workspace) -> None:
    model = live_model(base_workspace)
    assert live_index(base_workspace, model, silent).space == ""
    assert not list(base_workspace.index.glob("alignment-*"))


def test_many_sentences_are_drawn_from() -> None:
    many = [Passage(i, str(i), "", (), f"Sentence number {i} here.", "") for i in range(6000)]
    drawn = sentences(many)
    assert len(drawn) == len(set(drawn)) == SENTENCES
    assert drawn == sentences(many)


def test_fine_tuning_leaves_the_encoder_before_beside_the_version(
    frontdesk: Any, tiny_workspace: Workspace
) -> None:
    code, _, _ = frontdesk("-w", tiny_workspace.root, "finetune")
    assert code == 0
    assert (tiny_workspace.models / "base" / "trunk.onnx").is_file()
    assert list(tiny_workspace.index.glob("alignment-*.npz"))
