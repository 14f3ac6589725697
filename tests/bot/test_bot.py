"""One whole turn with a real model: read, decide, say, log; and nothing of it without the log."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from bot.bot import Bot, Desk
from bot.decision import Answer, Ask, Cite, Handoff, Reading, SmallTalk, Thresholds, Unknown
from bot.errors import BotError
from bot.live import open_desk
from bot.model import Readings
from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace, open_workspace
from bot.workspace.settings import EntitySettings
from finetune.tags import FoundEntity

WEDNESDAY = date(2026, 3, 4)
ALWAYS = Thresholds(intent=0.0, max_wrong=0.05)
NEVER = Thresholds(max_wrong=1e-9)


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    return replace(open_desk(trained_workspace, silent), thresholds=ALWAYS)


@pytest.fixture
def log(trained_workspace: Workspace) -> Iterator[SessionLog]:
    with SessionLog.open(trained_workspace.database) as opened:
        yield opened


@pytest.fixture
def bot(desk: Desk, log: SessionLog) -> Bot:
    return Bot(desk, log, channel="test")


def test_a_message_is_answered_from_its_template(bot: Bot) -> None:
    exchange = bot.respond("where is my parcel BK-0001")
    assert isinstance(exchange.decision, Answer)
    assert exchange.reply == "Parcel BK-0001 is on its way."
    assert exchange.reading.intents[0].name == "order/track"
    assert exchange.reading.entities == {"order_id": "BK-0001"}
    assert (exchange.session, exchange.turn) == (1, 1)
    assert exchange.ms > 0


def test_the_turn_is_in_the_log_with_all_it_was_decided_on(bot: Bot, log: SessionLog) -> None:
    exchange = bot.respond("where is my parcel BK-0001")
    [row] = log.turns(exchange.session)
    assert (row["message"], row["reply"]) == ("where is my parcel BK-0001", exchange.reply)
    assert (row["kind"], row["template"], row["intent"]) == ("template", "track", "order/track")
    assert list(row["timings"]) == ["encode", "read", "search", "decide"]
    assert sum(row["timings"].values()) <= row["ms"] + 0.01
    evidence = row["evidence"]
    assert evidence["rule"] == "intent-certain"
    assert len(evidence["intents"]) == 5
    assert evidence["passages"]
    assert row["model"] == bot.desk.model.fingerprint
    assert row["index_digest"] == bot.desk.index.digest


def test_a_missing_slot_is_asked_for_and_then_filled(bot: Bot) -> None:
    asked = bot.respond("where is my parcel")
    assert isinstance(asked.decision, Ask)
    assert asked.reply == "What is your order number?"
    filled = bot.respond("BK-0042")
    assert filled.decision.evidence.rule == "slot-filled"
    assert filled.reply == "Parcel BK-0042 is on its way."


def test_what_is_in_no_language_is_answered_in_that_of_the_conversation(
    desk: Desk, bot: Bot, log: SessionLog
) -> None:
    bot.respond("你好")
    assert bot.respond("?").reply.startswith("这条消息里没有看到文字")
    again = Bot(desk, log, channel="test")
    again.resume(bot.session)
    assert again.respond("!").reply.startswith("我没能读到内容")
    again.respond("what is this?")
    assert again.respond("?").reply.isascii()


def read_by(
    desk: Desk, text: str, *found: tuple[str, str, float], **settings: EntitySettings
) -> Reading:
    """A reading where the model found these words as these types, so surely."""
    places = [(text.index(words), words, name, score) for words, name, score in found]
    spans = [FoundEntity(at, at + len(words), name, score) for at, words, name, score in places]
    nothing = np.zeros((1, 0), dtype=np.float32)
    readings = Readings(
        nothing, np.zeros((1, len(desk.model.labels)), np.float32), nothing, nothing
    )
    own = replace(desk, settings=desk.settings.model_copy(update={"entities": settings}))
    return own.reading(text, readings, 0, spans, WEDNESDAY)


CITY = EntitySettings(ask="Where?", learned=True)
SIZE = EntitySettings(ask="Which size?", values=("small", "large"))
ORDER = EntitySettings(ask="Which order?", pattern=r"BK-\d{4}")


def test_the_model_the_patterns_and_the_lists_each_find_their_own(desk: Desk) -> None:
    text = "a Large one of BK-0001 to Lisbon, then to Porto"
    found = (("Lisbon", "city", 0.9), ("Porto", "city", 0.9))
    read = read_by(desk, text, *found, city=CITY, size=SIZE, order=ORDER)
    assert read.entities == {"city": "Lisbon", "size": "large", "order": "BK-0001"}


def test_a_pattern_or_a_list_is_not_filled_by_the_model(desk: Desk) -> None:
    text = "a huge one of BK-1 to Lisbon"
    found = (("huge", "size", 0.9), ("BK-1", "order", 0.9))
    assert read_by(desk, text, *found, size=SIZE, order=ORDER).entities == {}


def test_an_entity_as_likely_wrong_as_right_is_not_read(desk: Desk) -> None:
    assert read_by(desk, "to Lisbon", ("Lisbon", "city", 0.49), city=CITY).entities == {}


def test_what_the_model_finds_beside_the_settings_is_read_too(desk: Desk) -> None:
    read = read_by(desk, "for Ada", ("Ada", "person", 0.9))
    assert read.entities == {"person": "Ada"}
    assert read.values == {}


def test_a_listed_value_may_be_named_by_its_beginning(desk: Desk) -> None:
    bag = EntitySettings(ask="Which?", values=("Dunlin 300 sleeping bag", "Eider winter bag"))
    assert read_by(desk, "is the dunlin 300 washable", bag=bag).entities == {
        "bag": "Dunlin 300 sleeping bag"
    }


DAY = EntitySettings(ask="When?", pattern="next friday|some day", value="date")


def test_a_value_is_beside_the_words_where_they_are_understood(desk: Desk) -> None:
    read = read_by(desk, "next friday", day=DAY)
    assert (read.entities, read.values) == ({"day": "next friday"}, {"day": "2026-03-13"})
    read = read_by(desk, "some day", day=DAY)
    assert (read.entities, read.values) == ({"day": "some day"}, {})


def test_the_log_keeps_words_and_value(desk: Desk, log: SessionLog) -> None:
    entities = {**desk.settings.entities, "day": DAY}
    own = replace(desk, settings=desk.settings.model_copy(update={"entities": entities}))
    bot = Bot(own, log, channel="test", today=lambda: WEDNESDAY)
    exchange = bot.respond("where is my parcel BK-0001, it should come next friday")
    [row] = log.turns(exchange.session)
    assert row["evidence"]["entities"] == {
        "order_id": {"text": "BK-0001", "value": None},
        "day": {"text": "next friday", "value": "2026-03-13"},
    }


def test_other_kinds_of_turns(bot: Bot) -> None:
    assert isinstance(bot.respond("thanks for monday").decision, SmallTalk)
    assert isinstance(bot.respond("what is the weather monday").decision, Unknown)
    assert isinstance(bot.respond("?!").decision, Unknown)
    assert isinstance(bot.respond("awful cake monday, i want to complain").decision, Handoff)


def test_an_article_is_cited_where_passages_may_answer(desk: Desk, log: SessionLog) -> None:
    passages = Thresholds(passage=0.0, max_wrong=1e-9)
    bot = Bot(replace(desk, thresholds=passages), log, channel="test")
    exchange = bot.respond("how long is a gift voucher valid")
    assert isinstance(exchange.decision, Cite)
    assert exchange.decision.hits[0].passage.article == "vouchers"
    assert "[1]" in exchange.reply
    [row] = log.turns(exchange.session)
    assert row["citations"][0]["article"] == "vouchers"


def test_a_turn_is_one_pass_of_the_encoder(bot: Bot, log: SessionLog) -> None:
    class Counting:
        passes = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(model, name)

        def encode_messages(self, texts: Sequence[str]) -> object:
            self.passes += len(texts)
            return model.encode_messages(texts)

    model, counting = bot.desk.model, Counting()
    watched: Any = counting
    again = Bot(replace(bot.desk, model=watched), log, channel="test")
    again.respond("where is my parcel BK-0001")
    again.respond("thanks for monday")
    assert counting.passes == 2


def test_the_turns_before_are_read_too(bot: Bot) -> None:
    bot.respond("where is my parcel BK-0001")
    assert [speaker for speaker, _ in bot.state.turns] == ["customer", "agent"]
    turns, speakers = bot.desk.model.window(bot.state, bot.desk.model.encode(["thanks"])[0])
    assert turns.shape == (1, 12, bot.desk.model.dimension)
    assert speakers[0].tolist() == [0] * 9 + [1, 2, 1]


def test_a_turn_that_cannot_be_logged_never_was(
    bot: Bot, log: SessionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.respond("where is my parcel BK-0001")
    before = bot.state

    def full(*_: object) -> int:
        raise BotError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(log, "record", full)
        with pytest.raises(BotError, match="disk is full"):
            bot.respond("thanks for monday")
    assert bot.state is before
    assert bot.respond("thanks for monday").turn == 2


def test_feedback_is_kept_with_its_turn(bot: Bot, log: SessionLog) -> None:
    bot.respond("thanks for monday")
    bot.feedback(1, "bad", "too short")
    assert log._rows("SELECT turn_id, verdict, note FROM feedback", ()) == [(1, "bad", "too short")]


def test_without_a_trained_model_the_articles_are_still_searched(
    base_workspace: Workspace, log: SessionLog
) -> None:
    desk = replace(open_desk(base_workspace, silent), thresholds=NEVER)
    exchange = Bot(desk, log, channel="test").respond("nuts in the kitchen")
    assert exchange.reading.intents == ()
    assert exchange.decision.evidence.templates == ()
    assert exchange.decision.evidence.hits[0].passage.article == "allergens"


# --- actions -------------------------------------------------------------------------------------


def with_action(workspace: Workspace, code: str) -> Workspace:
    """The bakery, whose template "track" runs the function `look_up` first."""
    settings = workspace.root / "frontdesk.toml"
    settings.write_text(settings.read_text() + '[actions.look_up]\nfunction = "look_up"\n')
    templates = json.loads(workspace.templates_path.read_text())
    for template in templates["templates"]:
        if template["id"] == "track":
            template |= {"action": "look_up", "failure": ["I cannot see {order_id} just now."]}
    workspace.templates_path.write_text(json.dumps(templates))
    workspace.actions_path.write_text(code)
    return open_workspace(workspace.root)


def test_an_action_is_run_before_the_reply_and_is_in_the_log(
    trained_workspace: Workspace, log: SessionLog
) -> None:
    code = "asked = []\ndef look_up(slots):\n    asked.append(slots)\n"
    own = open_desk(with_action(trained_workspace, code), silent)
    bot = Bot(replace(own, thresholds=ALWAYS), log, channel="test")
    exchange = bot.respond("where is my parcel BK-0001")
    assert exchange.reply == "Parcel BK-0001 is on its way."
    assert own.actions.functions["look_up"].__globals__["asked"] == [{"order_id": "BK-0001"}]
    [row] = log.turns(exchange.session)
    assert list(row["timings"]) == ["encode", "read", "search", "decide", "action"]
    assert row["evidence"]["action"]["ok"] is True
    said = bot.state.last
    bot.resume(exchange.session)
    assert isinstance(said, Answer)
    assert isinstance(bot.state.last, Answer)
    assert bot.state.last.outcome == said.outcome


def test_when_it_fails_the_reply_says_so(trained_workspace: Workspace, log: SessionLog) -> None:
    code = "def look_up(slots):\n    raise OSError(slots)"
    own = open_desk(with_action(trained_workspace, code), silent)
    bot = Bot(replace(own, thresholds=ALWAYS), log, channel="test")
    exchange = bot.respond("where is my parcel BK-0001")
    assert exchange.reply.startswith("I cannot see BK-0001 just now. ")
    [row] = log.turns(exchange.session)
    assert (row["evidence"]["action"]["ok"], row["evidence"]["action"]["failure"]) == (
        False,
        "OSError at actions.py:2",
    )
    assert [speaker for speaker, _ in bot.state.turns] == ["customer"]  # no answer was given


def test_ctrl_c_during_an_action_leaves_the_conversation_as_it_was(
    trained_workspace: Workspace, log: SessionLog
) -> None:
    code = "import _thread\ndef look_up(slots):\n    _thread.interrupt_main()\n"
    code += "    __import__('time').sleep(1)\n"
    own = open_desk(with_action(trained_workspace, code), silent)
    bot = Bot(replace(own, thresholds=ALWAYS), log, channel="test")
    bot.respond("thanks for monday")
    before = bot.state
    with pytest.raises(KeyboardInterrupt):
        bot.respond("where is my parcel BK-0001")
    assert bot.state is before
    assert len(log.turns(bot.session)) == 1


def test_a_mistake_in_actions_is_told_before_the_first_turn(trained_workspace: Workspace) -> None:
    with pytest.raises(BotError, match=r"actions\.py:1: has no function look_up, which"):
        open_desk(with_action(trained_workspace, "x = 1"), silent)


# --- whatever is written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    ["", " ", "x" * 100_000, "🥐🥐🥐", "مرحبا", "hello 你好 שלום", "\x00\x1b[31m\x07"],
    ids=["empty", "space", "long", "emoji", "right-to-left", "mixed", "control"],
)
def test_any_message_has_an_answer(bot: Bot, log: SessionLog, message: str) -> None:
    exchange = bot.respond(message)
    assert exchange.reply
    assert len(log.turns(exchange.session)) == 1


def test_a_turn_needs_no_training_code(trained_workspace: Workspace) -> None:
    program = f"""
import json, sys
from pathlib import Path
from bot.bot import Bot
from bot.live import open_desk
from bot.sessions.session_log import SessionLog
from bot.workspace import open_workspace

workspace = open_workspace(Path({str(trained_workspace.root)!r}))
with SessionLog.open(workspace.database) as log:
    bot = Bot(open_desk(workspace, lambda *_: None), log, channel="test")
    bot.respond("where is my parcel BK-0001")
heavy = {{"torch", "transformers", "sentence_transformers", "sklearn"}}
print(json.dumps(sorted(heavy & sys.modules.keys())))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
