"""What the bot would have done in chats that have happened, measured against what people did.

Every customer turn is read with the true turns before it: the agents' words are the real agents',
whatever the bot would have said. So turns do not depend on each other's decisions and are batched
across conversations: every distinct text is encoded once, and windows are indices into the vectors.

What that leaves out: the bot's own open questions. A turn is decided with what the customer has
said so far as its slots, and with no pending slot or choice and no count of unanswered messages,
because those follow from answers that were never given.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bot.decision import KINDS, Decision, template_of
from bot.errors import BotError
from bot.model import Model, Readings, joined
from bot.session_log import ReplayTurn, SessionLog
from bot.state import State
from bot.traffic import shift_of, surest
from finetune.conversation import Conversation
from finetune.corpus import NO_TEXT, Dialogue, Message, Texts, build_dialogue, replies_of
from finetune.evaluation import candidate_sets, intent_metrics, ranking_metrics, reply_ranks
from finetune.tags import FoundEntity

if TYPE_CHECKING:
    from bot.bot import Desk
    from bot.console import Progress

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
SEED = 7
"""Of the wrong replies that a right one is ranked among."""
BLOCK, BATCH = 2048, 256
"""Turns that are done and committed together; turns that are read in one pass of the heads."""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one replay.

    `intent` and `ranking` are those of finetune.evaluation; `candidates` is the least number of
    replies that any right reply was ranked among, itself included (100 where the chats have as
    many). `decisions` are the shares of the seven kinds. `seen_in_training` counts chats. `shift`
    is what to say where the chats differ from those that thresholds were certified on.
    """

    replay: int
    chats: int
    turns: int
    turns_per_second: float
    intent: Mapping[str, float]
    ranking: Mapping[str, float]
    decisions: Mapping[str, float]
    seen_in_training: int
    shift: str

    def as_json(self) -> dict[str, Any]:
        """The object that `frontdesk replay --json` prints and the database keeps."""
        return {
            "replay": self.replay,
            "turns": self.turns,
            "turns_per_second": round(self.turns_per_second, 2),
            "intent": dict(self.intent),
            "ranking": dict(self.ranking),
            "decisions": dict(self.decisions),
            "chats": self.chats,
            "seen_in_training": self.seen_in_training,
            "shift": self.shift,
        }


def replay(
    desk: "Desk",
    log: SessionLog,
    conversations: Sequence[Conversation],
    progress: "Progress",
    *,
    name: str = "",
    seed: int = SEED,
) -> Report:
    """Replay conversations at a desk; `name` says in the log which they were.

    Turns are rows in the log as soon as they are done: an interruption loses the last block only.

    Raises:
        BotError: no customer says anything in them.
    """
    started = time.perf_counter()
    history = read_history(conversations, desk.model)
    if not history.turns:
        raise BotError("the chats have no customer turn with a text; there is nothing to replay")
    number = log.start_replay(
        chats=name, model=desk.model.fingerprint, index_digest=desk.index.digest
    )
    tally = _Tally()
    for block in replayed(desk, history, progress, seed):
        log.add_replay_turns(number, block.rows(desk.model))
        tally.add(block, desk.model.labels)
    seconds = time.perf_counter() - started
    report = Report(
        replay=number,
        chats=len(conversations),
        turns=history.turns,
        turns_per_second=history.turns / seconds,
        intent=tally.intent(desk.model.labels),
        ranking=tally.ranking(),
        decisions={kind: tally.kinds[kind] / history.turns for kind in KINDS},
        seen_in_training=seen_in_training(desk.model, conversations),
        shift=tally.shift(desk.model),
    )
    log.finish_replay(number, report.as_json())
    return report


def seen_in_training(model: Model, conversations: Iterable[Conversation]) -> int:
    """How many of these chats (by id) the model was trained on."""
    path = model.folder / "settings.json"
    if not path.is_file():
        return 0
    trained = set(json.loads(path.read_text(encoding="utf-8"))["splits"]["train"])
    return sum(chat.id in trained for chat in conversations)


