"""What to fix next: of made-up messages, of a replay of the bakery, of its live log."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.asked import Asked
from bot.decision import Scored
from bot.gaps import fault, gaps
from bot.gaps.clusters import Background, clusters, spread
from bot.gaps.key_terms import KeyTerms, words
from bot.workspace import Workspace
from bot.workspace.templates import Template, Templates
from kb.lexical import analyse

Frontdesk = Callable[..., tuple[int, str, str]]
SetThresholds = Callable[..., None]


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """Sentence vectors out of hashed words: equal words, near vectors."""
    vectors = np.zeros((len(texts), 256), np.float32)
    for row, text in enumerate(texts):
        for word in analyse(text):
            vectors[row, crc32(word.encode()) % 256] += 1
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-9)
    return unit


def asked(message: str, kind: str = "unknown", **other: Any) -> Asked:
    """A message that the bot did not know, unless said otherwise."""
    known: dict[str, Any] = {
        "conversation": "c1",
        "turn": 0,
        "number": 0,
        "reply": "I do not know.",
        "rule": "unknown",
        "template": None,
        "reason": "uncertain" if kind == "unknown" else None,
        "intents": (Scored("track", 0.4), Scored("cancel", 0.3)),
        "margin": 0.1,
        "passage": 0.2,
        "passage_needed": 0.5,
        "citations": (),
        "labels": (),
    }
    return Asked(message=message, kind=kind, **{**known, **other})


REFUNDS = [f"when do i get my refund for {thing}" for thing in ("shoes", "boots", "a hat", "socks")]
STORES = [f"do you have a store in {city}" for city in ("rome", "oslo")]
ANSWERED = [f"where is my parcel number {n}" for n in ("one", "two", "three", "four", "five")]


def found(*extra: Asked, **options: Any) -> Any:
    answers = [asked(text, "template", template="track", rule="x") for text in ANSWERED]
    failed = [asked(text) for text in REFUNDS + STORES]
    templates = [
        Template(name, (name,), "answer", name, (), (f"{name}.",)) for name in ("track", "size")
    ]
    return gaps([*answers, *failed, *extra], Templates(tuple(templates)), encode, **options)


# --- what counts as failed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "is_"),
    [
        (asked("x"), "no answer"),
        (asked("x", reason="unreadable"), ""),
        (asked("x", outside=True), ""),
        (asked("x", "handoff", reason="unknown"), "handed over"),
        (asked("x", "handoff", reason="requested"), ""),
        (asked("x", "template", verdict="wrong"), "wrong answer"),
        (asked("x", "template", verdict="right"), ""),
        (asked("x", "template", session=1, disliked=True), "disliked"),
        (asked("x", "template", session=1, labels=("cancel",)), "disliked"),
        (asked("x", "template", session=1, labels=("track",)), ""),
        (asked("x", "clarify"), ""),
    ],
)
def test_a_message_is_failed_in_one_of_four_ways(one: Asked, is_: str) -> None:
    assert fault(one) == is_


def in_parts(*parts: Asked, **other: Any) -> Asked:
    whole = " and also ".join(part.message for part in parts)
    return asked(whole, "several", rule="several", parts=parts, **other)


def test_of_two_requests_the_one_that_was_not_understood_is_failed() -> None:
    known = asked("where is my parcel", "template", template="size", rule="x")
    both = in_parts(known, asked("do you have a store in lima"))
    told = found(both)
    assert (told.turns, told.failed) == (12, 7)
    stores = next(group for group in told.requests if "store" in group.name)
    assert stores.count == 3
    assert "do you have a store in lima" in {one.message for one in stores.examples}
    assert told.templates == ()  # a part spoke with it

    again = found(in_parts(known, replace(known, message="and my other parcel")))
    assert (again.turns, again.failed) == (12, 6)

    disliked = found(in_parts(known, asked("x"), session=1, disliked=True), most=20)
    assert (disliked.turns, disliked.failed) == (12, 7)
    [group] = [group for group in disliked.requests if "disliked" in group.faults]
    assert group.examples[0].message == "where is my parcel and also x"


# --- groups and their names ----------------------------------------------------------------------


def test_requests_are_grouped_named_and_counted() -> None:
    first, second = found().requests

    assert (first.name, first.count) == ("my refund for, do i get", 4)
    assert (second.name, second.count) == ("you have a, store in oslo", 2)
    assert first.share == 4 / 11
    assert first.faults == {"no answer": 4}
    assert first.did == {"unknown uncertain": 4}
    assert {example.message for example in second.examples} == set(STORES)


def test_the_order_of_messages_changes_nothing() -> None:
    backwards = gaps(
        [asked(text) for text in reversed(REFUNDS + STORES)], Templates(), encode
    ).requests
    forwards = gaps([asked(text) for text in REFUNDS + STORES], Templates(), encode).requests

    assert [(group.name, group.count) for group in backwards] == [
        (group.name, group.count) for group in forwards
    ]


def test_only_the_largest_groups_are_kept() -> None:
    assert [group.count for group in found(most=1).requests] == [4]


def test_chinese_is_grouped_and_named() -> None:
    refunds = ["退款什么时候到账", "退款什么时候到账啊", "请问退款什么时候到账"]
    stores = ["附近有没有门店可以试穿", "北京有没有门店可以试穿"]
    groups = found(*map(asked, refunds + stores)).requests

    assert {group.name: group.count for group in groups} == {
        "my refund for, do i get": 4,
        "退款什么时候到账": 3,
        "没有门店可以试穿": 2,
        "you have a, store in oslo": 2,
    }


def test_words_are_those_of_the_index() -> None:
    assert words("Cancel order 12") == {("cancel",), ("order",)}
    assert words("退款单") == {("退", "款"), ("款", "单")}
    assert words("?! [order_id]") == set()


def test_a_name_leaves_out_what_everybody_says() -> None:
    key_terms = KeyTerms()
    for thing in ("parcel", "order", "card", "refund", "refund"):
        key_terms.add(f"where is the {thing}")

    assert key_terms.name(["where is the refund", "the refund please"])[0] == "the refund please"


def test_clusters_need_no_number_and_are_the_same_again() -> None:
    background = Background()
    for text in REFUNDS + STORES + ANSWERED:
        background.add(text)
    vectors = background.encoded(REFUNDS + STORES, encode)

    assert clusters(vectors).tolist() == [0, 0, 0, 0, 1, 1]
    assert clusters(vectors[:0]).tolist() == []


def test_clusters_of_many_are_found_a_chunk_at_a_time() -> None:
    rng = np.random.default_rng(7)
    centres = rng.normal(size=(20, 64)).astype(np.float32)
    kinds = rng.integers(20, size=3000)
    vectors = centres[kinds] + 0.3 * rng.normal(size=(3000, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = clusters(vectors, 0.5)

    assert len(set(zip(groups.tolist(), kinds.tolist(), strict=True))) == 20


def test_spread_takes_one_of_each_group_in_turn() -> None:
    assert spread([0, 0, 0, 1, 2, 1]) == [0, 3, 4, 1, 5, 2]


# --- articles, templates, passages ---------------------------------------------------------------


def test_a_missing_article_is_a_question_that_no_passage_answers() -> None:
    near = [asked("how do i wash my new boots", passage=0.6), asked("ok then", passage=0.0)]

    assert [group.count for group in found(*near).articles] == [4, 2]


def test_where_passages_never_answer_no_article_is_said_to_be_missing() -> None:
    nothing = gaps([asked("how long is it valid", passage_needed=None)], Templates(), encode)

    assert nothing.articles is None
    assert nothing.as_json()["articles"] is None


def test_templates_that_are_never_used_with_how_often_agents_do() -> None:
    agents = [asked("which size", "template", template="track", agent_template="size")] * 3
    [unused] = found(*agents).templates

    assert (unused.template, unused.intents, unused.by_agents) == ("size", ("size",), 3)


def test_a_draft_that_failed_messages_ask_for_is_named_unless_a_template_answers_too() -> None:
    drafts = [
        Template(name, (name,), "answer", name, (), (f"{name}.",), draft=True)
        for name in ("track", "refund", "hours", "size")
    ]
    spoken = Template("sizes", ("size",), "answer", "Sizes", (), ("See the table.",))
    messages = [
        *[asked("where is it")] * 2,
        asked("where is my money", labels=("refund",)),
        *[asked("which size", labels=("size",))] * 3,
    ]
    found = gaps(messages, Templates((*drafts, spoken)), encode)

    assert [(one.template, one.count) for one in found.drafts] == [("track", 2), ("refund", 1)]


def test_passages_are_disliked_in_the_log_alone() -> None:
    shown: dict[str, Any] = {"kind": "passages", "citations": (("returns", 7),), "session": 1}
    log = [asked("a", **shown), asked("b", **shown, disliked=True)]
    [passage] = found(*log, asked("c", "passages", citations=(("hours", 1),))).passages

    assert (passage.article, passage.passage, passage.shown, passage.disliked) == (
        "returns", 7, 2, 1,
    )  # fmt: skip


# --- the command ---------------------------------------------------------------------------------


def test_the_command_shows_the_newest_replay_and_the_log(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, passage=0.99)
    root = trained_workspace.root
    assert frontdesk("replay", trained_workspace.chats, "-w", root)[0] == 0
    said = b"can i bring my dog inside\ncan i bring my cat inside\n"
    assert frontdesk("chat", "-w", root, stdin=said)[0] == 0

    code, out, _ = frontdesk("gaps", "--log", "-w", root)
    assert (code, [line.rstrip() for line in out.splitlines()]) == (
        0,
        [
            "1 of 2 turns failed (50.0%)",
            "",
            "requests that fail",
            "turns  share  about                        the bot did",
            "1      50.0%  my cat inside, can i bring   clarify 1",
            "                can i bring my cat inside  clarify",
            "",
            "articles that are missing: for all of these",
            "",
            "templates never used",
            "template   intents       by agents",
            "cancel     order/cancel  0",
            "complaint  complaint     0",
            "opening    opening       0",
            "thanks     thanks        0",
            "track      order/track   0",
        ],
    )

    both = json.loads(frontdesk("gaps", "--json", "-w", root)[1])
    alone = json.loads(frontdesk("gaps", "--json", "--replay", "1", "-w", root)[1])
    assert both["turns"] == alone["turns"] + 2
    assert list(both) == [
        "turns", "failed", "requests", "drafts", "articles", "templates", "passages",
    ]  # fmt: skip
    assert set(both["requests"][0]) == {
        "name", "terms", "count", "share", "faults", "did", "examples",
    }  # fmt: skip


def test_what_was_disliked_in_a_chat_is_found(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    from bot.sessions.session_log import SessionLog

    set_thresholds(trained_workspace, passage=0.0)
    root = trained_workspace.root
    assert frontdesk("chat", "-w", root, stdin=b"gift voucher sold at the till\n")[0] == 0
    with SessionLog.open(trained_workspace.database) as log:
        log.feedback(1, 1, "bad", "not what I asked")

    found = json.loads(frontdesk("gaps", "--json", "-w", root)[1])
    assert found["failed"] == 1
    assert {(one["article"], one["shown"], one["disliked"]) for one in found["passages"]} == {
        ("vouchers", 1, 1)
    }


def test_with_nothing_to_look_at_it_says_what_to_do(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    root = trained_workspace.root
    code, out, err = frontdesk("gaps", "-w", root)

    assert (code, out) == (2, "")
    assert err == (
        f"frontdesk: {root}: there is no replay and no chat to look at;"
        " run `frontdesk replay CHATS` first\n"
    )
    code, out, err = frontdesk("gaps", "--replay", "9", "-w", root)
    assert (code, out) == (2, "")
    assert err == (
        f"frontdesk: {trained_workspace.replays} is not there; run `frontdesk replay CHATS` first\n"
    )
    assert not trained_workspace.replays.exists()
