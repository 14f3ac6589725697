"""A turn is answered with the true turns before it, each text is encoded once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace as with_other
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.bot import Bot, Desk
from bot.decision import Thresholds
from bot.evidence import evidence_json
from bot.model import Model
from bot.replay.answering import read
from bot.replay.reading import read_history
from bot.sessions.session_log import SessionLog
from bot.state import State, remember
from bot.workspace.settings import EntitySettings
from finetune.conversation import Conversation
from tests.bot.replay.conftest import Replayed, chat

ALWAYS = Thresholds(intent=0.0, max_wrong=0.05)


class Counting:
    """A model that writes down what it encodes."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.encoded: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def encode(self, texts: Sequence[str], **options: Any) -> object:
        self.encoded += texts
        return self.model.encode(texts, **options)

    def encode_messages(self, texts: Sequence[str], **options: Any) -> object:
        self.encoded += texts
        return self.model.encode_messages(texts, **options)


def test_every_distinct_text_is_encoded_once(
    desk: Desk, chats: list[Conversation], replayed: Replayed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.replay.survey.BLOCK", 20)
    model: Any = Counting(desk.model)
    replayed(with_other(desk, model=model), [*chats, chat("x", "customer: thanks")])
    said = {turn.text for chat in chats for turn in chat.turns} | {"thanks"}
    # The last reply of a chat is in no window, but ranked; so all that is said is needed.
    assert sorted(model.encoded) == sorted(said)


def test_a_turn_is_read_as_a_session_with_the_true_turns_before_it_would_read_it(
    desk: Desk, chats: list[Conversation]
) -> None:
    history = read_history(chats, desk.model)
    _, readings = read(desk, history)
    for message, probabilities in zip(history.messages(), readings.probabilities, strict=True):
        turns = next(c for c in chats if c.id == message.conversation).turns
        state = State()
        for turn in turns[: message.turn]:
            state = remember(state, turn.speaker, desk.model.encode([turn.text])[0])
        vector = desk.model.encode([turns[message.turn].text])[0]
        alone = desk.model.read(
            [turns[message.turn].text], *desk.model.window(state, vector)
        ).probabilities
        assert alone[0] == pytest.approx(probabilities, abs=1e-5)


def test_what_the_customer_said_before_fills_a_slot_and_only_in_that_chat(
    desk: Desk, replayed: Replayed
) -> None:
    known = chat("a", "customer: where is my parcel BK-0001", "customer: where is my parcel")
    new = chat("b", "customer: where is my parcel")
    _, turns = replayed(with_other(desk, thresholds=ALWAYS), [known, new])
    assert [(t.conversation, t.turn, t.kind, t.template) for t in turns] == [
        ("a", 0, "template", "track"),
        ("a", 1, "template", "track"),
        ("b", 0, "ask", "track"),
    ]


def test_a_date_counts_from_the_day_of_its_turn(desk: Desk, replayed: Replayed) -> None:
    day = EntitySettings(ask="When?", pattern="tomorrow", value="date", personal=False)
    own = with_other(desk, settings=desk.settings.model_copy(update={"entities": {"day": day}}))
    said = {"speaker": "customer", "text": "open tomorrow", "at": "2026-02-28T23:30:00+08:00"}
    _, [turn] = replayed(own, [Conversation.model_validate({"id": "old", "turns": [said]})])
    assert turn.evidence["entities"] == {"day": {"text": "tomorrow", "value": "2026-03-01"}}


def test_few_replies_make_few_candidates_and_the_figures_say_so(
    desk: Desk, replayed: Replayed
) -> None:
    asked = "customer: are you open on monday"
    replies = ["agent: Yes, from seven.", "agent: yes - from seven", "agent: No.", "agent: Maybe."]
    some = [chat(str(n), asked, reply) for n, reply in enumerate(replies)]
    row, turns = replayed(desk, [*some, chat("unanswered", asked)])
    assert row.figures
    assert (row.figures["ranking"]["n"], row.figures["ranking"]["candidates"]) == (4, 3)
    assert row.figures["ranking"]["r@5"] == 1
    assert [turn.rank is None for turn in turns] == [False, False, False, False, True]


def test_chats_without_labels_replies_or_texts(desk: Desk, replayed: Replayed) -> None:
    row, [turn] = replayed(desk, [chat("bare", "customer: hello", "customer:  ")])
    assert row.figures
    assert row.figures["intent"] == {"n": 0, "oos_n": 0}
    assert row.figures["ranking"] == {"n": 0, "candidates": 0}
    assert (turn.correct, turn.rank, turn.act, turn.similarity) == (None, None, None, None)


def test_the_similarity_is_the_cosine_of_the_two_replies(desk: Desk, replayed: Replayed) -> None:
    said = "We open at seven every day."
    own = with_other(desk, thresholds=ALWAYS)
    _, [turn] = replayed(own, [chat("a", "customer: open hours monday", f"agent: {said}")])
    assert (turn.template, turn.reply, turn.agent_reply) == ("opening", said, said)
    assert turn.similarity == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("gold", "verdict"), [("opening", "right"), ("order/track", "wrong"), (None, None)]
)
def test_an_answer_is_judged_by_the_label(
    desk: Desk, replayed: Replayed, gold: str | None, verdict: str | None
) -> None:
    own = with_other(desk, thresholds=ALWAYS)
    one = chat("a", "customer: open hours monday", "agent: Who knows.", intent=gold)
    _, [turn] = replayed(own, [one])
    assert (turn.kind, turn.template, turn.verdict) == ("template", "opening", verdict)


