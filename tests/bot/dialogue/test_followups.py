"""Follow-ups: messages that go on with the question before them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.decision import Thresholds
from bot.dialogue.ellipsis import LONGEST, leaning
from bot.dialogue.followups import asked_after, earlier
from bot.dialogue.short_answers import words
from bot.state import Question
from tests.bot.dialogue.conversation import CERTIFIED, Conversation

SETTINGS = r"""
name = "Tern & Trail"
[entities.order_id]
pattern = '\bTT-\d{4}\b'
ask = "What is your order number?"
[entities.colour]
values = ["red", "blue"]
ask = "Which colour?"
"""
TEMPLATES = """
templates:
  - id: stock
    intents: [stock]
    wordings: ["The jacket in {colour} is in stock."]
  - id: track
    intents: [track]
    wordings: ["Order {order_id} is on its way."]
  - id: hours
    intents: [hours]
    wordings: ["Nine to five."]
  - id: hello
    intents: [greeting]
    kind: smalltalk
    wordings: ["Hello!"]
"""
ACTION = """
[actions.run]
function = "run"
returns = ["run"]
"""
ACTING = """
  - id: lookup
    intents: [lookup]
    title: Look it up
    action: run
    wordings: ["{order_id}: run {run}."]
"""
RUN = """
runs = []
def run(slots):
    runs.append(slots)
    return {"run": len(runs)}
"""
SETTINGS_OF_BAGS = """
name = "Tern & Trail"
[entities.product]
values = ["Dunlin 300 bag", "Dunlin 600 bag", "Eider winter bag", "Skua 45 pack", "Skua 65 pack"]
ask = "Which product?"
[entities.shop]
values = ["Mill Yard", "Old Station"]
ask = "Which shop?"
"""
TEMPLATES_OF_BAGS = """
templates:
  - id: stock
    intents: [stock]
    slots: [product, shop]
    wordings: ["{product}: in stock at {shop}."]
  - id: hours
    intents: [hours]
    wordings: ["Nine to five."]
"""
SETTINGS_ZH = """
name = "岑屿茶铺"
language = "zh"
[entities.tea]
values = ["红茶", "绿茶", "熟普", "生普"]
ask = "请问是哪一款茶？"
"""
TEMPLATES_ZH = """
templates:
  - id: brew
    intents: [brew]
    wordings: ["{tea}的水温请看包装。"]
