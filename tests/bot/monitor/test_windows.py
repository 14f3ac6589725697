"""Counts by quarter of an hour, and what becomes of old ones."""

from __future__ import annotations

import pytest

from bot.monitor import chats as chats_module
from bot.monitor import windows as windows_module
from bot.monitor.chats import Chats
from bot.monitor.log import Feedback, Turn
from bot.monitor.surges import BASELINE, DAY, LAG, WINDOW_S
from bot.monitor.windows import KEPT, MEASURES, Windows

HANDOFFS, UNKNOWNS = MEASURES.index("handoffs"), MEASURES.index("unknowns")


def turn(window: float, session: int, kind: str = "template", intent: str | None = "a") -> Turn:
    return Turn(1, window * WINDOW_S, session, kind, intent, None, 10.0)


def counted(*turns: Turn, origin: int = 0) -> Windows:
    windows, chats = Windows(origin), Chats()
    for one in turns:
        windows.take(one, chats.take(one))
    return windows


def test_a_chat_counts_in_every_window_and_what_happens_in_it_once() -> None:
    windows = counted(
        turn(3, 1, "handoff"), turn(3.5, 1, "handoff"), turn(4, 1, "handoff"), turn(4, 2)
    )
    assert [windows.at(window)[0] for window in (2, 3, 4)] == [0, 1, 2]
    assert windows.at(3)[1].tolist() == [0, 0, 1, 0] * 2
    assert not windows.at(4)[1].any()


def test_it_counts_in_all_chats_and_in_each_intent() -> None:
    windows = counted(turn(3, 1, "handoff", "a"), turn(3, 1, "handoff", "b"), turn(3, 2, "unknown"))
    assert [windows.series(number) for number in (0, 4, 11)] == [
        ("negative", None),
        ("negative", "a"),
        ("unknowns", "b"),
    ]
    assert windows.at(3)[1].reshape(3, 4)[:, HANDOFFS].tolist() == [1, 1, 1]
    assert windows.at(3)[1].reshape(3, 4)[:, UNKNOWNS].tolist() == [1, 1, 0]


def test_a_series_is_recorded_since_its_intent_and_its_measure_are() -> None:
    windows = counted(turn(3, 1, intent="a"), turn(50, 2, intent="b"))
    windows.judge(Feedback(1, 70 * WINDOW_S, 2, "b", "good"), None)
    first = windows.history(KEPT - 1).first.reshape(3, 4)
    assert first[:, HANDOFFS].tolist() == [3, 3, 50]
    assert first[:, MEASURES.index("dislikes")].tolist() == [70, 70, 70]
    assert (first[:, MEASURES.index("negative")] > 1e18).all()


def test_a_history_is_four_weeks_that_end_two_days_before() -> None:
    windows = counted(*(turn(number, number) for number in range(KEPT)))
    history = windows.history(KEPT - 1)
    assert (len(history.chats), history.chats.sum()) == (BASELINE, BASELINE)
    assert len(windows.history(LAG + 5).chats) == 5
    assert len(windows.history(LAG).chats) == 0


def test_old_windows_make_room_for_new_ones() -> None:
    windows = counted(*(turn(number, number, "handoff") for number in range(KEPT + 3 * DAY)))
    assert windows.origin == 3 * DAY
    assert windows.events.shape == (KEPT, 8)
    assert windows.at(3 * DAY - 1)[0] == 0
    assert [windows.at(number)[0] for number in (3 * DAY, KEPT, KEPT + 3 * DAY - 1)] == [1, 1, 1]
    assert windows.events[:, HANDOFFS].sum() == KEPT


def test_a_leap_of_years_leaves_nothing_behind_and_old_turns_are_passed_over() -> None:
    windows = counted(turn(3, 1), turn(10**6, 2), turn(4, 3))
    assert (windows.chats.sum(), windows.at(10**6)[0]) == (1, 1)


def test_only_so_many_intents_have_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_module, "MOST_INTENTS", 2)
    windows = counted(*(turn(3, number, "handoff", f"i{number}") for number in range(5)))
    assert list(windows.intents) == [None, "i0", "i1"]
    assert windows.at(3)[1].reshape(3, 4)[:, HANDOFFS].tolist() == [5, 1, 1]


def test_chats_that_are_no_more_in_mind_stay_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chats_module, "MOST", 2)
    chats = Chats()
    for session in range(6):
        chats.take(turn(session, session, "template" if session % 2 else "unknown"))
    assert len(chats.latest) == 2
    found = chats.by_hour(0)
    assert {hour: dict(counts) for hour, counts in found.items()} == {
        0: {"chats": 4, "involved": 2, "contained": 2, "resolved": 2},
        1: {"chats": 2, "involved": 1, "contained": 1, "resolved": 1},
    }
    assert list(chats.by_hour(1)) == [1]
    assert list(chats.settled) == []


def test_windows_without_a_chat_are_empty() -> None:
    n, k = Windows(100).at(3)
    assert (n, k.tolist()) == (0.0, [0.0] * 4)
