"""The flows of the two sample workspaces, as a customer of each goes through them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.workspace import open_workspace
from tests.bot.dialogue.conversation import Conversation

DATA = Path(__file__).resolve().parents[3] / "data"


def test_an_order_is_cancelled_in_english() -> None:
    talk = Conversation.at(DATA / "outdoor")
    asked = talk.customer("please cancel my order", "order/cancel")
    assert asked.startswith("What is your order number?")
    assert talk.customer("TT-12").startswith("An order number is TT- and six digits.")
    reply = talk.customer("tt-123456")
    assert reply == "Shall I ask the warehouse to stop TT-123456? That cannot be undone."
    reply = talk.customer("no, I meant TT-123465")
    assert reply == "Shall I ask the warehouse to stop TT-123465? That cannot be undone."
    assert "TT-123465" in talk.customer("yes please")
    assert (talk.decision.kind, talk.rule) == ("template", "confirmed")


def test_an_order_that_has_left_is_not_said_to_be_cancelled_in_english() -> None:
    talk = Conversation.at(DATA / "outdoor")
    talk.customer("cancel TT-204060", "order/cancel")
    assert talk.customer("yes").startswith("I couldn't stop TT-204060, and it may have left")


def test_an_order_is_cancelled_in_chinese() -> None:
    talk = Conversation.at(DATA / "tea-zh")
    assert talk.customer("我想取消订单", "cancel_order").startswith("请问您的订单号是多少？")
    assert talk.customer("CY123").startswith("订单号应为 CY 加 8 位数字。")
    assert talk.customer("cy20250001") == "确定要取消订单 CY20250001 吗？取消后不能恢复。"
    reply = talk.customer("不是这个，我说错了，是CY20250002")
    assert reply == "确定要取消订单 CY20250002 吗？取消后不能恢复。"
    assert "CY20250002" in talk.customer("对的，取消吧")
    assert (talk.decision.kind, talk.rule) == ("template", "confirmed")


def test_an_order_that_has_left_is_not_said_to_be_cancelled_in_chinese() -> None:
    talk = Conversation.at(DATA / "tea-zh")
    talk.customer("取消CY20250001", "cancel_order")
    reply = talk.customer("确认")
    assert reply.startswith("订单 CY20250001 没能取消，可能已经发出。")
    assert "输入“人工”" in reply


def test_a_no_does_nothing_in_chinese() -> None:
    talk = Conversation.at(DATA / "tea-zh")
    talk.customer("取消CY20250003", "cancel_order")
    assert talk.customer("不用了，先留着") == "好的，我先不办理。哪里需要改，直接告诉我就行。"


DEEDS = re.compile(
    r"\bI(?:'ve| have|'ll| will)\b|\bis now searching\b|trace is open|leaves today"
    "|已经?(?:查到|登记|提交|催|取消|为您)|帮您(?:查|看)了|我(?:查|看)(?:到|过)了|会有客户经理"
)
"""What sounds as if the bot had done something, or were about to."""


@pytest.mark.parametrize("sample", ["outdoor", "tea-zh"])
def test_no_answer_claims_a_deed_that_no_action_does(sample: str) -> None:
    templates = open_workspace(DATA / sample).load_templates()
    claims = {
        (found.id, wording)
        for found in templates.spoken
        for wording in found.wordings
        if found.kind == "answer" and found.action is None and DEEDS.search(wording)
    }
    assert not claims


def test_what_only_a_colleague_can_do_is_offered_and_a_colleague_is_called() -> None:
    talk = Conversation.at(DATA / "outdoor")
    reply = talk.customer("my parcel TT-123456 is late", "order/delayed")
    assert 'A colleague can open a trace with the carrier: type "agent".' in reply
    talk.customer("agent")
    assert (talk.decision.kind, talk.rule) == ("handoff", "wants-person")


def test_what_only_a_colleague_can_do_is_offered_in_chinese() -> None:
    talk = Conversation.at(DATA / "tea-zh")
    reply = talk.customer("CY20250002的快递丢了", "delivery_problem")
    assert reply.startswith("订单 CY20250002 的物流异常请输入「人工」登记")
    talk.customer("人工")
    assert (talk.decision.kind, talk.rule) == ("handoff", "wants-person")
