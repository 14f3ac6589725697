"""What a run works on: the messages of each split, what there is to name, the texts as the trunk
reads them, and the heads and trainer that fit."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from finetune import retraining
from finetune.conversation import OUT_OF_SCOPE, SENTIMENTS, Conversation
from finetune.corpus import (
    NO_LABEL,
    NO_TEXT,
    Dialogue,
    Message,
    Texts,
    build_dialogue,
    entity_types,
    intent_targets,
    label_names,
)
from finetune.encoder import EncoderSource
from finetune.errors import FinetuneError
from finetune.examples import Splits, split
from finetune.judging import Names
from finetune.logs import LogSettings
from finetune.lower import Lower
from finetune.methods import Method
from finetune.network import CONTEXT_TURNS, Heads, Outputs, Trunk, max_tokens, start_at_means
from finetune.retraining import Earlier
from finetune.tags import Units, pieces_of, tag_names, units_of
from finetune.tokens import load_tokenizer as fast_tokenizer
from finetune.tokens import token_ids
from finetune.training import Recipe, Trainer, TrainingData, epochs_for

FloatArray = NDArray[np.float32]
Progress = Callable[[str, int, int], None]
MOST_QUESTIONS = 2000
FEW_EXAMPLES = 20  # of an intent, below which its name is worth learning from
NAME_COUNTS_AS = 3  # examples
_IN_WORDS = re.compile(r"[^\W\d_]{3}|[\u3400-\u9fff]{2}")


@dataclass(frozen=True, slots=True)
class Request:
    """What to train from. `articles` are texts of the knowledge base whose vectors are held, and
    `questions` pairs of a question and the text that answers it, its heading left out. `base` is
    the folder that a relative encoder folder starts from. A `fresh` run starts from the pretrained
    encoder even where a live version could be gone on from. `method` says which weights of the
    encoder train, `adapt` whether they see the texts without labels first. `out_of_scope_share`
    is that of the traffic that confidence is calibrated for, None where it is not stated."""

    conversations: Sequence[Conversation]
    models: Path
    source: EncoderSource
    base: Path
    articles: Sequence[str] = ()
    questions: Sequence[tuple[str, str]] = ()
    seed: int = 7
    epochs: int | Literal["auto"] = "auto"
    threads: int | Literal["auto"] = "auto"
    fresh: bool = False
    method: Method = field(default_factory=Method)
    adapt: bool = False
    logs: LogSettings = field(default_factory=LogSettings)
    out_of_scope_share: float | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The messages of each split; leaked messages are left out of all but train. `named` are the
    intents' names where they teach, as examples: nothing is judged by them."""

    train: list[Dialogue]
    named: list[Dialogue]
    validation: list[Message]
    calibration: list[Message]
    test: list[Message]

    def taught(self) -> list[Message]:
        return [message for dialogue in self.train for message in dialogue.messages]


@dataclass(frozen=True, slots=True)
class Lessons:
    """The chats of a run, divided, and what they name. Where `goes_on`, it starts from the weights
    of the `earlier` version; `notes` are for the owner."""

    chats: Sequence[Conversation]
    splits: Splits
    names: Names
    texts: Texts
    parts: Parts
    earlier: Earlier | None
    goes_on: bool
    notes: Sequence[str]

    @property
    def start(self) -> str | None:
        """The version that was there to go on from."""
        return self.earlier.version if self.earlier else None


@dataclass(frozen=True, slots=True)
class Material:
    """The texts of a run as the trunk reads them: their `lower` states and `pretrained` vectors
    (n, d), the units of the chats' texts, the pairs of question and passage to teach and to judge
    by (text numbers)."""

    tokenizer: str
    lower: Lower
    pretrained: FloatArray
    units: Sequence[Units]
    pieces: int
    questions: Sequence[tuple[int, int]]
    held_questions: Sequence[tuple[int, int]]
    taught_questions: Sequence[str]


