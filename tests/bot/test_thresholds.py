"""From the promised risk to thresholds: what counts as a trial, and when they are made again."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from safetensors.numpy import save_file

from bot import thresholds
from bot.bot import Desk
from bot.decision import Thresholds
from bot.live import open_desk
from bot.template_bank import TemplateBank
from bot.templates import Template, Templates
from bot.thresholds import (
    FEWEST_TRIALS,
    Trials,
    certified,
    intent_trials,
    passage_trials,
    shortcomings,
    template_trials,
)
from bot.workspace import Workspace, open_workspace


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    return open_desk(trained_workspace, silent)


def certify(workspace: Workspace, desk: Desk) -> Thresholds:
    return certified(workspace, desk.model, desk.index, desk.templates, desk.bank, silent)


def trials(scores: ArrayLike, right: ArrayLike) -> Trials:
    return Trials(np.asarray(scores, np.float32), np.asarray(right, np.bool_))


# --- what a route is judged on -------------------------------------------------------------------

TEMPLATES = Templates(
    (
        Template("hours", ("opening",), "answer", "Hours", (), ("From seven.",)),
        Template("bye", ("thanks",), "smalltalk", "Bye", (), ("Bye!", "So long.")),
    )
)
BANK = TemplateBank(("hours", "bye"), np.array([0, 1, 1]), np.eye(3, dtype=np.float32))


def model_with(folder: Path, records: Sequence[dict[str, Any]], **arrays: Any) -> Any:
    """A model of which only the calibration evidence is there."""
    (folder / "evidence.json").write_text(json.dumps(records))
    save_file(
        {name: np.asarray(rows, np.float32) for name, rows in arrays.items()},
        folder / "evidence.safetensors",
    )
    return SimpleNamespace(trained=True, folder=folder, labels=("oos", "opening", "thanks", "rare"))


def test_the_likeliest_intent_is_right_if_it_is_among_the_labelled(tmp_path: Path) -> None:
    records = [{"intents": ["opening", "rare"]}, {"intents": ["opening"]}]
    probabilities = [[0.0, 0.7, 0.2, 0.1], [0.0, 0.4, 0.6, 0.0]]
    found = intent_trials(model_with(tmp_path, records, probabilities=probabilities), TEMPLATES)
    assert found.scores.tolist() == pytest.approx([0.7, 0.6])
    assert found.right.tolist() == [True, False]


def test_messages_that_no_template_would_answer_are_no_intent_trials(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [{"intents": ["oos"]}, {"intents": []}, {"intents": ["rare"]}]
    rows = [[0.9, 0.1, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.1, 0.9]]
    found = intent_trials(model_with(tmp_path, records, probabilities=rows), TEMPLATES)
    assert len(found.scores) == 0


def test_the_best_template_is_right_by_name_by_words_or_by_intent(tmp_path: Path) -> None:
    to_hours, to_bye = [0.9, 0.0, 0.1], [0.0, 0.1, 0.8]
    records = [
        {"intents": [], "reply": "template:hours"},
        {"intents": [], "reply": "from seven"},
        {"intents": ["thanks"], "reply": ""},
        {"intents": ["opening"], "reply": "template:other"},
        {"intents": [], "reply": ""},  # nobody knows what would have been right
    ]
    model = model_with(tmp_path, records, queries=[to_hours, to_hours, to_bye, to_bye, to_hours])
    found = template_trials(model, TEMPLATES, BANK)
    assert found.right.tolist() == [True, True, True, False]
    assert found.scores.tolist() == pytest.approx([0.9, 0.9, 0.8, 0.8])


def test_a_model_that_was_never_trained_has_no_trials() -> None:
    base: Any = SimpleNamespace(trained=False)
    assert len(intent_trials(base, TEMPLATES).scores) == 0
    assert len(template_trials(base, TEMPLATES, BANK).scores) == 0


def test_articles_are_asked_for_by_their_headings_among_as_many_off_topic_messages(
    desk: Desk, tmp_path: Path
) -> None:
    nowhere = tmp_path / "no-questions.jsonl"
    found = passage_trials(desk.settings, nowhere, desk.model, desk.index, silent)
    assert len(found.scores) == len(found.right) > 0
    assert len(found.scores) % 2 == 0
    assert not found.right[len(found.right) // 2 :].any()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_labelled_questions_are_asked_instead_where_there_are_some(
    desk: Desk, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.jsonl"
    asked = {"id": "1", "text": "gift voucher valid three years", "gold": ["vouchers"]}
    questions.write_text(json.dumps(asked) + "\n")
    found = passage_trials(desk.settings, questions, desk.model, desk.index, silent)
    assert found.right.tolist() == [True, False]


# --- thresholds ----------------------------------------------------------------------------------


@pytest.fixture
def judged(desk: Desk, trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Thresholds where the intents were judged by the given trials, the other routes by none, and
    one answer in twenty may be wrong."""
    settings = trained_workspace.settings.model_copy(update={"max_wrong_answers": 0.05})
    workspace = replace(trained_workspace, settings=settings)

    def judge(found: Trials) -> Thresholds:
        monkeypatch.setattr(thresholds, "intent_trials", lambda *_: found)
        monkeypatch.setattr(thresholds, "template_trials", lambda *_: trials([], []))
        monkeypatch.setattr(thresholds, "passage_trials", lambda *_: trials([], []))
        for file in trained_workspace.index.glob("thresholds-*.json"):
            file.unlink()
        return certify(workspace, desk)

    return judge


