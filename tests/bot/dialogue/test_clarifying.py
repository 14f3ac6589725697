"""Two or three readings that are too close to call: the question, and what it is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.decision import Ask, Candidates, Clarify, Decision, Reading
from bot.dialogue import decide
from bot.dialogue.told import NOTHING_TOLD, Told, told_in
from finetune.conversation import Conversation as Chat
from tests.bot.dialogue.conversation import Conversation
from tests.bot.dialogue.test_repair import ASKED, SETTINGS, TEMPLATES

CLOSE = {"track": 0.5, "hours": 0.46}
NEARLY_ALWAYS = Told({"track": 98, "hours": 98}, {"track": {"order_id": 98}})
"""Who wants to track an order gives its number; who asks for the opening hours never does."""
OFTEN = Told({"track": 98, "hours": 98}, {"track": {"order_id": 70}, "hours": {"order_id": 10}})


class Talk(Conversation):
    """A conversation with a bot that has learnt what is told with each request."""

    told: Told = NOTHING_TOLD

    def _decide(self, text: str, reading: Reading, candidates: Candidates) -> Decision:
        known = (self.templates, self.thresholds, self.settings.entities)
        return decide(self.state, text, reading, candidates, *known, told=self.told)


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    return Talk.of(tmp_path, SETTINGS.format(language="en"), TEMPLATES)


# --- the question --------------------------------------------------------------------------------


def test_without_anything_learnt_the_titles_are_offered(talk: Talk) -> None:
    assert talk.customer("my parcel on Sunday", intents=CLOSE).splitlines()[1:3] == [
        "1. Track an order",
        "2. Opening hours",
    ]


def test_a_fact_that_tells_them_apart_is_asked_for_instead(talk: Talk) -> None:
    talk.told = NEARLY_ALWAYS
    assert talk.customer("my parcel on Sunday", intents=CLOSE) == ASKED
    assert talk.rule == "too-close"
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."


def test_where_the_fact_is_not_given_the_titles_are_offered_after_all(talk: Talk) -> None:
    talk.told = NEARLY_ALWAYS
    talk.customer("my parcel on Sunday", intents=CLOSE)
    talk.customer("why would I have one?")
    assert isinstance(talk.decision, Clarify)
    assert talk.decision.choices == ("track", "hours")
    assert talk.customer("2") == "Nine to five."


def test_a_fact_that_only_often_tells_them_apart_is_not_asked_for(talk: Talk) -> None:
    talk.told = OFTEN
    talk.customer("my parcel on Sunday", intents=CLOSE)
    assert isinstance(talk.decision, Clarify)


def test_a_fact_that_both_need_tells_nothing(talk: Talk) -> None:
    talk.told = Told(
        {"track": 98, "cancel": 98}, {"track": {"order_id": 98}, "cancel": {"order_id": 98}}
    )
    talk.customer("my order", intents={"track": 0.5, "cancel": 0.46})
    assert isinstance(talk.decision, Clarify)


def test_a_fact_that_is_known_already_is_not_asked_for(talk: Talk) -> None:
    talk.told = NEARLY_ALWAYS
    talk.customer("TT-1234 on Sunday", intents=CLOSE)
    assert not isinstance(talk.decision, Ask)


def test_what_is_told_with_a_request_is_counted_in_the_chats(talk: Talk) -> None:
    def chat(*turns: tuple[str, str | None]) -> Chat:
        said = [
            {"speaker": "customer", "text": text, **({"intent": intent} if intent else {})}
            for text, intent in turns
        ]
        return Chat.model_validate({"id": "c", "turns": said})

    chats = [
        chat(("where is it?", "track"), ("TT-1234", None), ("are you open?", "hours")),
        chat(("where is TT-4321?", "track")),
        chat(("are you open?", "hours"), ("for size M?", None)),
    ]
    told = told_in(chats, talk.templates, talk.settings.entities)
    assert told == Told({"track": 2, "hours": 2}, {"track": {"order_id": 2}, "hours": {"size": 1}})
    assert told.share("track", "order_id") == 0.75


# --- the answer ----------------------------------------------------------------------------------

OFFERED = {"track": 0.5, "cancel": 0.46}


@pytest.mark.parametrize(
    "words",
    [
        "2",
        "the second",
        "第二个",
        "Cancel an order",
        "cancel",
        "cancelling",
        "I want to cancel it now",
    ],
)
def test_a_choice_is_picked_by_number_by_title_or_in_other_words(talk: Talk, words: str) -> None:
    talk.customer("TT-1234", intents=OFFERED)
    assert talk.customer(words) == "Order TT-1234 is cancelled."
    assert talk.rule == "choice-picked"


@pytest.mark.parametrize(
    ("intents", "picked"),
    [
        ({"cancel": 0.7, "track": 0.02}, True),  # 0.46 * 0.7 against 0.5 * 0.02
        ({"cancel": 0.6, "track": 0.3}, False),
        ({"cancel": 0.4, "hours": 0.3}, False),  # too likely to be something else
    ],
)
def test_a_choice_is_picked_by_what_the_message_is_read_as(
    talk: Talk, intents: Mapping[str, float], picked: bool
) -> None:
    talk.customer("TT-1234", intents=OFFERED)
    talk.customer("do away with the thing", intents=intents)
    assert (talk.rule == "choice-picked") == picked


def test_another_request_is_no_choice(talk: Talk) -> None:
    talk.customer("TT-1234", intents=OFFERED)
    assert talk.customer("how do I track opening times?", "hours") == "Nine to five."


def test_words_that_both_have_pick_neither(talk: Talk) -> None:
    talk.customer("TT-1234", intents=OFFERED)
    talk.customer("my order")
    assert talk.rule == "unknown"


def test_a_chinese_title_is_picked_by_a_word_of_it(tmp_path: Path) -> None:
    titles = TEMPLATES.replace("Track an order", "查询物流").replace("Cancel an order", "取消订单")
    talk = Talk.of(tmp_path, SETTINGS.format(language="zh"), titles)
    talk.customer("TT-1234", intents=OFFERED)
    assert talk.customer("想看看物流信息") == "Order TT-1234 is on its way."
