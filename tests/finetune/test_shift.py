"""A shift of traffic is noticed; chats alone, however long, raise no alarm."""

import numpy as np
import pytest

from finetune.errors import FinetuneError
from finetune.shift import sentence, shift


def traffic(rng: np.random.Generator, chats: int, mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores of chats of 1 to 9 messages; half of what varies belongs to the chat."""
    lengths = rng.integers(1, 10, chats)
    numbers = np.repeat(np.arange(chats), lengths)
    return rng.normal(mean, 1, chats)[numbers] + rng.normal(0, 1, len(numbers)), numbers


def test_the_same_traffic_raises_few_false_alarms() -> None:
    """At a stated rate of 10 %; with messages as the unit it would be half of the time."""
    rng = np.random.default_rng(1)
    alarms = sum(
        shift(*traffic(rng, 40, 0), *traffic(rng, 40, 0), false_alarm=0.1, shuffles=99).noticed
        for _ in range(100)
    )
    assert alarms <= 18  # 10 expected, 99.5 % of draws


def test_lower_scores_are_noticed_and_said() -> None:
    rng = np.random.default_rng(2)
    found = shift(*traffic(rng, 200, 0), *traffic(rng, 100, -1))
    assert found.noticed
    assert found.lower
    assert "these 100 chats are not like those the thresholds were made on" in sentence(found)
    assert "read less surely" in sentence(found)


def test_what_is_the_same_is_not_worth_a_word() -> None:
    scores, chats = traffic(np.random.default_rng(3), 50, 0)
    found = shift(scores, chats, scores, chats)
    assert (found.noticed, found.distance, found.p_value) == (False, 0.0, 1.0)
    assert sentence(found) == ""


def test_a_handful_of_chats_says_nothing() -> None:
    rng = np.random.default_rng(4)
    found = shift(*traffic(rng, 100, 0), *traffic(rng, 19, -5))
    assert not found.enough
    assert not found.noticed
    assert not shift(np.zeros(0), np.zeros(0, int), np.zeros(0), np.zeros(0, int)).enough


def test_bad_input_is_refused() -> None:
    scores, chats = np.zeros(3), np.arange(3)
    with pytest.raises(FinetuneError, match="between 0 and 1"):
        shift(scores, chats, scores, chats, false_alarm=0)
    with pytest.raises(FinetuneError, match="lengths differ"):
        shift(scores, chats[:2], scores, chats)
