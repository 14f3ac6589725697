"""What a person sees of a log, to the character."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from bot.monitor.alerts import Surge
from bot.monitor.measures import Counts, hour_of
from bot.monitor.surges import WINDOW_S
from bot.monitor.view import rendered
from bot.monitor.watch import View
from tests.bot.monitor.conftest import NOW

WINDOW = int(NOW // WINDOW_S)
TRACK = Counts(12, 10, 8, 1, 1, 2, 12, 3, Counter({47: 12}))
REFUND = Counts(1_234, 1_000, 500, 0, 0, 0, 0, 0, Counter({94: 1_234}))
OUTCOME = Counter(chats=8, involved=6, contained=5, resolved=4)
TOTAL = Counts(1_246, 1_010, 508, 1, 1, 2, 12, 3, Counter({47: 12, 94: 1_234}))
VIEW = View(
    at=NOW,
    since=NOW - 86_700,
    total=TOTAL,
    outcome=OUTCOME,
    intents={"退款/进度": REFUND, "order/track": TRACK, None: TRACK},
    hours={hour_of(NOW): (TOTAL, OUTCOME)},
    judged=(4, 12),
)
SURGE = Surge("negative", "退款/进度", WINDOW - 6, WINDOW - 2, 38, 14.24)


def shown(view: View, width: int = 120, height: int | None = None) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(rendered(view, "The Bakery", width, height))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_view() -> None:
    assert shown(VIEW) == [
        "The Bakery: turns 1,246, new chats 8 since Thu 29 12:00 UTC",
        "automation 50.0%, containment 62.5%, answered 50.3%, negative 25.0%, handoffs 1,"
        " unknown 1, dislikes 2, p50 98.1 ms, p95",
        "98.1 ms",
        "no surge: 4 of 12 series are watched",
        "",
        "intent       turns  answered  negative  handoffs  unknown  dislikes      p50      p95",
        "退款/进度    1,234     50.0%         -         0        0         0  98.1 ms  98.1 ms",
        "order/track     12     80.0%     25.0%         1        1         2   9.9 ms   9.9 ms",
        "(none)          12     80.0%     25.0%         1        1         2   9.9 ms   9.9 ms",
        "",
        "hour (UTC)    turns  answered  negative  handoffs  unknown  dislikes      p50      p95",
        "Fri 30 12:00  1,246     50.3%     25.0%         1        1         2  98.1 ms  98.1 ms",
    ]


def test_surges_stand_above_all_figures() -> None:
    over = replace(SURGE, measure="handoffs", intent=None, over=WINDOW)
    lines = shown(replace(VIEW, surges=(SURGE,), ended=(over,), notes=("mind the gap",)))
    assert lines[3:6] == [
        "SURGE customers who sound negative in 退款/进度: 38 chats since Fri 10:30 UTC;"
        " usual: 14.2",
        "handoffs: 38 chats since Fri 10:30 UTC to Fri 12:00 UTC, over now; usual: 14.2",
        "mind the gap",
    ]
    assert not any("no surge" in line for line in lines)


def test_an_empty_log() -> None:
    empty = View(NOW, NOW, Counts(), Counter(), {}, {}, lacking="too little data")
    assert shown(empty) == [
        "The Bakery: turns 0, new chats 0 since Fri 30 12:05 UTC",
        "automation -, containment -, answered -, negative -, handoffs 0, unknown 0, dislikes 0,"
        " p50 -, p95 -",
        "too little data",
        "",
        "intent  turns  answered  negative  handoffs  unknown  dislikes  p50  p95",
        "",
        "hour (UTC)  turns  answered  negative  handoffs  unknown  dislikes  p50  p95",
    ]


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 132])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    view = replace(VIEW, surges=(SURGE,), intents={"退款" * 40: REFUND, "x" * 90: TRACK})
    assert max(cell_len(line) for line in shown(view, width)) <= width


def test_a_narrow_terminal_shows_the_first_columns() -> None:
    assert shown(VIEW, 40)[-2:] == [
        "hour (UTC)    turns  answered",
        "Fri 30 12:00  1,246     50.3%",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 132])
def test_a_long_name_is_cut_and_no_figure_is(width: int) -> None:
    lines = shown(replace(VIEW, intents={"退款" * 40: REFUND, "x" * 90: TRACK}), width)
    start = next(n for n, line in enumerate(lines) if line.startswith("intent "))
    heads, first, second = lines[start : start + 3]
    assert "turns  answered" in heads
    assert " 1,234     50.0%" in first
    assert " 12     80.0%" in second
    assert [line.count("…") for line in (heads, first, second)] == [0, 1, 1]


@pytest.mark.parametrize("height", [10, 16, 24, 50])
def test_a_low_terminal_says_how_much_more_there_is(height: int) -> None:
    intents: dict[str | None, Counts] = {f"intent {n}": TRACK for n in range(30)}
    hours = {hour_of(NOW) - n: (TRACK, OUTCOME) for n in range(24)}
    lines = shown(replace(VIEW, intents=intents, hours=hours), height=height)
    assert len(lines) <= height
    assert sum(line.endswith(" more") for line in lines) == 2


def test_names_that_are_no_plain_words_do_no_harm() -> None:
    lines = shown(replace(VIEW, intents={"[red]a\x1b[2Jb\n": TRACK}))
    assert not any("\x1b" in line for line in lines)
    assert any("[red]a" in line for line in lines)
