"""What is suggested after an answer, and what becomes of a suggestion that is picked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.bot import Bot, Desk
from bot.decision import Answer, Ask, Cite, Evidence, Scored, Summary, Thresholds
from bot.dialogue.offers import in_full, picked_template
from bot.live import desk_of, live_model, open_desk
from bot.sessions.session_log import SessionLog
from bot.state import State, Suggestion
from bot.suggestions import Transitions, suggested, transitions, with_suggestions
from bot.workspace import Workspace
from bot.workspace.templates import Template, Templates
from kb.passages import Passage
from kb.search import Hit

CHATS = [
    ["track", "refund"],
    ["track", "refund"],
    ["track", "refund", "hours"],
    ["track", "hours"],
    ["track", "hours"],
    ["track", "cancel"],
    ["cancel", "refund"],
    ["cancel", "refund"],
    ["cancel", "hours"],
]
KNOWN = transitions(CHATS)


def template(name: str, title: str) -> Template:
    return Template(name, (name,), "answer", title, (), ("Said.",))


TEMPLATES = Templates(
    (
        template("track", "Where my order is"),
        template("refund", "When I get my money back"),
        template("hours", "营业时间"),
        template("cancel", "Cancelling an order"),
    )
)


def answered(*names: str) -> State:
    return State(so_far=Summary(answered=names))


def titles(state: State, decision: Answer | Cite) -> list[str]:
    return [one.title for one in suggested(KNOWN, TEMPLATES, state, decision)]


def test_what_was_asked_next_most_often_comes_first() -> None:
    said = Answer("track", {}, Evidence("intent-certain"))
    assert titles(answered("track"), said) == [
        "When I get my money back",
        "营业时间",
        "Cancelling an order",
    ]


def test_nothing_that_this_session_has_had_answered_is_suggested() -> None:
    said = Answer("cancel", {}, Evidence("intent-certain"))
    assert titles(answered("refund", "cancel"), said) == ["营业时间", "Where my order is"]


def test_what_came_anywhere_later_counts_for_earlier_requests() -> None:
    known = Transitions(
        asked={"a": 10, "b": 10, "x": 10, "y": 10}, next={}, later={"a": {"y": 9}, "b": {}}
    )
    scores = known.scores(["a", "b"])
    assert scores["y"] > scores["x"]


def test_a_request_seen_once_does_not_outweigh_what_all_ask() -> None:
    many = [["hours", "refund"]] * 30 + [["track", "cancel"], ["cancel"], ["cancel"]]
    scores = transitions(many).scores(["track"])
    assert scores["refund"] > scores["cancel"]


def test_a_rare_request_is_not_suggested() -> None:
    known = transitions([*CHATS, ["track", "odd"], ["track", "odd"]])
    templates = Templates((*TEMPLATES, template("odd", "Odd")))
    said = Answer("track", {}, Evidence("intent-certain"))
    found = suggested(known, templates, answered("track"), said)
    assert "Odd" not in [one.title for one in found]


def test_nothing_is_suggested_while_a_question_is_open() -> None:
    said = Answer("track", {}, Evidence("intent-certain"))
    ask = Ask("order_id", "track", "Which?", {}, Evidence("intent-certain"))
    assert suggested(KNOWN, TEMPLATES, replace(answered("track"), pending=ask), said) == ()


def hit(article: str, score: float) -> Hit:
    return Hit(Passage(1, article, article.title(), (), "Text.", "kb/x.md"), score, score, score)


def test_articles_follow_where_they_are_certain_too() -> None:
    hits = (hit("returns", 0.9), hit("boots", 0.8), hit("tents", 0.2))
    evidence = Evidence("passage-certain", hits=hits, thresholds=Thresholds(passage=0.5))
    state = State(so_far=Summary(articles=("returns",)))
    assert suggested(Transitions(), TEMPLATES, state, Cite(hits[:1], evidence)) == (
        Suggestion("Boots"),
    )


def test_after_passages_the_request_is_the_likeliest_intent() -> None:
    evidence = Evidence("passage-certain", intents=(Scored("track", 0.4),))
    assert titles(State(), Cite((hit("returns", 0.9),), evidence))[0] == "When I get my money back"


MENU = Templates(tuple(template(name, f"About {name}") for name in "abcdef"))
ASKED = Transitions(asked=dict.fromkeys("abcdef", 9))


def test_what_was_suggested_twice_and_not_taken_is_not_suggested_again() -> None:
    state, shown = answered("a"), []
    for _ in range(3):
        said = Answer("a", {}, Evidence("intent-certain"))
        state = with_suggestions(ASKED, MENU, state, said)
        shown.append([one.template for one in state.suggested])
    assert shown == [["b", "c", "d"], ["b", "c", "d"], ["e", "f"]]


def test_what_passages_answered_is_not_suggested_in_any_later_turn() -> None:
    evidence = Evidence("passage-certain", intents=(Scored("b", 0.6),))
    state = with_suggestions(ASKED, MENU, State(), Cite((hit("b", 0.9),), evidence))
    state = replace(state, so_far=Summary(answered=("a",)))
    state = with_suggestions(ASKED, MENU, state, Answer("a", {}, Evidence("intent-certain")))
    assert [one.template for one in state.suggested] == ["c", "d", "e"]


SHOWN = State(suggested=(Suggestion("Cancelling an order", "cancel"), Suggestion("营业时间")))


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ("1", "Cancelling an order"),
        ("the second one", "营业时间"),
        ("第二个", "营业时间"),
        ("cancelling an order!", "Cancelling an order"),
        ("营业时间", "营业时间"),
        ("order", "order"),
        ("3", "3"),
        ("no", "no"),
    ],
)
def test_a_suggestion_is_picked_by_its_number_or_its_title(message: str, read: str) -> None:
    assert in_full(SHOWN, message) == read


def test_a_number_belongs_to_a_question_that_is_open() -> None:
    ask = Ask("count", "cancel", "How many?", {}, Evidence("intent-certain"))
    open_ = replace(SHOWN, pending=ask)
    assert in_full(open_, "1") == "1"
    assert picked_template(open_, "cancelling an order") is None


# --- in a workspace ------------------------------------------------------------------------------


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    opened = open_desk(trained_workspace, lambda *_: None)
    return replace(opened, thresholds=Thresholds(intent=0.0, max_wrong=0.05))


def test_the_training_chats_alone_are_counted(desk: Desk, trained_workspace: Workspace) -> None:
    [path] = trained_workspace.index.glob("suggestions-*.json")
    counts = json.loads(path.read_text())["counts"]
    assert set(counts["asked"]) == {"track", "cancel", "opening"}
    assert 0 < max(counts["asked"].values()) < 36
    assert desk.transitions.asked == counts["asked"]


def test_a_damaged_file_is_made_again(trained_workspace: Workspace) -> None:
    model = live_model(trained_workspace)
    before = desk_of(trained_workspace, model, lambda *_: None).transitions
    [path] = trained_workspace.index.glob("suggestions-*.json")
    path.write_text('{"key": [], "counts": {"asked"')
    assert desk_of(trained_workspace, model, lambda *_: None).transitions == before
    assert json.loads(path.read_text())["counts"]["asked"] == before.asked


def test_the_chats_may_be_gone(trained_workspace: Workspace) -> None:
    model = live_model(trained_workspace)
    for path in (
        *trained_workspace.chats.glob("*"),
        *trained_workspace.index.glob("suggestions-*"),
    ):
        path.unlink()
    assert desk_of(trained_workspace, model, lambda *_: None).transitions == Transitions()


def test_a_picked_suggestion_is_answered_and_not_suggested_again(
    desk: Desk, trained_workspace: Workspace
) -> None:
    with SessionLog.open(trained_workspace.database) as log:
        bot = Bot(desk, log, channel="test")
        first = bot.respond("where is my parcel BK-0001")
        assert set(first.suggestions) == {"order cancel", "opening"}
        second = bot.respond(str(1 + list(first.suggestions).index("opening")))
        assert second.reply == "We open at seven every day."
        assert second.suggestions == ("order cancel",)
        assert [turn["message"] for turn in log.turns(first.session)][1] in {"1", "2"}


def test_the_pipe_gives_them_in_json_alone(
    trained_workspace: Workspace,
    frontdesk: Callable[..., tuple[int, str, str]],
    set_thresholds: Callable[..., None],
) -> None:
    set_thresholds(trained_workspace, intent=0.0)
    where, asked = ("--workspace", trained_workspace.root), b"where is my parcel BK-0001\n"
    _, plain, _ = frontdesk(*where, "chat", stdin=asked)
    assert plain == "Parcel BK-0001 is on its way.\n"
    _, out, _ = frontdesk(*where, "chat", "--json", stdin=asked)
    assert set(json.loads(out)["suggestions"]) == {"order cancel", "opening"}


def test_what_a_pipe_did_not_show_is_not_picked(
    trained_workspace: Workspace,
    frontdesk: Callable[..., tuple[int, str, str]],
    set_thresholds: Callable[..., None],
) -> None:
    set_thresholds(trained_workspace, intent=0.9)
    where, said = ("--workspace", trained_workspace.root), b"where is my parcel BK-0001\n1\n"
    _, out, _ = frontdesk(*where, "chat", "--json", stdin=said)
    assert json.loads(out.splitlines()[1])["decision"]["evidence"]["rule"] == "choice-picked"
    frontdesk(*where, "chat", stdin=said)
    with SessionLog.open(trained_workspace.database) as log:
        latest = log.turns(log.sessions()[0].id)
    assert [turn["evidence"]["rule"] == "choice-picked" for turn in latest] == [False, False]
