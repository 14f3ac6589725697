"""Slots: filled, asked for, checked, corrected, confirmed, kept and forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.decision import Answer
from bot.dialogue.filling import corrects
from bot.dialogue.slots import as_confirmed
from tests.bot.dialogue.conversation import Conversation

SETTINGS = r"""
name = "Tern & Trail"

[entities.order_id]
pattern = '\b(?:TT-)?\d{4}\b'
ask = "What is your order number?"
validate = "known_order"
invalid = "An order number is TT- and four digits."

[entities.size]
values = ["Small", "Medium", "Large"]
ask = "Which size?"

[entities.code]
pattern = '\bC\d\b'
ask = "What is the code we sent you?"
expires_after_minutes = 10

[entities.account]
pattern = '\bA-\d+\b'
ask = "Which account?"
confirm = true

[entities.city]
learned = true
ask = "Which city?"
"""

TEMPLATES = """
templates:
  - id: track
    intents: [track]
    title: Track an order
    wordings: ["Order {order_id} is on its way."]
  - id: exchange
    intents: [exchange]
    title: Exchange for another size
    slots: [order_id, size]
    wordings: ["We will send {size} for order {order_id}."]
  - id: cancel
    intents: [cancel]
    title: Cancel an order
    confirm: true
    wordings: ["Order {order_id} is cancelled."]
  - id: resize
    intents: [resize]
    title: Another size
    slots: [order_id, size]
    confirm: "{size} instead, for order {order_id}?"
    wordings: ["{size} for {order_id}: done."]
  - id: password
    intents: [password]
    wordings: ["Code {code} is right."]
  - id: balance
    intents: [balance]
    title: What is on my account
    wordings: ["{account} holds 5."]
  - id: move
    intents: [move]
    wordings: ["We deliver to {city}."]
  - id: hours
    intents: [hours]
    wordings: ["Nine to five."]
  - id: hello
    intents: [greeting]
    kind: smalltalk
    wordings: ["Hello!"]
"""

ACTIONS = """
def known_order(value):
    number = value if value.startswith("TT-") else "TT-" + value
    if number == "TT-0000":
        raise ValueError("There is no order TT-0000.")
    if number == "TT-0001":
        raise ValueError
    return number
