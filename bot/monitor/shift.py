"""Whether the messages of the log are still like those that the thresholds were certified on."""

import json
import sqlite3
from typing import TYPE_CHECKING

import numpy as np

from bot.errors import BotError
from bot.monitor import log
from finetune.conversation import OUT_OF_SCOPE
from finetune.errors import FinetuneError

if TYPE_CHECKING:
    from bot.model import Model
    from bot.workspace import Workspace

TURNS = 2_000
"""The last turns of the live model that are looked at."""


def shift(workspace: "Workspace") -> str:
    """What to tell the owner where they are not, by more than chance (docs/risk.md); else empty.
    Nothing can be told without a model or a log."""
    from bot.live import live_model
    from bot.risk.traffic import shift_of

    try:
        model = live_model(workspace)
        with log.opened(workspace.database) as connection:
            chats, confidence = _confidence(connection, model)
        return shift_of(model, chats, np.asarray(confidence, np.float32))
    except (BotError, FinetuneError):
        return ""


def _confidence(connection: sqlite3.Connection, model: "Model") -> tuple[list[str], list[float]]:
    """For each of the last turns its chat, and how sure its best intent is that may be answered."""
    query = """SELECT session_id, evidence FROM turns JOIN decisions ON turn_id = turns.id
        WHERE decisions.model = ? AND json_valid(evidence) ORDER BY turns.id DESC LIMIT ?"""
    chats, found = list[str](), list[float]()
    for session, evidence in connection.execute(query, (model.fingerprint, TURNS)):
        intents = json.loads(evidence).get("intents", [])
        scores = (one["score"] for one in intents if one["name"] != OUT_OF_SCOPE)
        chats.append(str(session))
        found.append(max(scores, default=0.0))
    return chats, found
