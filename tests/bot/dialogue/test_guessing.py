"""What is offered where nothing is certain, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.decision import Cite, Clarify, Thresholds, Unknown
from bot.dialogue.offers import in_full
from tests.bot.dialogue.conversation import Conversation
from tests.bot.dialogue.test_repair import ASKED, SETTINGS, TEMPLATES

LIKELY = {"track": 0.6, "oos": 0.2}
SPLIT = {"track": 0.35, "cancel": 0.3, "exchange": 0.05}


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS.format(language="en"), TEMPLATES)


@pytest.fixture
def zh(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS.format(language="zh"), TEMPLATES)


# --- one ----------------------------------------------------------------------------------------


def test_the_likeliest_request_is_asked_back(talk: Conversation) -> None:
    said = talk.customer("any news of it?", intents=LIKELY)
    assert said == "I'm not sure I understand. Is it about “Track an order”?"
    assert talk.customer("yes") == ASKED
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."


def test_in_chinese(zh: Conversation) -> None:
    said = zh.customer("有消息吗", intents=LIKELY)
    assert said == "我不太确定您的意思，您想问的是“Track an order”吗？"
    zh.customer("是的")
    assert zh.rule == "choice-picked"


def test_a_no_is_taken_and_a_person_offered(talk: Conversation) -> None:
    talk.customer("any news of it?", intents=LIKELY)
    said = talk.customer("no")
    assert said.startswith("I'm sorry, I got that wrong. You can put it in other words.")
    assert talk.state.pending is None
    talk.customer("yes")
    assert talk.decision.kind == "handoff"


def test_its_value_is_as_good_as_a_yes(talk: Conversation) -> None:
    talk.customer("any news of it?", intents=LIKELY)
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."


def test_another_request_is_answered_instead(talk: Conversation) -> None:
    talk.customer("any news of it?", intents=LIKELY)
    assert talk.customer("when are you open?", "hours") == "Nine to five."


def test_nothing_is_picked_by_a_guess_upon_a_guess(talk: Conversation) -> None:
    """Two messages that are each more likely than not are no certain one."""
    talk.customer("any news of it?", intents=LIKELY)
    talk.customer("well, the parcel", intents=LIKELY)
    assert talk.decision.kind == "unknown"


# --- several -------------------------------------------------------------------------------------


def test_several_are_numbered(talk: Conversation) -> None:
    assert talk.customer("the one from May", intents=SPLIT).splitlines() == [
        "I'm not sure I understand. Is it one of these?",
        "1. Track an order",
        "2. Cancel an order",
        'A number will do. If it is none of these, say it in other words, or type "agent".',
    ]
    assert talk.customer("2") == ASKED
    assert talk.customer("TT-1234") == "Order TT-1234 is cancelled."


def test_a_yes_to_several_is_asked_which(talk: Conversation) -> None:
    talk.customer("the one from May", intents=SPLIT)
    assert talk.customer("yes", "hours").startswith("I may have this wrong.")
    assert talk.customer("the first one") == ASKED


def test_a_value_that_several_need_is_asked_what_for(talk: Conversation) -> None:
    talk.customer("the one from May", intents=SPLIT)
    assert talk.customer("TT-1234").splitlines()[1] == "1. Track an order"
    assert talk.customer("1") == "Order TT-1234 is on its way."


@pytest.mark.parametrize("words", ["none of these", "neither", "no"])
def test_none_of_them(talk: Conversation, words: str) -> None:
    talk.customer("the one from May", intents=SPLIT)
    assert talk.customer(words).startswith("I'm sorry, I got that wrong.")


# --- articles ------------------------------------------------------------------------------------


def test_an_article_with_a_word_of_the_message_is_offered_and_shown(talk: Conversation) -> None:
    talk.thresholds = Thresholds(intent=0.8, offer=0.2)  # no article answers by itself
    found = {"gift wrapping": 0.4, "opening": 0.3}
    said = talk.customer("do you wrap presents", passages=found)
    assert said == "I'm not sure I understand. Is it about “Gift Wrapping”?"
    read = in_full(talk.state, "yes please")
    assert read == "Gift Wrapping: do you wrap presents"
    shown = talk.customer(read, passages=found)
    assert isinstance(talk.decision, Cite)
    assert shown.startswith("Here is what our help pages say:\n\nThirty days. [1]")


def test_an_article_as_far_off_as_that_of_any_message_is_not_offered(talk: Conversation) -> None:
    talk.customer("do you wrap presents", passages={"gift wrapping": 0.19})
    assert isinstance(talk.decision, Unknown)
    talk.thresholds = Thresholds(intent=0.8)  # nothing is known of what would be too far
    talk.customer("and do you wrap gifts", passages={"gift wrapping": 0.4})
    assert isinstance(talk.decision, Unknown)


def test_articles_stand_beside_unlikely_requests(talk: Conversation) -> None:
    talk.customer("the label from May", intents=SPLIT, passages={"labels": 0.4, "maps": 0.3})
    assert isinstance(talk.decision, Clarify)
    assert (talk.decision.choices, talk.decision.articles) == (("track", "cancel"), ("Labels",))
    assert in_full(talk.state, "3") == "Labels: the label from May"
    assert in_full(talk.state, "2") == "2"


def test_an_article_is_shown_to_who_names_it(talk: Conversation) -> None:
    talk.customer("Gift Wrapping", passages={"gift wrapping": 0.4})
    assert isinstance(talk.decision, Cite)


def test_nothing_is_offered_to_what_is_surely_none_of_our_business(talk: Conversation) -> None:
    talk.customer("wrap up the war", intents={"oos": 0.97}, passages={"gift wrapping": 0.4})
    assert talk.decision.kind == "unknown"


# --- when not ------------------------------------------------------------------------------------


def test_what_was_just_said_is_not_offered_again(talk: Conversation) -> None:
    talk.customer("when are you open?", "hours")
    said = talk.customer("in the north too?", intents={"hours": 0.6})
    assert said == (
        "I'm sorry, I know no more about that than what I just said. Shall I get a colleague?"
    )
    talk.customer("yes")
    assert talk.decision.kind == "handoff"


def test_who_loses_patience_is_not_asked_to_choose(talk: Conversation) -> None:
    talk.customer("this is ridiculous", "hours")
    talk.customer("useless!!!", intents=LIKELY)
    assert talk.decision.kind == "handoff"


def test_guesses_count_as_no_answer(talk: Conversation) -> None:
    talk.customer("any news of it?", intents=LIKELY)
    talk.customer("hm", intents={"oos": 0.9})
    assert talk.rule == "unknown-twice"
