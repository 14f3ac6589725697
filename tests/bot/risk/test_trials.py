"""What a way of answering is judged on: which messages count, and which are made."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from bot.bot import Desk
from bot.live import open_desk
from bot.risk.off_topic import OFF_TOPIC
from bot.risk.trials import (
    FEWEST_OUTSIDE,
    Part,
    Trials,
    follow_up_trials,
    intent_trials,
    passage_trials,
    template_trials,
    traffic_share,
)
from bot.template_bank import TemplateBank
from bot.workspace import Workspace
from bot.workspace.templates import Template, Templates
from finetune.registry import EVIDENCE


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    return open_desk(trained_workspace, silent)


TEMPLATES = Templates(
    (
        Template("hours", ("opening",), "answer", "Hours", (), ("From seven.",)),
        Template("bye", ("thanks",), "smalltalk", "Bye", (), ("Bye!", "So long.")),
    )
)
BANK = TemplateBank(("hours", "bye"), np.array([0, 1, 1]), np.eye(3, dtype=np.float32))


def model_with(
    folder: Path, records: Sequence[dict[str, Any]], part: Part = "calibration", **arrays: Any
) -> Any:
    """A model of which only the evidence of a part is there, beside what lies in the folder."""
    (folder / f"{EVIDENCE[part]}.json").write_text(json.dumps(records))
    save_file(
        {name: np.asarray(rows, np.float32) for name, rows in arrays.items()},
        folder / f"{EVIDENCE[part]}.safetensors",
    )
    return SimpleNamespace(trained=True, folder=folder, labels=("oos", "opening", "thanks", "rare"))


def told(trials: Trials, *, made: bool) -> Trials:
    """Those trials alone that were made, or that were not."""
    own = len(trials.scores) - trials.made
    kept = slice(own, None) if made else slice(0, own)
    return replace(trials, scores=trials.scores[kept], right=trials.right[kept])


def test_the_likeliest_intent_is_right_if_it_is_among_the_labelled(tmp_path: Path) -> None:
    records = [{"intents": ["opening", "rare"]}, {"intents": ["opening"]}]
    probabilities = [[0.0, 0.7, 0.2, 0.1], [0.0, 0.4, 0.6, 0.0]]
    found = intent_trials(model_with(tmp_path, records, probabilities=probabilities), TEMPLATES)
    true = told(found, made=False)
    assert true.scores.tolist() == pytest.approx([0.7, 0.6])
    assert true.right.tolist() == [True, False]


def test_each_labelled_message_is_out_of_scope_once_its_own_intent_is_left_out(
    tmp_path: Path,
) -> None:
    """By what the version keeps of that; an older one has only the other intents' shares."""
    records = [
        {"conversation": "a", "intents": ["opening"]},
        {"conversation": "a", "intents": ["thanks"]},
    ]
    rows = [[0.0, 0.7, 0.2, 0.1], [0.0, 0.3, 0.6, 0.1]]
    found = intent_trials(model_with(tmp_path, records, probabilities=rows), TEMPLATES)
    made = told(found, made=True)
    assert made.scores.tolist() == pytest.approx([0.2 / 0.3, 0.3 / 0.4])
    assert not made.right.any()
    assert found.conversations.tolist() == [0, 0, 0, 0]
    assert found.outside.tolist() == [False, False, True, True]
    kept = model_with(tmp_path, records, probabilities=rows, left_out=[0.15, np.nan])
    assert told(intent_trials(kept, TEMPLATES), made=True).scores.tolist() == pytest.approx([0.15])


def test_validation_messages_are_tried_as_those_of_calibration_are(tmp_path: Path) -> None:
    record = {"conversation": "a", "intents": ["opening"], "reply": ""}
    model_with(tmp_path, [record], probabilities=[[0.0, 0.7, 0.2, 0.1]], queries=[[1.0, 0.0, 0.0]])
    others = [{**record, "conversation": name} for name in "bc"]
    rows = [[0.0, 0.3, 0.6, 0.1], [0.0, 0.8, 0.1, 0.1]]
    model = model_with(
        *(tmp_path, others, "validation"),
        probabilities=rows,
        left_out=[0.4, np.nan],
        queries=[[0.0, 0.5, 0.2], [0.9, 0.0, 0.0]],
    )
    found = intent_trials(model, TEMPLATES, "validation")
    assert found.scores.tolist() == pytest.approx([0.6, 0.8, 0.4])
    assert found.right.tolist() == [False, True, False]
    ranked = template_trials(model, TEMPLATES, BANK, "validation")
    assert told(ranked, made=False).scores.tolist() == pytest.approx([0.5, 0.9])
    assert told(ranked, made=False).right.tolist() == [False, True]
    assert told(intent_trials(model, TEMPLATES), made=False).scores.tolist() == pytest.approx([0.7])


def test_a_version_from_before_validation_was_kept_has_no_such_trials(tmp_path: Path) -> None:
    records = [{"intents": ["opening"], "reply": ""}]
    model = model_with(tmp_path, records, probabilities=[[0.0, 0.7, 0.2, 0.1]])
    assert len(intent_trials(model, TEMPLATES).scores) == 2
    assert len(intent_trials(model, TEMPLATES, "validation").scores) == 0
    assert len(template_trials(model, TEMPLATES, BANK, "validation").scores) == 0


