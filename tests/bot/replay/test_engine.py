"""The same request is the same replay, to the last digit, however often it was interrupted and
whoever did the work."""

import importlib.util
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace as with_other
from pathlib import Path
from typing import Any

import pytest

from bot.bot import Desk
from bot.decision import KINDS
from bot.errors import BotError
from bot.live import open_desk
from bot.privacy.masking import mask
from bot.replay import ReplayRow, ReplayStore, Request, Turn, replay
from bot.replay.workers import DeskSource
from bot.workspace import Workspace
from finetune.conversation import Conversation
from tests.bot.replay.conftest import Replayed, chat, silent

ROOT = Path(__file__).resolve().parents[3]


def numbers(row: ReplayRow, turns: Sequence[Turn]) -> tuple[Any, ...]:
    """All of a replay but its times and its number."""
    assert row.figures
    timeless = {"replay", "cost", "turns_per_second"}
    found = {name: value for name, value in row.figures.items() if name not in timeless}
    return found, [with_other(turn, ms=0.0) for turn in turns]


def test_the_figures_say_what_other_programs_rely_on(
    desk: Desk, chats: list[Conversation], replayed: Replayed
) -> None:
    row, _ = replayed(desk, chats)
    found: Mapping[str, Any] = row.figures or {}
    assert list(found)[:6] == [
        "replay", "turns", "turns_per_second", "intent", "ranking", "decisions",
    ]  # fmt: skip
    assert found["turns"] == 180
    assert list(found["ranking"]) == ["n", "candidates", "r@1", "r@5", "r@10", "mrr"]
    assert tuple(found["decisions"]) == KINDS
    assert sum(found["decisions"].values()) == pytest.approx(1)
    counts = (found["turns"], found["intent"]["n"], found["ranking"]["n"])
    assert {type(count) for count in counts} == {int}
    assert found["intent"]["accuracy"] > 0.9


def test_every_turn_is_a_row(desk: Desk, chats: list[Conversation], replayed: Replayed) -> None:
    row, turns = replayed(desk, chats, name="last year")
    patterns = desk.settings.personal_patterns()
    said = [
        (chat.id, place, mask(turn.text, patterns).text)
        for chat in chats
        for place, turn in enumerate(chat.turns)
        if turn.speaker == "customer"
    ]
    assert [(turn.conversation, turn.turn, turn.message) for turn in turns] == said
    assert (row.chats, row.version, row.model) == ("last year", "v1", desk.model.fingerprint)


def test_the_surest_intents_of_some_chats_are_those_of_their_evidence(
    desk: Desk, chats: list[Conversation], replayed: Replayed, store: ReplayStore
) -> None:
    row, turns = replayed(desk, chats)
    first = turns[0].evidence["intents"][0]["name"]  # stands for the one to pass over
    expected = [
        (
            turn.conversation,
            next(i["score"] for i in turn.evidence["intents"] if i["name"] != first),
        )
        for turn in turns
        if turn.chat % 3 == 0
    ]
    assert list(store.surest(row.id, first, 3)) == expected