"""
VECTOR = np.ones(3, dtype=np.float32)


def said(talk: Conversation, text: str, intent: str | None = None, **known: Any) -> str:
    """A turn, and what a bot does after it: it remembers the question."""
    before = talk.state
    reply = talk.customer(text, intent, **known)
    asked = asked_after(before, text, VECTOR, talk.decision)
    talk.state = replace(talk.state, asked=asked)
    return reply


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS, TEMPLATES)


@pytest.fixture
def acting(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS + ACTION, TEMPLATES + ACTING, RUN)


@pytest.fixture
def talk_zh(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS_ZH, TEMPLATES_ZH)


def test_and_for_the_blue_one(talk: Conversation) -> None:
    assert said(talk, "do you have the jacket in red?", "stock") == (
        "The jacket in red is in stock."
    )
    assert said(talk, "and for the blue one?") == "The jacket in blue is in stock."
    assert talk.rule == "follow-up"
    assert said(talk, "what about red") == "The jacket in red is in stock."
    assert talk.rule == "follow-up"


def test_what_about_has_no_intent_of_its_own(talk: Conversation) -> None:
    said(talk, "do you have the jacket in red?", "stock")
    assert said(talk, "what about blue?", "hours") == "The jacket in blue is in stock."
    assert said(talk, "and the opening hours for red?", "hours") == "Nine to five."


@pytest.mark.parametrize("words", ["start over", "never mind"])
def test_what_was_called_off_is_not_followed_up(talk: Conversation, words: str) -> None:
    said(talk, "where is my parcel?", "track")
    said(talk, words)
    said(talk, "TT-1111")
    assert talk.rule == "unknown"


def test_a_bare_value_is_enough(talk: Conversation) -> None:
    said(talk, "where is TT-1111?", "track")
    assert said(talk, "TT-2222") == "Order TT-2222 is on its way."


def test_in_chinese(talk_zh: Conversation) -> None:
    assert said(talk_zh, "绿茶用多少度的水泡？", "brew") == "绿茶的水温请看包装。"
    assert said(talk_zh, "那红茶呢？") == "红茶的水温请看包装。"
    assert talk_zh.rule == "follow-up"


def test_a_value_may_be_named_by_what_is_new_in_it(tmp_path: Path) -> None:
    talk = Conversation.of(tmp_path, SETTINGS_OF_BAGS, TEMPLATES_OF_BAGS)
    said(talk, "is the Dunlin 300 bag at Mill Yard?", "stock")
    assert said(talk, "and the 600 one?") == "Dunlin 600 bag: in stock at Mill Yard."
    assert talk.rule == "follow-up"
    assert talk.decision.evidence.entities == {"product": "Dunlin 600 bag"}
    assert said(talk, "what about the 300?", "hours") == "Dunlin 300 bag: in stock at Mill Yard."
    assert said(talk, "and at Old Station?") == "Dunlin 300 bag: in stock at Old Station."


def test_a_value_may_change_while_another_one_is_asked_for(tmp_path: Path) -> None:
    talk = Conversation.of(tmp_path, SETTINGS_OF_BAGS, TEMPLATES_OF_BAGS)
    assert said(talk, "is the Dunlin 300 bag in stock?", "stock") == "Which shop?"
    assert said(talk, "and the 600 one?") == "Dunlin 600 bag, noted. Which shop?"
    assert said(talk, "what about the Skua 45 pack?") == "Got it, Skua 45 pack. Which shop?"
    assert talk.rule == "follow-up"
    assert said(talk, "Mill Yard") == "Skua 45 pack: in stock at Mill Yard."


def test_the_same_value_again_is_no_answer(tmp_path: Path) -> None:
    talk = Conversation.of(tmp_path, SETTINGS_OF_BAGS, TEMPLATES_OF_BAGS)
    said(talk, "is the Dunlin 300 bag in stock?", "stock")
    said(talk, "the Dunlin 300 bag")
    assert talk.rule == "slot-unfilled"


@pytest.mark.parametrize("text", ["and the 45?", "600", "and the bag?", "and the 300 one?"])
def test_but_only_where_it_takes_the_place_of_a_part(tmp_path: Path, text: str) -> None:
    """The Skua 45 differs in more, 600 alone points at nothing, a bag is what all of them are."""
    talk = Conversation.of(tmp_path, SETTINGS_OF_BAGS, TEMPLATES_OF_BAGS)
    said(talk, "is the Dunlin 300 bag at Mill Yard?", "stock")
    said(talk, text)
    assert talk.rule == "unknown"


def test_a_value_named_by_what_is_new_in_it_in_chinese(talk_zh: Conversation) -> None:
    said(talk_zh, "熟普用多少度的水泡？", "brew")
    assert said(talk_zh, "那生的呢？") == "生普的水温请看包装。"
    assert said(talk_zh, "那熟的呢？") == "熟普的水温请看包装。"
    said(talk_zh, "那白的呢？")
    assert talk_zh.rule == "unknown"


def test_an_action_is_run_again_after_a_yes_only(acting: Conversation) -> None:
    assert said(acting, "look up TT-1111", "lookup") == "TT-1111: run 1."
    asked = said(acting, "and TT-2222?")
    assert asked == "Just to be sure: Look it up (TT-2222). Shall I go ahead?"
    assert (acting.rule, acting.decision.kind) == ("follow-up", "ask")
    asked = said(acting, "no, TT-3333")
    assert asked == "Before I do it: Look it up (TT-3333). Is that right?"
    assert said(acting, "yes") == "TT-3333: run 2."


def test_no_new_value_and_no_way_back_stands_for_the_yes(acting: Conversation) -> None:
    said(acting, "look up TT-1111", "lookup")
    said(acting, "and TT-2222?")
    assert "Back to" in said(acting, "when are you open?", "hours")
    assert said(acting, "go on").startswith("Yes or no?")
    said(acting, "no")
    assert said(acting, "look up TT-4444", "lookup") == "TT-4444: run 2."


def test_a_certain_intent_needs_no_yes_to_an_action(acting: Conversation) -> None:
    said(acting, "look up TT-1111", "lookup")
    assert said(acting, "and TT-2222?", "lookup") == "TT-2222: run 2."
    assert acting.rule == "follow-up"


def test_a_message_with_an_intent_of_its_own_is_no_follow_up(talk: Conversation) -> None:
    said(talk, "do you have the jacket in red?", "stock")
    assert said(talk, "and where is TT-1111?", "track") == "Order TT-1111 is on its way."
    assert talk.rule == "intent-certain"


def test_nor_is_one_that_says_more_than_a_value(talk: Conversation) -> None:
    said(talk, "where is TT-1111?", "track")
    said(talk, "and a zip of the thing from TT-2222 is broken")
    assert talk.rule == "unknown"


def test_nor_one_whose_value_the_last_answer_does_not_depend_on(talk: Conversation) -> None:
    said(talk, "when are you open?", "hours")
    said(talk, "and for the blue one?")
    assert talk.rule == "unknown"


def test_a_value_is_a_word_not_a_letter_of_one(talk: Conversation) -> None:
    said(talk, "do you have the jacket in red?", "stock")
    said(talk, "he blurred the blue of Fred, my reddish hedgehog", entities={"colour": "re"})
    assert talk.rule == "unknown"


def test_small_talk_in_between_changes_nothing(talk: Conversation) -> None:
    said(talk, "do you have the jacket in red?", "stock")
    assert said(talk, "hello again", "greeting") == "Hello!"
    assert said(talk, "and the blue one?") == "The jacket in blue is in stock."


def test_nothing_follows_what_was_not_answered(talk: Conversation) -> None:
    said(talk, "do you have the jacket in red?", "stock")
    said(talk, "can penguins fly over mountains?")
    assert talk.rule == "unknown"
    said(talk, "and the blue one?")
    assert talk.rule != "follow-up"


def test_a_short_request_of_its_own_is_the_question_from_then_on(talk: Conversation) -> None:
    said(talk, "do you have the jacket in red?", "stock")
    said(talk, "opening?", "hours")
    assert talk.state.asked == Question("opening?", VECTOR, "hours")


def test_a_slot_that_was_asked_for_belongs_to_the_question(talk: Conversation) -> None:
    assert said(talk, "is the jacket in stock?", "stock") == "Which colour?"
    assert said(talk, "red") == "The jacket in red is in stock."
    assert talk.state.asked == Question("is the jacket in stock?", VECTOR, "stock")
    assert said(talk, "and blue?") == "The jacket in blue is in stock."


def test_the_same_template_is_not_said_twice_where_a_passage_says_more(talk: Conversation) -> None:
    talk.thresholds = replace(CERTIFIED, follow_up=0.5)
    said(talk, "when are you open?", "hours")
    reply = said(
        talk,
        "and on holidays?",
        "hours",
        passages={"holidays": 0.55},
        follows="when are you open?",
    )
    assert "Thirty days." in reply
    assert talk.rule == "follow-up"
    assert talk.decision.evidence.follows == "when are you open?"
    assert said(talk, "and on holidays?", "hours", passages={"holidays": 0.45}) == "Nine to five."


def test_what_names_nothing_has_no_intent_of_its_own(talk: Conversation) -> None:
    """Read alone, it is about the shop's hours; after what was asked, about the course."""
    talk.thresholds = replace(CERTIFIED, follow_up=0.5)
    said(talk, "do you offer a course in knots?", passages={"courses": 0.7})
    followed = {"follows": "do you offer a course in knots?"}
    said(talk, "and on Sundays?", "hours", passages={"courses": 0.6}, **followed)
    assert (talk.rule, talk.decision.kind) == ("follow-up", "passages")
    reply = said(talk, "until when is the shop open", "hours", passages={"courses": 0.6})
    assert reply == "Nine to five."
    assert said(talk, "that is it", "greeting", passages={"courses": 0.6}, **followed) == "Hello!"


