"""A messenger's endless thread as conversations: a new one begins after a day of silence.

A day is what WhatsApp Business calls a customer service window: 24 hours after a message, whoever
writes again opens a new one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.errors import BotError
from bot.imports.source import Chat, JsonObject, Source

SILENCE = timedelta(hours=24)
_NAMES_TOLD = 8


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody called `name` wrote in the thread of this name."""

    place: str
    thread: str
    name: str
    at: datetime
    text: str


def conversations(source: Source, messages: Iterable[Message]) -> Iterator[Chat]:
    """The chats of threads that come one after the other, numbered through.

    Raises BotError where no agent is named, or none of those who are named says anything.
    """
    names: dict[str, None] = {}
    number, chat, last = 0, None, None
    for message in _with_agents(source, messages):
        if len(names) < _NAMES_TOLD or message.name in source.agents:
            names[message.name] = None
        if chat is None or last is None or _is_new(last, message):
            if chat is not None:
                yield chat
            number += 1
            chat = Chat(message.place, {"id": source.numbered(number), "turns": []})
        chat.data["turns"].append(_turn(message, source.agents))
        last = message
    if names and not source.agents & names.keys():
        raise BotError(f"{source.path}: {_said_by(source)} says nothing in it; {_those(names)}")
    if chat is not None:
        yield chat


def _is_new(last: Message, message: Message) -> bool:
    return message.thread != last.thread or message.at - last.at >= SILENCE


def _turn(message: Message, agents: frozenset[str]) -> JsonObject:
    speaker = "agent" if message.name in agents else "customer"
    return {"speaker": speaker, "text": message.text, "at": message.at.isoformat()}


def _with_agents(source: Source, messages: Iterable[Message]) -> Iterator[Message]:
    if source.agents:
        yield from messages
        return
    names: dict[str, None] = {}
    for message in messages:
        names[message.name] = None
        if len(names) == _NAMES_TOLD:
            break
    if names:
        raise BotError(
            f"{source.path}: who speaks for the company? "
            f"name them with --agent NAME; {_those(names)}"
        )


def _said_by(source: Source) -> str:
    return " and ".join(f'"{name}"' for name in sorted(source.agents))


def _those(names: Iterable[str]) -> str:
    return f"those who write are {', '.join(names)}"
