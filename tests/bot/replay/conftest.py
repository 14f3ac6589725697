"""A desk, the bakery's chats and a store; `replayed` replays chats and gives the rows."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from bot.bot import Desk
from bot.live import open_desk
from bot.replay import ReplayRow, ReplayStore, Request, Turn, replay
from bot.workspace import Workspace
from finetune.conversation import Conversation
from finetune.transcripts import read_chats

Replayed = Callable[..., tuple[ReplayRow, list[Turn]]]


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def chat(name: str, *turns: str, **labels: Any) -> Conversation:
    """A chat of turns such as "customer: hello"; `labels` are those of its customers' turns."""
    said = [turn.split(": ", 1) for turn in turns]
    return Conversation.model_validate(
        {
            "id": name,
            "turns": [
                {"speaker": speaker, "text": text, **(labels if speaker == "customer" else {})}
                for speaker, text in said
            ],
        }
    )


@pytest.fixture
def desk(trained_workspace: Workspace) -> Desk:
    return open_desk(trained_workspace, silent)


@pytest.fixture
def chats(trained_workspace: Workspace) -> list[Conversation]:
    return read_chats([trained_workspace.chats]).conversations


@pytest.fixture
def store(trained_workspace: Workspace) -> Iterator[ReplayStore]:
    with ReplayStore.open(trained_workspace.replays) as opened:
        yield opened


@pytest.fixture
def replayed(store: ReplayStore) -> Replayed:
    """`replayed(desk, chats, **options)`: seen chats take part, and it is always run anew."""

    def run(
        desk: Desk, chats: Iterable[Conversation], **options: Any
    ) -> tuple[ReplayRow, list[Turn]]:
        known = {"include_seen": True, "fresh": True, **options}
        row = replay(Request(desk, chats, **known), store, silent)
        return row, list(store.turns(row.id))

    return run
