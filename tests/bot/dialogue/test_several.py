"""Two requests in one message, answered both, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.bot import Bot
from bot.console import silent
from bot.decision import Candidates, Handoff, Reading, Scored, Several, Thresholds
from bot.dialogue import advance, decide
from bot.dialogue.several import split
from bot.dialogue.turn import Heard
from bot.evidence import citations_json, evidence_json
from bot.live import open_desk
from bot.replies import render
from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace
from tests.bot.dialogue.conversation import Conversation, hit
from tests.bot.dialogue.test_repair import ASKED, SETTINGS, TEMPLATES

READ_AS: Mapping[str, Mapping[str, float]] = {
    "open": {"hours": 0.9},
    "parcel": {"track": 0.9},
    "cancel": {"cancel": 0.9},
    "other thing": {"exchange": 0.6},
    "几点": {"hours": 0.9},
    "包裹": {"track": 0.9},
}
"""What the parts of a message are read as, by a word in them."""


class Talk(Conversation):
    """A conversation in which a message is split, and each part is read by its words."""

    def said(self, text: str) -> str:
        """The reply to a message, which is itself read as nothing."""
        whole = self._heard(text, {})
        parts = tuple(self._heard(part, _read_as(part)) for part in split(text))
        known = (self.templates, self.thresholds, self.settings.entities)
        heard = (text, whole.reading, whole.candidates)
        self.decision = decide(self.state, *heard, *known, parts=parts)
        self.state = advance(self.state, text, whole.reading, self.decision)
        return render(self.decision, self.templates, self.settings.language)

    def _heard(self, text: str, intents: Mapping[str, float]) -> Heard:
        likely = tuple(Scored(name, score) for name, score in intents.items())
        hits = (hit("returns", 0.9),) if "send back" in text else ()
        return Heard(text, Reading(likely, self._found(text, {})), Candidates((), hits))


def _read_as(part: str) -> Mapping[str, float]:
    return next((intents for word, intents in READ_AS.items() if word in part), {})


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    return Talk.of(tmp_path, SETTINGS.format(language="en"), TEMPLATES)


def test_both_are_answered_in_order(talk: Talk) -> None:
    said = talk.said("Where is parcel TT-1234? And also, when are you open?")
    assert said == "Order TT-1234 is on its way.\n\nNine to five."
    assert talk.rule == "several"


def test_both_are_answered_in_chinese(talk: Talk) -> None:
    said = talk.said("我的包裹TT-1234到哪了，另外你们几点开门")
    assert said == "Order TT-1234 is on its way.\n\nNine to five."


def test_the_question_for_a_missing_slot_comes_last(talk: Talk) -> None:
    said = talk.said("Where is my parcel? Also, when are you open on Sunday?")
    assert said == f"Nine to five.\n\n{ASKED}"
    assert talk.said("TT-1234") == "Order TT-1234 is on its way."


def test_of_two_questions_one_comes_after_the_other(talk: Talk) -> None:
    assert talk.said("Where is my parcel? Also, please cancel my other order") == ASKED
    said = talk.said("TT-1234")
    assert said == "Order TT-1234 is cancelled."
    assert [ask.template for ask in talk.state.interrupted] == ["track"]


def test_what_one_part_tells_the_other_one_knows(talk: Talk) -> None:
    said = talk.said("cancel order TT-1234. By the way, where is the parcel now?")
    assert said == "Order TT-1234 is cancelled.\n\nOrder TT-1234 is on its way."


def test_what_a_later_part_tells_changes_no_order(talk: Talk) -> None:
    said = talk.said("Where is my parcel? By the way, please cancel order TT-1234")
    assert said == "Order TT-1234 is on its way.\n\nOrder TT-1234 is cancelled."
    assert talk.state.slots == {"order_id": "TT-1234"}


def test_an_open_question_is_answered_and_another_one_asked(talk: Talk) -> None:
    talk.said("where is my parcel?")
    talk.customer("where is my parcel?", "track")
    said = talk.said("the number is TT-1234, and another thing, when are you open?")
    assert said == "Order TT-1234 is on its way.\n\nNine to five."


def test_passages_answer_a_part_too(talk: Talk) -> None:
    said = talk.said("When are you open? And also can I send back a tent?")
    assert said.startswith("Nine to five.\n\nHere is what our help pages say:")
    assert [cited["article"] for cited in citations_json(talk.decision)] == ["returns"]


def test_a_part_that_is_not_understood_is_said_to_be(talk: Talk) -> None:
    said = talk.said("When are you open? Also, do blorps glimmer at noon?")
    assert said == (
        "Nine to five.\n\n"
        "I did not understand this part: “do blorps glimmer at noon?”."
        " Could you put it another way?"
    )


def test_a_person_asked_for_in_one_part_takes_it_all(talk: Talk) -> None:
    talk.said("When are you open? And also, can I talk to someone?")
    assert isinstance(talk.decision, Handoff)
    assert talk.decision.summary.messages == (
        "When are you open? And also, can I talk to someone?",
    )


def test_parts_that_are_not_understood_count_as_one_message(talk: Talk) -> None:
    talk.customer("blorp")
    talk.said("When are you open? Also, do blorps glimmer at noon?")
    assert talk.rule == "several"


def test_where_no_part_is_understood_the_message_counts_as_one(talk: Talk) -> None:
    talk.said("Do blorps glimmer at noon? Also, do they shine at night?")
    assert talk.rule == "unknown"


def test_two_parts_that_ask_for_the_same_are_one(talk: Talk) -> None:
    talk.said("When are you open? And also are you open on Sunday?")
    assert talk.rule == "unknown"


def test_the_log_keeps_the_evidence_of_each_part(talk: Talk) -> None:
    talk.said("Where is parcel TT-1234? And also, when are you open?")
    parts = evidence_json(talk.decision)["parts"]
    assert [(part["kind"], part["template"], part["message"]) for part in parts] == [
        ("template", "track", "Where is parcel TT-1234?"),
        ("template", "hours", "when are you open?"),
    ]
    assert [part["intents"][0]["name"] for part in parts] == ["track", "hours"]
    assert isinstance(talk.decision, Several)


def test_to_a_person_it_was_one_message(talk: Talk) -> None:
    talk.said("Where is parcel TT-1234? And also, when are you open?")
    assert talk.state.so_far.messages == ("Where is parcel TT-1234? And also, when are you open?",)
    assert talk.state.so_far.answered == ("track", "hours")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("find my bag. oh and when is the next sale?", ("find my bag.", "when is the next sale?")),
        ("Can I iron it? and another thing, make a return", ("Can I iron it?", "make a return")),
        ("a label please. Btw, am I blocked", ("a label please.", "am I blocked")),
        ("有手提袋吗，顺便问下可以开发票吗", ("有手提袋吗", "可以开发票吗")),
        ("保质期多长。对了，快递几天到", ("保质期多长。", "快递几天到")),
        ("退款到哪了；再就是能换货吗", ("退款到哪了", "能换货吗")),
    ],
)  # fmt: skip
def test_it_is_split_where_something_else_follows(text: str, parts: tuple[str, ...]) -> None:
    assert split(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "where is my order?",
        "I also have a dog",
        "Do you also repair tents?",
        "Also, when are you open?",
        "a tent plus a bag",
        "hi, also hello",
        "还有货吗",
        "另外买的那个呢",
        "and also " * 100,
        "first this one. also that one. also the third one. also a fourth one",
        "x" * 2000 + ". also, when are you open?",
    ],
)
def test_a_message_that_is_one_stays_one(text: str) -> None:
    assert split(text) == ()


def test_a_bot_reads_the_parts_in_one_more_pass_and_logs_them(trained_workspace: Workspace) -> None:
    desk = open_desk(trained_workspace, silent)
    desk = replace(desk, thresholds=Thresholds(intent=0.0, max_wrong=0.05))
    with SessionLog.open(trained_workspace.database) as log:
        bot = Bot(desk, log, channel="test")
        said = bot.respond("where is my parcel BK-0001? and also, when are you open on monday")
        [row] = log.turns(bot.session)
    assert said.reply == "Parcel BK-0001 is on its way.\n\nWe open at seven every day."
    assert (row["kind"], row["template"]) == ("several", None)
    assert [part["template"] for part in row["evidence"]["parts"]] == ["track", "opening"]
    assert list(row["timings"]) == ["encode", "read", "search", "parts", "decide"]


def test_the_parts_of_one_message_are_no_tries_at_an_answer(talk: Talk) -> None:
    said = talk.said("Where is my parcel? And also, a b c d? Oh and, e f g h?")
    assert said.startswith("I did not understand this part: “a b c d?”.")
    assert "This part I could not make out: “e f g h?”." in said
    assert said.endswith(ASKED)


def test_of_a_part_that_could_only_be_guessed_it_is_said_that_it_was_not_understood(
    talk: Talk,
) -> None:
    said = talk.said("When are you open? And also, what of the other thing")
    assert said.startswith("Nine to five.\n\nI did not understand this part")
    assert talk.state.pending is None
