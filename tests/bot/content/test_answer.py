"""A cited answer as the customer reads it, and as the log keeps it: two articles, one turn each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.bot import Bot, Desk
from bot.decision import Cite, Evidence, Quote, Thresholds
from bot.live import build_index, live_model, open_desk
from bot.replies import Language, render
from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace
from bot.workspace.templates import Templates
from kb.passages import Passage
from kb.search import Hit

FILLER = "The kitchen of the bakery is cleaned every night by all who work there, and gladly so. "
STEPS = "\n".join(f"{n}. {step}" for n, step in enumerate(("Cut.", "Dip.", "Bake.", "Cool."), 1))
RUSKS = f"""# Rusks

{FILLER * 4}

To make rusks from old rye bread:

{STEPS}

{FILLER.replace("kitchen", "shop") * 4}
"""


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    (trained_workspace.kb / "rusks.md").write_text(RUSKS)
    build_index(trained_workspace, live_model(trained_workspace), lambda *_: None)
    desk = open_desk(trained_workspace, lambda *_: None)
    return replace(desk, thresholds=Thresholds(passage=0.0, max_wrong=1e-9))


def test_steps_are_quoted_whole_and_with_what_leads_into_them(
    desk: Desk, trained_workspace: Workspace
) -> None:
    with SessionLog.open(trained_workspace.database) as log:
        exchange = Bot(desk, log, channel="test").respond("how to make rusks from old rye bread")
        [turn] = log.turns(exchange.session)
    assert f"To make rusks from old rye bread:\n{STEPS}" in exchange.reply
    assert len(exchange.reply) < len(RUSKS)
    decision = exchange.decision
    assert isinstance(decision, Cite)
    texts = {hit.passage.id: hit.passage.text for hit in decision.hits}
    spans = turn["evidence"]["sentences"]
    assert [texts[s["passage"]][s["start"] : s["end"]] for s in spans] == [
        decision.hits[q.hit].passage.text[q.start : q.end] for q in decision.quotes
    ]
    assert {s["passage"] for s in spans} <= {c["passage"] for c in turn["citations"]}


def test_a_half_answer_says_so(desk: Desk, trained_workspace: Workspace) -> None:
    with SessionLog.open(trained_workspace.database) as log:
        bot = Bot(desk, log, channel="test")
        reply = bot.respond(
            "is the gift voucher valid and where do penguins of zanzibar swim"
        ).reply
    assert "I found nothing about “where do penguins of zanzibar swim”, though." in reply


def test_choosing_needs_no_vectors(desk: Desk) -> None:
    [vector] = desk.model.encode(["make rusks"])
    bare = replace(desk, sentences=type(desk.sentences)())
    hits = desk.hits("make rusks", vector)[:1]
    found = bare.organised(Cite(hits, Evidence("passage-certain")), "make rusks", vector)
    assert isinstance(found, Cite)
    assert any("make rusks" in quote.text for quote in found.quotes)


def test_what_was_chosen_once_stays(desk: Desk) -> None:
    """A reply that is said again quotes the same, whatever asked for it again."""
    [vector] = desk.model.encode(["what did you say?"])
    quote = Quote(0, 0, 4, "Once")
    cite = Cite(desk.hits("rusks", vector)[:1], Evidence("passage-certain"), quotes=(quote,))
    assert desk.organised(cite, "what did you say?", vector) is cite


# --- the words -----------------------------------------------------------------------------------

MARKDOWN = "One is **bold**. Two.\n\nThree. Four."


def cite(*quotes: Quote, missing: tuple[str, ...] = ()) -> Cite:
    hits = tuple(
        Hit(Passage(n, article, article.title(), (), MARKDOWN, ""), 0.9, 0.9, 0.9)
        for n, article in enumerate(("bread", "cakes"))
    )
    return Cite(hits, Evidence("passage-certain"), quotes=quotes, missing=missing)


def quote(hit: int, written: str, said: str = "") -> Quote:
    at = MARKDOWN.index(written)
    return Quote(hit, at, at + len(written), said or written)


def test_sentences_in_a_row_stand_together_and_dots_where_something_is_left_out() -> None:
    quotes = (
        quote(0, "One is **bold**.", "One is bold."),
        quote(0, "Two."),
        quote(0, "Four."),
        quote(1, "Two."),
        quote(1, "Three."),
    )
    assert render(cite(*quotes), Templates(), "en") == (
        "Here is what our help pages say:\n\n"
        "One is bold. Two. [1] … Four. [1]\n\n"
        "Two.\nThree. [2]\n\n"
        "[1] Bread\n[2] Cakes"
    )


@pytest.mark.parametrize(
    ("heading", "listed"),
    [
        ("Norway", "Norway:\n- EUR 19.90 [1]"),
        ("What does it cost?", "What does it cost?\n- EUR 19.90 [1]"),
        ("挪威", "挪威：\n- EUR 19.90 [1]"),
    ],
)
def test_a_list_that_nothing_leads_into_has_its_heading(heading: str, listed: str) -> None:
    passage = Passage(1, "abroad", "Abroad", ("Europe", heading), "- EUR 19.90", "")
    quotes = (Quote(0, 0, 11, "- EUR 19.90"),)
    said = Cite((Hit(passage, 0.9, 0.9, 0.9),), Evidence("passage-certain"), quotes=quotes)
    assert render(said, Templates(), "en").split("\n\n")[1] == listed


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "I found nothing about “the moon” and “X200”, though."),
        ("zh", "不过，没有找到关于“the moon”和“X200”的内容。"),
    ],
)
def test_what_is_not_covered_is_named(language: Language, said: str) -> None:
    reply = render(cite(quote(0, "Two."), missing=("the moon", "X200")), Templates(), language)
    assert f"\n\n{said}\n\n[1] Bread" in reply
