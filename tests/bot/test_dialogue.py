"""Conversations. Each line of a chat is (what the customer writes, what the bot does)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bot.decision import (
    Answer,
    Ask,
    Candidates,
    Cite,
    Clarify,
    Decision,
    Handoff,
    Reading,
    Scored,
    SmallTalk,
    Thresholds,
    Unknown,
)
from bot.dialogue import PRECEDENCE, RULES, advance, decide
from bot.evidence import evidence_json
from bot.state import TURNS_KEPT, State, remember
from bot.workspace.settings import EntitySettings
from bot.workspace.templates import Template, Templates
from kb.passages import Passage
from kb.search import Hit

TEMPLATES = Templates(
    (
        Template(
            "track", ("track",), "answer", "Track an order", ("order_id",),
            ("Order {order_id} is on its way.", "{order_id} has left us."),
        ),
        Template(
            "cancel", ("cancel",), "answer", "Cancel an order", ("order_id",),
            ("Order {order_id} is cancelled.",),
        ),
        Template(
            "exchange", ("exchange",), "answer", "Exchange for another size", ("order_id", "size"),
            ("We will send {size} for order {order_id}.",),
        ),
        Template("hours", ("hours",), "answer", "Opening hours", (), ("Nine to five.",)),
        Template("hello", ("greeting",), "smalltalk", "Hello", (), ("Hello!", "Hi there!")),
        Template("lawyer", ("legal",), "handoff", "Legal", (), ("Our lawyers will call.",)),
        Template("later", ("gift",), "answer", "Gift cards", (), ("TODO",), draft=True),
    )
)  # fmt: skip
ENTITIES = {
    "order_id": EntitySettings(pattern=r"\bTT-\d{4}\b", ask="What is your order number?"),
    "size": EntitySettings(values=("S", "M", "L"), ask="Which size?"),
}
CERTIFIED = Thresholds(intent=0.8, template=0.7, passage=0.6)


class Chat:
    """A conversation with a bot whose readings are given by the test."""

    def __init__(self, thresholds: Thresholds = CERTIFIED) -> None:
        self.state = State()
        self.thresholds = thresholds

    def __call__(
        self,
        text: str,
        *,
        intents: Mapping[str, float] | None = None,
        templates: Mapping[str, float] | None = None,
        passages: Mapping[str, float] | None = None,
    ) -> Decision:
        order = ENTITIES["order_id"].find(text)
        reading = Reading(_scored(intents), {"order_id": order} if order else {})
        hits = tuple(_hit(article, score) for article, score in (passages or {}).items())
        candidates = Candidates(_scored(templates), hits)
        known = (TEMPLATES, self.thresholds, ENTITIES)
        decision = decide(self.state, text, reading, candidates, *known)
        self.state = advance(self.state, text, reading, decision)
        return decision


def _scored(scores: Mapping[str, float] | None) -> tuple[Scored, ...]:
    return tuple(Scored(name, score) for name, score in (scores or {}).items())


def _hit(article: str, score: float) -> Hit:
    passage = Passage(1, article, article.title(), (), "Thirty days.", "returns.md:1")
    return Hit(passage, score, score, score)


@pytest.fixture
def chat() -> Chat:
    return Chat()


def rule(decision: Decision) -> str:
    return decision.evidence.rule


# --- one message ---------------------------------------------------------------------------------


def test_a_certain_intent_is_answered_from_its_template(chat: Chat) -> None:
    decision = chat("when are you open?", intents={"hours": 0.9, "track": 0.1})
    assert isinstance(decision, Answer)
    assert decision.template == "hours"
    assert rule(decision) == "intent-certain"


def test_the_order_number_in_the_message_fills_the_slot(chat: Chat) -> None:
    decision = chat("where is TT-1234?", intents={"track": 0.9})
    assert isinstance(decision, Answer)
    assert decision.slots == {"order_id": "TT-1234"}


@pytest.mark.parametrize(
    "text", ["", "   ", "\n\t", "?!", "🌲🌲", "\x00\x07", "\ufffd\ufffd", "—" * 100_000]
)
def test_a_message_without_letters_or_digits_is_unreadable(chat: Chat, text: str) -> None:
    decision = chat(text, intents={"hours": 0.99})
    assert isinstance(decision, Unknown)
    assert decision.reason == "unreadable"
    assert rule(decision) == "unreadable"


@pytest.mark.parametrize("text", ["营业时间", "שעות", "ساعات", "營業時間は", "٣", "हाँ"])
def test_every_script_is_readable(chat: Chat, text: str) -> None:
    assert chat(text, intents={"hours": 0.9}).kind == "template"


@pytest.mark.parametrize("text", ["agent", " Agent! ", "HUMAN", "a person", "人工", "转人工。"])
def test_asking_for_a_person_is_never_refused(chat: Chat, text: str) -> None:
    decision = chat(text, intents={"hours": 0.99})
    assert isinstance(decision, Handoff)
    assert decision.reason == "requested"


def test_small_talk_and_handoffs_come_from_templates_too(chat: Chat) -> None:
    assert isinstance(chat("hello", intents={"greeting": 0.9}), SmallTalk)
    handoff = chat("I will sue you", intents={"legal": 0.9})
    assert isinstance(handoff, Handoff)
    assert (handoff.reason, handoff.template) == ("template", "lawyer")


def test_a_clear_passage_is_cited_when_no_intent_is_certain(chat: Chat) -> None:
    decision = chat(
        "can I send it back?",
        intents={"cancel": 0.5},
        templates={"cancel": 0.9},
        passages={"returns": 0.8, "shipping": 0.7, "sizes": 0.65, "care": 0.2},
    )
    assert isinstance(decision, Cite)
    assert [hit.passage.article for hit in decision.hits] == ["returns", "shipping"]


def test_the_ranker_answers_where_neither_intent_nor_passage_is_certain(chat: Chat) -> None:
    decision = chat("open?", intents={"hours": 0.5}, templates={"hours": 0.7, "track": 0.1})
    assert isinstance(decision, Answer)
    assert rule(decision) == "template-certain"


def test_of_two_templates_for_an_intent_the_ranker_chooses() -> None:
    two = Templates(
        (
            Template("a", ("hours",), "answer", "A", (), ("a",)),
            Template("b", ("hours",), "answer", "B", (), ("b",)),
        )
    )
    reading = Reading((Scored("hours", 0.9),))
    ranked = Candidates((Scored("x", 0.4), Scored("b", 0.3)))
    for candidates, expected in [(ranked, "b"), (Candidates(), "a")]:
        decision = decide(State(), "open?", reading, candidates, two, CERTIFIED, ENTITIES)
        assert isinstance(decision, Answer)
        assert decision.template == expected


def test_a_draft_is_as_good_as_absent(chat: Chat) -> None:
    decision = chat("a gift card", intents={"gift": 0.99}, templates={"later": 0.99})
    assert isinstance(decision, Unknown)


def test_what_is_out_of_scope_is_never_answered_from_a_template(chat: Chat) -> None:
    decision = chat("who won?", intents={"oos": 0.6, "hours": 0.39}, templates={"hours": 0.99})
    assert isinstance(decision, Unknown)
    assert decision.reason == "out of scope"


def test_what_is_out_of_scope_of_the_chats_may_be_in_an_article(chat: Chat) -> None:
    assert isinstance(chat("wash it?", intents={"oos": 0.9}, passages={"care": 0.9}), Cite)


def test_a_route_without_a_certified_threshold_never_answers_by_itself() -> None:
    decision = Chat(Thresholds())(
        "hm", intents={"hours": 0.9}, templates={"hours": 1.0}, passages={"hours": 1.0}
    )
    assert isinstance(decision, Clarify)  # an offer is no answer
    assert (rule(decision), decision.choices) == ("perhaps", ("hours",))


def test_small_talk_needs_no_certificate() -> None:
    assert isinstance(Chat(Thresholds())("hello", intents={"greeting": 0.96}), SmallTalk)
    assert isinstance(Chat(Thresholds())("ahoy", intents={"greeting": 0.94}), Unknown)


def test_without_intents_or_candidates_the_bot_does_not_know(chat: Chat) -> None:
    assert isinstance(chat("blorp"), Unknown)


# --- asking for what is missing ------------------------------------------------------------------


def test_a_missing_slot_is_asked_for_and_its_answer_answered(chat: Chat) -> None:
    ask = chat("where is my parcel?", intents={"track": 0.9})
    assert isinstance(ask, Ask)
    assert (ask.slot, ask.question) == ("order_id", "What is your order number?")
    answer = chat("it's TT-1234", intents={"hours": 0.3})
    assert isinstance(answer, Answer)
    assert (answer.template, answer.slots) == ("track", {"order_id": "TT-1234"})
    assert rule(answer) == "slot-filled"


def test_slots_are_asked_for_one_by_one_and_kept_for_the_session(chat: Chat) -> None:
    asked = [chat("wrong size", intents={"exchange": 0.9}), chat("TT-1234")]
    assert [ask.slot for ask in asked if isinstance(ask, Ask)] == ["order_id", "size"]
    answer = chat("m please")
    assert isinstance(answer, Answer)
    assert answer.slots == {"order_id": "TT-1234", "size": "M"}
    again = chat("where is it?", intents={"track": 0.9})
    assert isinstance(again, Answer)


def test_after_two_fruitless_asks_a_person_takes_over(chat: Chat) -> None:
    chat("where is my parcel?", intents={"track": 0.9})
    second = chat("the red one", intents={"track": 0.9})
    assert isinstance(second, Ask)
    assert second.attempt == 1
    third = chat("from last week")
    assert isinstance(third, Handoff)
    assert third.reason == "unfilled"
    assert third.summary.messages == ("where is my parcel?", "the red one", "from last week")
    assert chat.state.pending is None


def test_another_certain_request_interrupts(chat: Chat) -> None:
    chat("where is my parcel?", intents={"track": 0.9})
    decision = chat("wait, when are you open?", intents={"hours": 0.9})
    assert isinstance(decision, Answer)
    assert decision.template == "hours"
    assert chat.state.pending == decision.then


def test_another_request_interrupts_even_when_it_names_the_order(chat: Chat) -> None:
    chat("where is my parcel?", intents={"track": 0.9})
    decision = chat("oh, just cancel TT-1234 for me then", intents={"cancel": 0.9})
    assert isinstance(decision, Answer)
    assert decision.template == "cancel"


def test_a_bare_order_number_answers_whatever_it_is_read_as(chat: Chat) -> None:
    chat("please cancel", intents={"cancel": 0.9})
    decision = chat("TT-1234", intents={"track": 0.99})
    assert isinstance(decision, Answer)
    assert decision.template == "cancel"


@pytest.mark.parametrize(
    ("between", "does"),
    [
        (lambda chat: chat("hello?", intents={"greeting": 0.9}), SmallTalk),
        (lambda chat: chat("where is the number?", passages={"orders": 0.9}), Cite),
        (lambda chat: chat("👀"), Unknown),
    ],
)
def test_the_question_stays_open_through(chat: Chat, between: Any, does: type) -> None:
    chat("where is my parcel?", intents={"track": 0.9})
    assert isinstance(between(chat), does)
    assert isinstance(chat("TT-1234"), Answer)


# --- too close to call ---------------------------------------------------------------------------

CLOSE = {"track": 0.5, "cancel": 0.46, "hours": 0.02}


def test_two_likely_requests_are_told_apart_by_asking(chat: Chat) -> None:
    decision = chat("my order", intents=CLOSE)
    assert isinstance(decision, Clarify)
    assert decision.choices == ("track", "cancel")


@pytest.mark.parametrize(
    "text", ["2", "2.", "２", "the second one", "Cancel an order", "cancel", "第二个", "two please"]
)
def test_a_choice_is_picked_by_number_by_title_or_by_a_part_of_it(chat: Chat, text: str) -> None:
    chat("TT-1234", intents=CLOSE)
    decision = chat(text, intents={"track": 0.5, "cancel": 0.3})
    assert isinstance(decision, Answer)
    assert decision.template == "cancel"
    assert rule(decision) == "choice-picked"


@pytest.mark.parametrize("text", ["3", "0", "order", "99999999999999999999"])
def test_what_picks_no_choice_is_a_new_message(chat: Chat, text: str) -> None:
    chat("my order", intents=CLOSE)
    assert isinstance(chat(text), Unknown)


def test_a_new_message_is_answered_instead(chat: Chat) -> None:
    chat("my order", intents=CLOSE)
    assert isinstance(chat("when do you open?", intents={"hours": 0.9}), Answer)


def test_the_same_choices_are_not_offered_twice(chat: Chat) -> None:
    chat("my order", intents=CLOSE)
    again = chat("my order!!", intents=CLOSE)
    assert isinstance(again, Unknown)


def test_three_are_offered_where_two_are_not_likely_enough(chat: Chat) -> None:
    decision = chat("order", intents={"track": 0.4, "cancel": 0.35, "hours": 0.24})
    assert isinstance(decision, Clarify)
    assert decision.choices == ("track", "cancel", "hours")


@pytest.mark.parametrize(
    "intents",
    [
        {"oos": 0.51, "track": 0.49},
        {"track": 0.49, "oos": 0.48},
        {"greeting": 0.5, "track": 0.49},
        {"unheard of": 0.5, "track": 0.49},
        {"track": 0.2, "cancel": 0.19, "hours": 0.09},
    ],
)
def test_nothing_is_offered_that_has_no_answer_or_is_unlikely(
    chat: Chat, intents: Mapping[str, float]
) -> None:
    assert isinstance(chat("order", intents=intents), Unknown)


# --- not knowing ---------------------------------------------------------------------------------


def test_the_second_unknown_in_a_row_asks_whether_to_get_a_person(chat: Chat) -> None:
    assert isinstance(chat("blorp"), Unknown)
    for _ in range(2):
        decision = chat("blorp blorp")
        assert isinstance(decision, Unknown)
        assert (decision.reason, rule(decision)) == ("uncertain again", "unknown-twice")
    assert rule(chat("yes please")) == "wants-person"
    assert rule(chat("blorp")) == "handed-over"
    assert rule(chat("never mind")) == "handed-over"
    assert isinstance(chat("blorp"), Unknown)


def test_an_answer_in_between_starts_the_count_again(chat: Chat) -> None:
    chat("blorp")
    chat("open?", intents={"hours": 0.9})
    assert isinstance(chat("blorp"), Unknown)


def test_an_unreadable_message_neither_counts_nor_forgives(chat: Chat) -> None:
    chat("blorp")
    assert isinstance(chat("🌲"), Unknown)
    assert rule(chat("blorp")) == "unknown-twice"


def test_the_person_who_takes_over_is_told_what_happened(chat: Chat) -> None:
    chat("where is TT-1234?", intents={"track": 0.9})
    chat("can I return it?", passages={"returns": 0.9})
    decision = chat("agent")
    assert isinstance(decision, Handoff)
    assert evidence_json(decision)["summary"] == {
        "messages": ["where is TT-1234?", "can I return it?", "agent"],
        "slots": {"order_id": "TT-1234"},
        "answered": ["track"],
        "articles": ["returns"],
    }


# --- wordings, state, evidence -------------------------------------------------------------------


def test_wordings_take_turns(chat: Chat) -> None:
    said = [chat("hello", intents={"greeting": 0.9}) for _ in range(3)]
    assert [decision.wording for decision in said] == [0, 1, 2]


def test_the_same_conversation_goes_the_same_way() -> None:
    def talk() -> list[Decision]:
        chat = Chat()
        return [chat("my order", intents=CLOSE), chat("1"), chat("TT-1234"), chat("blorp")]

    assert talk() == talk()


def test_the_state_stays_small_however_long_the_conversation(chat: Chat) -> None:
    for number in range(200):
        chat(f"{number} " + "x" * 10_000, passages={f"article {number}": 0.9})
        chat.state = remember(chat.state, "customer", [float(number)])  # type: ignore[arg-type]
    assert len(chat.state.turns) == TURNS_KEPT
    assert chat.state.turns[-1][1] == [199.0]
    assert len(chat.state.so_far.articles) == 10
    assert max(len(message) for message in chat.state.so_far.messages) == 500


def test_deciding_changes_nothing(chat: Chat) -> None:
    before = chat.state
    decide(before, "hi", Reading(), Candidates(), TEMPLATES, CERTIFIED, ENTITIES)
    assert chat.state is before == State()


def test_the_evidence_holds_every_score_and_why(chat: Chat) -> None:
    decision = chat("my order", intents=CLOSE, templates={"track": 0.4}, passages={"orders": 0.3})
    assert evidence_json(decision) == {
        "rule": "too-close",
        "choices": ["track", "cancel"],
        "entities": {},
        "sentiment": None,
        "upset": 0,
        "intents": [
            {"name": "track", "score": 0.5},
            {"name": "cancel", "score": 0.46},
            {"name": "hours", "score": 0.02},
        ],
        "runner_up": {"name": "cancel", "score": 0.46},
        "margin": 0.04,
        "templates": [{"name": "track", "score": 0.4}],
        "passages": [{"article": "orders", "passage": 1, "score": 0.3}],
        "thresholds": {"intent": 0.8, "template": 0.7, "passage": 0.6, "max_wrong": 0.05},
    }


def test_the_table_in_the_docs_is_the_order_in_the_code() -> None:
    import bot.dialogue

    assert bot.dialogue.__doc__ is not None
    rows = [line.split() for line in bot.dialogue.__doc__.splitlines() if "->" in line]
    assert [row[1] for row in rows] == list(RULES)
    assert [row[1].replace("-", "_") for row in rows] == [
        found.__name__.removeprefix("_") for found in PRECEDENCE
    ]
