"""Repair: what a message does to the conversation, rather than asks of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.dialogue.phrases import act_of, acts_of
from bot.dialogue.told import Told
from tests.bot.dialogue.conversation import Conversation

SETTINGS = r"""
name = "Tern & Trail"
language = "{language}"
[entities.order_id]
pattern = '\bTT-\d{{4}}\b'
ask = "What is your order number?"
expires_after_minutes = 30
[entities.size]
values = ["S", "M", "L"]
ask = "Which size?"
[entities.note]
values = ["gift", "fragile"]
ask = "Any remark?"
"""
TEMPLATES = """
templates:
  - id: track
    intents: [track]
    title: Track an order
    wordings: ["Order {order_id} is on its way."]
  - id: cancel
    intents: [cancel]
    title: Cancel an order
    wordings: ["Order {order_id} is cancelled."]
  - id: exchange
    intents: [exchange]
    title: Exchange for another size
    wordings: ["We will send {size} for order {order_id}."]
  - id: send
    intents: [send]
    title: Send a parcel
    slots: [order_id, note]
    wordings: ["{order_id} is sent."]
  - id: hours
    intents: [hours]
    title: Opening hours
    wordings: ["Nine to five."]
  - id: lawyer
    intents: [legal]
    kind: handoff
    wordings: ["Our lawyers will call."]