def lessons_of(request: Request) -> Lessons:
    """The chats of a request, with those that the version before remembers.

    Raises FinetuneError when they teach nothing.
    """
    earlier = (
        None
        if request.fresh
        else retraining.live_version(request.models, request.source, request.method)
    )
    chats, remembered = retraining.with_memory(request.conversations, earlier)
    splits = split(chats, request.seed, earlier.parts if earlier else None)
    names, notes = names_of(splits)
    teaching, notes = taught_chats(splits, earlier, request.seed, remembered, notes)
    texts = Texts()
    parts = parts_of(splits, teaching, names, texts)
    require_something_to_learn(parts.train, names)
    goes_on = earlier is not None and teaching is not splits.train
    notes = [*notes, *splits.notes]
    return Lessons(chats, splits, names, texts, parts, earlier, goes_on, notes)


def names_of(splits: Splits) -> tuple[Names, list[str]]:
    """What the training chats teach to name. A lone intent is not learnt: a model of it would
    find it in every message."""
    named = label_names(splits.train)
    felt = {turn.sentiment for chat in splits.train for turn in chat.turns} - {None}
    notes = [
        f"the chats name one intent only, {name}: with no other to tell it from, intents "
        "are not learnt"
        for name in named[: len(named) == 1]
    ]
    names = Names(
        intents=named if len(named) > 1 else (),
        types=entity_types(splits.train),
        sentiments=SENTIMENTS if len(felt) > 1 else (),
    )
    return names, notes


def taught_chats(
    splits: Splits, earlier: Earlier | None, seed: int, remembered: int, notes: list[str]
) -> tuple[list[Conversation], list[str]]:
    """The chats to teach, and what to say of it: all of them, or the new ones and a sample of
    those that the live version has learnt from, where few are new."""
    if earlier is None:
        return splits.train, notes
    new = sum(not earlier.knows(chat) for chat in splits.train)
    if not 0 < 2 * new < len(splits.train):
        return splits.train, notes
    taught = retraining.to_teach(splits.train, earlier, seed)
    gone = f", {remembered:,} of them from its memory" if remembered else ""
    note = (
        f"goes on from {earlier.version}: {new:,} new chats to learn from, "
        f"{len(taught) - new:,} old ones repeated{gone}"
    )
    return taught, [*notes, note]


def parts_of(splits: Splits, taught: Sequence[Conversation], names: Names, texts: Texts) -> Parts:
    def dialogues(chats: Sequence[Conversation]) -> list[Dialogue]:
        return [build_dialogue(chat, names.intents, texts, CONTEXT_TURNS) for chat in chats]

    def judged(chats: Sequence[Conversation]) -> list[Message]:
        return [
            message
            for dialogue in dialogues(chats)
            for message in dialogue.messages
            if (message.conversation, message.turn) not in splits.leaked
        ]

    train = dialogues(taught)
    return Parts(
        train,
        dialogues(names_as_chats(train, names.intents)),
        judged(splits.validation),
        judged(splits.calibration),
        judged(splits.test),
    )


def names_as_chats(train: Sequence[Dialogue], intents: Sequence[str]) -> list[Conversation]:
    """The name of each intent with few examples, where it is in words, as more examples of it."""
    counts = Counter(i for dialogue in train for m in dialogue.messages for i in m.intents)
    spelt = {name: re.sub(r"[\W_]+", " ", name).strip() for name in intents}
    return [
        Conversation.model_validate(
            {
                "id": f"name of {name}",
                "turns": [{"speaker": "customer", "text": words, "intent": name}],
            }
        )
        for number, (name, words) in enumerate(spelt.items())
        if counts[number] < FEW_EXAMPLES and _IN_WORDS.search(words) and name != OUT_OF_SCOPE
        for _ in range(NAME_COUNTS_AS)
    ]


def require_something_to_learn(train: Sequence[Dialogue], names: Names) -> None:
    replies = {m.reply_key for d in train for m in d.messages if m.reply != NO_TEXT}
    if not (names.intents or names.types or names.sentiments) and len(replies) < 2:
        raise FinetuneError(
            f"the chats teach nothing: they name fewer than two intents, no entities and no "
            f"sentiments, and hold {len(replies)} different agent replies to a customer; "
            "add chats with two intents or two different replies"
        )


