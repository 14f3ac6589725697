"""What would have become of a chat, and the rules over what people say."""

from dataclasses import replace as with_other

import pytest

from bot.replay.acts import act_of, confirms
from bot.replay.outcome import outcome
from bot.replay.store import Turn
from tests.bot.replay.test_summary import PLAIN


def chat(*turns: str) -> list[Turn]:
    """Turns such as "template right", "unknown escalated", "smalltalk confirms"."""
    found = []
    for number, (kind, *marks) in enumerate(map(str.split, turns)):
        verdict = next((mark for mark in marks if mark in ("right", "wrong")), None)
        act = "escalated" if "escalated" in marks else "answered"
        thanks = "confirms" in marks
        turn = with_other(PLAIN, turn=number, kind=kind, verdict=verdict, act=act, confirms=thanks)
        found.append(with_other(turn, rule="perhaps") if "guessed" in marks else turn)
    return found


def true_of(*turns: str) -> set[str]:
    return {name for name, value in outcome(chat(*turns)).items() if value} - {"chats"}


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (["template right"], {"involved", "contained", "resolved"}),
        (["template", "smalltalk confirms"], {"involved", "contained", "resolved", "confirmed"}),
        (["template", "template confirms"], {"involved", "contained", "resolved", "confirmed"}),
        (["passages"], {"involved", "contained", "resolved"}),
        (["template wrong"], {"involved", "contained"}),
        (["template", "ask"], {"involved", "contained"}),
        (["template", "unknown"], {"involved"}),
        (["clarify", "template"], {"involved", "contained", "resolved"}),
        (["clarify guessed", "template"], {"involved"}),
        (["clarify guessed"], set()),
        (["handoff"], set()),
        (["unknown", "smalltalk confirms"], set()),
        (["smalltalk", "smalltalk confirms"], set()),
        (["template", "template escalated"], {"involved", "contained", "resolved", "escalated"}),
        (["handoff", "ask", "ask escalated"], {"involved", "escalated", "offered", "turns before"}),
        (["ask escalated", "handoff"], {"involved", "escalated"}),
    ],
)
def test_the_outcome_of_a_chat(turns: list[str], expected: set[str]) -> None:
    assert true_of(*turns) == expected


def test_how_many_messages_before_the_agent_did_the_bot_offers_a_person() -> None:
    assert outcome(chat("ask", "unknown", "ask", "ask escalated"))["turns before"] == 2
    assert outcome(chat("ask", "unknown escalated"))["turns before"] == 0


@pytest.mark.parametrize(
    ("reply", "act"),
    [
        ("We open at seven.", "answered"),
        ("Your parcel is on its way. Which one is it?", "asked"),
        ("You're welcome! Is there anything else?", "answered"),
        ("Is there anything else? And what is your name?", "asked"),
        ("不客气！请问还有其他问题吗？", "answered"),
        ("Please provide your booking number.", "asked"),
        ("May I have your name please", "asked"),
        ("Let me check that for you.", "looked up"),
        ("One moment please, I'll look into it.", "looked up"),
        ("I'm transferring you to billing.", "escalated"),
        ("My colleague will call you tomorrow.", "escalated"),
        ("Let me connect you with a specialist", "escalated"),
        ("We check every parcel twice.", "answered"),
        ("The transfer takes two days.", "answered"),
        ("我们七点开门。", "answered"),
        ("请问您的订单号是多少？", "asked"),
        ("请提供一下订单号", "asked"),
        ("稍等，我帮您查一下", "looked up"),
        ("这边为您转接人工", "escalated"),
    ],
)
def test_what_an_agent_did(reply: str, act: str) -> None:
    assert act_of(reply) == act


def test_a_template_that_hands_over_escalates_whatever_it_says() -> None:
    assert act_of("I am sorry.", hands_over=True) == "escalated"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Great, thanks!", True),
        ("That worked, thank you so much", True),
        ("it works now", True),
        ("thanks but it is still broken", False),
        ("thanks, and what about Sunday?", False),
        ("thanks in advance", False),
        ("thanks for nothing", False),
        ("that didn't work", False),
        ("no", False),
        ("谢谢，解决了", True),
        ("谢谢，但是还没有解决", False),
        ("好了吗？", False),
    ],
)
def test_whether_a_customer_says_that_all_is_well(message: str, expected: bool) -> None:
    assert confirms(message) is expected