def test_blocks_and_their_order_change_no_decision(
    desk: Desk, chats: list[Conversation], replayed: Replayed, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = replayed(desk, chats)
    monkeypatch.setattr("bot.replay.survey.BLOCK", 7)
    monkeypatch.setattr("bot.replay.reading.BATCH", 3)
    blocks, _ = replayed(desk, chats)
    assert whole.figures
    assert blocks.figures
    assert blocks.blocks > 20
    assert blocks.figures["decisions"] == whole.figures["decisions"]
    assert blocks.figures["ranking"] == pytest.approx(whole.figures["ranking"])


def test_a_replay_that_is_done_is_read_again_unless_a_fresh_one_is_wanted(
    desk: Desk, chats: list[Conversation], store: ReplayStore
) -> None:
    request = Request(desk, chats)
    first = replay(request, store, silent)
    assert replay(request, store, silent) == first
    assert replay(with_other(request, fresh=True), store, silent).id == 2
    assert replay(with_other(request, include_seen=True), store, silent).id == 3
    assert len(store.replays()) == 3


def test_an_interrupted_replay_goes_on_where_it_stopped(
    desk: Desk, chats: list[Conversation], replayed: Replayed, store: ReplayStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("bot.replay.survey.BLOCK", 20)
    whole = replayed(desk, chats)

    def interrupt(stage: str, done: int, _total: int) -> None:
        if stage == "answer" and done > 50:
            raise KeyboardInterrupt

    request = Request(desk, chats, include_seen=True, fresh=True)
    with pytest.raises(KeyboardInterrupt):
        replay(request, store, interrupt)
    kept = store.replays()[0]
    assert kept.figures is None
    assert 50 < store.count(kept.id) < 180
    row = replay(with_other(request, fresh=False), store, silent)
    assert row.id == kept.id
    assert numbers(row, list(store.turns(row.id))) == numbers(*whole)


def test_two_runs_of_one_replay_do_not_mix(
    desk: Desk, chats: list[Conversation], store: ReplayStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.replay.survey.BLOCK", 50)
    request = Request(desk, chats)
    overtaken = list[int]()

    def meanwhile(stage: str, done: int, total: int) -> None:
        if stage == "encode what repeats" and done == total and not overtaken:
            overtaken.append(replay(request, store, silent).id)

    with pytest.raises(BotError, match="replay 1 is being run by another process too"):
        replay(request, store, meanwhile)
    assert overtaken == [1]
    assert store.count(1) == 54


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_change_no_digit(
    trained_workspace: Workspace, desk: Desk, chats: list[Conversation], replayed: Replayed,
    monkeypatch: pytest.MonkeyPatch, workers: int,
) -> None:  # fmt: skip
    monkeypatch.setattr("bot.replay.survey.BLOCK", 20)
    source = DeskSource(trained_workspace.root, "v1")
    alone, together = (
        replayed(desk, chats, source=source, workers=count) for count in (1, workers)
    )
    assert numbers(*together) == numbers(*alone)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
@pytest.mark.filterwarnings("ignore")
def test_a_ray_cluster_changes_no_digit(
    trained_workspace: Workspace, desk: Desk, chats: list[Conversation], replayed: Replayed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("bot.replay.survey.BLOCK", 20)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    source = DeskSource(trained_workspace.root, "v1")
    alone = replayed(desk, chats, source=source)
    together = replayed(desk, chats, source=source, workers=2, engine="ray")
    assert numbers(*together) == numbers(*alone)


def test_without_ray_the_engine_says_what_to_install(
    trained_workspace: Workspace, desk: Desk, chats: list[Conversation], replayed: Replayed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BotError, match="needs the package ray"):
        replayed(desk, chats, source=DeskSource(trained_workspace.root, "v1"), engine="ray")


def test_a_killed_replay_loses_a_block_at_most(
    trained_workspace: Workspace, store: ReplayStore
) -> None:
    """kill -9 once the first block is there; the same command goes on."""
    code = "import bot.replay.survey as s; s.BLOCK = 20; from bot.cli import main; main()"
    root = trained_workspace.root
    words = ["replay", root / "chats", "-w", root, "--include-trained", "--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *map(str, words)]
    running = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not _turns(trained_workspace.replays):
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = _turns(trained_workspace.replays)
    assert before >= 20
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    [row] = store.replays()
    assert store.count(row.id) == 180


def _turns(path: Path) -> int:
    try:
        with sqlite3.connect(path) as database:
            return int(database.execute("SELECT count(*) FROM turns").fetchone()[0])
    except sqlite3.OperationalError:  # its tables are not there yet
        return 0
    finally:
        database.close()


def test_the_pretrained_encoder_alone_reads_no_intents(
    base_workspace: Workspace, chats: list[Conversation]
) -> None:
    with ReplayStore.open(base_workspace.replays) as store:
        row = replay(Request(open_desk(base_workspace, silent), chats), store, silent)
    assert row.figures
    assert row.figures["intent"] == {"n": 0, "oos_n": 0}
    assert row.figures["ranking"]["n"] == 180
    assert row.figures["seen_in_training"] == 0


def test_chats_in_which_no_customer_speaks_are_refused(desk: Desk, store: ReplayStore) -> None:
    with pytest.raises(BotError, match="no customer turn with a text"):
        replay(Request(desk, [chat("a", "agent: anybody there?")]), store, silent)
    assert store.replays() == []
