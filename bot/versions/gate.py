"""A trained version meets the live one: both read the same held-out chats, and the better stays.

Chats are held out from both when neither learnt from them nor was chosen by them. They are read
through the graphs that serve, so what is compared is what would answer. The candidate's test chats
take no part: they are for its final figures, and a chat that decides which version lives is no
longer impartial about it.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import bot.errors
import finetune.errors
from bot.model import Model
from bot.replay.reading import Vectors, rank_replies, read_history, read_messages
from finetune import history, memory, registry
from finetune.conversation import SENTIMENTS, Conversation
from finetune.corpus import NO_LABEL, NO_TEXT, Message, Texts, replies_of
from finetune.evaluation import candidate_sets
from finetune.gate import SEED, Outcome, Outcomes, Verdict, compare
from finetune.registry import VersionInfo
from finetune.tags import FoundEntity

if TYPE_CHECKING:
    from bot.console import Progress
    from bot.workspace import Workspace

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Release:
    """What became of a version: the gate's verdict (None: it was live already), whether it is live
    now, and a sentence for each way of answering that could not be certified."""

    verdict: Verdict | None
    live: bool
    shortcomings: Sequence[str] = ()


def release(
    workspace: "Workspace",
    version: str,
    conversations: Sequence[Conversation],
    progress: "Progress",
    *,
    force: bool = False,
    skip_bad: bool = False,
) -> Release:
    """Put a version live if the gate lets it pass, or by force; the verdict is recorded first.

    Raises:
        NoModel: there is no such version, or it is damaged.
    """
    from bot.live import go_live

    if registry.current_if_readable(workspace.models) == version:
        return Release(None, True, go_live(workspace, version, progress, skip_bad=skip_bad))
    verdict = judge(workspace.models, version, conversations, progress)
    history.record(workspace.models, "gate", version, verdict=verdict.as_json())
    if not verdict.passed and not force:
        return Release(verdict, False)
    how: history.Switch = "live" if verdict.passed else "forced"
    return Release(verdict, True, go_live(workspace, version, progress, how=how, skip_bad=skip_bad))


def judge(
    models: Path, version: str, conversations: Sequence[Conversation], progress: "Progress"
) -> Verdict:
    """The verdict on a version against the live one, from those of the chats that are held out
    from both.

    It passes without a comparison where there is nothing to be worse than: no live version, the
    pretrained encoder alone, or one that cannot be opened.
    """
    candidate = registry.open_version(models, version)
    live = registry.current_if_readable(models)
    if live is None:
        return _unopposed(live, version, "there was no live version to compare it with")
    if live == registry.BASE:
        return _unopposed(live, version, "before it only the pretrained encoder was live")
    try:
        before = registry.open_version(models, live)
        model = Model.load(before.folder)
    except (finetune.errors.NoModel, bot.errors.NoModel) as error:
        return _unopposed(live, version, f"the live version cannot be opened to compare ({error})")
    gone = memory.gone(memory.read(candidate.folder), conversations)
    chats = held_out(before, candidate, [*conversations, *gone])
    places = judged_places(candidate)
    outcomes = read_outcomes(model, chats, places, progress)
    model = Model.load(candidate.folder)  # in its place, so that only one is in memory
    return compare(outcomes, read_outcomes(model, chats, places, progress))


def held_out(
    live: VersionInfo, candidate: VersionInfo, conversations: Iterable[Conversation]
) -> list[Conversation]:
    """The candidate's calibration chats that the live version was neither trained nor tuned on,
    by id, so that the order of files does not matter."""
    before, after = registry.learnt(live), registry.learnt(candidate)
    kept = set(after.splits["calibration"]) if after else set()
    if before:
        kept -= {name for part in ("train", "validation") for name in before.splits[part]}
    return sorted((chat for chat in conversations if chat.id in kept), key=lambda chat: chat.id)


def judged_places(candidate: VersionInfo) -> set[tuple[str, int]]:
    """The (conversation, turn) of the candidate's calibration messages without those that have a
    near-duplicate among what it was trained on: its evidence is of these alone."""
    path = candidate.folder / f"{registry.EVIDENCE['calibration']}.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    return {(record["conversation"], record["turn"]) for record in records}


def read_outcomes(
    model: Model,
    chats: Sequence[Conversation],
    places: Collection[tuple[str, int]],
    progress: "Progress",
) -> Outcomes:
    """How a model reads the messages at these places, each with the true turns before it."""
    found = read_history(chats, model)
    messages = [m for m in found.messages() if (m.conversation, m.turn) in places]
    outcomes = _outcomes(model, messages, found.texts, progress) if messages else []
    return Outcomes(model.version, model.labels, outcomes, _tasks(model))


def _tasks(model: Model) -> frozenset[str]:
    """What a version learnt; a task that it did not cannot become worse."""
    settings = json.loads((model.folder / "settings.json").read_text(encoding="utf-8"))
    learnt = {
        "intent": model.labels,
        "ranking": True,
        "entities": model.entity_types,
        "sentiment": settings.get("sentiments"),
    }
    return frozenset(task for task, known in learnt.items() if known)


def _outcomes(
    model: Model, messages: Sequence[Message], texts: Texts, progress: "Progress"
) -> list[Outcome]:
    stage = f"{model.version} reads the held-out chats"
    vectors = Vectors(model, texts, lambda _, done, total: progress(stage, done, total))
    replies = replies_of(messages, texts)
    windows = np.stack([message.window for message in messages])
    vectors.need(np.concatenate([windows.ravel(), np.asarray(sorted(replies), dtype=np.int64)]))
    readings = read_messages(model, messages, windows, vectors)
    right = (message.reply for message in messages if message.reply != NO_TEXT)
    candidates = candidate_sets(right, replies, SEED)
    ranks = rank_replies(messages, readings.queries, vectors.all, candidates)
    return [
        Outcome(
            conversation=message.conversation,
            turn=message.turn,
            text=texts.all[message.text],
            intents=message.gold,
            **_intent(message, model.labels, readings.probabilities[row]),
            reply_rank=int(ranks[row]) or None,
            entities=_entities(message, vectors.entities.get(message.text, ())),
            sentiment=_sentiment(message, readings.sentiment(row)),
        )
        for row, message in enumerate(messages)
    ]


def _intent(message: Message, labels: Sequence[str], shares: FloatArray) -> dict[str, Any]:
    """A model that knows no intents is wrong about every one."""
    if not len(shares):
        return {"right": False if message.gold else None}
    best = int(shares.argmax())
    right = labels[best] in message.gold if message.gold else None
    return {"guess": labels[best], "confidence": float(shares[best]), "right": right}


def _entities(message: Message, found: Iterable[FoundEntity]) -> tuple[int, int, int] | None:
    if message.spans is None:
        return None
    there, spans = set(message.spans), {(one.start, one.end, one.type) for one in found}
    return len(there & spans), len(spans), len(there)


def _sentiment(message: Message, found: str | None) -> bool | None:
    return None if message.sentiment == NO_LABEL else found == SENTIMENTS[message.sentiment]


def _unopposed(live: str | None, version: str, reason: str) -> Verdict:
    return Verdict(live, version, passed=True, compared=False, reason=reason)
