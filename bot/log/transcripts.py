"""The log as transcripts, which `finetune` and `replay` read like those of agents.

The bot stands where an agent stood. A reply that a person called bad, or whose intent they
corrected, is left out: nobody should learn it. The intent they named is the message's label.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bot.errors import BotError
from bot.log.reading import SESSION, LoggedTurn, masked, of_session
from bot.privacy import Privacy
from finetune.conversation import Conversation, Turn


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to; `left_out` are replies."""

    file: str
    conversations: int
    turns: int
    labels: int
    left_out: int


def export(
    connection: sqlite3.Connection,
    path: Path,
    privacy: Privacy,
    *,
    customers_only: bool = False,
) -> Exported:
    """Write every session with a turn to `path`, a conversation a line; it appears when whole.

    Personal data is masked as `privacy` says. `customers_only` leaves all the bot
    said out.

    Raises:
        BotError: the file is there already, or cannot be made.
    """
    if path.exists():
        raise BotError(f"{path} is there already and is not overwritten; name another file")
    if not path.parent.is_dir():
        raise BotError(f"{path.parent} is no folder; make it first, or name another file")
    count, said, turns, labels = 0, 0, 0, 0
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            for session, logged in _sessions(connection, privacy):
                chat = conversation(session, logged, customers_only=customers_only)
                file.write(chat.model_dump_json(exclude_defaults=True) + "\n")
                count, said, turns = count + 1, said + len(logged), turns + len(chat.turns)
                labels += sum(bool(turn.intents) for turn in chat.turns)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    return Exported(str(path), count, turns, labels, 2 * said - turns)


def _sessions(
    connection: sqlite3.Connection, privacy: Privacy
) -> Iterator[tuple[int, list[LoggedTurn]]]:
    query = "SELECT DISTINCT session_id FROM turns ORDER BY session_id"
    for (session,) in connection.execute(query).fetchall():
        yield session, [masked(turn, privacy) for turn in of_session(connection, session)]


def conversation(
    session: int, turns: Iterable[LoggedTurn], *, customers_only: bool = False
) -> Conversation:
    """A session as a chat of the name that `gaps` and `review` know it by."""
    said = chain.from_iterable(_turns(turn, customers_only=customers_only) for turn in turns)
    return Conversation(id=f"{SESSION}{session}", turns=tuple(said))


def _turns(turn: LoggedTurn, *, customers_only: bool) -> Iterator[Turn]:
    named = [said.note for said in turn.feedback if said.verdict == "intent" and said.note.strip()]
    label = {"intents": tuple(named[-1:])} if named else {}
    yield Turn.model_validate({"speaker": "customer", "text": turn.message, "at": turn.at} | label)
    if not customers_only and not _is_wrong(turn):
        about = {"template": turn.template, "at": turn.at}
        yield Turn.model_validate({"speaker": "agent", "text": turn.reply, **about})


def _is_wrong(turn: LoggedTurn) -> bool:
    """Whether a person said that the reply is wrong."""
    return any(said.verdict != "good" for said in turn.feedback)
