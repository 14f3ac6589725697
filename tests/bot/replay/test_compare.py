"""Two replays of the same turns: what is fixed, what is broken, what is worse than by chance."""

from collections.abc import Callable
from dataclasses import replace as with_other
from typing import Any

import pytest

from bot.bot import Desk
from bot.decision import Thresholds
from bot.errors import BotError
from bot.replay import ReplayStore, comparison
from bot.replay.compare import change_of
from bot.workspace import Workspace
from finetune.conversation import Conversation
from tests.bot.replay.conftest import Replayed
from tests.bot.replay.test_summary import PLAIN

Frontdesk = Callable[..., tuple[int, str, str]]
CONFUSED = {"order/cancel": "order/track", "order/track": "order/cancel"}
ANSWER = with_other(PLAIN, kind="template", template="track", verdict="right")


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({}, {}, "unchanged"),
        ({}, {"template": "cancel", "verdict": "wrong"}, "broken"),
        ({"verdict": "wrong"}, {}, "fixed"),
        ({"kind": "unknown", "verdict": None}, {}, "fixed"),
        ({"kind": "unknown", "verdict": None}, {"verdict": "wrong"}, "broken"),
        ({"verdict": None}, {"verdict": None, "template": "cancel"}, "changed"),
        ({"verdict": None, "correct": False}, {"verdict": None, "correct": True}, "fixed"),
        ({"citations": [{"passage": 1}]}, {"citations": [{"passage": 2}]}, "changed"),
    ],
)
def test_what_became_of_a_turn(before: Any, after: Any, change: str) -> None:
    assert change_of(with_other(ANSWER, **before), with_other(ANSWER, **after)) == change


def test_a_bot_is_no_worse_than_itself(
    desk: Desk, chats: list[Conversation], replayed: Replayed, store: ReplayStore
) -> None:
    for _ in range(2):
        replayed(desk, chats)
    found = comparison(store, 1, 2)
    assert not found.worse
    assert found.counts == {"fixed": 0, "broken": 0, "changed": 0, "unchanged": 180}
    assert {(change.difference, change.p) for change in found.figures} == {(0.0, 1.0)}


def test_two_thresholds_are_compared_and_the_more_careful_one_answers_less(
    desk: Desk, chats: list[Conversation], replayed: Replayed, store: ReplayStore
) -> None:
    for threshold in (0.5, None):
        replayed(with_other(desk, thresholds=Thresholds(intent=threshold)), chats)
    found = comparison(store, 1, 2)
    changes = {change.figure: change for change in found.figures}
    assert changes["outcome.automation"].worse
    assert changes["intent.accuracy"].difference == 0
    assert changes["outcome.automation"].high < 0
    assert found.counts["broken"] > 50
    assert {pair.before.verdict for pair in found.pairs if pair.change == "broken"} == {"right"}
    patient = comparison(store, 1, 2, tolerance=1.0)
    assert not patient.worse


def test_replays_of_different_turns_are_not_compared(
    desk: Desk, chats: list[Conversation], replayed: Replayed, store: ReplayStore
) -> None:
    replayed(desk, chats)
    replayed(desk, chats[:10])
    with pytest.raises(BotError, match="replays 1 and 2 are not of the same turns"):
        comparison(store, 1, 2)
    with pytest.raises(BotError, match="has no replay 9"):
        comparison(store, 1, 9)


def test_the_command_ends_with_1_where_a_version_is_worse(
    frontdesk: Frontdesk, trained_workspace: Workspace, derive: Callable[..., str]
) -> None:
    """A version that takes two intents for each other."""
    derive(trained_workspace, "v2", CONFUSED)
    root = trained_workspace.root
    words = ["replay", root / "chats", "--include-trained", "-w", root]
    code, out, _ = frontdesk(*words, "--version", "v2", "--against", "v1")
    assert code == 1
    assert "worse: intent.accuracy" in out
    assert "broken: '" in out
    assert "order/track" in out
    code, out, _ = frontdesk(*words, "--against", "v2")
    assert code == 0
    assert out.endswith("no figure became worse\n")
    code, out, _ = frontdesk(*words, "--version", "v2", "--against", "v1", "--tolerance", "1")
    assert code == 0
