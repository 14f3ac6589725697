"""A log that is watched: what is counted, and what the log and the clock may do meanwhile."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.decision import Candidates, Reading, Thresholds
from bot.dialogue import decide
from bot.errors import BotError
from bot.monitor import log
from bot.monitor.watch import View, Watch
from bot.sessions.migrations import SCHEMA
from bot.sessions.session_log import SessionLog, TurnRecord
from bot.state import State
from bot.workspace.templates import Templates
from tests.bot.monitor.conftest import NOW, SECRET, Said, Write, weeks

DAY = 86400.0
FIRST_RELEASE = Path(__file__).resolve().parents[1] / "log_of_schema_1.sql"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "frontdesk.db"


def look(path: Path, now: float = NOW) -> View:
    return Watch(path, DAY).look(now)


# --- what is counted -----------------------------------------------------------------------------


def test_turns_are_counted_by_intent_and_by_hour(path: Path, write: Write) -> None:
    write(path, [
        Said(7200, 1, "template", "track", "neutral", 8),
        Said(7100, 1, "handoff", "track", "negative", 12),
        Said(60, 2, "smalltalk", "thanks", "positive", 10),
        Said(50, 2, "unknown", "退款", "negative", 100, "bad"),
    ])  # fmt: skip
    found = look(path).as_json()
    assert {name: found[name] for name in ("turns", "requests", "answered", "negative")} == {
        "turns": 4,
        "requests": 3,
        "answered": 0.3333,
        "negative": 0.5,
    }
    assert (found["handoffs"], found["unknowns"], found["dislikes"]) == (1, 1, 1)
    assert [(one["intent"], one["turns"], one["dislikes"]) for one in found["intents"]] == [
        ("track", 2, 0),
        ("thanks", 1, 0),
        ("退款", 1, 1),
    ]
    assert [(one["hour"], one["turns"], one["chats"]) for one in found["hours"]] == [
        ("2026-01-30T12:00:00+00:00", 2, 1),
        ("2026-01-30T10:00:00+00:00", 2, 1),
    ]


def test_the_sentiment_that_is_logged_is_the_one_that_was_read(path: Path) -> None:
    for sentiment in ("negative", "neutral", None):
        reading = Reading(sentiment=sentiment)
        decision = decide(State(), "hm", reading, Candidates(), Templates(), Thresholds(), {})
        with SessionLog.open(path) as opened:
            session = opened.start_session(channel="pipe", model="m", index_digest="d")
            turn = (session, 1, "hm", "Sorry?", decision, reading, 4.5, "m", "d")
            opened.record(TurnRecord(*turn))
    total = look(path, time.time() + 1).total
    assert (total.turns, total.felt, total.negative, total.unknowns) == (3, 2, 1, 3)


def test_times_are_right_to_2_percent(path: Path, write: Write) -> None:
    write(path, [Said(60, number, ms=number) for number in range(1, 101)])
    total = look(path).total
    assert total.time(0.5) == pytest.approx(50, rel=0.03)
    assert total.time(0.95) == pytest.approx(95, rel=0.03)


@pytest.mark.parametrize(
    ("kinds", "verdict", "automation", "containment"),
    [
        (["template", "passages", "smalltalk"], None, 1.0, 1.0),
        (["ask", "template"], None, 1.0, 1.0),
        (["template", "ask"], None, 0.0, 1.0),
        (["template", "unknown", "template"], None, 0.0, 0.0),
        (["several"], None, 1.0, 1.0),
        (["handoff"], None, 0.0, 0.0),
        (["smalltalk"], None, 0.0, 0.0),
        (["template"], "bad", 0.0, 1.0),
        (["template"], "intent", 0.0, 1.0),
        (["template"], "good", 1.0, 1.0),
    ],
)
def test_automation_is_that_of_the_replay(
    path: Path,
    write: Write,
    kinds: list[str],
    verdict: str | None,
    automation: float,
    containment: float,
) -> None:
    said = [Said(60, 1, kind) for kind in kinds]
    write(path, [*said[:-1], replace(said[-1], verdict=verdict)])
    found = look(path).as_json()
    assert (found["automation"], found["containment"]) == (automation, containment)


def test_what_is_older_than_the_time_shown_is_not_counted(path: Path, write: Write) -> None:
    write(path, [Said(DAY + 7200, 1), Said(60, 2)])
    assert look(path).total.turns == 1


def test_looking_again_and_again_is_as_good_as_looking_once(path: Path, write: Write) -> None:
    said = weeks(12, surge=6)
    watch = Watch(path, DAY)
    for part in range(0, len(said), 300):
        some = said[part : part + 300]
        write(path, some)
        watch.look(NOW - some[-1].ago)
    again, once = watch.look(NOW), look(path)
    assert replace(again, began=once.began, ended=once.ended) == once
    assert once.surges


def test_rows_are_read_once(path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [Said(100, 1), Said(90, 1, verdict="bad")])
    watch, read, turns = Watch(path, DAY), list[int](), log.turns

    def listed(connection: sqlite3.Connection, after: int) -> Iterator[log.Turn]:
        for turn in turns(connection, after):
            read.append(turn.id)
            yield turn

    watch.look(NOW)
    monkeypatch.setattr(log, "turns", listed)
    assert watch.look(NOW).total.turns == 2
    write(path, [Said(10, 1)])
    assert watch.look(NOW).total.turns == 3
    assert read == [3]


# --- surges --------------------------------------------------------------------------------------


def test_a_surge_is_told_once_lasts_and_ends(path: Path, write: Write) -> None:
    watch = Watch(path, DAY)
    write(path, weeks(11))
    assert watch.look(NOW).surges == ()
    told: list[tuple[str, str | None, bool]] = []
    lasting = []
    for hour in range(1, 49):
        kind = "handoff" if hour <= 8 else "template"
        start = 100_000 + 6 * hour
        some = [Said(600 * n, start + n, kind) for n in range(6, 0, -1)]
        write(path, some, NOW + 3600 * hour)
        view = watch.look(NOW + 3600 * hour)
        told += [(s.measure, s.intent, s.over is None) for s in (*view.began, *view.ended)]
        lasting.append(len(view.surges))
    assert sorted(told, key=lambda one: (one[1] or "", not one[2])) == [
        ("handoffs", None, True),
        ("handoffs", None, False),
        ("handoffs", "track", True),
        ("handoffs", "track", False),
    ]
    assert lasting[6:8] == [2, 2]
    assert lasting[-1] == 0


def test_a_surge_that_lasts_is_found_when_the_log_is_opened(path: Path, write: Write) -> None:
    write(path, weeks(12, surge=6))
    view = look(path)
    assert [surge.intent for surge in view.began] == [None, "track"]
    [surge, _] = view.surges
    assert (surge.measure, surge.chats, surge.sentence()) == (
        "handoffs",
        surge.chats,
        f"handoffs: {surge.chats} chats since Fri 06:00 UTC; usual: {surge.usual:.1f}",
    )
    assert 30 <= surge.chats <= 36
    assert 2 < surge.usual < 6


def test_a_chat_counts_once_however_often_it_happens(path: Path, write: Write) -> None:
    write(path, weeks(12))
    write(path, [Said(3600 - n, 100_000, "handoff") for n in range(500)])
    assert look(path).surges == ()


def test_a_surge_long_over_is_not_news(path: Path, write: Write) -> None:
    said = weeks(16)
    write(path, [
        replace(one, kind="handoff") if 3 * DAY < one.ago < 3.4 * DAY else one for one in said
    ])  # fmt: skip
    view = look(path)
    assert (view.surges, view.began, view.ended) == ((), (), ())


def test_a_sentiment_that_was_not_read_before_is_no_surge(path: Path, write: Write) -> None:
    said = weeks(16)
    write(path, [replace(one, sentiment="negative") if one.ago < 4 * DAY else one for one in said])
    assert look(path).surges == ()


@pytest.mark.parametrize("days", [0.1, 8.9])
def test_too_little_data_is_said_and_raises_nothing(path: Path, write: Write, days: float) -> None:
    write(path, weeks(days, surge=2))
    view = look(path)
    assert view.surges == ()
    assert view.lacking == (
        "too little data for alerts: they need 9 days and 200 chats before; there are"
        f" {days:.1f} days and {int(days * 144):,} chats"
    )


# --- what the log may do -------------------------------------------------------------------------


def test_no_log_is_an_empty_view(path: Path, write: Write) -> None:
    watch = Watch(path, DAY)
    view = watch.look(NOW)
    assert view.total.turns == 0
    assert view.notes == (f"{path} is not there: nobody has chatted yet",)
    write(path, [])
    assert watch.look(NOW).notes == ()
    write(path, [Said(10)])
    assert watch.look(NOW).total.turns == 1


def test_another_log_in_its_place_is_read_from_its_beginning(path: Path, write: Write) -> None:
    write(path, [Said(10), Said(9), Said(8)])
    watch = Watch(path, DAY)
    watch.look(NOW)
    for file in path.parent.glob("frontdesk.db*"):
        file.unlink()
    write(path, [Said(5, intent="cancel")])
    assert list(watch.look(NOW).intents) == ["cancel"]


def test_a_longer_log_in_its_place_is_read_from_its_beginning(path: Path, write: Write) -> None:
    write(path, [Said(10)])
    watch = Watch(path, DAY)
    watch.look(NOW)
    other = path.with_name("restored.db")
    write(other, [Said(5, intent="cancel")] * 3)
    for file in path.parent.glob("frontdesk.db*"):
        file.unlink()
    other.rename(path)
    assert watch.look(NOW).total.turns == 3


def test_a_log_of_the_first_release_is_read_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(FIRST_RELEASE.read_text(encoding="utf-8"))
        stamps = database.execute("SELECT max(julianday(at)) FROM turns").fetchone()[0]
    before = path.read_bytes()
    view = look(path, (stamps - 2440587.5) * 86400 + 60)
    assert (view.total.turns, view.total.felt) == (4, 0)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (
            lambda path: _pragma(path, f"user_version = {SCHEMA + 1}"),
            f"has schema version {SCHEMA + 1}, and this Frontdesk knows versions up to {SCHEMA}",
        ),
        (lambda path: _pragma(path, "user_version = 0"), "is no log of Frontdesk"),
        (lambda path: path.write_text("a diary" * 1000), "is not a database"),
    ],
)
def test_what_is_no_log_is_refused_in_a_sentence(
    path: Path, write: Write, prepare: Callable[[Path], Any], sentence: str
) -> None:
    write(path, [])
    prepare(path)
    with pytest.raises(BotError, match=sentence):
        look(path)


def _pragma(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA {text}")


def test_a_log_that_is_locked_is_read_on_when_it_is_free(
    path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.database.BUSY_TIMEOUT_S", 0.01)
    write(path, [Said(10)])
    watch = Watch(path, DAY)
    watch.look(NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("COMMIT")
        with pytest.raises(BotError, match="is kept locked by another program"):
            watch.look(NOW)
    write(path, [Said(5)])
    assert watch.look(NOW).total.turns == 2


def test_a_writer_never_waits_for_the_monitor(path: Path, write: Write) -> None:
    write(path, [Said(10 - n) for n in range(5)])
    with log.opened(path) as reading:
        turns = log.turns(reading, 0)
        next(turns)
        with closing(sqlite3.connect(path, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM feedback")
            other.commit()
        assert len(list(turns)) == 4


def test_the_monitor_can_write_nothing(path: Path, write: Write) -> None:
    write(path, [])
    with log.opened(path) as reading, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reading.execute("DELETE FROM turns")


def test_rows_that_cannot_be_understood_are_passed_over(path: Path, write: Write) -> None:
    write(path, [Said(10, sentiment="negative"), Said(9, sentiment="negative"), Said(8)])
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE turns SET at = 'noon' WHERE id = 1")
        database.execute("UPDATE decisions SET evidence = '{' WHERE turn_id = 2")
        database.commit()
    view = look(path)
    assert (view.total.turns, view.total.felt) == (2, 0)


# --- what the clock may do -----------------------------------------------------------------------


def test_turns_of_the_future_are_left_out_and_said(path: Path, write: Write) -> None:
    write(path, [Said(60, 1), Said(-90 * DAY, 2), Said(30, 3)])
    view = look(path)
    assert view.total.turns == 2
    assert view.notes == ("1 turns are left out: they are dated in the future",)


def test_a_clock_that_was_ahead_and_is_set_right(path: Path, write: Write) -> None:
    write(path, weeks(12, surge=6))
    watch = Watch(path, DAY)
    right = watch.look(NOW)
    watch.look(NOW + 400 * DAY)
    again = watch.look(NOW)
    assert (again.total, again.surges) == (right.total, right.surges)


def test_a_clock_that_jumps_in_the_log(path: Path, write: Write) -> None:
    jumping = [Said(60, 1), Said(20 * DAY, 2), Said(30, 3)]
    write(path, jumping)
    assert look(path).total.turns == 2


# --- privacy -------------------------------------------------------------------------------------


def test_no_text_of_a_message_is_in_the_view(path: Path, write: Write) -> None:
    write(path, weeks(12, surge=6))
    assert SECRET not in json.dumps(look(path).as_json())