def test_none_are_made_where_enough_are_true(tmp_path: Path) -> None:
    records = [{"intents": ["oos"]}] * FEWEST_OUTSIDE + [{"intents": ["opening"]}]
    rows = [[0.2, 0.7, 0.1, 0.0]] * len(records)
    found = intent_trials(model_with(tmp_path, records, probabilities=rows), TEMPLATES)
    assert found.made == 0
    assert found.outside.sum() == FEWEST_OUTSIDE
    assert found.right.tolist() == [False] * FEWEST_OUTSIDE + [True]


def test_the_share_is_that_among_the_messages_that_are_tried(tmp_path: Path) -> None:
    """Half of the strangers are read as `oos` and never answered: no trials, and so many fewer
    strangers among those that are."""
    records = [{"intents": ["oos"]}] * 40 + [{"intents": ["opening"]}] * 40
    rows = [[0.9, 0.1, 0.0, 0.0]] * 20 + [[0.2, 0.7, 0.1, 0.0]] * 60
    found = intent_trials(model_with(tmp_path, records, probabilities=rows), TEMPLATES)
    assert len(found.scores) == 60
    assert found.share(0.5) == pytest.approx(1 / 3)
    assert found.share(0.0) == 0.0


def test_the_share_is_stated_or_that_of_the_chats_but_a_tenth_at_least(tmp_path: Path) -> None:
    def share(stated: object, outside: int) -> float:
        records = [{"intents": ["oos"]}] * outside + [{"intents": ["opening"]}] * (10 - outside)
        settings: Any = SimpleNamespace(out_of_scope_share=stated)
        return traffic_share(settings, model_with(tmp_path, records))

    assert share(0.02, 3) == 0.02
    assert share("auto", 3) == 0.3
    assert share("auto", 0) == 0.1


def test_messages_that_no_template_would_answer_are_no_intent_trials(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [{"intents": ["oos"]}, {"intents": []}, {"intents": ["rare"]}]
    rows = [[0.9, 0.1, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.1, 0.9]]
    found = intent_trials(model_with(tmp_path, records, probabilities=rows), TEMPLATES)
    assert len(told(found, made=False).scores) == 0


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
    true = told(found, made=False)
    assert true.right.tolist() == [True, True, True, False]
    assert true.scores.tolist() == pytest.approx([0.9, 0.9, 0.8, 0.8])
    made = told(found, made=True)  # the best template that would be wrong
    assert made.scores.tolist() == pytest.approx([0.1, 0.1, 0.0, 0.8])


def test_a_model_that_was_never_trained_has_no_trials() -> None:
    base: Any = SimpleNamespace(trained=False)
    assert len(intent_trials(base, TEMPLATES).scores) == 0
    assert len(template_trials(base, TEMPLATES, BANK).scores) == 0


def test_articles_are_asked_for_by_their_headings_among_off_topic_messages(
    desk: Desk, tmp_path: Path
) -> None:
    nowhere = tmp_path / "no-questions.jsonl"
    found = passage_trials(desk.settings, nowhere, desk.model, desk.model, desk.index, silent)
    off_topic = len(OFF_TOPIC["en"])
    assert len(found.scores) == len(found.right) > off_topic
    assert found.outside.sum() == off_topic
    assert not found.right[found.outside].any()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_labelled_questions_are_asked_instead_where_there_are_some(
    desk: Desk, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.jsonl"
    asked = {"id": "1", "text": "gift voucher valid three years", "gold": ["vouchers"]}
    questions.write_text(json.dumps(asked) + "\n")
    found = passage_trials(desk.settings, questions, desk.model, desk.model, desk.index, silent)
    assert found.right.tolist() == [True] + [False] * len(OFF_TOPIC["en"])


def test_follow_ups_are_searched_for_together_with_the_question_before(
    desk: Desk, tmp_path: Path
) -> None:
    pairs = [
        ("how long is a gift voucher valid", "and where is it sold?", ["vouchers"]),
        ("how long is a gift voucher valid", "which allergens are used in the kitchen", ["x"]),
        ("how long is a gift voucher valid", "and the moon?", []),
    ]
    lines = [{"before": b, "text": t, "gold": gold} for b, t, gold in pairs]
    path = tmp_path / "followups.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    found = follow_up_trials(desk.settings, path, desk.model, desk.index)
    leaning_off_topic = found.outside.sum() - 1
    assert 0 < leaning_off_topic < len(OFF_TOPIC["en"])  # the others stand by themselves
    assert found.right.tolist()[:2] == [True, False]
    assert len(found.scores) == 2 + leaning_off_topic


def test_without_follow_ups_there_are_no_trials_of_them(desk: Desk, tmp_path: Path) -> None:
    nowhere = tmp_path / "no-followups.jsonl"
    assert len(follow_up_trials(desk.settings, nowhere, desk.model, desk.index).scores) == 0
