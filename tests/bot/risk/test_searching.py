"""The encoder that finds the articles better searches: measured, or the one before the training."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bot.bot import Bot
from bot.content.vectors import PieceVectors
from bot.decision import Cite, Evidence
from bot.live import build_index, export_base, open_desk, searcher
from bot.model import Model
from bot.risk import searching
from bot.risk.searching import Choice, Searcher, second_pass
from bot.workspace import Workspace
from finetune.registry import BASE, open_version
from kb.search import Hit

HEADINGS = [("is there milk in it", frozenset({"allergens"}))] * 60


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def workspace(trained_workspace: Workspace) -> Workspace:
    """Trained, with the encoder before the training beside the version and an index for either."""
    export_base(trained_workspace, silent)
    build_index(trained_workspace, _live(trained_workspace), silent)
    for path in trained_workspace.index.glob("search-*.json"):
        path.unlink()
    return trained_workspace


def _live(workspace: Workspace) -> Model:
    return Model.load(open_version(workspace.models).folder)


def _base(workspace: Workspace) -> Model:
    return Model.load(open_version(workspace.models, BASE).folder)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`measured(own, before, headings=60)`: what either encoder finds of so many headings; returns
    who is asked, as it goes."""
    asked: list[str] = []

    def set_(own: float, before: float, headings: int = 60) -> list[str]:
        def mrr(_index: Any, encoder: Model, hidden: Any) -> float:
            assert len(hidden) == headings
            asked.append(encoder.version)
            return own if encoder.trained else before

        def some(_model: Model, index: Any) -> Any:
            return index.passages(), HEADINGS[:headings]

        monkeypatch.setattr(searching, "mrr", mrr)
        monkeypatch.setattr(searching, "headings", some)
        return asked

    return set_


@pytest.mark.parametrize(
    ("own", "before", "wins"), [(0.8, 0.7, True), (0.8, 0.805, True), (0.7, 0.8, False)]
)
def test_the_encoder_that_finds_headings_earlier_searches(
    workspace: Workspace, measured: Any, own: float, before: float, wins: bool
) -> None:
    asked = measured(own, before)
    found = searcher(workspace, _live(workspace), silent)
    assert (found.own, found.measured) == (wins, True)
    assert found.encoder.trained == wins
    assert found.index.fingerprint == found.encoder.encoder_fingerprint
    assert len(asked) == 2
    said = second_pass(workspace.index, _live(workspace))
    assert len(said) == (not wins)
    assert all("(MRR@10 0.800, fine-tuned 0.700)" in line for line in said)


def test_it_is_measured_once(workspace: Workspace, measured: Any) -> None:
    asked = measured(0.8, 0.7)
    for _ in range(2):
        assert searcher(workspace, _live(workspace), silent).own
    assert len(asked) == 2
    [path] = workspace.index.glob("search-*.json")
    path.write_text("{")
    assert searcher(workspace, _live(workspace), silent).own
    assert len(asked) == 4
    (workspace.kb / "cakes.md").write_text("# Cakes\n\nCakes are cut. They are sweet.\n")
    build_index(workspace, _live(workspace), silent)
    searcher(workspace, _live(workspace), silent)
    assert len(asked) == 6


def test_either_is_asked_of_its_own_vectors(workspace: Workspace) -> None:
    for encoder in (_live(workspace), _base(workspace)):
        index = searching_index(workspace, encoder)
        titles = [(p.title, frozenset({p.article})) for p in index.passages()]
        assert 0 < searching.mrr(index, encoder, titles) <= 1


def searching_index(workspace: Workspace, encoder: Model) -> Any:
    from kb.index import Index

    return Index.open(workspace.index, encoder.encoder_fingerprint)


def test_too_few_headings_choose_the_encoder_before(workspace: Workspace, measured: Any) -> None:
    asked = measured(0.8, 0.7, headings=59)
    found = searcher(workspace, _live(workspace), silent)
    assert (found.own, found.measured, asked) == (False, False, [])
    assert not Choice(59).is_own
    [said] = second_pass(workspace.index, _live(workspace))
    assert said == (
        "articles are searched with the encoder before the training, in a second pass a turn: "
        "to measure the fine-tuned one takes 60 headings that were not taught, and there are 59"
    )


def test_without_the_encoder_before_the_fine_tuned_one_searches(workspace: Workspace) -> None:
    shutil.rmtree(workspace.models / BASE)
    found = searcher(workspace, _live(workspace), silent)
    assert (found.own, found.measured) == (True, False)


def test_an_index_of_other_articles_is_not_searched(workspace: Workspace) -> None:
    from bot.live import _build
    from kb.passages import Passage

    other = [Passage(1, "other", "Other", (), "Something else.", "kb/other.md:1")]
    _build(workspace, _base(workspace), other, silent)
    assert searcher(workspace, _live(workspace), silent).own


def test_the_pretrained_encoder_alone_searches_for_itself(base_workspace: Workspace) -> None:
    model = Model.load(open_version(base_workspace.models, BASE).folder)
    assert searcher(base_workspace, model, silent).own
    assert not list(base_workspace.index.glob("search-*"))


def test_a_turn_finds_what_the_encoder_before_finds(workspace: Workspace) -> None:
    desk = open_desk(workspace, silent)
    assert not desk.searcher.own  # there are few headings
    text = "is there milk in it"
    base = _base(workspace)
    expected = Searcher(searching_index(workspace, base), base).hits(
        text, base.encode([text])[0], 5
    )
    [own] = desk.model.encode([text])
    assert list(desk.hits(text, own)) == expected
    texts = [text, "hello", text]
    ahead = desk.ahead(texts, desk.model.encode(texts))
    assert [hit.passage for hit in ahead.hits(text, own)] == [hit.passage for hit in expected]
    assert set(ahead.searcher.known) == {text, "hello"}


def test_what_was_quoted_is_remembered_without_a_pass_of_the_other_encoder(
    workspace: Workspace,
) -> None:
    """The context head reads what the bot said in its own encoder's vectors."""
    desk = open_desk(workspace, silent)
    passages = desk.index.passages()
    read = desk.model.encode([p.embedding_text for p in passages], "passage")
    quoted = [Cite((Hit(p, 0.9, 0.9, 0.9),), Evidence("passage-certain")) for p in passages]
    said = np.stack([vector for cite in quoted if (vector := desk.said(cite)) is not None])
    assert (said @ read.T).argmax(axis=1).tolist() == list(range(len(passages)))
    untold = replace(desk, sentences=PieceVectors())
    assert untold.said(quoted[0]) is None


def test_a_chat_goes_on_in_the_second_pass(workspace: Workspace, tmp_path: Any) -> None:
    from bot.sessions.session_log import SessionLog

    desk = open_desk(workspace, silent)
    with SessionLog.open(tmp_path / "log.db") as log:
        bot = Bot(desk, log, channel="chat")
        for text in ("is there milk in it", "and what about nuts?", "hello"):
            assert bot.respond(text).reply
    vector = np.ones(desk.model.dimension, dtype=np.float32)
    assert desk.hits("", vector) is not None


def test_fine_tuning_leaves_the_encoder_before_beside_the_version(
    frontdesk: Any, tiny_workspace: Workspace
) -> None:
    code, _, _ = frontdesk("-w", tiny_workspace.root, "finetune")
    assert code == 0
    assert (tiny_workspace.models / BASE / "trunk.onnx").is_file()
    assert len(list(tiny_workspace.index.glob("*-1.db"))) == 2
    assert list(tiny_workspace.index.glob("search-*.json"))
