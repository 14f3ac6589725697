"""A customer's message and what the bot did with it: one value, of a replay or of the live log.

What looks for gaps and what asks a person for labels read both alike.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.decision import Scored
from bot.errors import BotError
from bot.log.reading import SESSION, opened

if TYPE_CHECKING:
    from bot.replay import ReplayStore, Turn
    from bot.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Asked:
    """One message of a customer.

    `turn` is its position in the chat, in the log its number in the session, and `number` how many
    messages of the customer came before it. `intents` are the likeliest with their calibrated
    probabilities, `margin` how far the first is ahead. `passage` is the best passage's score and
    `passage_needed` the threshold (None: passages do not answer). `citations` are (article,
    passage). `labels` are what a person said that it asks for, and `disliked` that the reply was
    wrong. `verdict`, `outside`, `agent_reply` and `agent_template` are those of a replay,
    `session` is that of the log. `parts` are the requests of a message with several, each as if it
    were a message of its own; of people's judgements they have none.
    """

    conversation: str
    turn: int
    number: int
    message: str
    reply: str
    kind: str
    rule: str
    template: str | None
    reason: str | None
    intents: tuple[Scored, ...]
    margin: float
    passage: float
    passage_needed: float | None
    citations: tuple[tuple[str, int], ...]
    labels: tuple[str, ...]
    disliked: bool = False
    verdict: str | None = None
    outside: bool | None = None
    agent_reply: str | None = None
    agent_template: str | None = None
    session: int | None = None
    parts: tuple["Asked", ...] = ()

    @property
    def did(self) -> str:
        """What the bot did, in a few words: "template track", "handoff unknown"."""
        return " ".join(part for part in (self.kind, self.template, self.reason) if part)


def asked_in(workspace: "Workspace", replay: int | None, log: bool) -> Iterator[Asked]:
    """The messages of the newest replay and then of the live log; of one `replay` or of the `log`
    alone where that is asked for.

    Raises:
        BotError: there are none, or there is no such replay.
    """
    number = None if log else replay or _newest(workspace)
    count = 0
    for one in chain(
        _of_replay(workspace, number) if number is not None else (),
        of_log(workspace.database) if replay is None else (),
    ):
        count += 1
        yield one
    if not count:
        what = f"replay {replay} has no turn" if replay else "there is no replay and no chat"
        raise BotError(f"{workspace.root}: {what} to look at; run `frontdesk replay CHATS` first")


def _newest(workspace: "Workspace") -> int | None:
    """The number of the newest finished replay of this workspace; None where there is none."""
    from bot.replay import ReplayStore

    if not workspace.replays.is_file():
        return None
    with ReplayStore.open_to_read(workspace.replays) as store:
        own = (row for row in store.replays() if row.figures is not None and not row.workspace)
        return next((row.id for row in own), None)


def _of_replay(workspace: "Workspace", number: int) -> Iterator[Asked]:
    from bot.replay import ReplayStore

    with ReplayStore.open_to_read(workspace.replays) as store:
        yield from of_replay(store, number)


def of_replay(store: "ReplayStore", replay: int) -> Iterator[Asked]:
    """The messages of a replay, in order. BotError where there is none of that number."""
    from bot.replay import turns

    chat, number = -1, 0
    for turn in turns(store, replay):
        number = number + 1 if turn.chat == chat else 0
        chat = turn.chat
        yield _of_turn(turn, number)


def _of_turn(turn: "Turn", number: int) -> Asked:
    asked = Asked(
        conversation=turn.conversation,
        turn=turn.turn,
        number=number,
        message=turn.message,
        reply=turn.reply,
        kind=turn.kind,
        template=turn.template,
        reason=turn.reason,
        citations=_cited(turn.citations),
        labels=tuple(turn.gold),
        verdict=turn.verdict,
        outside=turn.outside,
        agent_reply=turn.agent_reply,
        agent_template=turn.agent_template,
        **_of_evidence(turn.evidence),
    )
    return _in_parts(asked, turn.evidence)


def _in_parts(asked: Asked, evidence: Mapping[str, Any]) -> Asked:
    """The message with its parts, where it was decided in parts."""
    parts = tuple(_part(asked, part) for part in evidence.get("parts", ()))
    return replace(asked, parts=parts)


def _part(whole: Asked, part: Mapping[str, Any]) -> Asked:
    return replace(
        whole,
        message=part["message"],
        kind=part["kind"],
        template=part["template"],
        reason=part.get("reason"),
        citations=_cited(part["citations"]),
        labels=(),
        disliked=False,
        verdict=None,
        **_of_evidence(part),
    )


def _of_evidence(evidence: Mapping[str, Any]) -> dict[str, Any]:
    intents = tuple(Scored(found["name"], found["score"]) for found in evidence["intents"])
    margin = evidence["margin"]
    return {
        "rule": evidence["rule"],
        "intents": intents,
        "margin": margin if margin is not None else intents[0].score if intents else 0.0,
        "passage": max((hit["score"] for hit in evidence["passages"]), default=0.0),
        "passage_needed": evidence["thresholds"]["passage"],
    }


def _cited(citations: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((cited["article"], cited["passage"]) for cited in citations)


_LOGGED = """SELECT session_id, number, message, reply, kind, template, citations, evidence,
        (SELECT note FROM feedback WHERE turn_id = turns.id AND verdict = 'intent'
         ORDER BY id DESC LIMIT 1),
        EXISTS (SELECT 1 FROM feedback WHERE turn_id = turns.id AND verdict = 'bad')
    FROM turns JOIN decisions ON turn_id = turns.id ORDER BY session_id, number"""


def of_log(database: Path) -> Iterator[Asked]:
    """The messages of the live log, in order; none where nobody has chatted yet. Raises BotError.

    The last intent that a person named is the one that counts.
    """
    if not database.is_file():
        return
    with opened(database) as connection:
        for row in connection.execute(_LOGGED):
            yield _of_row(*row)


def _of_row(
    session: int, number: int, message: str, reply: str, kind: str, template: str | None,
    citations: str, evidence: str, label: str | None, disliked: int,
) -> Asked:  # fmt: skip
    found = json.loads(evidence)
    asked = Asked(
        conversation=f"{SESSION}{session}",
        turn=number,
        number=number - 1,
        message=message,
        reply=reply,
        kind=kind,
        template=template,
        reason=found.get("reason"),
        citations=_cited(json.loads(citations)),
        labels=(label,) if label else (),
        disliked=bool(disliked),
        session=session,
        **_of_evidence(found),
    )
    return _in_parts(asked, found)