# --- the chats as index arrays -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class History:
    """Chats as dialogues over their distinct texts."""

    texts: Texts
    dialogues: Sequence[Dialogue]

    @property
    def turns(self) -> int:
        return sum(len(dialogue.messages) for dialogue in self.dialogues)

    def messages(self) -> Iterator[Message]:
        return (message for dialogue in self.dialogues for message in dialogue.messages)

    def blocks(self, turns: int) -> Iterator[list[Message]]:
        """The messages of whole dialogues, at least `turns` at a time but for the last."""
        block: list[Message] = []
        for dialogue in self.dialogues:
            block.extend(dialogue.messages)
            if len(block) >= turns:
                yield block
                block = []
        if block:
            yield block


def read_history(conversations: Iterable[Conversation], model: Model) -> History:
    """Chats as the model's windows see them; turns without text are passed over."""
    texts = Texts()
    dialogues = [
        build_dialogue(chat, model.labels, texts, model.context_turns) for chat in conversations
    ]
    return History(texts, dialogues)


class Vectors:
    """The vectors of distinct texts, (n, d), and the entities in them, each found when it is first
    needed."""

    def __init__(self, model: Model, texts: Texts, progress: "Progress") -> None:
        self.all = np.zeros((len(texts), model.dimension), dtype=np.float32)
        self.entities: dict[int, list[FoundEntity]] = {}
        self._done = np.zeros(len(texts), dtype=np.bool_)
        self._model, self._texts, self._progress = model, texts, progress

    def need(self, indices: IntArray) -> None:
        """Encode those of these texts that are not encoded yet, batched by length."""
        new = np.unique(indices[indices != NO_TEXT])
        new = new[~self._done[new]]
        if len(new):
            before = int(self._done.sum())
            self.all[new], found = self._model.encode_messages(
                [self._texts.all[i] for i in new],
                progress=lambda done: self._progress("encode", before + done, len(self.all)),
            )
            self.entities |= {i: e for i, e in zip(new.tolist(), found, strict=True) if e}
            self._done[new] = True

    def windows(self, indices: IntArray) -> FloatArray:
        """The turns (n, k, d) of windows (n, k); zeros where there is no turn."""
        turns: FloatArray = self.all[indices]
        turns[indices == NO_TEXT] = 0
        return turns


# --- the turns -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """Turns that were replayed together.

    `probabilities` (n, c) are the calibrated intents, `ranks` (n,) those of the agents' replies
    and 0 where no reply followed, `fewest` how few candidates one of them was ranked among.
    """

    messages: Sequence[Message]
    texts: Sequence[str]
    probabilities: FloatArray
    decisions: Sequence[Decision]
    ranks: IntArray
    fewest: int

    def rows(self, model: Model) -> Iterator[ReplayTurn]:
        """The turns as the log keeps them."""
        found = zip(
            self.messages, self.texts, self.probabilities, self.decisions, self.ranks, strict=True
        )
        for message, text, probabilities, decision, rank in found:
            best = int(probabilities.argmax()) if len(probabilities) else None
            intent = None if best is None else model.labels[best]
            yield ReplayTurn(
                conversation=message.conversation,
                turn=message.turn,
                message=text,
                gold_intents=sorted(message.gold),
                intent=intent,
                confidence=None if best is None else float(probabilities[best]),
                correct=intent in message.gold if message.gold and intent else None,
                decision=decision.kind,
                template=template_of(decision),
                rank=int(rank) or None,
            )


def replayed(desk: "Desk", history: History, progress: "Progress", seed: int) -> Iterator[Block]:
    """The blocks of a history, each when it is done.

    The agents' replies are encoded first, because any turn may be ranked against any of them.
    """
    replies = replies_of(history.messages(), history.texts)
    right = (message.reply for message in history.messages() if message.reply != NO_TEXT)
    candidates = candidate_sets(right, replies, seed)
    vectors = Vectors(desk.model, history.texts, progress)
    vectors.need(np.asarray(sorted(replies), dtype=np.int64))
    done = 0
    for messages in history.blocks(BLOCK):
        windows = np.stack([message.window for message in messages])
        vectors.need(windows.ravel())
        readings = read_messages(desk.model, messages, windows, vectors)
        ranks, fewest = rank_replies(messages, readings.queries, vectors.all, candidates)
        texts = [history.texts.all[message.text] for message in messages]
        decisions = _decisions(desk, messages, texts, vectors, readings)
        yield Block(messages, texts, readings.probabilities, decisions, ranks, fewest)
        progress("decide", done := done + len(messages), history.turns)


def read_messages(
    model: Model, messages: Sequence[Message], windows: IntArray, vectors: Vectors
) -> Readings:
    """What the heads make of the messages, whose vectors are there."""
    speakers = np.stack([message.speakers for message in messages])
    parts = [
        model.read(vectors.windows(windows[at : at + BATCH]), speakers[at : at + BATCH])
        for at in range(0, len(messages), BATCH)
    ]
    return joined(parts)


def rank_replies(
    messages: Sequence[Message],
    queries: FloatArray,
    vectors: FloatArray,
    candidates: Iterator[IntArray],
) -> tuple[IntArray, int]:
    """The rank of each agent's reply (n,), 0 where there is none, and the fewest candidates."""
    rows = [row for row, message in enumerate(messages) if message.reply != NO_TEXT]
    drawn = list(islice(candidates, len(rows)))
    ranks = np.zeros(len(messages), dtype=np.int64)
    ranks[rows] = reply_ranks(queries[rows], vectors, drawn)
    return ranks, min(map(len, drawn), default=0)


