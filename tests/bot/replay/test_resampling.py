"""Sums over chats and over resamples of them."""

import numpy as np
import pytest

from bot.replay.resampling import FOLD, RESAMPLES, Sums, draws

CHATS = 2 * FOLD + 37


def _summed(rows: np.ndarray, marks: list[list[int]]) -> Sums:
    sums = Sums(rows.shape[1])
    for row, made in zip(rows.tolist(), marks, strict=True):
        sums.add(row, made)
    return sums


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 5, (CHATS, 3)).astype(float)


def test_the_first_row_is_the_plain_sum(rows: np.ndarray) -> None:
    sums = _summed(rows, [[chat % 4] for chat in range(CHATS)])
    assert sums.columns()[0].tolist() == rows.sum(axis=0).tolist()
    assert sums.marks(5)[0].tolist() == [len(range(mark, CHATS, 4)) for mark in range(4)] + [0]


def test_a_chat_counts_as_often_as_it_was_drawn(rows: np.ndarray) -> None:
    """Against all counts at once, which is what the folds save."""
    sums = _summed(rows, [[chat % 4] for chat in range(CHATS)])
    sizes = (FOLD, FOLD, CHATS - 2 * FOLD)
    counts = np.hstack([draws(fold, size) for fold, size in enumerate(sizes)])
    marks = np.eye(4)[np.arange(CHATS) % 4]
    assert counts.shape == (1 + RESAMPLES, CHATS)
    np.testing.assert_allclose(sums.columns(), counts @ rows)
    np.testing.assert_allclose(sums.marks(4), counts @ marks)


def test_looking_at_the_sums_does_not_change_them(rows: np.ndarray) -> None:
    looked, plain = Sums(3), Sums(3)
    for number, row in enumerate(rows.tolist()):
        plain.add(row, ())
        looked.add(row, ())
        if number % 300 == 0:
            looked.columns()
    np.testing.assert_array_equal(looked.columns(), plain.columns())


def test_a_mark_that_is_new_late_counts_from_there() -> None:
    sums = _summed(np.ones((FOLD + 2, 1)), [[0]] * (FOLD + 1) + [[7]])
    assert sums.marks(9)[0].tolist() == [FOLD + 1, 0, 0, 0, 0, 0, 0, 1, 0]


def test_draws_are_those_of_a_bootstrap() -> None:
    """Each chat counts once on the average, with variance 1, whatever the others do."""
    counts = draws(0, FOLD)[1:]
    assert counts.mean() == pytest.approx(1, abs=0.01)
    assert counts.var() == pytest.approx(1, abs=0.01)
    assert abs(np.corrcoef(counts[:, 0], counts[:, 1])[0, 1]) < 0.15


def test_a_place_is_drawn_alike_however_many_chats_follow() -> None:
    np.testing.assert_array_equal(draws(1, 10), draws(1, FOLD)[:, :10])


def test_nothing_added_is_all_zero() -> None:
    assert not Sums(2).columns().any()
    assert Sums(2).marks(3).shape == (1 + RESAMPLES, 3)
