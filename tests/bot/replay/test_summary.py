"""The figures are those that scikit-learn, seqeval and a bootstrap by hand give for the rows."""

from collections.abc import Sequence
from dataclasses import replace as with_other
from typing import Any

import numpy as np
import pytest

from bot.bot import Desk
from bot.replay import ReplayStore, Turn, figures
from bot.replay.intervals import intervals, measured
from bot.replay.ledger import BY_CHAT, Ledger
from bot.replay.summary import upper_bound
from bot.replay.tally import Tally
from finetune.conversation import Conversation
from finetune.evaluation import entity_metrics, ranking_metrics
from tests.bot.replay.conftest import Replayed

PLAIN = Turn(
    chat=0, turn=0, conversation="a", seen=None, message="hi", gold=(), intent=None,
    confidence=None, correct=None, trusted=False, outside=None, kind="unknown", rule="unknown",
    template=None, reason=None, citations=(), reply="", verdict=None, agent_reply=None,
    agent_template=None, act=None, rank=None, candidates=None, similarity=None, intent_right=None,
    ranked_score=None, ranked_right=None, entities=None, confirms=False, ms=1.0, evidence={},
)  # fmt: skip


def tally(turns: Sequence[Turn], **thresholds: float | None) -> Tally:
    found = Tally({"intent": None, "template": None, **thresholds})
    found.add_all(turns)
    return found


def test_intents_and_ranking_are_those_of_scikit_learn(
    desk: Desk, chats: list[Conversation], replayed: Replayed
) -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

    row, turns = replayed(desk, chats)
    found: Any = row.figures
    gold = [turn.gold[0] for turn in turns]
    guesses = [str(turn.intent) for turn in turns]
    assert found["intent"]["accuracy"] == accuracy_score(gold, guesses)
    macro = f1_score(gold, guesses, labels=sorted(set(gold)), average="macro")
    assert found["intent"]["macro_f1"] == pytest.approx(macro, abs=1e-12)
    labels = sorted({*gold, *guesses})
    matrix = confusion_matrix(gold, guesses, labels=labels)
    np.fill_diagonal(matrix, 0)
    wrong = [(labels[i], labels[j], int(matrix[i, j])) for i, j in zip(*matrix.nonzero())]  # noqa: B905
    assert [tuple(cell) for cell in found["confusion"]] == sorted(wrong)
    ranks = np.array([turn.rank for turn in turns])
    for name, value in ranking_metrics(ranks).items():
        assert found["ranking"][name] == pytest.approx(value, abs=1e-12)


def test_the_calibration_error_is_that_of_the_calibration(
    desk: Desk, chats: list[Conversation], replayed: Replayed
) -> None:
    from finetune.calibration import expected_calibration_error

    row, turns = replayed(desk, chats)
    confidence = np.array([turn.confidence for turn in turns])
    correct = np.array([bool(turn.correct) for turn in turns])
    expected = expected_calibration_error(confidence, correct)
    assert row.figures
    assert row.figures["intent"]["ece"] == pytest.approx(expected, abs=1e-12)


def test_entities_are_those_of_seqeval(
    desk: Desk, chats: list[Conversation], replayed: Replayed
) -> None:
    row, turns = replayed(desk, chats)
    said = {(c.id, n): turn for c in chats for n, turn in enumerate(c.turns)}
    texts = [said[turn.conversation, turn.turn].text for turn in turns]
    gold = [
        [(e.start, e.end, e.type) for e in said[turn.conversation, turn.turn].entities]
        for turn in turns
    ]
    _, entities = desk.model.encode_messages(texts)
    found = [[(e.start, e.end, e.type) for e in some] for some in entities]
    expected = entity_metrics(texts, gold, found)
    assert row.figures
    for name in ("precision", "recall", "f1"):
        assert row.figures["entities"][name] == pytest.approx(expected[name], abs=1e-12)


def test_the_risk_curve_is_the_wrong_share_of_the_surest(
    desk: Desk, chats: list[Conversation], replayed: Replayed
) -> None:
    row, turns = replayed(desk, chats)
    judged = [turn for turn in turns if turn.intent_right is not None]
    found: Any = row.figures
    for threshold, coverage, wrong in found["risk"]["routes"]["intent"]["curve"]:
        above = [t for t in judged if round(float(np.float32(t.confidence)), 6) >= threshold]
        if len({t.confidence for t in above}) == len(above):  # no ties after rounding
            assert coverage == pytest.approx(len(above) / len(judged), abs=0.05)
        assert 0 <= wrong <= 1
    assert found["risk"]["routes"]["intent"]["curve"][-1][1] == 1