def _decisions(
    desk: "Desk",
    messages: Sequence[Message],
    texts: Sequence[str],
    vectors: Vectors,
    readings: Readings,
) -> list[Decision]:
    decisions = []
    conversation, slots, today = "", dict[str, str](), date.today()
    for row, (message, text) in enumerate(zip(messages, texts, strict=True)):
        if message.conversation != conversation:
            conversation, slots = message.conversation, {}
        found = vectors.entities.get(message.text, ())
        said_on = message.at.date() if message.at else today
        reading = desk.reading(text, readings, row, found, said_on)
        vector, query = vectors.all[message.text], readings.queries[row]
        candidates = desk.candidates(text, vector, query)
        decisions.append(desk.decide(State(slots=slots), text, reading, candidates))
        slots = {**slots, **reading.entities}
    return decisions


# --- the figures ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tally:
    """What the figures are computed from, as blocks come in."""

    kinds: Counter[str] = field(default_factory=Counter)
    gold: list[set[str]] = field(default_factory=list)
    probabilities: list[FloatArray] = field(default_factory=list)
    ranks: list[IntArray] = field(default_factory=list)
    fewest: list[int] = field(default_factory=list)
    chats: list[str] = field(default_factory=list)
    confidence: list[FloatArray] = field(default_factory=list)

    def add(self, block: Block, labels: Sequence[str]) -> None:
        self.kinds.update(decision.kind for decision in block.decisions)
        labelled = [row for row, message in enumerate(block.messages) if message.gold]
        self.gold += [set(block.messages[row].gold) for row in labelled]
        self.probabilities.append(block.probabilities[labelled])
        self.ranks.append(block.ranks[block.ranks > 0])
        self.chats += [message.conversation for message in block.messages]
        self.confidence.append(surest(labels, block.probabilities))
        if block.fewest:
            self.fewest.append(block.fewest)

    def intent(self, labels: Sequence[str]) -> dict[str, float]:
        if not labels:
            return {"n": 0}
        return intent_metrics(np.concatenate(self.probabilities), self.gold, labels)

    def shift(self, model: Model) -> str:
        return shift_of(model, self.chats, np.concatenate(self.confidence))

    def ranking(self) -> dict[str, float]:
        metrics = ranking_metrics(np.concatenate(self.ranks))
        return {"n": metrics.pop("n"), "candidates": min(self.fewest, default=0), **metrics}