def test_passages_for_a_follow_up_have_a_threshold_of_their_own(talk: Conversation) -> None:
    talk.thresholds = Thresholds(passage=0.3, follow_up=0.5)
    said(talk, "how long is a voucher valid?", passages={"vouchers": 0.4})
    assert talk.rule == "passage-certain"
    followed = {"follows": "how long is a voucher valid?"}
    said(talk, "how long does that take?", passages={"vouchers": 0.4}, **followed)
    assert talk.rule == "unknown"
    said(talk, "how long is a voucher valid?", passages={"vouchers": 0.4})
    said(talk, "how long does that take?", passages={"vouchers": 0.6}, **followed)
    assert talk.rule == "passage-certain"
    assert talk.decision.evidence.thresholds.passage == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "how long does that take?", "is it free?", "and for the blue one?", "what about size M",
        "until when?", "why not?", "And the 600?", "can I return it then", "refund?",
        "要多久？", "那蓝色的呢？", "多少钱", "它可以退吗？", "红茶呢", "那运费谁出？",
    ],
)  # fmt: skip
def test_messages_that_lean_on_what_was_before(text: str) -> None:
    asked = Question("do you repair zips?", VECTOR)
    found = earlier(asked, text)
    assert found is not None
    assert (found.text, found.share) == (asked.text, leaning(words(text)))
    assert earlier(None, text) is None


