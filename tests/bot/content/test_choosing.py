"""Which sentences of the passages are quoted, and in what order."""

import numpy as np
import pytest

from bot.content.choosing import (
    MOST_CHARACTERS,
    Piece,
    choose,
    narrowed,
    pieces,
    scores,
    worth_quoting,
)

NOTHING = np.zeros(2, dtype=np.float32)


def filled(sentence: str) -> str:
    """A sentence of about 150 characters, so that a few are more than fits."""
    return f"{sentence} Some{' more of it, to make it long' * 5}."


def quoted(passages: list[str], scored: list[list[float]]) -> list[str]:
    found = [pieces(text) for text in passages]
    return [found[p][i].unit.text.split(" Some")[0] for p, i in choose(found, scored)]


def test_what_fits_is_not_cut() -> None:
    assert quoted(["One. Two. Three."], [[1.0, 0.0, 0.0]]) == ["One.", "Two.", "Three."]


def test_a_courtesy_is_not_quoted_where_anything_else_is() -> None:
    assert quoted(["Thank you for reading this. Thirty days."], [[1.0]]) == ["Thirty days."]
    assert quoted(["Welcome to our shop."], [[1.0]]) == ["Welcome to our shop."]
    assert quoted(["感谢您的阅读。三十天之内。"], [[1.0]]) == ["三十天之内。"]


LONG = " ".join(filled(word) for word in ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"))


def test_the_best_sentences_are_quoted_in_the_articles_order() -> None:
    assert quoted([LONG], [[0.9, 0.1, 0.1, 1.0, 0.1, 0.1]]) == ["Alpha", "Delta"]


def test_no_more_is_quoted_than_fits() -> None:
    found = [pieces(LONG)]
    places = choose(found, [[1.0] * 6])
    assert sum(found[p][i].length for p, i in places) <= MOST_CHARACTERS


def test_every_passage_gives_its_best_sentence() -> None:
    other = LONG.replace("Beta", "Iota").replace("Some", "What")
    found = [pieces(LONG), pieces(other)]
    places = choose(found, [[0.9, 0.1, 0.1, 0.1, 0.1, 0.8], [0.0, 0.1, 0.0, 0.0, 0.0, 0.0]])
    assert places == [(0, 0), (0, 5), (1, 1)]


def test_a_gap_of_one_sentence_is_closed() -> None:
    assert quoted([LONG], [[0.1, 0.9, 0.1, 0.8, 0.1, 0.1]]) == ["Beta", "Gamma", "Delta"]


def test_a_sentence_that_leans_on_another_brings_it_along() -> None:
    text = LONG.replace("Delta", "It also")
    assert quoted([text], [[0.1, 0.1, 0.1, 0.9, 0.1, 0.1]]) == ["Gamma", "It also"]
    chinese = "".join(f"{n}，" + "这里写得很长很长" * 20 + "。" for n in ("甲", "乙", "但丙", "丁"))
    found = [pieces(chinese)]
    assert choose(found, [[0.1, 0.1, 0.9, 0.1]]) == [(0, 1), (0, 2)]


def test_a_list_is_quoted_whole_however_long() -> None:
    steps = "\n".join(f"{n}. {filled('Step')}" for n in range(1, 8))
    found = [pieces(f"{filled('Before')}\n\n{steps}\n\n{filled('After')}")]
    [(_, place)] = choose(found, [[0.1, 0.9, 0.1]])
    assert found[0][place].unit.text.startswith("1. Step")
    assert "\n7. Step" in found[0][place].unit.text


def test_what_was_quoted_is_not_quoted_again_from_another_passage() -> None:
    same = "Refunds take three days by card. "
    assert quoted([same + "Cash is quicker.", same + "Ask the shop."], [[1, 1], [1, 1]]) == [
        "Refunds take three days by card.",
        "Cash is quicker.",
        "Ask the shop.",
    ]


def test_a_sentence_scores_by_the_words_that_tell_and_by_its_meaning() -> None:
    found = pieces("Refunds take three days. The shop is open.")
    weights = {"refund": 3.0, "shop": 1.0}
    assert scores(found, weights, NOTHING, None) == [0.75, 0.25]
    query, vectors = np.array([1, 0], np.float32), np.array([[0, 1], [1, 0]], np.float32)
    assert scores(found, weights, query, vectors) == pytest.approx([0.225, 0.775])


def test_a_question_without_words_scores_nothing() -> None:
    assert scores(pieces("One. Two."), {}, NOTHING, None) == [0.0, 0.0]


def test_an_empty_passage_gives_nothing() -> None:
    nothing: tuple[Piece, ...] = ()
    assert choose([nothing], [[]]) == []


# --- what is not worth quoting -------------------------------------------------------------------


def test_a_passage_with_nothing_nearly_as_good_as_the_best_is_not_worth_quoting() -> None:
    assert worth_quoting([[0.2, 0.9], [0.6, 0.1]]) == [0]
    assert worth_quoting([[0.2, 0.6], [0.9, 0.1]]) == [1]
    assert worth_quoting([[0.2, 0.9], [0.7, 0.1]]) == [0, 1]


def test_where_nothing_is_known_of_any_passage_all_are_quoted() -> None:
    assert worth_quoting([[0.0, 0.0], [], [0.0]]) == [0, 1, 2]


ROWS = (
    "- Item: Tent · A day: EUR 12",
    "- Item: Pack · A day: EUR 7",
    "- Item: Sled · A day: EUR 9",
)


def test_of_a_long_table_the_rows_that_the_question_names_are_quoted() -> None:
    rows = (*ROWS, "- Item: Tent for four · A day: EUR 19")
    assert narrowed(rows, {"tent": 2.0, "day": 1.0, "price": 3.0}) == (rows[0], rows[3], "…")


def test_a_table_is_quoted_whole_where_the_question_names_no_row_or_it_is_short() -> None:
    rows = (*ROWS, "- Item: Bike · A day: EUR 19")
    assert narrowed(rows, {"day": 1.0, "price": 3.0}) == rows
    assert narrowed(ROWS, {"tent": 2.0}) == ROWS
    assert narrowed((), {"tent": 2.0}) == ()


def test_of_what_was_quoted_before_only_the_best_is_quoted_again() -> None:
    found = [pieces("One thing. Another thing.")]
    assert choose(found, [[0.2, 0.9]]) == [(0, 0), (0, 1)]
    assert choose(found, [[0.2, 0.9]], whole=False) == [(0, 1)]
