"""Evaluation: the published numbers, with ties and duplicates counted fairly."""

import numpy as np
import pytest

from finetune.evaluation import (
    Reply,
    candidate_sets,
    distinct_replies,
    draw_candidates,
    intent_metrics,
    rank_of_right,
    ranking_metrics,
    reply_ranks,
)

LABELS = ["bill", "greet", "refund"]


def test_any_of_several_labels_is_right() -> None:
    probabilities = np.array([[0.1, 0.8, 0.1], [0.7, 0.2, 0.1]])
    found = intent_metrics(probabilities, [{"greet", "refund"}, {"bill"}], LABELS)
    assert (found["n"], found["accuracy"], found["macro_f1"]) == (2, 1.0, 1.0)
    assert found["ece"] == pytest.approx(0.25)


def test_an_unknown_label_is_wrong() -> None:
    found = intent_metrics(np.array([[1.0, 0, 0], [1.0, 0, 0]]), [{"bill"}, {"new"}], LABELS)
    assert found["accuracy"] == 0.5
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_a_label_that_is_only_guessed_does_not_dilute_f1() -> None:
    found = intent_metrics(np.array([[1.0, 0, 0], [0, 0, 1.0]]), [{"bill"}, {"bill"}], LABELS)
    assert found["macro_f1"] == pytest.approx(2 / 3)


def test_nothing_to_judge() -> None:
    assert intent_metrics(np.empty((0, 3)), [], LABELS) == {"n": 0}
    assert ranking_metrics(np.array([], int)) == {"n": 0}


def test_ranking_metrics() -> None:
    found = ranking_metrics(np.array([1, 2, 10, 100]))
    assert found == {"n": 4, "r@1": 0.25, "r@5": 0.5, "r@10": 0.75, "mrr": pytest.approx(0.4025)}


@pytest.mark.parametrize(
    ("scores", "rank"),
    [
        ([0.9, 0.1, 0.2], 1),
        ([0.1, 0.9, 0.2], 3),
        ([0.5, 0.5, 0.5], 3),
        ([0.0, -1.0], 1),
        ([float("nan"), 0.5, 0.1], 3),
        ([0.5, float("nan"), 0.1], 2),
    ],
)
def test_a_tie_counts_against_the_right_one(scores: list[float], rank: int) -> None:
    assert rank_of_right(np.array(scores)) == rank


def test_the_right_one_may_stand_anywhere() -> None:
    assert rank_of_right(np.array([0.3, 0.9, 0.5]), right_index=2) == 2


def test_replies_that_differ_in_numbers_only_are_one() -> None:
    replies = [Reply("Order 12 is here."), Reply("order 7 is here"), Reply("Bye", "bye")]
    assert distinct_replies(replies) == [replies[0], replies[2]]


def test_candidates_are_distinct_and_truly_wrong() -> None:
    pool = [Reply(f"reply {chr(97 + i)}", "t" if i < 5 else None) for i in range(20)]
    right = Reply("Reply F!", "t")
    drawn = draw_candidates(right, pool, np.random.default_rng(0), 10)
    assert len(set(drawn)) == 10
    assert not set(drawn) & {0, 1, 2, 3, 4, 5}
    assert drawn == draw_candidates(right, pool, np.random.default_rng(0), 10)
    assert sorted(draw_candidates(right, pool, np.random.default_rng(0), 99)) == list(range(6, 20))


def test_two_free_replies_without_template_are_not_the_same() -> None:
    assert draw_candidates(Reply("one"), [Reply("two")], np.random.default_rng(0)) == [0]


def test_candidates_come_in_every_order() -> None:
    pool = [Reply(letter) for letter in "abcd"]
    rng = np.random.default_rng(0)
    orders = {tuple(draw_candidates(Reply("right"), pool, rng)) for _ in range(1000)}
    assert len(orders) == 24


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000])
def test_a_pool_of_any_size_is_drawn_from_without_repeats(size: int) -> None:
    pool = [Reply("x" * (number + 1)) for number in range(size)]
    drawn = draw_candidates(Reply("right"), pool, np.random.default_rng(0), size)
    assert sorted(drawn) == list(range(size))


def test_each_right_reply_leads_its_candidates() -> None:
    replies = {3: Reply("Hello!"), 5: Reply("hello"), 8: Reply("Bye"), 9: Reply("See you")}
    sets = [numbers.tolist() for numbers in candidate_sets([5, 8, 8], replies, seed=0)]
    assert [numbers[0] for numbers in sets] == [5, 8, 8]
    # 3 stands for 5 too, and is as right as it.
    assert [sorted(numbers[1:]) for numbers in sets] == [[8, 9], [3, 9], [3, 9]]


def test_replies_are_ranked_by_dot_product() -> None:
    vectors = np.eye(3)
    queries = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    candidates = [np.array([1, 0, 2]), np.array([0, 1])]
    assert reply_ranks(queries, vectors, candidates).tolist() == [2, 1]
    assert reply_ranks(np.empty((0, 3)), vectors, []).tolist() == []
