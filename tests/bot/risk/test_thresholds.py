"""From the promised risk to thresholds: what counts as a trial, and when they are made again."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from bot.bot import Desk
from bot.decision import Thresholds
from bot.live import open_desk
from bot.risk import thresholds
from bot.risk.thresholds import FEWEST_CHATS, certified, shortcomings
from bot.risk.trials import Trial, Trials, passage_trials
from bot.workspace import Workspace, open_workspace
from bot.workspace.templates import Templates


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    return open_desk(trained_workspace, silent)


def certify(workspace: Workspace, desk: Desk) -> Thresholds:
    return certified(workspace, desk.model, desk.searcher, desk.templates, desk.bank, silent)


def trials(scores: ArrayLike, right: ArrayLike) -> Trials:
    pairs = zip(np.ravel(scores).tolist(), np.ravel(right).tolist(), strict=True)
    return Trials.of([Trial(score, bool(ok), str(row)) for row, (score, ok) in enumerate(pairs)])


# --- thresholds ----------------------------------------------------------------------------------


@pytest.fixture
def judged(desk: Desk, trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Thresholds where the intents were judged by the given trials, those of validation by `pilot`,
    the other routes by none, and one answer in twenty may be wrong."""
    none = trials([], [])

    def judge(found: Trials, share: float = 0.1, pilot: Trials = none) -> Thresholds:
        update = {"max_wrong_answers": 0.05, "out_of_scope_share": share}
        settings = trained_workspace.settings.model_copy(update=update)
        workspace = replace(trained_workspace, settings=settings)
        parts = {"calibration": found, "validation": pilot}
        monkeypatch.setattr(thresholds, "intent_trials", lambda _m, _t, part: parts[part])
        monkeypatch.setattr(thresholds, "template_trials", lambda *_: none)
        monkeypatch.setattr(thresholds, "passage_trials", lambda *_: none)
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


def test_where_all_templates_are_drafts_that_is_the_reason(
    trained_workspace: Workspace,
) -> None:
    path = trained_workspace.root / "templates.yaml"
    bank = json.loads(path.read_text())
    path.write_text(
        json.dumps({"templates": [{**one, "draft": True} for one in bank["templates"]]})
    )
    desk = open_desk(open_workspace(trained_workspace.root), silent)
    told = shortcomings(trained_workspace.index, desk.model)
    assert told[0] == (
        f"no template may be spoken yet: all {len(desk.templates)} templates are drafts; edit them "
        f"in {path}"
    )
    assert [line.split(":")[0] for line in told[1:]] == ["passage"]


def test_a_route_that_is_wrong_too_often_answers_above_its_mistakes_only(judged: Any) -> None:
    def right_above_wrong(right: int) -> Trials:
        return trials([0.5] * 90 + [0.9] * right, [False] * 90 + [True] * right)

    assert judged(right_above_wrong(FEWEST_CHATS)).intent == pytest.approx(0.9)
    assert judged(right_above_wrong(FEWEST_CHATS - 1)).intent is None


def test_more_of_the_traffic_out_of_scope_takes_a_higher_threshold(
    judged: Any, trained_workspace: Workspace
) -> None:
    """In scope all is right; strangers score lower, but some of them high."""
    known = [Trial(score, True, f"k{i}") for i, score in enumerate(np.linspace(0.3, 1, 400))]
    strange = [
        Trial(score, False, f"s{i}", outside=True)
        for i, score in enumerate(np.linspace(0, 0.8, 100))
    ]
    found = [judged(Trials.of([*known, *strange]), share).intent for share in (0.0, 0.1, 0.4)]
    assert found[0] == pytest.approx(0.3)
    assert found == sorted(found)
    assert found[2] > found[1] > 0.4
    [file] = trained_workspace.index.glob("thresholds-*.json")
    kept = json.loads(file.read_text())["routes"]["intent"]
    assert (kept["share"], kept["outside"], kept["conversations"]) == (0.4, 100, 500)
    assert kept["wrong_rate"] < kept["bound"] <= 0.05


def test_validation_chats_lead_past_a_few_sure_mistakes(
    judged: Any, trained_workspace: Workspace
) -> None:
    """Without them, as for a version that did not keep them, the search ends at the mistakes."""
    scores = np.linspace(1, 0.5, 600)
    found = trials(scores, np.arange(600) >= 4)
    assert judged(found, share=0.0).intent is None
    pilot = trials(scores, np.arange(600) >= 6)
    assert judged(found, share=0.0, pilot=pilot).intent == pytest.approx(0.5)
    [file] = trained_workspace.index.glob("thresholds-*.json")
    kept = json.loads(file.read_text())["routes"]
    assert (kept["intent"]["certified"], kept["intent"]["pilot"]) == (True, 600)
    assert kept["passage"]["pilot"] == 0


def test_turns_of_one_chat_are_not_many_chats(judged: Any) -> None:
    """Nine chats of ten messages, none wrong: as much as nine messages, not as ninety."""
    few = [Trial(0.9, True, str(i // 10)) for i in range(90)]
    many = [Trial(0.9, True, str(i)) for i in range(90)]
    assert judged(Trials.of(few)).intent is None
    assert judged(Trials.of(many)).intent == pytest.approx(0.9)


def test_without_thresholds_nothing_is_answered(desk: Desk) -> None:
    from bot.bot import Bot
    from bot.sessions.session_log import SessionLog

    careful = replace(desk, thresholds=Thresholds(None, None, None, max_wrong=1e-9))
    with SessionLog.open(Path(":memory:")) as log:
        for message in ("where is my parcel BK-0001", "gift voucher valid", "when do you open"):
            bot = Bot(careful, log, channel="test")
            assert bot.respond(message).decision.kind in ("unknown", "clarify")  # an offer


# --- made once, and again when something changes -------------------------------------------------


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> list[str]:
    """A line for every time that thresholds are computed rather than read."""
    del desk  # opened first, with thresholds as they are
    times: list[str] = []
    genuine = passage_trials

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
        whole.replace(b'"n": ', b'"n": 1'),
        b"[1]",
        b"\xff",
    )
    for count, content in enumerate(damaged, 1):
        file.write_bytes(content)
        assert certify(trained_workspace, desk) == desk.thresholds
        assert len(made) == count
    assert file.read_bytes() == whole
