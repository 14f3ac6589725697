"""Tone: a run of upset turns changes the wording and offers a person sooner; thanks ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.decision import Reading
from bot.dialogue.tone import sounds_upset
from bot.own_sentences import UPSET
from bot.replies import SENTENCES
from tests.bot.dialogue.conversation import Conversation
from tests.bot.dialogue.test_repair import ASKED, SETTINGS, TEMPLATES


@pytest.fixture
def talk(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS.format(language="en"), TEMPLATES)


@pytest.fixture
def zh(tmp_path: Path) -> Conversation:
    return Conversation.of(tmp_path, SETTINGS.format(language="zh"), TEMPLATES)


@pytest.mark.parametrize(
    "text",
    [
        "this is ridiculous",
        "WHERE IS MY PARCEL",
        "Worst shop ever",
        "are you kidding me",
        "where is it???",
        "I'm sick of waiting",
        "太差了",
        "气死我了",
        "等了半个月，垃圾",
        "还没到！！！",
    ],
)
def test_these_sound_upset(text: str) -> None:
    assert sounds_upset(text, Reading())


@pytest.mark.parametrize(
    "text",
    [
        "where is my parcel?",
        "My order is TT-1234",
        "Is it OK to pay by VISA?",
        "FAQ",
        "bit of a stupid question maybe",
        "Thank you!!",
        "请问几点开门？",
        "我的包裹呢",
    ],
)
def test_these_do_not(text: str) -> None:
    assert not sounds_upset(text, Reading())


def test_what_a_model_has_learnt_counts_too() -> None:
    assert sounds_upset("it came broken again", Reading(sentiment="negative"))
    assert not sounds_upset("it came broken again", Reading(sentiment="neutral"))


def test_the_first_unknown_of_an_upset_run_hands_over_with_an_apology(talk: Conversation) -> None:
    talk.customer("this is ridiculous, are you open?", "hours")
    assert talk.customer("blorp, this is a joke").startswith("I'm sorry for the trouble")
    assert (talk.rule, talk.decision.kind) == ("unknown-twice", "handoff")


def test_one_upset_message_is_no_run(talk: Conversation) -> None:
    assert talk.customer("this is ridiculous").startswith("I'm sorry, I don't know the answer")
    assert talk.decision.kind == "unknown"


def test_nobody_is_called_to_a_customer_who_is_calm(talk: Conversation) -> None:
    talk.customer("what is the weather like?")
    said = talk.customer("and who won the game?")
    assert said == "I'm sorry, I don't know that one either. Shall I get a colleague?"
    assert talk.customer("no thanks") == "No problem. I'm here if you need anything."
    assert talk.customer("are you open?", "hours") == "Nine to five."
    assert not talk.state.handed_over


def test_nobody_is_called_to_a_calm_customer_in_chinese_either(zh: Conversation) -> None:
    zh.customer("今天天气怎么样")
    assert zh.customer("昨晚谁赢了") == "抱歉，这个我也不知道。需要我请同事来帮您吗？"
    assert zh.customer("好的").startswith("好的，我这就为您转接同事")
    assert zh.state.handed_over


def test_a_person_is_offered_once_in_a_run_and_a_yes_is_taken_at_its_word(
    talk: Conversation,
) -> None:
    assert talk.customer("this is a joke", "hours") == "Nine to five."
    said = talk.customer("still closed?! useless", "hours")
    assert said == "Nine to five.\n\nShall I get a colleague?"
    talk.customer("yes please")
    assert (talk.rule, talk.decision.kind) == ("wants-person", "handoff")


def test_it_is_offered_once(talk: Conversation) -> None:
    for number in range(1, 5):
        said = talk.customer("this is ridiculous", "hours")
        assert ("Shall I" in said) == (number == 2)


def test_a_question_is_not_mixed_with_another_one(talk: Conversation) -> None:
    talk.customer("this is a joke", "hours")
    said = talk.customer("useless, where is my parcel", "track")
    question, offer = said.split("\n\n")
    assert question == f"I'm sorry to hear that. {ASKED}"
    assert offer == 'If you would rather talk to a person, type "agent".'
    talk.customer("yes")
    assert talk.decision.kind == "ask"


def test_a_first_question_to_who_is_upset_is_no_cold_one(
    talk: Conversation, zh: Conversation
) -> None:
    said = talk.customer("this is ridiculous, where is my parcel?", "track")
    assert said == f"I'm sorry to hear that. {ASKED}"
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."
    assert zh.customer("太慢了，包裹呢", "track") == f"很抱歉让您遇到这种情况。{ASKED}"


def test_a_yes_to_nothing_gets_no_person(talk: Conversation) -> None:
    talk.customer("are you open?", "hours")
    talk.customer("yes")
    assert talk.decision.kind == "smalltalk"


def test_a_calm_message_ends_the_run(talk: Conversation) -> None:
    talk.customer("this is ridiculous", "hours")
    talk.customer("thanks")
    talk.customer("useless", "hours")
    assert talk.state.upset_streak == 1


def test_it_is_asked_again_with_an_apology(talk: Conversation) -> None:
    talk.customer("this is ridiculous, where is my parcel?", "track")
    said = talk.customer("are you kidding me")
    assert said == f"I'm sorry for the trouble. To look into it I need one thing: {ASKED}" + (
        '\n\nIf you would rather talk to a person, type "agent".'
    )


def test_upset_in_chinese(zh: Conversation) -> None:
    zh.customer("太差了，几点开门", "hours")
    assert (
        zh.customer("气死我了，到底几点开门", "hours") == "Nine to five.\n\n需要我请同事来帮您吗？"
    )
    assert zh.customer("好的").startswith("好的，我这就为您转接同事")


def test_thanks_closes(talk: Conversation) -> None:
    talk.customer("TT-1234", intents={"track": 0.5, "cancel": 0.46})
    assert talk.customer("thanks") == "You're welcome!"
    assert talk.state.pending is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_bot_never_argues(language: str) -> None:
    said = " ".join(text.casefold() for texts in SENTENCES[language].values() for text in texts)  # type: ignore[index]
    for words in ("as i said", "as i told", "you should have", "calm down", "you are wrong"):
        assert words not in said
    for words in ("我说过", "您应该早", "冷静", "您错了"):
        assert words not in said


@pytest.mark.parametrize("language", ["en", "zh"])
def test_upset_wordings_apologise(language: str) -> None:
    sorry = ("sorry",) if language == "en" else ("抱歉", "对不起", "添麻烦")
    for name, texts in SENTENCES[language].items():  # type: ignore[index]
        if name.endswith(UPSET):
            assert all(any(word in text for word in sorry) for text in texts), name
