"""Replay: true turns before, each text once, the same figures as one turn at a time."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace as with_other
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import bot.replay
from bot.bot import Desk
from bot.commands import replay as command
from bot.decision import KINDS, Thresholds
from bot.errors import BotError
from bot.live import open_desk
from bot.model import Model
from bot.replay import read_history, replay, replayed
from bot.session_log import SessionLog
from bot.settings import EntitySettings
from bot.state import State, remember
from bot.workspace import Workspace
from finetune.conversation import Conversation
from finetune.transcripts import read_chats

ALWAYS = Thresholds(intent=0.0, max_wrong=0.05)


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    return open_desk(trained_workspace, silent)


@pytest.fixture
def chats(trained_workspace: Workspace) -> list[Conversation]:
    return read_chats([trained_workspace.chats]).conversations


@pytest.fixture
def log(trained_workspace: Workspace) -> Iterator[SessionLog]:
    with SessionLog.open(trained_workspace.database) as opened:
        yield opened


def chat(name: str, *turns: str) -> Conversation:
    """A chat of turns such as "customer: hello"."""
    said = [turn.split(": ", 1) for turn in turns]
    return Conversation.model_validate(
        {"id": name, "turns": [{"speaker": speaker, "text": text} for speaker, text in said]}
    )


def rows(log: SessionLog, replay: int = 1) -> list[tuple[Any, ...]]:
    query = "SELECT * FROM replay_turns WHERE replay_id = ? ORDER BY conversation, turn"
    return log._rows(query, (replay,))


def test_the_report_says_what_other_programs_rely_on(
    desk: Desk, log: SessionLog, chats: list[Conversation]
) -> None:
    found = replay(desk, log, chats, silent).as_json()
    assert list(found)[:6] == [
        "replay", "turns", "turns_per_second", "intent", "ranking", "decisions",
    ]  # fmt: skip
    assert found["turns"] == 180
    assert list(found["intent"]) == ["n", "accuracy", "macro_f1", "ece"]
    assert list(found["ranking"]) == ["n", "candidates", "r@1", "r@5", "r@10", "mrr"]
    assert tuple(found["decisions"]) == KINDS
    assert sum(found["decisions"].values()) == pytest.approx(1)
    counts = (found["turns"], found["intent"]["n"], found["ranking"]["n"])
    assert {type(count) for count in counts} == {int}
    assert found["intent"]["accuracy"] > 0.9


def test_every_turn_is_a_row_and_the_figures_are_those_of_the_rows(
    desk: Desk, log: SessionLog, chats: list[Conversation]
) -> None:
    report = replay(desk, log, chats, silent, name="last year")
    columns = list(zip(*rows(log), strict=True))
    conversations, messages, correct = columns[1], columns[3], columns[7]
    decisions, ranks = columns[8], np.array(columns[10])
    asked = {turn.text for chat in chats for turn in chat.turns if turn.speaker == "customer"}
    assert set(conversations) == {chat.id for chat in chats}
    assert set(messages) == asked
    assert np.mean(correct) == report.intent["accuracy"]
    assert (1 / ranks).mean() == pytest.approx(report.ranking["mrr"])
    assert decisions.count("template") == round(report.decisions["template"] * report.turns)
    [(name, model, kept)] = log._rows("SELECT chats, model, report FROM replays", ())
    assert (name, model) == ("last year", desk.model.fingerprint)
    assert json.loads(kept) == report.as_json()


class Counting:
    """A model that writes down what it encodes."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.encoded: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def encode_messages(self, texts: Sequence[str], **options: Any) -> object:
        self.encoded += texts
        return self.model.encode_messages(texts, **options)


