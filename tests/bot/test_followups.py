"""Follow-ups through the whole turn: the search knows the question before."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.bot import Bot, Desk
from bot.decision import Cite, Thresholds
from bot.evidence import evidence_json
from bot.live import open_desk
from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace

FIRST = "how long is a gift voucher valid"
THEN = "and where is it sold?"


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    thresholds = Thresholds(passage=0.0, follow_up=0.1)
    return replace(open_desk(trained_workspace, silent), thresholds=thresholds)


@pytest.fixture
def log(trained_workspace: Workspace) -> Iterator[SessionLog]:
    with SessionLog.open(trained_workspace.database) as opened:
        yield opened


def test_a_follow_up_is_searched_for_together_with_the_question_before(
    desk: Desk, log: SessionLog
) -> None:
    bot = Bot(desk, log, channel="test")
    alone = bot.respond(THEN).decision.evidence
    assert alone.follows == ""
    bot.start()
    bot.respond(FIRST)
    decision = bot.respond(THEN).decision
    assert isinstance(decision, Cite)
    assert decision.hits[0].passage.article == "vouchers"
    assert decision.evidence.follows == FIRST
    assert decision.evidence.thresholds.passage == 0.1
    assert decision.evidence.hits[0].score > max(
        hit.score for hit in alone.hits if hit.passage == decision.hits[0].passage
    )
    [*_, row] = log.turns(bot.session)
    assert row["evidence"]["follows"] == FIRST
    assert "follows" not in evidence_json(bot.respond("which bread is baked of rice").decision)


def test_a_chain_of_follow_ups_keeps_to_the_question(desk: Desk, log: SessionLog) -> None:
    bot = Bot(desk, log, channel="test")
    bot.respond(FIRST)
    bot.respond(THEN)
    assert bot.respond("and until when?").decision.evidence.follows == FIRST


def test_a_session_that_goes_on_tomorrow_still_knows_the_question(
    desk: Desk, log: SessionLog
) -> None:
    bot = Bot(desk, log, channel="test")
    bot.respond(FIRST)
    session, expected = bot.session, bot.desk
    later = Bot(expected, log, channel="test")
    later.resume(session)
    assert later.respond(THEN).decision.evidence.follows == FIRST