"""
ASKED = "What is your order number?"


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS.format(language="en"), TEMPLATES)


@pytest.fixture
def zh(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS.format(language="zh"), TEMPLATES)


# --- continue an interrupted flow ----------------------------------------------------------------


def test_after_a_digression_the_question_comes_back(talk: Conversation) -> None:
    assert talk.customer("where is my parcel?", "track") == ASKED
    said = talk.customer("wait, when are you open?", "hours")
    assert said == f"Nine to five.\n\nBack to “Track an order”: {ASKED}"
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."


def test_the_question_comes_back_after_passages_too(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    assert talk.customer("can I return it?", passages={"returns": 0.9}).endswith(
        f"\n\nBack to “Track an order”: {ASKED}"
    )


def test_of_requests_within_requests_the_inner_one_is_finished_first(talk: Conversation) -> None:
    talk.customer("wrong size", "exchange")
    talk.customer("oh, send it again", "send")
    assert talk.customer("TT-1234") == "Any remark?"
    assert talk.customer("a gift").splitlines()[-1] == (
        "Back to “Exchange for another size”: Which size?"
    )
    assert talk.customer("M") == "We will send M for order TT-1234."


@pytest.mark.parametrize("words", ["let's go on", "Continue please.", "继续", "where were we?"])
def test_an_open_question_is_gone_back_to(talk: Conversation, words: str) -> None:
    talk.customer("where is my parcel?", "track")
    assert talk.customer(words) == ASKED
    assert talk.rule == "repaired"


def test_a_question_that_the_digression_answered_is_not_asked_again(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    said = talk.customer("oh, just cancel TT-1234 for me then", "cancel")
    assert said == "Order TT-1234 is cancelled."


# --- cancel --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["never mind", "Forget it!", "ok stop", "I changed my mind", "cancel that, please"]
)
def test_what_was_going_on_is_cancelled(talk: Conversation, words: str) -> None:
    talk.customer("where is my parcel?", "track")
    assert talk.customer(words, "cancel") == "No problem, I've dropped that."
    assert talk.state.pending is None
    assert talk.customer("TT-1234") != "Order TT-1234 is on its way."


@pytest.mark.parametrize("words", ["算了", "不用了，谢谢", "取消吧", "我改主意了"])
def test_cancelled_in_chinese(zh: Conversation, words: str) -> None:
    zh.customer("我的包裹呢？", "track")
    assert zh.customer(words) == "没问题，这件事先放下。"


def test_cancelling_the_inner_request_comes_back_to_the_outer_one(talk: Conversation) -> None:
    talk.customer("wrong size", "exchange")
    talk.customer("no, where is it first?", "track")
    said = talk.customer("never mind")
    assert (
        said == "No problem, I've dropped that.\n\nBack to “Exchange for another size”: Which size?"
    )


def test_cancel_my_order_is_a_request_and_no_repair(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    assert talk.customer("cancel my order", "cancel") == ASKED
    assert talk.rule == "intent-certain"


def test_cancel_picks_the_choice_of_that_name(talk: Conversation) -> None:
    talk.customer("TT-1234", intents={"track": 0.5, "cancel": 0.46})
    assert talk.customer("cancel") == "Order TT-1234 is cancelled."


def test_cancel_it_goes_on_with_what_is_about_cancelling(talk: Conversation) -> None:
    talk.customer("please cancel", "cancel")
    talk.customer("cancel it")
    assert talk.rule == "slot-unfilled"
    assert talk.customer("forget it") == "No problem, I've dropped that."


@pytest.mark.parametrize("words", ["cancel it", "取消吧"])
def test_cancel_it_is_no_answer_to_whether_to_cancel(tmp_path: Path, words: str) -> None:
    title = "Cancel an order" if words.isascii() else "取消订单"
    sure = f"""
        templates:
          - id: cancel
            intents: [cancel]
            title: {title}
            confirm: true
            wordings: ["Order {{order_id}} is cancelled."]
        """
    talk = Conversation.of(tmp_path, SETTINGS.format(language="en"), sure)
    talk.customer("cancel TT-1234", "cancel")
    assert talk.customer(words).startswith("Yes or no?")
    assert talk.customer("yes") == "Order TT-1234 is cancelled."


def test_never_mind_with_nothing_open_is_only_answered_politely(talk: Conversation) -> None:
    assert talk.customer("never mind") == "No problem. I'm here if you need anything."
    assert talk.rule == "courtesy"


# --- skip ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["skip this", "pass", "跳过这个"])
def test_a_slot_that_the_answer_can_do_without_is_skipped(talk: Conversation, words: str) -> None:
    talk.customer("send TT-1234", "send")
    assert talk.customer(words) == "TT-1234 is sent."


def test_a_slot_that_is_needed_is_asked_for_once_more_and_then_a_person_helps(
    talk: Conversation,
) -> None:
    talk.customer("where is my parcel?", "track")
    said = talk.customer("skip it")
    assert said.startswith("I can't go on without that, I'm afraid.")
    assert said.endswith(ASKED)
    talk.customer("skip")
    assert talk.decision.kind == "handoff"


def test_what_was_skipped_is_asked_for_the_next_time(talk: Conversation) -> None:
    talk.customer("send TT-1234", "send")
    talk.customer("skip")
    assert talk.customer("send it once more", "send") == "Any remark?"


# --- repeat --------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["what did you say?", "say that again", "你刚才说什么？"])
def test_the_last_reply_is_said_again_in_the_same_words(talk: Conversation, words: str) -> None:
    said = talk.customer("where is TT-1234?", "track")
    assert talk.customer(words) == said
    assert talk.customer(words) == said


def test_a_question_that_is_said_again_is_still_open(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    assert talk.customer("pardon?") == ASKED
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."


def test_nothing_can_be_repeated_before_anything_was_said(talk: Conversation) -> None:
    assert talk.customer("what did you say?") == "Hello! What can I help you with?"
    assert talk.rule == "courtesy"


# --- I already told you --------------------------------------------------------------------------


def test_what_was_told_before_is_found_in_an_earlier_message(talk: Conversation) -> None:
    talk.customer("where is TT-1234?", "track")
    talk.later(minutes=60)
    assert talk.customer("and now?", "track") == ASKED
    assert talk.customer("I already told you!") == "Order TT-1234 is on its way."


@pytest.mark.parametrize(
    ("words", "sorry"),
    [("I already told you", "I'm sorry, I can't find it"), ("but I told you that", "I'm sorry")],
)
def test_what_was_never_told_is_asked_for_with_an_apology_once(
    talk: Conversation, words: str, sorry: str
) -> None:
    talk.customer("where is my parcel?", "track")
    said = talk.customer(words)
    assert said.startswith(sorry)
    assert '"agent"' in said
    assert said.endswith(ASKED)
    talk.customer(words)
    assert talk.decision.kind == "handoff"


def test_told_already_in_chinese(zh: Conversation) -> None:
    zh.customer("我的包裹呢？", "track")
    assert zh.customer("我已经说过了").startswith("抱歉，我在您的消息里没有找到。")


def test_told_already_after_an_unknown_offers_a_person(talk: Conversation) -> None:
    talk.customer("blorp")
    assert talk.customer("I told you already").endswith("Shall I get a colleague?")
    talk.customer("yes please")
    assert talk.decision.kind == "handoff"


def test_told_already_after_an_answer_is_not_answered_with_i_do_not_know(
    talk: Conversation,
) -> None:
    talk.customer("where is TT-1234?", "track")
    assert talk.customer("I already told you") == "I'm sorry about that. Shall I get a colleague?"


@pytest.mark.parametrize("words", ["I already gave you my order number", "I told you the number"])
def test_what_was_told_may_be_named(talk: Conversation, words: str) -> None:
    talk.customer("where is my parcel?", "track")
    talk.customer(words, passages={"click-and-collect": 0.9})
    assert talk.rule == "repaired"


def test_the_wrong_number_is_a_correction_and_no_reproach() -> None:
    assert acts_of("I gave you the wrong number") == ()


# --- that's not what I asked ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["that's not what I asked", "you don't understand me", "No, that isn't what I meant!"],
)
def test_what_was_misheard_is_apologised_for_and_never_argued_about(
    talk: Conversation, words: str
) -> None:
    talk.customer("when are you open?", "hours")
    said = talk.customer(words, "hours")
    assert said.startswith("I'm sorry, I got that wrong.")
    assert said.endswith("Or shall I get a colleague?")
    talk.customer("yes")
    assert talk.decision.kind == "handoff"


def test_a_question_for_the_wrong_request_is_dropped(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    assert ASKED not in talk.customer("that's not what I asked")
    assert talk.state.pending is None


def test_what_is_wrong_is_a_no_where_a_yes_is_waited_for(tmp_path: Path) -> None:
    settings = SETTINGS.format(language="en") + '[actions.stop]\nfunction = "stop"\n'
    talk = Conversation.of(tmp_path, settings, STOPPING, "def stop(slots): pass")
    talk.customer("cancel TT-1234", "cancel")
    assert talk.customer("that's wrong").startswith("All right, I haven't done it.")
    talk.customer("cancel TT-1234", "cancel")
    assert talk.customer("hmm wait").startswith("No problem, I'll leave it.")
    assert talk.customer("that's not right").startswith("I'm sorry, I got that wrong.")


def test_misheard_twice_in_a_row_a_person_takes_over(talk: Conversation) -> None:
    talk.customer("when are you open?", "hours")
    talk.customer("that's not what I asked")
    talk.customer("you still don't understand")
    assert talk.decision.kind == "handoff"


@pytest.mark.parametrize("words", ["我问的不是这个", "你没听懂", "答非所问"])
def test_misheard_in_chinese(zh: Conversation, words: str) -> None:
    zh.customer("几点开门？", "hours")
    assert zh.customer(words).startswith("抱歉，是我理解错了。")


# --- I don't have it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["I don't know the number", "i dont know", "I lost it", "no idea, sorry"]
)
def test_who_has_no_number_is_not_asked_again_but_offered_a_person(
    talk: Conversation, words: str
) -> None:
    talk.customer("where is my parcel?", "track")
    said = talk.customer(words)
    assert said.endswith("Shall I get one?")
    assert ASKED not in said
    talk.customer("yes please")
    assert talk.decision.kind == "handoff"


def test_the_number_may_still_be_found_after_all(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    talk.customer("I can't find it")
    assert talk.customer("ah, TT-1234") == "Order TT-1234 is on its way."


def test_who_has_no_number_and_wants_no_person_is_left_alone(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    talk.customer("I don't have it")
    assert talk.customer("no") == "No problem, I've dropped that."
    assert talk.state.pending is None


def test_what_the_answer_can_do_without_is_left_out(talk: Conversation) -> None:
    talk.customer("send TT-1234", "send")
    assert talk.customer("I don't know") == "TT-1234 is sent."


@pytest.mark.parametrize("words", ["我不知道", "忘了", "找不到订单号了", "没有"])
def test_who_has_no_number_in_chinese(zh: Conversation, words: str) -> None:
    zh.customer("我的包裹呢？", "track")
    assert zh.customer(words) == "没关系。没有这一项我办不了，同事也许可以。需要我请同事来帮您吗？"


@pytest.mark.parametrize("words", ["I never received it", "I can't find my parcel", "我没有收到"])
def test_a_parcel_that_is_not_there_is_a_request(words: str) -> None:
    assert "lacks" not in acts_of(words)


# --- what was done is done -----------------------------------------------------------------------

STOPPING = """
templates:
  - id: cancel
    intents: [cancel]
    title: Cancel an order
    action: stop
    confirm: "Stop {order_id}?"
    wordings: ["{order_id} is stopped."]
