"""The verdict on a candidate: what blocks it, what does not, how often, and what is said of it."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from finetune import gate
from finetune.errors import FinetuneError
from finetune.gate import FEWEST_CHATS, Outcome, Outcomes, compare

FloatArray = NDArray[np.float64]
LABELS = ("cancel", "track")


def read(
    right: Iterable[bool | int], version: str = "v1", *, a_chat: int = 2, intent: str = "track"
) -> Outcomes:
    """The outcomes of a version that is right about these messages, `a_chat` of them a chat."""
    messages = [
        Outcome(
            conversation=f"c{number // a_chat:04}",
            turn=number % a_chat,
            text=f"message {number}",
            intents=frozenset({intent}),
            guess=intent if ok else "cancel",
            confidence=0.9,
            right=bool(ok),
        )
        for number, ok in enumerate(right)
    ]
    return Outcomes(version, LABELS, messages)


def each(outcomes: Outcomes, change: Callable[[int, Outcome], Outcome]) -> Outcomes:
    """The same with every message changed."""
    messages = [change(number, message) for number, message in enumerate(outcomes.messages)]
    return replace(outcomes, messages=messages)


def test_the_same_outcomes_pass() -> None:
    verdict = compare(read([1, 0] * 20), read([1, 0] * 20, "v2"))
    assert (verdict.passed, verdict.compared) == (True, True)
    assert verdict.reason == "not worse than v1 on 40 held-out messages of 20 chats"
    [task] = verdict.tasks
    assert (task.task, task.figure, task.n, task.chats) == ("intent", "accuracy", 40, 20)
    assert (task.difference, task.low, task.high, task.below) == (0, 0, 0, 0)
    assert verdict.intents == ()


def test_a_clear_fall_is_blocked_and_explained() -> None:
    verdict = compare(read([1] * 40), read([1, 1, 1, 0] * 10, "v2"))
    assert not verdict.passed
    assert verdict.reason.startswith("intent accuracy fell from 1.000 to 0.750 (40 messages of ")
    [task] = verdict.tasks
    assert task.worse
    assert task.low < task.difference == -0.25 < task.high < 0
    [track] = verdict.fallen
    assert (track.intent, track.n, track.live, track.candidate) == ("track", 40, 1.0, 0.75)
    assert (track.fell, track.rose, track.significant) == (10, 0, True)
    assert len(track.examples) == gate.EXAMPLES
    assert track.examples[0].guess == "cancel"


def test_what_so_few_messages_cannot_show_is_said() -> None:
    verdict = compare(read([1] * 20), read([1] * 19 + [0], "v2"))
    assert verdict.passed
    assert verdict.reason == (
        "not worse than v1 on 20 held-out messages of 10 chats; "
        "a fall of intent accuracy by 0.15 cannot be ruled out"
    )


def test_a_gain_passes() -> None:
    verdict = compare(read([1, 0] * 20), read([1] * 40, "v2"))
    assert verdict.passed
    assert verdict.tasks[0].low > 0
    assert verdict.fallen == []
    assert [change.rose for change in verdict.intents] == [20]


def test_the_same_outcomes_and_seed_give_the_same_verdict() -> None:
    rng = np.random.default_rng(1)
    one, other = (read(rng.random(60) < 0.8, name) for name in ("v1", "v2"))
    assert compare(one, other, seed=3) == compare(one, other, seed=3)
    assert compare(one, other, seed=3) != compare(one, other, seed=4)


def test_messages_of_one_chat_are_one_piece_of_evidence() -> None:
    """Six falls in six chats say more than six in one."""
    apart = compare(read([1] * 60, a_chat=1), read([0] * 6 + [1] * 54, "v2", a_chat=1))
    together = compare(read([1] * 60, a_chat=6), read([0] * 6 + [1] * 54, "v2", a_chat=6))
    assert apart.tasks[0].difference == together.tasks[0].difference
    assert not apart.passed
    assert together.passed


def test_the_interval_is_that_of_theory() -> None:
    """On n chats of a message each, the difference has the variance of the paired differences."""
    rng = np.random.default_rng(5)
    was, now = rng.random(400) < 0.8, rng.random(400) < 0.8
    [task] = compare(read(was, a_chat=1), read(now, "v2", a_chat=1)).tasks
    differences = now.astype(float) - was.astype(float)
    error = 1.96 * differences.std() / math.sqrt(400)
    assert task.low == pytest.approx(differences.mean() - error, abs=0.006)
    assert task.high == pytest.approx(differences.mean() + error, abs=0.006)


# --- how often it is wrong -----------------------------------------------------------------------


def simulated(accuracy: float, runs: int, chats: int, seed: int) -> float:
    """The share of candidates that are blocked where the live version is right nine times in ten,
    chats are harder or easier by themselves, and each version errs independently."""
    rng = np.random.default_rng(seed)
    blocked = 0
    for _ in range(runs):
        ease = rng.normal(0, 1, chats).repeat(2)  # two messages a chat
        was, now = (_right(share, ease, rng) for share in (0.9, accuracy))
        blocked += not compare(read(was), read(now, "v2"), seed=int(rng.integers(1 << 30))).passed
    return blocked / runs


def _right(share: float, ease: FloatArray, rng: np.random.Generator) -> NDArray[np.bool_]:
    logit = math.log(share / (1 - share)) * 1.17  # makes the mean over `ease` the share
    return np.asarray(rng.random(len(ease)) < 1 / (1 + np.exp(-logit - ease)))


@pytest.fixture
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "RESAMPLES", 2000)


@pytest.mark.usefixtures("fewer_resamples")
def test_an_equal_version_is_rarely_blocked() -> None:
    """About one time in twenty, by design; 200 runs may be off by three in a hundred."""
    assert simulated(0.9, runs=200, chats=80, seed=1) <= 0.09


@pytest.mark.usefixtures("fewer_resamples")
def test_a_clearly_worse_version_is_nearly_always_blocked() -> None:
    assert simulated(0.75, runs=60, chats=80, seed=2) >= 0.95


def test_more_tasks_do_not_block_more() -> None:
    """With two tasks that decide, each must be surer: half the error for each."""

    def ranked(outcomes: Outcomes) -> Outcomes:
        return each(outcomes, lambda _, message: replace(message, reply_rank=1))

    was = read([1] * 40, a_chat=1)
    now = read([0] * 3 + [1] * 37, "v2", a_chat=1)
    alone, beside = compare(was, now), compare(ranked(was), ranked(now))
    assert alone.tasks[0].below == pytest.approx(0.952, abs=0.01)
    assert beside.tasks[0].below == alone.tasks[0].below
    assert beside.passed


# --- too little to compare -----------------------------------------------------------------------


@pytest.mark.parametrize("chats", [0, 1, FEWEST_CHATS - 1])
def test_too_few_chats_show_nothing_and_so_do_not_pass(chats: int) -> None:
    verdict = compare(read([1] * 2 * chats), read([1] * 2 * chats, "v2"))
    assert (verdict.passed, verdict.compared) == (False, False)
    assert verdict.reason == (
        f"{chats} held-out chats are new to both it and v1, and it takes 5 with labels or "
        "replies to compare them"
    )


def test_messages_without_labels_and_replies_show_nothing() -> None:
    def unlabelled(outcomes: Outcomes) -> Outcomes:
        return each(outcomes, lambda _, m: replace(m, right=None, intents=frozenset()))

    verdict = compare(unlabelled(read([1] * 40)), unlabelled(read([1] * 40, "v2")))
    assert (verdict.passed, verdict.compared, verdict.tasks) == (False, False, ())


def test_versions_that_read_different_messages_are_not_compared() -> None:
    with pytest.raises(FinetuneError, match="v1 and v2 did not read the same messages"):
        compare(read([1] * 40), read([1] * 38, "v2"))


# --- intents -------------------------------------------------------------------------------------


def mixed(version: str, labels: Sequence[str], right: dict[str, float]) -> Outcomes:
    """Twenty messages of each intent, a chat each; the share of them that is read rightly."""
    messages = [
        Outcome(
            conversation=f"{intent}-{number:02}",
            turn=0,
            text=f"{intent} {number}",
            intents=frozenset({intent}),
            guess=intent if number < share * 20 else "other",
            right=number < share * 20,
        )
        for intent, share in right.items()
        for number in range(20)
    ]
    return Outcomes(version, tuple(labels), messages)


def test_an_intent_that_fell_is_named_where_the_task_did_not() -> None:
    before = mixed("v1", ("a", "b", "c"), {"a": 1.0, "b": 0.5, "c": 0.9})
    after = mixed("v2", ("a", "b", "c"), {"a": 0.5, "b": 1.0, "c": 0.9})
    verdict = compare(before, after)
    assert verdict.passed
    [fallen] = verdict.fallen
    assert (fallen.intent, fallen.live, fallen.candidate) == ("a", 1.0, 0.5)
    assert (fallen.significant, fallen.p) == (True, 1 / 1024)
    assert {example.text for example in fallen.examples} == {"a 10", "a 11", "a 12"}
    assert [change.intent for change in verdict.intents] == ["a", "b"]


def test_one_message_less_may_be_chance() -> None:
    before = mixed("v1", ("a", "b"), {"a": 1.0, "b": 1.0})
    after = mixed("v2", ("a", "b"), {"a": 0.95, "b": 1.0})
    [fallen] = compare(before, after).fallen
    assert (fallen.fell, fallen.rose, fallen.p, fallen.significant) == (1, 0, 0.5, False)


def test_a_new_intent_counts_as_wrong_before_and_is_listed() -> None:
    before = mixed("v1", ("a",), {"a": 1.0, "new": 0.0})
    after = mixed("v2", ("a", "new"), {"a": 1.0, "new": 0.9})
    verdict = compare(before, after)
    assert verdict.passed
    assert (verdict.new, verdict.lost) == (("new",), ())
    figures = {task.task: (task.live, task.candidate) for task in verdict.tasks}
    assert figures == {"intent": (0.5, 0.95), "old intents": (1.0, 1.0)}


def test_what_a_new_intent_gains_does_not_hide_what_the_old_have_lost() -> None:
    before = mixed("v1", ("a", "b"), {"a": 1.0, "b": 1.0, "new": 0.0})
    after = mixed("v2", ("a", "b", "new"), {"a": 0.6, "b": 0.9, "new": 1.0})
    verdict = compare(before, after)
    worse = {task.task: task.worse for task in verdict.tasks}
    assert worse == {"intent": False, "old intents": True}
    assert not verdict.passed
    assert verdict.reason.startswith("old intents accuracy fell from 1.000 to 0.750")


def test_an_intent_that_vanished_is_listed() -> None:
    before = mixed("v1", ("a", "gone"), {"a": 1.0})
    after = mixed("v2", ("a",), {"a": 1.0})
    verdict = compare(before, after)
    assert (verdict.passed, verdict.lost) == (True, ("gone",))


def test_examples_are_different_texts_the_surest_mistakes_first() -> None:
    texts = ["twice", "twice", "sure", "unsure", "middling"]
    confidences = [0.5, 0.6, 0.9, 0.1, 0.4]
    was = each(read([1] * 5), lambda i, m: replace(m, text=texts[i]))
    now = each(
        read([0] * 5, "v2"), lambda i, m: replace(m, text=texts[i], confidence=confidences[i])
    )
    [fallen] = compare(was, now).fallen
    found = [(example.text, example.confidence) for example in fallen.examples]
    assert found == [("sure", 0.9), ("twice", 0.6), ("middling", 0.4)]


# --- the other tasks -----------------------------------------------------------------------------


def test_ranking_alone_is_compared_by_its_mean_reciprocal_rank() -> None:
    def ranked(version: str, rank: int) -> Outcomes:
        return each(
            read([1] * 20, version),
            lambda i, m: replace(m, right=None, reply_rank=rank if i % 2 else 1),
        )

    verdict = compare(ranked("v1", 2), ranked("v2", 4))
    first, reciprocal = verdict.tasks
    assert (first.figure, first.live, first.candidate, first.decides) == ("r@1", 0.5, 0.5, False)
    assert (reciprocal.figure, reciprocal.live, reciprocal.candidate) == ("mrr", 0.75, 0.625)
    assert not verdict.passed
    assert verdict.reason.startswith("ranking mrr fell from 0.750 to 0.625")


def test_entities_are_compared_by_f1_over_all_messages() -> None:
    """Not by the mean of each message's, which would count a message without any as much."""

    def tagged(version: str, right: int) -> Outcomes:
        return each(
            read([1] * 20, version),
            lambda i, m: replace(m, entities=(right, 2, 2) if i % 2 else (0, 0, 0)),
        )

    verdict = compare(tagged("v1", 2), tagged("v2", 1))
    entities = verdict.tasks[1]
    assert (entities.task, entities.live, entities.candidate) == ("entities", 1.0, 0.5)
    assert entities.worse


def test_sentiment_is_compared() -> None:
    def felt(version: str, every: int) -> Outcomes:
        return each(read([1] * 40, version), lambda i, m: replace(m, sentiment=i % every > 0))

    verdict = compare(felt("v1", 40), felt("v2", 4))
    assert [task.task for task in verdict.tasks if task.worse] == ["sentiment"]


# --- as JSON -------------------------------------------------------------------------------------


def test_the_json_holds_every_figure() -> None:
    found = compare(read([1] * 40), read([1, 1, 1, 0] * 10, "v2")).as_json()
    assert (found["live"], found["candidate"], found["passed"]) == ("v1", "v2", False)
    assert found["tasks"][0]["difference"] == -0.25
    assert found["intents"][0]["significant"] is True
    assert found["intents"][0]["examples"][0].keys() == {"text", "guess", "confidence"}
