"""The encoder that finds the articles better searches: measured, or the one before the training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from bot import searching
from bot.bot import Bot
from bot.live import build_index, export_base, open_desk, searcher
from bot.model import Model
from bot.searching import Choice, Searcher
from bot.workspace import Workspace
from finetune.registry import BASE, open_version

QUESTIONS = [
    {"id": str(number), "text": text, "gold": [article]}
    for number, (text, article) in enumerate(
        [("is there milk in it", "allergens"), ("how do I get home", "parking")] * 30
    )
]


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def workspace(trained_workspace: Workspace) -> Workspace:
    """Trained, with the encoder before the training beside the version and an index for either."""
    export_base(trained_workspace, silent)
    build_index(trained_workspace, _live(trained_workspace), silent)
    return trained_workspace


def _live(workspace: Workspace) -> Model:
    return Model.load(open_version(workspace.models).folder)


def _base(workspace: Workspace) -> Model:
    return Model.load(open_version(workspace.models, BASE).folder)


def _label(workspace: Workspace, questions: Sequence[Any]) -> None:
    lines = "\n".join(json.dumps(question) for question in questions)
    workspace.questions.write_text(lines + "\n", encoding="utf-8")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], list[str]]:
    """`measured(own, before)`: what either encoder finds; returns who is asked, as it goes."""
    asked: list[str] = []

    def set_(own: float, before: float) -> list[str]:
        def mrr(_index: Any, encoder: Model, _asked: Any) -> float:
            asked.append(encoder.version)
            return own if encoder.trained else before

        monkeypatch.setattr(searching, "mrr", mrr)
        return asked

    return set_


@pytest.mark.parametrize(("own", "before", "wins"), [(0.8, 0.7, True), (0.7, 0.8, False)])
def test_the_encoder_that_finds_labelled_questions_earlier_searches(
    workspace: Workspace, measured: Any, own: float, before: float, wins: bool
) -> None:
    _label(workspace, QUESTIONS)
    asked = measured(own, before)
    found = searcher(workspace, _live(workspace), silent)
    assert (found.own, found.measured) == (wins, True)
    assert found.encoder.trained == wins
    assert found.index.fingerprint == found.encoder.encoder_fingerprint
    assert len(asked) == 2


def test_it_is_measured_once(workspace: Workspace, measured: Any) -> None:
    _label(workspace, QUESTIONS)
    asked = measured(0.8, 0.7)
    for _ in range(2):
        assert searcher(workspace, _live(workspace), silent).own
    assert len(asked) == 2
    [path] = workspace.index.glob("search-*.json")
    path.write_text("{")
    assert searcher(workspace, _live(workspace), silent).own
    assert len(asked) == 4
    _label(workspace, [*QUESTIONS, QUESTIONS[0]])
    searcher(workspace, _live(workspace), silent)
    assert len(asked) == 6


def test_both_are_asked_the_same_questions_of_their_own_index(workspace: Workspace) -> None:
    _label(workspace, QUESTIONS)
    found = searcher(workspace, _live(workspace), silent)
    [path] = workspace.index.glob("search-*.json")
    kept = json.loads(path.read_text())
    assert kept["n"] == len(QUESTIONS)
    assert found.own == (kept["own"] >= kept["before"])
    for encoder, name in ((_live(workspace), "own"), (_base(workspace), "before")):
        index = searching_index(workspace, encoder)
        asked = [(q["text"], frozenset(q["gold"])) for q in QUESTIONS]
        assert searching.mrr(index, encoder, asked) == pytest.approx(kept[name])


def searching_index(workspace: Workspace, encoder: Model) -> Any:
    from kb.index import Index

    return Index.open(workspace.index, encoder.encoder_fingerprint)


def test_too_few_questions_choose_the_encoder_before(workspace: Workspace) -> None:
    _label(workspace, QUESTIONS[:59])
    found = searcher(workspace, _live(workspace), silent)
    assert (found.own, found.measured) == (False, False)
    assert not Choice(59).is_own


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
    assert not desk.searcher.own  # no question is labelled, few headings are there
    text = "is there milk in it"
    base = _base(workspace)
    expected = Searcher(searching_index(workspace, base), base).hits(
        text, base.encode([text])[0], 5
    )
    [own] = desk.model.encode([text])
    assert list(desk.hits(text, own)) == expected
    ahead = desk.ahead([text, "hello", text])
    assert [hit.passage for hit in ahead.hits(text, own)] == [hit.passage for hit in expected]
    assert set(ahead.searcher.known) == {text, "hello"}


def test_a_chat_goes_on_in_the_second_pass(workspace: Workspace, tmp_path: Any) -> None:
    from bot.session_log import SessionLog

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