def read_texts(
    trunk: Trunk,
    tokenizer: str,
    request: Request,
    texts: Texts,
    names: Names,
    progress: Progress,
) -> Material:
    """The chats' texts, then those of the questions, then the articles', below the cut."""
    source, recipe = request.source, Recipe()
    fast = fast_tokenizer(tokenizer, max_tokens(trunk))
    asked, pairs = _numbered(request.questions[:MOST_QUESTIONS], len(texts))
    rows = token_ids(fast, [source.query_prefix + text for text in texts.all])
    for text, is_passage in asked:
        prefix = source.passage_prefix if is_passage else source.query_prefix
        rows += [row[: recipe.question_tokens] for row in token_ids(fast, [prefix + text])]
    held = token_ids(fast, [source.passage_prefix + text for text in request.articles])
    rows += [row[: recipe.hold_tokens] for row in held]
    lower = Lower(trunk, pad_id_of(trunk))
    pretrained = lower.add(rows, lambda done: progress("reading the chats", done, len(rows)))
    pieces = pieces_of(fast)
    units = units_of(fast, texts.all, source.query_prefix, pieces) if names.types else ()
    taught, held_out = _divided(pairs, request.seed)
    asking = sorted({asked[question - len(texts)][0] for question, _ in taught})
    return Material(tokenizer, lower, pretrained, units, pieces, taught, held_out, asking)


def _numbered(
    questions: Sequence[tuple[str, str]], first: int
) -> tuple[list[tuple[str, bool]], list[tuple[int, int]]]:
    """The distinct texts of questions and passages, and the pairs as numbers from `first` up."""
    number: dict[tuple[str, bool], int] = {}
    for question, passage in questions:
        number.setdefault((question, False), first + len(number))
        number.setdefault((passage, True), first + len(number))
    return list(number), [(number[q, False], number[p, True]) for q, p in questions]


def _divided(
    pairs: Sequence[tuple[int, int]], seed: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Half of the pairs to teach and half to judge search by, whole passages each: the other
    half also certifies when a passage may answer."""
    passages = sorted({passage for _, passage in pairs})
    if len(passages) < 10:
        return [], list(pairs)
    order = np.random.default_rng(seed).permutation(len(passages))
    held = {passages[i] for i in order[: len(passages) // 2]}
    return [p for p in pairs if p[1] not in held], [p for p in pairs if p[1] in held]


def recipe_for(request: Request, lower: Lower, train: Sequence[Dialogue]) -> Recipe:
    if request.epochs != "auto":
        return Recipe(request.seed, request.epochs, request.method.learning_rate)
    tokens = sum(len(lower.rows[message.text]) for d in train for message in d.messages)
    return Recipe(request.seed, epochs_for(tokens), request.method.learning_rate)


def heads_for(trunk: Trunk, material: Material, parts: Parts, names: Names, seed: int) -> Heads:
    tags = len(tag_names(names.types)) if names.types else 0
    outputs = Outputs(len(names.intents), len(names.sentiments), tags, material.pieces)
    torch.manual_seed(seed)
    heads = Heads(trunk.dimension, outputs)
    train = [message for dialogue in (*parts.train, *parts.named) for message in dialogue.messages]
    vectors = material.pretrained[[message.text for message in train]]
    if names.intents:
        means = intent_targets(train, len(names.intents)).T @ vectors
        start_at_means(heads.intents, torch.from_numpy(means))
    if names.sentiments:
        felt = np.asarray([message.sentiment for message in train])
        ones = np.eye(len(names.sentiments), dtype=np.float32)[felt] * (felt != NO_LABEL)[:, None]
        start_at_means(heads.sentiment, torch.from_numpy(ones.T @ vectors))
    return heads


def trainer_for(
    trunk: Trunk,
    heads: Heads,
    material: Material,
    parts: Parts,
    names: Names,
    recipe: Recipe,
    articles: int,
) -> Trainer:
    data = TrainingData(
        dialogues=[*parts.train, *parts.named],
        lower=material.lower,
        pretrained=material.pretrained,
        held=articles,
        questions=material.questions,
        units=material.units,
        types=names.types,
    )
    return Trainer(trunk, heads.to(trunk.device), data, recipe)


def pad_id_of(trunk: Trunk) -> int:
    return int(getattr(trunk.encoder.config, "pad_token_id", None) or 0)