"""

ASK_ORDER = "What is your order number?"


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS, TEMPLATES, ACTIONS)


# --- filled, asked for, kept ---------------------------------------------------------------------


def test_slots_are_asked_for_one_by_one_and_kept_for_the_session(talk: Conversation) -> None:
    assert talk.customer("wrong size", "exchange") == ASK_ORDER
    assert talk.customer("TT-1234") == "Which size?"
    assert talk.customer("medium please") == "We will send Medium for order TT-1234."
    assert talk.customer("where is it?", "track") == "Order TT-1234 is on its way."


def test_one_message_fills_several_slots(talk: Conversation) -> None:
    reply = talk.customer("swap TT-1234 for a large", "exchange")
    assert reply == "We will send Large for order TT-1234."


def test_what_is_said_before_it_is_asked_for_is_not_asked_for(talk: Conversation) -> None:
    assert talk.customer("hi, TT-1234 came in large", "greeting") == "Hello!"
    assert talk.customer("wrong size", "exchange") == "We will send Large for order TT-1234."


@pytest.mark.parametrize(
    ("choice", "size"),
    [
        ("2", "Medium"),
        ("the second one", "Medium"),
        ("第二个", "Medium"),
        ("LARGE", "Large"),
        ("med", "Medium"),
    ],
)
def test_a_listed_value_is_chosen_by_its_number_or_its_name(
    talk: Conversation, choice: str, size: str
) -> None:
    talk.customer("TT-1234 is the wrong size", "exchange")
    assert talk.customer(choice) == f"We will send {size} for order TT-1234."


def test_a_list_is_spelled_out_when_it_is_asked_for_again(talk: Conversation) -> None:
    talk.customer("TT-1234 is the wrong size", "exchange")
    assert talk.customer("whatever you have for my neighbour").splitlines()[1:] == [
        "1. Small",
        "2. Medium",
        "3. Large",
    ]
    assert talk.customer("3") == "We will send Large for order TT-1234."


def test_a_request_that_gives_way_is_remembered(talk: Conversation) -> None:
    talk.customer("wrong size", "exchange")
    assert talk.customer("wait, when are you open?", "hours").startswith("Nine to five.")


# --- checked -------------------------------------------------------------------------------------


def test_a_check_may_spell_the_value_in_its_own_way(talk: Conversation) -> None:
    assert talk.customer("where is 1234?", "track") == "Order TT-1234 is on its way."


def test_a_value_that_does_not_pass_is_told_asked_again_and_handed_over(
    talk: Conversation,
) -> None:
    talk.customer("where is my parcel?", "track")
    assert talk.customer("TT-0000") == f"There is no order TT-0000. {ASK_ORDER}"
    assert talk.rule == "slot-refused"
    talk.customer("TT-0000")
    assert (talk.decision.kind, talk.rule) == ("handoff", "slot-refused")


def test_a_check_without_words_has_the_owners(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    reply = talk.customer("TT-0001")
    assert reply == f"An order number is TT- and four digits. {ASK_ORDER}"


def test_what_has_not_the_form_is_told_where_it_looks_like_a_try(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    assert talk.customer("TT-12") == f"An order number is TT- and four digits. {ASK_ORDER}"


def test_what_is_no_try_is_not_called_a_wrong_number(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    assert talk.customer("why would you ask me") == (f"I didn't catch that, sorry. {ASK_ORDER}")


def test_a_wrong_value_in_the_request_itself_is_told_at_once(talk: Conversation) -> None:
    reply = talk.customer("where is TT-0000?", "track")
    assert reply == f"There is no order TT-0000. {ASK_ORDER}"
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."


def test_a_wrong_value_is_never_answered_with_the_one_before(talk: Conversation) -> None:
    talk.customer("where is TT-1234?", "track")
    assert talk.customer("and where is TT-0000?", "track").endswith(ASK_ORDER)


# --- corrected -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "no, I meant 4412",
        "sorry, 4412 not 4421",
        "it's not 4421 but 4412",
        "oops, it should be TT-4412 instead of TT-4421",
        "4421 is wrong, it's 4412",
        "不是4421，是4412",
        "我说错了，是4412",
        "打错了，应该是4412，不是4421",
    ],
)
def test_a_correction_replaces_the_value_and_says_again_what_depended_on_it(
    talk: Conversation, text: str
) -> None:
    assert talk.customer("where is 4421?", "track") == "Order TT-4421 is on its way."
    assert talk.customer(text) == "Order TT-4412 is on its way."
    assert talk.rule == "corrected"
    assert talk.state.slots == {"order_id": "TT-4412"}


@pytest.mark.parametrize(
    ("language", "noted"),
    [("en", "TT-4412, noted. Which size?"), ("zh", "记下了，是TT-4412。Which size?")],
)
def test_a_correction_in_between_is_noted_and_the_question_asked_again(
    tmp_path: Path, language: str, noted: str
) -> None:
    settings = f'language = "{language}"\n' + SETTINGS
    talk = Conversation.of(tmp_path, settings, TEMPLATES, ACTIONS)
    talk.customer("order 4421 is the wrong size", "exchange")
    assert talk.customer("sorry, 4412 not 4421") == noted
    assert talk.customer("large") == "We will send Large for order TT-4412."


def test_small_talk_in_between_does_not_make_a_correction_unheard(talk: Conversation) -> None:
    talk.customer("where is 4421?", "track")
    talk.customer("hello", "greeting")
    assert talk.customer("no, I meant 4412") == "Order TT-4412 is on its way."


def test_a_correction_is_about_what_was_said_last_and_nothing_before(talk: Conversation) -> None:
    talk.customer("cancel 4421", "cancel")
    talk.customer("yes")
    talk.customer("how do I send 4433 back?", passages={"returns": 0.9})
    talk.customer("no, I meant 4412")
    assert talk.rule != "corrected"


def test_an_open_question_can_be_corrected_after_a_citation(talk: Conversation) -> None:
    talk.customer("4421 is the wrong size", "exchange")
    talk.customer("what sizes are there?", passages={"sizes": 0.9})
    assert talk.customer("sorry, 4412 not 4421").endswith("Which size?")
    assert talk.state.slots == {"order_id": "TT-4412"}


def test_a_value_that_is_only_denied_is_asked_for(talk: Conversation) -> None:
    talk.customer("where is 4421?", "track")
    assert talk.customer("no, it's not 4421") == ASK_ORDER
    assert talk.customer("4412") == "Order TT-4412 is on its way."


def test_a_correction_to_a_wrong_value_is_told(talk: Conversation) -> None:
    talk.customer("where is 4421?", "track")
    assert talk.customer("no, I meant TT-0000") == f"There is no order TT-0000. {ASK_ORDER}"


def test_another_request_that_names_another_value_is_no_correction(talk: Conversation) -> None:
    talk.customer("where is 4421?", "track")
    talk.customer("actually I would rather cancel order 4412", "cancel")
    assert (talk.decision.kind, talk.rule) == ("ask", "intent-certain")
    assert talk.state.slots == {"order_id": "TT-4412"}


def test_what_a_model_finds_can_be_corrected_too(talk: Conversation) -> None:
    lisbon, porto = {"city": "Lisbon"}, {"city": "Porto"}
    assert talk.customer("to Lisbon please", "move", entities=lisbon) == "We deliver to Lisbon."
    assert talk.customer("sorry, to Porto", entities=porto) == "We deliver to Porto."


@pytest.mark.parametrize("text", ["and 4412?", "4412 too please", "还有4412呢", "thanks for 4412"])
def test_not_every_other_value_takes_one_back(text: str) -> None:
    assert not corrects(text)


@pytest.mark.parametrize("no", ["keep it, hello to the team", "先不取消了，谢谢你们"])
def test_a_no_may_be_polite(talk: Conversation, no: str) -> None:
    talk.customer("cancel TT-1234", "cancel")
    assert talk.customer(no, "greeting").startswith("All right, I haven't done it.")
    assert talk.rule == "declined"


# --- confirmed -----------------------------------------------------------------------------------

REALLY = "Just to be sure: Cancel an order (TT-1234). Shall I go ahead?"


@pytest.mark.parametrize(
    "yes",
    [
        "yes",
        "Yes please!",
        "ok, go ahead",
        "that's right",
        "对的",
        "好的，没问题",
        "是的",
        "yes cancel it",
        "yes please cancel my order",
        "yeah that is the one I mean",
        "是的，取消这个订单",
    ],
)
def test_a_yes_goes_ahead(talk: Conversation, yes: str) -> None:
    assert talk.customer("cancel TT-1234", "cancel") == REALLY
    assert talk.customer(yes) == "Order TT-1234 is cancelled."
    assert talk.rule == "confirmed"


@pytest.mark.parametrize(
    "no",
    [
        "no",
        "No, don't!",
        "nope",
        "不是",
        "不用了",
        "no thanks",
        "no that is my other parcel",
        "不，我还想留着",
        "wait, let me think",
        "actually I'd rather keep the parcel",
        "算了不取消了",
        "我还是不取消了吧",
        "skip it",
        "跳过",
    ],
)
def test_a_no_does_not(talk: Conversation, no: str) -> None:
    talk.customer("cancel TT-1234", "cancel")
    assert talk.customer(no).startswith("All right, I haven't done it.")
    assert talk.state.pending is None
    assert "cancelled" not in talk.customer("yes")


def test_a_no_may_be_followed_by_what_should_be_different(talk: Conversation) -> None:
    talk.customer("cancel TT-1234", "cancel")
    talk.customer("no")
    assert "(TT-4412)" in talk.customer("TT-4412")
    assert talk.customer("yes") == "Order TT-4412 is cancelled."


@pytest.mark.parametrize("text", ["no, TT-4412", "TT-4412", "yes, but for 4412", "是4412"])
def test_another_value_while_it_is_read_out_is_read_out_instead(
    talk: Conversation, text: str
) -> None:
    talk.customer("cancel TT-1234", "cancel")
    assert "(TT-4412)" in talk.customer(text)
    assert talk.customer("yes") == "Order TT-4412 is cancelled."


def test_the_question_may_be_the_owners(talk: Conversation) -> None:
    reply = talk.customer("send a large for 1234", "resize")
    assert reply == "Large instead, for order TT-1234?"
    assert talk.customer("small, I mean") == "Small instead, for order TT-1234?"
    assert talk.customer("yes") == "Small for TT-1234: done."


def test_what_is_neither_yes_nor_no_is_asked_once_more(talk: Conversation) -> None:
    talk.customer("cancel TT-1234", "cancel")
    assert talk.customer("blorp") == (
        "Yes or no? Before I do it: Cancel an order (TT-1234). Is that right?"
    )
    talk.customer("blorp")
    assert talk.decision.kind == "handoff"


@pytest.mark.parametrize(
    "text",
    ["yes but what does it cost", "yes if it is free", "sure, is that safe?", "是的，但是要钱吗"],
)
def test_a_yes_with_a_doubt_is_none(talk: Conversation, text: str) -> None:
    talk.customer("cancel TT-1234", "cancel")
    talk.customer(text)
    assert (talk.decision.kind, talk.rule) == ("ask", "slot-unfilled")


def test_nothing_is_confirmed_by_thanks_or_by_another_request(talk: Conversation) -> None:
    talk.customer("cancel TT-1234", "cancel")
    assert talk.customer("when are you open?", "hours").startswith("Nine to five.")
    assert talk.customer("thanks a lot") != "Order TT-1234 is cancelled."


def test_the_same_request_is_confirmed_anew(talk: Conversation) -> None:
    talk.customer("cancel TT-1234", "cancel")
    talk.customer("yes")
    assert "(TT-1234)" in talk.customer("cancel it", "cancel")


def test_a_replay_goes_ahead_without_a_yes(talk: Conversation) -> None:
    talk.customer("cancel TT-1234", "cancel")
    went_ahead = as_confirmed(talk.decision, talk.templates)
    assert isinstance(went_ahead, Answer)
    assert (went_ahead.template, went_ahead.slots) == ("cancel", {"order_id": "TT-1234"})
    talk.customer("wrong size", "exchange")
    assert as_confirmed(talk.decision, talk.templates) is talk.decision


def test_what_was_not_read_out_is_not_confirmed(talk: Conversation) -> None:
    talk.customer("cancel TT-1234 of A-1", "cancel")
    talk.customer("yes")
    assert "(A-1)" in talk.customer("what is on my account?", "balance")


def test_a_value_to_confirm_is_confirmed_once(talk: Conversation) -> None:
    assert "(A-1)" in talk.customer("what is on A-1?", "balance")
    assert talk.customer("yes") == "A-1 holds 5."
    assert talk.customer("and now?", "balance").startswith("A-1 holds 5.")
    assert "(A-2)" in talk.customer("and on A-2?", "balance")


# --- forgotten -----------------------------------------------------------------------------------


def test_a_value_is_forgotten_when_it_is_stale(talk: Conversation) -> None:
    assert talk.customer("C1", "password") == "Code C1 is right."
    talk.later(minutes=9)
    assert talk.customer("again", "password").startswith("Code C1 is right.")
    talk.later(minutes=2)
    assert talk.customer("again", "password") == "What is the code we sent you?"


def test_a_value_that_is_said_again_is_fresh_again(talk: Conversation) -> None:
    talk.customer("C1", "password")
    talk.later(minutes=9)
    talk.customer("C1, as I said", "hours")
    talk.later(minutes=9)
    assert talk.customer("so?", "password") == "Code C1 is right."


def test_a_clock_that_jumps_back_forgets_nothing_and_keeps_nothing_for_ever(
    talk: Conversation,
) -> None:
    talk.later(minutes=600)
    talk.customer("C1", "password")
    talk.later(minutes=-300)
    assert talk.customer("again", "password").startswith("Code C1 is right.")
    talk.customer("C2", "password")
    talk.later(minutes=311)
    assert talk.customer("again", "password") == "What is the code we sent you?"


def test_other_values_are_kept_meanwhile(talk: Conversation) -> None:
    talk.customer("TT-1234 and C1", "password")
    talk.later(minutes=60)
    assert talk.customer("where is it?", "track") == "Order TT-1234 is on its way."