@pytest.mark.parametrize(
    "text",
    [
        "how long does a refund to my bank take?", "where is my parcel now", "TT-1234", "",
        "do you deliver to Iceland?", "can I send back sale items?",
        "退款要多久到账", "今天付款什么时候发货？", "紫砂壶里发霉了怎么处理？", "it " * LONGEST,
    ],
)  # fmt: skip
def test_messages_that_stand_by_themselves(text: str) -> None:
    assert earlier(Question("do you repair zips?", VECTOR), text) is None


# --- what was just said --------------------------------------------------------------------------


def test_more_about_what_a_template_just_said_is_looked_up_first(tmp_path: Path) -> None:
    """Its wording again would pass over the question."""
    talk = Conversation.of(tmp_path, SETTINGS, TEMPLATES)
    assert said(talk, "when are you open?", "hours") == "Nine to five."
    found = {"holidays": 0.9}
    shown = said(talk, "how about public holidays in May", "hours", passages=found)
    assert shown.startswith("Here is what our help pages say:")
    assert talk.rule == "follow-up"


def test_where_only_the_same_can_be_said_a_person_is_offered(tmp_path: Path) -> None:
    talk = Conversation.of(tmp_path, SETTINGS, TEMPLATES)
    said(talk, "when are you open?", "hours")
    again = said(talk, "when do the doors open exactly", "hours")
    assert again == ("Nine to five.\n\nIf that is not what you need, shall I get a colleague?")
    assert said(talk, "no") == "No problem. I'm here if you need anything."
    said(talk, "when are you open?", "hours")
    said(talk, "when do the doors open exactly", "hours")
    said(talk, "yes please")
    assert talk.decision.kind == "handoff"


def test_a_new_value_is_something_new(tmp_path: Path) -> None:
    talk = Conversation.of(tmp_path, SETTINGS, TEMPLATES)
    said(talk, "is the red jacket in stock?", "stock")
    assert said(talk, "and the blue one?", "stock") == "The jacket in blue is in stock."


def test_even_if_leans_on_the_question_before() -> None:
    assert leaning(words("even if never used?")) > 0


# --- passages that were just quoted --------------------------------------------------------------


def test_passages_quoted_again_are_introduced_otherwise(tmp_path: Path) -> None:
    talk = Conversation.of(tmp_path, SETTINGS, TEMPLATES)
    assert said(talk, "tell me of ropes", passages={"ropes": 0.9}).startswith("Here is what our")
    again = said(talk, "and how about slings?", passages={"ropes": 0.9})
    assert again.startswith("The part about that says:")


def test_an_open_question_is_asked_again_rather_than_the_same_quoted(tmp_path: Path) -> None:
    talk = Conversation.of(tmp_path, SETTINGS, TEMPLATES)
    said(talk, "parcel", "track")
    first = said(talk, "parcel??", "track", passages={"parcels": 0.9})
    assert first.endswith("[1] Parcels\n\nWhat is your order number?")  # no other matter
    again = said(talk, "PARCEL", "track", passages={"parcels": 0.9})
    assert again == "I didn't catch that, sorry. What is your order number?"
