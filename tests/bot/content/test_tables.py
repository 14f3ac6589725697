"""A table as it is read in a reply: each cell with its heading, in English and Chinese."""

import pytest

from bot.content.sentences import units
from bot.content.tables import read_out


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (
            "| Item | A day |\n|---|---:|\n| Tent | EUR 12 |\n| **Pack** | |",
            ("- Item: Tent · A day: EUR 12", "- Item: Pack"),
        ),
        ("| | Mill Yard |\n|---|---|\n| Toilet | yes |", ("- Toilet · Mill Yard: yes",)),
        (
            "| 茶类 | 水温 |\n| --- | --- |\n| 绿茶 | 80℃ |\n| 红茶 | 95℃ |",
            ("- 茶类：绿茶 · 水温：80℃", "- 茶类：红茶 · 水温：95℃"),
        ),
        ("a | b | c\n---|---|---\n1 | 2 | 3", ("- a: 1 · b: 2 · c: 3",)),
        ("| x \\| y | z |\n|---|---|\n| 1 | 2 |", ("- x | y: 1 · z: 2",)),
        ("| a | b |\n|---|---|\n| 1 | 2 | 3 |", ("- a: 1 · b: 2 · 3",)),
        ("| no | heading |\n| at | all |", ("- no · heading", "- at · all")),
        ("| only | a head |\n|---|---|", ("- only · a head",)),
        ("", ()),
    ],
)
def test_each_cell_is_read_with_its_heading(table: str, rows: tuple[str, ...]) -> None:
    assert read_out(table) == rows


def test_what_leads_into_a_table_is_quoted_with_it() -> None:
    markdown = (
        "Ask us. Prices are:\n\n| Item | A day |\n|---|---|\n| Tent | EUR 12 |\n\nBook ahead."
    )
    assert [unit.text for unit in units(markdown)] == [
        "Ask us.",
        "Prices are:\n- Item: Tent · A day: EUR 12",
        "Book ahead.",
    ]