def test_every_distinct_text_is_encoded_once(
    desk: Desk,
    log: SessionLog,
    chats: list[Conversation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bot.replay, "BLOCK", 20)
    model: Any = Counting(desk.model)
    replay(with_other(desk, model=model), log, [*chats, chat("x", "customer: thanks")], silent)
    said = {turn.text for chat in chats for turn in chat.turns} | {"thanks"}
    # The last reply of a chat is in no window, but ranked; so all that is said is needed.
    assert sorted(model.encoded) == sorted(said)


def test_a_turn_is_read_as_a_session_with_the_true_turns_before_it_would_read_it(
    desk: Desk, chats: list[Conversation]
) -> None:
    history = read_history(chats, desk.model)
    [block] = replayed(desk, history, silent, seed=7)
    for message, probabilities in zip(block.messages, block.probabilities, strict=True):
        turns = next(c for c in chats if c.id == message.conversation).turns
        state = State()
        for turn in turns[: message.turn]:
            state = remember(state, turn.speaker, desk.model.encode([turn.text])[0])
        vector = desk.model.encode([turns[message.turn].text])[0]
        alone = desk.model.read(*desk.model.window(state, vector)).probabilities
        assert alone[0] == pytest.approx(probabilities, abs=1e-5)


def test_blocks_change_no_figure(
    desk: Desk,
    log: SessionLog,
    chats: list[Conversation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = replay(desk, log, chats, silent)
    monkeypatch.setattr(bot.replay, "BLOCK", 7)
    monkeypatch.setattr(bot.replay, "BATCH", 3)
    blocks = replay(desk, log, chats, silent)
    assert blocks.ranking == whole.ranking
    assert blocks.decisions == whole.decisions
    assert blocks.intent == pytest.approx(whole.intent)


def test_what_the_customer_said_before_fills_a_slot_and_only_in_that_chat(
    desk: Desk, log: SessionLog
) -> None:
    known = chat("a", "customer: where is my parcel BK-0001", "customer: where is my parcel")
    new = chat("b", "customer: where is my parcel")
    replay(with_other(desk, thresholds=ALWAYS), log, [known, new], silent)
    kinds = [(row[1], row[2], row[8], row[9]) for row in rows(log)]
    assert kinds == [
        ("a", 0, "template", "track"),
        ("a", 1, "template", "track"),
        ("b", 0, "ask", "track"),
    ]


def test_a_date_counts_from_the_day_of_its_turn(desk: Desk) -> None:
    day = EntitySettings(ask="When?", pattern="tomorrow", value="date")
    own = with_other(desk, settings=desk.settings.model_copy(update={"entities": {"day": day}}))
    said = {"speaker": "customer", "text": "open tomorrow", "at": "2026-02-28T23:30:00+08:00"}
    old = Conversation.model_validate({"id": "old", "turns": [said]})
    [block] = replayed(own, read_history([old], own.model), silent, seed=7)
    assert block.decisions[0].evidence.values == {"day": "2026-03-01"}


def test_few_replies_make_few_candidates_and_the_report_says_so(
    desk: Desk, log: SessionLog
) -> None:
    asked = "customer: are you open on monday"
    replies = ["agent: Yes, from seven.", "agent: yes - from seven", "agent: No.", "agent: Maybe."]
    some = [chat(str(n), asked, reply) for n, reply in enumerate(replies)]
    found = replay(desk, log, [*some, chat("unanswered", asked)], silent)
    assert (found.ranking["n"], found.ranking["candidates"]) == (4, 3)
    assert found.ranking["r@5"] == 1
    assert [row[10] is None for row in rows(log)] == [False, False, False, False, True]


def test_chats_without_labels_replies_or_texts(desk: Desk, log: SessionLog) -> None:
    bare = chat("bare", "customer: hello", "customer:  ")
    report = replay(desk, log, [bare], silent)
    assert (report.turns, report.intent) == (1, {"n": 0})
    assert report.ranking == {"n": 0, "candidates": 0}


def test_chats_in_which_no_customer_speaks_are_refused(desk: Desk, log: SessionLog) -> None:
    with pytest.raises(BotError, match="no customer turn with a text"):
        replay(desk, log, [chat("a", "agent: anybody there?")], silent)
    assert rows(log) == []


def test_the_pretrained_encoder_alone_reads_no_intents(
    base_workspace: Workspace, chats: list[Conversation]
) -> None:
    with SessionLog.open(base_workspace.database) as log:
        report = replay(open_desk(base_workspace, silent), log, chats, silent)
    assert report.intent == {"n": 0}
    assert report.ranking["n"] == 180
    assert report.seen_in_training == 0


def test_chats_that_the_model_was_trained_on_are_counted(
    desk: Desk, log: SessionLog, chats: list[Conversation]
) -> None:
    trained = [chat for chat in chats if chat.split == "train"]
    assert replay(desk, log, chats, silent).seen_in_training == len(trained) == 36


def test_an_interruption_leaves_what_was_done(
    desk: Desk,
    log: SessionLog,
    chats: list[Conversation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(stage: str, done: int, _total: int) -> None:
        if stage == "decide" and done > 50:
            raise KeyboardInterrupt

    monkeypatch.setattr(bot.replay, "BLOCK", 20)
    with pytest.raises(KeyboardInterrupt):
        replay(desk, log, chats, interrupt)
    assert 50 < len(rows(log)) < 180
    assert log._rows("SELECT report FROM replays", ()) == [(None,)]


# The command.


def run(workspace: Workspace, *words: str) -> Any:
    app = typer.Typer()
    app.callback()(lambda: None)
    command.add_to(app)
    return CliRunner().invoke(app, ["replay", "-w", str(workspace.root), *words])


def test_the_command_prints_a_table_for_people(trained_workspace: Workspace) -> None:
    done = run(trained_workspace, str(trained_workspace.chats))
    assert done.exit_code == 0, done.output
    assert "intent accuracy" in done.stdout
    assert "reply R@1 of 8" in done.stdout
    assert "decision clarify" in done.stdout
    assert "replay 1: 180 turns of 72 chats" in done.stdout
    assert "36 of 72 chats were in the model's training data" in done.stderr


def test_the_command_prints_one_object_for_programs(trained_workspace: Workspace) -> None:
    done = run(trained_workspace, str(trained_workspace.chats), "--json", "--version", "v1")
    found = json.loads(done.stdout)
    assert (found["replay"], found["turns"]) == (1, 180)


def test_a_broken_line_is_named_or_skipped_and_counted(
    trained_workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "broken.jsonl"
    good = (trained_workspace.chats / "bakery.jsonl").read_text().splitlines()[:2]
    path.write_text("\n".join([good[0], "{oops", good[1]]))
    refused = run(trained_workspace, str(path))
    assert refused.exit_code != 0
    assert f"{path}:2: not valid JSON" in str(refused.exception)
    assert "--skip-bad" in str(refused.exception)
    done = run(trained_workspace, str(path), "--skip-bad", "--json")
    assert f"left out: {path}:2" in done.stderr
    assert json.loads(done.stdout)["chats"] == 2


def test_control_c_ends_with_130(
    trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bot.replay, "replay", interrupted)
    done = run(trained_workspace, str(trained_workspace.chats))
    assert done.exit_code == 130
    assert "interrupted; the turns that were done are in the database" in done.stderr