def test_vectors_that_were_known_are_those_that_are_used(desk: Desk) -> None:
    from bot.replay.reading import encode

    history = read_history([chat("a", "customer: open hours monday")], desk.model)
    known = encode(desk.model, ["open hours monday"])
    marked = with_other(known, vectors=-known.vectors)
    vectors, _ = read(desk, history, marked)
    assert np.array_equal(vectors.all[0], -known.vectors[0])


def test_what_is_personal_is_masked_in_all_that_is_kept(desk: Desk, replayed: Replayed) -> None:
    own = with_other(desk, thresholds=ALWAYS)
    said = "where is my parcel BK-0001, write to mia@example.com"
    reply = "Parcel BK-0001 is on its way to mia@example.com."
    _, [turn] = replayed(own, [chat("a", f"customer: {said}", f"agent: {reply}")])
    assert turn.message == "where is my parcel [order_id], write to [email]"
    assert turn.agent_reply == "Parcel [order_id] is on its way to [email]."
    assert "[order_id]" in turn.reply
    assert turn.evidence["entities"]["order_id"]["text"] == "[order_id]"
    assert "BK-0001" not in str(turn)
    assert "mia" not in str(turn)


def test_a_follow_up_is_searched_for_with_the_question_before_as_in_a_session(
    desk: Desk, replayed: Replayed
) -> None:
    asked, then = "how long is a gift voucher valid", "and where is it sold?"
    own = with_other(desk, thresholds=Thresholds(passage=0.0, follow_up=0.0))
    one = chat("a", f"customer: {asked}", "agent: Three years.", f"customer: {then}")
    unanswered = chat("b", f"customer: {asked}", f"customer: {then}")
    _, turns = replayed(own, [one, unanswered])
    assert [turn.evidence.get("follows") for turn in turns] == [None, asked, None, None]
    assert turns[1].evidence["passages"] != turns[3].evidence["passages"]
    with SessionLog.open(Path(":memory:")) as log:
        bot = Bot(own, log, channel="test")
        bot.respond(asked)
        live = evidence_json(bot.respond(then).decision)
    assert turns[1].evidence["passages"] == live["passages"]


def test_the_requests_of_a_message_are_read_as_in_a_session(desk: Desk, replayed: Replayed) -> None:
    own = with_other(desk, thresholds=ALWAYS)
    messages = [
        "when do you open on Sunday? And also, where is my parcel BK-0001?",
        "where is my parcel BK-0002? And also, when do you open on Monday?",
    ]
    _, turns = replayed(own, [chat(text, f"customer: {text}") for text in messages])
    assert [turn.rule for turn in turns] == ["several", "several"]
    for text, turn in zip(messages, turns, strict=True):
        with SessionLog.open(Path(":memory:")) as log:
            live = evidence_json(Bot(own, log, channel="test").respond(text).decision)
        for part, said in zip(turn.evidence["parts"], live["parts"], strict=True):
            assert (part["template"], part["kind"]) == (said["template"], said["kind"])
            assert scores(part["templates"]) == pytest.approx(scores(said["templates"]), abs=1e-5)


def scores(templates: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {template["name"]: template["score"] for template in templates}