def test_turns_of_one_score_are_answered_together() -> None:
    ledger = Ledger()
    scores = ((0.9, True), (0.5, False), (0.5, True), (0.1, False))
    ledger.add(dict.fromkeys(BY_CHAT, 0), [("intent", *score) for score in scores], [])
    assert ledger.curve("intent") == [[0.9, 0.25, 0.0], [0.5, 0.75, 1 / 3], [0.1, 1.0, 0.5]]
    assert ledger.curve("ranked") == []


def test_a_curve_and_the_times_are_those_of_all_turns_at_once() -> None:
    rng, ledger = np.random.default_rng(3), Ledger()
    scores, right = rng.random(5000).round(3).astype(np.float32), rng.random(5000) < 0.7
    times = rng.exponential(2.0, 5000)
    for at in range(0, 5000, 10):
        some = slice(at, at + 10)
        pairs = zip(scores[some].tolist(), right[some].tolist(), strict=True)
        judged = [("intent", score, is_right) for score, is_right in pairs]
        ledger.add(dict.fromkeys(BY_CHAT, at), judged, times[some].tolist())
    for threshold, coverage, wrong in (curve := ledger.curve("intent")):
        above = scores.astype(float).round(6) >= threshold
        assert (coverage, wrong) == (above.mean(), (above & ~right).sum() / above.sum())
    assert len(curve) == 100
    shares = (0.0, 0.5, 0.95, 1.0)
    assert ledger.percentiles(shares) == pytest.approx(np.quantile(times, shares).tolist())
    assert ledger.by_chat("wrong").tolist() == [*range(0, 5000, 10)]


def test_an_interval_is_that_of_resampled_chats() -> None:
    """Against a bootstrap that copies the turns of the chats it draws."""
    rng = np.random.default_rng(1)
    chats = [
        [
            with_other(
                PLAIN, chat=number, turn=turn, gold=("a",), intent="a" if right else "b",
                confidence=0.9, correct=bool(right),
            )
            for turn, right in enumerate(rng.random(rng.integers(1, 6)) < 0.3 + 0.5 * (number % 2))
        ]
        for number in range(40)
    ]  # fmt: skip
    low, high = intervals(tally([turn for chat in chats for turn in chat]))["intent.accuracy"]
    drawn = []
    for _ in range(2000):
        some = [turn for number in rng.integers(40, size=40) for turn in chats[number]]
        drawn.append(np.mean([turn.correct for turn in some]))
    assert (low, high) == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.015)


def test_the_interval_of_a_calibration_error_holds_the_error() -> None:
    """Confidence is right in each bin, so every resample is further off than the whole."""
    rng = np.random.default_rng(2)
    sure = rng.uniform(0.1, 1, 60)
    chats = [
        with_other(
            PLAIN, chat=number, gold=("a",), intent="a" if right else "b",
            confidence=float(confidence), correct=bool(right),
        )
        for number, (confidence, right) in enumerate(zip(sure, rng.random(60) < sure, strict=True))
    ]  # fmt: skip
    found = tally(chats)
    low, high = intervals(found)["intent.ece"]
    assert 0 <= low < measured(found)["intent.ece"] < high


def test_chats_that_are_all_alike_leave_no_doubt() -> None:
    same = [with_other(PLAIN, chat=n, rank=2, candidates=10) for n in range(10)]
    assert intervals(tally(same))["ranking.mrr"] == (0.5, 0.5)


def test_the_same_rows_give_the_same_intervals(
    desk: Desk, chats: list[Conversation], replayed: Replayed, store: ReplayStore
) -> None:
    row, turns = replayed(desk, chats)
    again = intervals(tally(turns, **row.about["thresholds"]))
    kept = figures(store, row.id).intervals
    assert {name: again[name] for name in kept} == {n: tuple(b) for n, b in kept.items()}


def test_out_of_scope_is_recognised_where_no_intent_is_trusted() -> None:
    asked = with_other(
        PLAIN, gold=("oos",), intent="a", confidence=0.5, correct=False, outside=True
    )
    both = [asked, with_other(asked, turn=1, trusted=True)]
    assert measured(tally(both))["intent.oos_recall"] == 0.5


def test_no_fault_in_few_answers_is_no_proof() -> None:
    few, many = np.ones(10), np.ones(1000)
    assert upper_bound(np.zeros(10), few) > 0.25
    assert upper_bound(np.zeros(1000), many) < 0.005


@pytest.mark.parametrize(("wrong", "promise"), [(0, "held"), (40, "open"), (400, "broken")])
def test_whether_the_promise_held(wrong: int, promise: str) -> None:
    from bot.replay.summary import _kept

    turns = [
        with_other(PLAIN, chat=n, kind="template", verdict="wrong" if n < wrong else "right")
        for n in range(1000)
    ]
    found = tally(turns)
    assert _kept(found, 0.05, intervals(found)["risk.wrong"], "")["promise"] == promise