"""


def stopping(folder: Path, action: str) -> Conversation:
    settings = SETTINGS.format(language="en") + '[actions.stop]\nfunction = "stop"\n'
    talk = Conversation.of(folder, settings, STOPPING, action)
    talk.customer("cancel TT-1234", "cancel")
    talk.customer("yes")
    return talk


@pytest.mark.parametrize("words", ["actually no, I changed my mind", "never mind", "cancel that"])
def test_nobody_is_told_that_what_was_done_is_no_problem(tmp_path: Path, words: str) -> None:
    talk = stopping(tmp_path, "def stop(slots): pass")
    said = talk.customer(words, "cancel")
    assert said == (
        "I'm afraid that is already done, and I can't take it back. Shall I get a colleague?"
    )
    talk.customer("yes please")
    assert talk.decision.kind == "handoff"


def test_what_failed_was_not_done(tmp_path: Path) -> None:
    talk = stopping(tmp_path, "def stop(slots): raise LookupError")
    assert talk.customer("never mind") == "No problem. I'm here if you need anything."


# --- a value, and nothing else -------------------------------------------------------------------


def test_who_gives_a_number_unasked_is_not_told_that_nobody_knows_the_answer(
    talk: Conversation,
) -> None:
    assert talk.customer("it's TT-1234") == "Thank you, I've noted that. What can I do for you?"
    assert talk.customer("where is it?", "track") == "Order TT-1234 is on its way."


def test_only_a_number_in_chinese(zh: Conversation) -> None:
    assert zh.customer("TT-1234") == "好的，已经记下了。请问您需要什么帮助？"


def test_an_order_number_alone_finds_no_passage(talk: Conversation) -> None:
    talk.customer("it's TT-1234", passages={"tracking": 0.9})
    assert talk.rule == "unknown"
    talk.customer("TT-1234 refund", passages={"refunds": 0.9})
    assert talk.rule == "passage-certain"


def test_a_number_that_was_no_choice_finds_no_passage(talk: Conversation) -> None:
    talk.customer("2", passages={"tents": 0.9})
    assert talk.rule == "unknown"


# --- ok ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["ok", "👍", "alright"])
def test_an_ok_to_an_unknown_calls_nobody(talk: Conversation, words: str) -> None:
    talk.customer("blorp")
    assert talk.customer(words) == "Is there anything else I can help you with?"


@pytest.mark.parametrize("words", ["no", "no thanks", "👎"])
def test_a_no_to_an_unknown_is_left_at_that(talk: Conversation, words: str) -> None:
    talk.customer("blorp")
    assert talk.customer(words) == "No problem. I'm here if you need anything."


def test_a_thumb_up_is_a_yes_to_the_offer_of_a_person(talk: Conversation, zh: Conversation) -> None:
    for one in (talk, zh):
        one.customer("blorp")
        one.customer("blorp")
        one.customer("👍🏽")
        assert (one.rule, one.decision.kind) == ("wants-person", "handoff")


def test_a_value_alone_is_noted_and_forgives(talk: Conversation) -> None:
    talk.customer("blorp")
    assert talk.customer("TT-1234").startswith("Thank you, I've noted that.")
    assert talk.customer("blorp").startswith("I don't know that one, I'm afraid.")


@pytest.mark.parametrize("words", ["yes", "yes please", "sure"])
def test_a_yes_to_an_unknown_asks_for_the_person_it_spoke_of(
    talk: Conversation, words: str
) -> None:
    talk.customer("blorp")
    talk.customer(words)
    assert talk.rule == "wants-person"


def test_a_yes_before_anything_was_said_finds_no_passage(talk: Conversation) -> None:
    assert talk.customer("yes", passages={"step-free": 0.9}) == "Hello! What can I help you with?"


@pytest.mark.parametrize(("words", "kind"), [("好的", "smalltalk"), ("需要", "handoff")])
def test_ok_and_yes_in_chinese(zh: Conversation, words: str, kind: str) -> None:
    zh.customer("啦啦啦")
    zh.customer(words)
    assert zh.decision.kind == kind


# --- restart, greeting, goodbye, thanks, what can you do -----------------------------------------


@pytest.mark.parametrize(
    "words", ["start over", "let's start again from the beginning", "重新开始"]
)
def test_starting_over_forgets_everything(talk: Conversation, words: str) -> None:
    talk.customer("where is TT-1234?", "track")
    talk.customer("wrong size", "exchange")
    assert talk.customer(words) == "All right, we start afresh. What can I help you with?"
    assert (talk.state.slots, talk.state.pending, talk.state.interrupted) == ({}, None, ())
    assert talk.customer("where is it?", "track") == ASKED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Hi there!", "Hello! What can I help you with?"),
        ("thanks a lot", "You're welcome!"),
        ("that's all, thank you, bye", "Goodbye, and take care!"),
    ],
)
def test_courtesies_that_no_template_says(talk: Conversation, words: str, said: str) -> None:
    assert talk.customer(words) == said
    assert talk.rule == "courtesy"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("你好", "您好！请问有什么可以帮您？"),
        ("谢谢", "不客气！"),
        ("没有了，再见", "再见，祝您愉快！"),
    ],
)
def test_courtesies_in_chinese(zh: Conversation, words: str, said: str) -> None:
    assert zh.customer(words) == said


def test_goodbye_leaves_nothing_open(talk: Conversation) -> None:
    talk.customer("wrong size", "exchange")
    talk.customer("where is it?", "track")
    assert talk.customer("bye") == "Goodbye, and take care!"
    assert (talk.state.pending, talk.state.interrupted) == (None, ())


def test_small_talk_in_between_keeps_the_question(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    assert talk.customer("hello?").endswith(f"Back to “Track an order”: {ASKED}")
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."


@pytest.mark.parametrize("words", ["what can you do?", "help", "show me the menu", "你能做什么？"])
def test_what_the_bot_can_do_may_be_picked_from(talk: Conversation, words: str) -> None:
    assert talk.customer(words).splitlines() == [
        "I can help with these, among others:",
        "1. Track an order",
        "2. Cancel an order",
        "3. Exchange for another size",
        "4. Send a parcel",
        "5. Opening hours",
        "A number will do, or tell me in other words.",
    ]
    assert talk.customer("the first one") == ASKED


def test_what_is_asked_for_most_is_named_first(talk: Conversation) -> None:
    talk.told = Told(asked={"hours": 40, "cancel": 7})
    assert talk.customer("what can you do?").splitlines()[1:3] == [
        "1. Opening hours",
        "2. Cancel an order",
    ]


@pytest.mark.parametrize(
    "words",
    ["can you help me?", "I need help", "I have a question", "Hi, can I ask you something?"],
)
def test_who_says_that_a_question_follows_is_listened_to(talk: Conversation, words: str) -> None:
    assert talk.customer(words) == "Of course. What is it about?"
    assert talk.customer("When are you open?", "hours") == "Nine to five."


@pytest.mark.parametrize("words", ["我需要帮助", "我想问个问题", "能帮我个忙吗"])
def test_who_says_so_in_chinese_is_listened_to(zh: Conversation, words: str) -> None:
    assert zh.customer(words) == "当然可以，请说，是关于什么的？"


def test_with_nothing_open_there_is_nothing_to_skip_or_go_on_with(talk: Conversation) -> None:
    talk.customer("When are you open?", "hours")
    assert talk.customer("skip") == "No problem. I'm here if you need anything."
    assert talk.customer("where were we?") == "Is there anything else I can help you with?"


def test_a_no_to_a_question_for_a_value_is_heard(talk: Conversation) -> None:
    """It is no failed try at a value, after which a person would take over."""
    talk.customer("where is my parcel?", "track")
    said = talk.customer("no")
    assert said.startswith("That's all right. I can't do it without that, but a colleague may.")
    assert talk.customer("no").startswith("No problem, I've dropped that.")
    assert talk.state.pending is None


def test_an_open_question_is_not_pressed_at_every_turn(talk: Conversation) -> None:
    talk.customer("where is my parcel?", "track")
    replies = [talk.customer("When are you open?", "hours") for _ in range(3)]
    assert ["Back to" in said for said in replies] == [True, True, False]
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."


def test_a_request_that_a_person_was_called_for_is_not_come_back_to(talk: Conversation) -> None:
    talk.customer("wrong size", "exchange")
    talk.customer("where is it?", "track")
    talk.customer("agent")
    talk.customer("never mind")
    assert talk.customer("When are you open?", "hours") == "Nine to five."


# --- a person ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "agent",
        "can I talk to someone?",
        "I want a human",
        "Please let me speak to a real person about my refund.",
        "transfer me to customer service now",
        "I don't want to talk to a bot",
        "get me a manager",
        "帮我转人工吧",
        "有人工吗？",
        "我要找真人客服聊聊",
        "请转接客服经理",
    ],
)
def test_a_person_is_asked_for_in_a_sentence(talk: Conversation, words: str) -> None:
    talk.customer(words, "hours")
    assert (talk.rule, talk.decision.kind) == ("wants-person", "handoff")


@pytest.mark.parametrize(
    "words",
    [
        "is there a person who waters the plants?",
        "can someone else pick up my parcel?",
        "what is your agent commission",
        "my travel agent booked it",
        "a person at the shop told me it is free",
        "这个人工湖在哪里",
        "人工费多少钱",
    ],
)
def test_a_person_who_is_only_mentioned_is_not_asked_for(talk: Conversation, words: str) -> None:
    assert talk.customer(words, "hours") == "Nine to five."


def test_the_owners_own_words_for_a_handoff_are_said(talk: Conversation) -> None:
    assert talk.customer("I want to talk to someone", "legal") == "Our lawyers will call."


def test_a_person_on_the_way_is_not_talked_over(talk: Conversation) -> None:
    talk.customer("agent")
    assert talk.customer("when are you open?", "hours").startswith("A colleague is on the way")
    assert talk.customer("never mind").startswith("All right, I'm back with you.")
    assert talk.customer("when are you open?", "hours") == "Nine to five."


def test_thanks_to_a_person_on_the_way_are_only_thanked_for(talk: Conversation) -> None:
    talk.customer("agent")
    assert talk.customer("thanks") == "You're welcome!"
    assert talk.customer("bye") == "Goodbye, and take care!"
    assert talk.state.handed_over


def test_a_person_on_the_way_in_chinese(zh: Conversation) -> None:
    zh.customer("转人工")
    assert zh.customer("几点开门", "hours").startswith("同事正在赶来")
    assert zh.customer("算了") == "好的，我接着为您服务。请问有什么可以帮您？"


@pytest.mark.parametrize(
    "words",
    ["I don't need an agent anymore", "没事了，不用人工了", "不用找客服了", "不需要人工"],
)
def test_a_person_who_is_not_needed_is_called_off(talk: Conversation, words: str) -> None:
    talk.customer("agent")
    assert talk.customer(words).startswith("All right, I'm back with you.")
    assert not talk.state.handed_over


# --- what is no phrase ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "cancel my order", "stop the delivery", "next day delivery", "skip the queue", "restart it",
        "can you repeat my last order", "i told you my order is TT-1234", "hello kitty bag",
        "thanks for nothing", "go on holiday", "help me return a tent", "我想取消订单", "停止配送",
        "下一单什么时候发", "你好漂亮", "谢谢你们的礼物怎么退", "a" * 5000, "不" * 5000, "",
    ],
)  # fmt: skip
def test_a_message_that_says_more_is_left_to_the_model(words: str) -> None:
    assert act_of(words) is None


def test_no_thanks_is_both_thanks_and_a_no() -> None:
    assert {"thanks", "no"} <= set(acts_of("No, thanks."))
