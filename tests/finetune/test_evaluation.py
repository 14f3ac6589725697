"""Evaluation: the published numbers, with ties and duplicates counted fairly."""

import numpy as np
import pytest

from finetune.evaluation import (
    Reply,
    candidate_sets,
    character_tags,
    distinct_replies,
    draw_candidates,
    entity_metrics,
    intent_metrics,
    multi_intent_metrics,
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


# --- several intents, entities -------------------------------------------------------------------


def test_several_intents_of_a_message_are_found_by_their_share() -> None:
    probabilities = np.array([[0.5, 0.45, 0.05], [0.9, 0.06, 0.04], [0.4, 0.3, 0.3]])
    gold = [{"a", "b"}, {"a"}, {"c"}]
    figures = multi_intent_metrics(probabilities, gold, ["a", "b", "c"], share=0.8)
    assert figures == {"n": 3, "exact": pytest.approx(2 / 3), "micro_f1": pytest.approx(6 / 8)}
    single = multi_intent_metrics(probabilities, gold, ["a", "b", "c"], share=1.0)
    assert single["exact"] == pytest.approx(1 / 3)


def test_entities_are_right_when_their_characters_and_their_type_are() -> None:
    texts = ["oslo to bergen", "to oslo", "hello"]
    gold = [[(0, 4, "city"), (8, 14, "city")], [(3, 7, "city")], []]
    found = [[(0, 4, "city"), (8, 13, "city")], [(3, 7, "name")], []]
    figures = entity_metrics(texts, gold, found)
    assert figures["n"] == 3
    assert (figures["precision"], figures["recall"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert figures["types"]["city"] == {
        "precision": 0.5,
        "recall": pytest.approx(1 / 3),
        "f1": pytest.approx(0.4),
        "n": 3,
    }


def test_entity_figures_are_those_of_seqeval_on_the_same_words() -> None:
    """Characters as tokens give what words as tokens give, as long as both are cut the same."""
    from seqeval.metrics import f1_score

    words = [["book", "oslo", "new", "york"], ["from", "bergen"]]
    true = [["O", "B-city", "B-city", "I-city"], ["O", "B-city"]]
    guess = [["O", "B-city", "B-city", "O"], ["B-city", "B-city"]]
    spans = [[_spans(w, t) for w, t in zip(words, tags, strict=True)] for tags in (true, guess)]
    figures = entity_metrics([" ".join(w) for w in words], *spans)
    assert figures["f1"] == pytest.approx(f1_score(true, guess))


def _spans(words: list[str], tags: list[str]) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    start = 0
    for word, tag in zip(words, tags, strict=True):
        if tag.startswith("B-"):
            found.append((start, start + len(word), tag[2:]))
        elif tag.startswith("I-"):
            found[-1] = (found[-1][0], start + len(word), tag[2:])
        start += len(word) + 1
    return found


def test_no_entities_anywhere_are_found_perfectly() -> None:
    assert entity_metrics(["hello"], [[]], [[]])["f1"] == 1.0
    assert entity_metrics([], [], []) == {"n": 0}


def test_of_overlapping_entities_the_first_counts() -> None:
    assert character_tags("abcd", [(0, 3, "x"), (2, 4, "y")]) == ["B-x", "I-x", "I-x", "O"]


def test_an_unsure_intent_may_be_sure_of_its_group() -> None:
    labels = ["order/cancel", "order/track", "thanks"]
    shares = np.array([[0.3, 0.3, 0.4], [0.1, 0.8, 0.1], [0.2, 0.1, 0.7]])
    gold = [{"order/track"}, {"order/cancel"}, {"order/track"}]
    found = intent_metrics(shares, gold, labels)
    assert found["accuracy"] == 0.0
    assert found["group_accuracy"] == pytest.approx(2 / 3)
    assert "group_accuracy" not in intent_metrics(shares, [{"a"}] * 3, ["a", "b", "c"])