def test_a_route_that_is_right_often_enough_is_certified(
    judged: Any, desk: Desk, trained_workspace: Workspace
) -> None:
    found = judged(trials(np.linspace(0.5, 1, 200), [True] * 200))
    assert found.intent == pytest.approx(0.5)
    assert found.max_wrong == 0.05
    told = shortcomings(trained_workspace.index, desk.model)
    assert [line.split(":")[0] for line in told] == ["template", "passage"]


def test_a_route_without_trials_never_answers_and_says_so(
    judged: Any, desk: Desk, trained_workspace: Workspace
) -> None:
    found = judged(trials([], []))
    assert (found.intent, found.template, found.passage) == (None, None, None)
    told = shortcomings(trained_workspace.index, desk.model)
    assert told[0] == (
        "intent: 5% wrong answers cannot be promised (too little data: 0 judged messages, "
        "45 needed at least); no intent answers by itself"
    )


def test_a_route_that_is_wrong_too_often_answers_above_its_mistakes_only(judged: Any) -> None:
    def right_above_wrong(right: int) -> Trials:
        return trials([0.5] * 90 + [0.9] * right, [False] * 90 + [True] * right)

    assert judged(right_above_wrong(FEWEST_TRIALS)).intent == pytest.approx(0.9)
    assert judged(right_above_wrong(FEWEST_TRIALS - 1)).intent is None


def test_without_thresholds_nothing_is_answered(desk: Desk) -> None:
    from bot.bot import Bot
    from bot.session_log import SessionLog

    careful = replace(desk, thresholds=Thresholds(None, None, None, max_wrong=1e-9))
    with SessionLog.open(Path(":memory:")) as log:
        bot = Bot(careful, log, channel="test")
        for message in ("where is my parcel BK-0001", "gift voucher valid", "when do you open"):
            assert bot.respond(message).decision.kind in ("unknown", "handoff")


# --- made once, and again when something changes -------------------------------------------------


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> list[str]:
    """A line for every time that thresholds are computed rather than read."""
    del desk  # opened first, with thresholds as they are
    times: list[str] = []
    genuine = thresholds.passage_trials

    def counted(*arguments: Any) -> Trials:
        times.append("made")
        return genuine(*arguments)

    monkeypatch.setattr(thresholds, "passage_trials", counted)
    return times


def test_thresholds_are_kept(trained_workspace: Workspace, desk: Desk, made: list[str]) -> None:
    assert certify(trained_workspace, desk) == desk.thresholds
    assert made == []


def test_another_promised_risk_makes_them_again(
    trained_workspace: Workspace, desk: Desk, made: list[str]
) -> None:
    settings = trained_workspace.root / "frontdesk.toml"
    settings.write_text(settings.read_text().replace("answers = 0.3", "answers = 0.001"))
    found = certify(open_workspace(trained_workspace.root), desk)
    assert made == ["made"]
    assert found.max_wrong == 0.001
    certificates = json.loads(next(trained_workspace.index.glob("thresholds-*")).read_text())
    assert not any(facts["certified"] for facts in certificates["routes"].values())


def test_other_templates_make_them_again(
    trained_workspace: Workspace, desk: Desk, made: list[str]
) -> None:
    first, *others = desk.templates
    renamed = replace(desk, templates=Templates((replace(first, title="Renamed"), *others)))
    for _ in range(2):
        certify(trained_workspace, renamed)
    assert made == ["made"]


def test_labelled_questions_make_them_again(
    trained_workspace: Workspace, desk: Desk, made: list[str]
) -> None:
    asked = {"id": "1", "text": "gift voucher valid three years", "gold": ["vouchers"]}
    trained_workspace.questions.write_text(json.dumps(asked) + "\n")
    certify(trained_workspace, desk)
    assert made == ["made"]


def test_a_damaged_file_is_made_again(
    trained_workspace: Workspace, desk: Desk, made: list[str]
) -> None:
    [file] = trained_workspace.index.glob("thresholds-*.json")
    whole = file.read_bytes()
    damaged = (
        b"",
        whole[:100],
        whole.replace(b'"routes"', b'"rules"'),
        whole.replace(b'"intent"', b'"intend"'),
        whole.replace(b'"threshold": 0.', b'"threshold": 1.'),
        b"[1]",
        b"\xff",
    )
    for count, content in enumerate(damaged, 1):
        file.write_bytes(content)
        assert certify(trained_workspace, desk) == desk.thresholds
        assert len(made) == count
    assert file.read_bytes() == whole
