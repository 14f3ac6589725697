"""`benchmarks/ceiling.py`: readers who do not know whose reading is whose."""

from pathlib import Path

import pytest

from benchmarks import _disputes, ceiling
from benchmarks._disputes import Dispute, Judged

DISPUTES = [
    Dispute("my card is lost", "lost_card", "card_arrival"),
    Dispute("it has not come", "card_arrival", "lost_card", control=True),
    Dispute("where is it", "card_arrival", "transfer_pending"),
]


def answers_for(verdict: str) -> dict[str, str]:
    """What a reader says who is always of this opinion."""
    return {
        one.key: next(a for a in _disputes.ANSWERS if one.verdict(a) == verdict) for one in DISPUTES
    }


def test_a_sheet_does_not_tell_the_label_from_the_other_reading(tmp_path: Path) -> None:
    many = [Dispute(f"message {number}", "mine", "yours") for number in range(200)]
    assert 70 < sum(one.sheet()["A"] == "mine" for one in many) < 130
    _disputes.write_sheet(many, tmp_path / "sheet.jsonl")
    assert "control" not in (tmp_path / "sheet.jsonl").read_text()


def test_verdicts_are_kept_without_the_messages(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    answers = answers_for("other"), answers_for("label")
    _disputes.write_verdicts(DISPUTES, answers, path)
    assert "card" not in path.read_text()
    kept = list(_disputes.read_verdicts(path))
    assert {(one.first, one.second) for one in kept} == {("other", "label")}
    assert sorted(one.control for one in kept) == [False, False, True]


def test_a_message_that_one_reader_left_out_is_not_counted(tmp_path: Path) -> None:
    path, first = tmp_path / "verdicts.csv", answers_for("either")
    _disputes.write_verdicts(DISPUTES, (first, {DISPUTES[0].key: "A"}), path)
    assert [one.key for one in _disputes.read_verdicts(path)] == [DISPUTES[0].key]


def test_an_unknown_answer_is_named() -> None:
    with pytest.raises(SystemExit, match='"C" is no answer'):
        DISPUTES[0].verdict("C")


@pytest.mark.parametrize(
    ("first", "second", "wrong", "left_open"),
    [
        ("label", "label", False, False),
        ("other", "neither", True, False),
        ("label", "other", False, True),
        ("either", "either", False, True),
    ],
)
def test_a_label_is_wrong_where_neither_reader_would_give_it(
    first: str, second: str, wrong: bool, left_open: bool
) -> None:
    one = Judged("1", control=False, first=first, second=second)
    assert (one.wrong, one.open) == (wrong, left_open)


def test_wrong_labels_are_lost_to_the_best_reader_and_half_of_the_open_ones() -> None:
    judged = [
        Judged("1", False, "other", "other"),
        Judged("2", False, "either", "label"),
        Judged("3", False, "label", "label"),
        Judged("4", True, "other", "label"),
    ]
    row = ceiling._row(judged, tested=100)
    assert row["right, messages"] == "97.00"
    assert row["ceiling"] == "98.50"
    assert row["controls wrong"] == "0 of 1"
    assert row["open controls"] == "1"
