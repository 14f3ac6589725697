"""Joint training of the trunk and its heads: every task that the chats carry, and a hold.

Each utterance of a batch is encoded once, however many windows it appears in. The hold is the
distance of the sentence vectors to the pretrained ones; it keeps search over articles intact.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetune import methods, parallel
from finetune.corpus import NO_LABEL, NO_TEXT, Dialogue, Message
from finetune.crf import unit_logits
from finetune.losses import (
    distance,
    entity_loss,
    intent_loss,
    question_loss,
    ranking_loss,
    sentiment_loss,
)
from finetune.lower import Lower
from finetune.network import HeadOutput, Heads, TagHead, Trunk
from finetune.tags import Units
from finetune.tokens import TokenIds

FloatArray = NDArray[np.float32]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained. One recipe serves all data; only `epochs` depends on its size.

    `hold` weighs the distance to the pretrained vectors: full on articles, a fifth on the chats.
    """

    seed: int = 7
    epochs: int = 4
    learning_rate: float = 2e-4
    head_learning_rate: float = 1e-3
    tag_learning_rate: float = 3e-3
    batch_tokens: int = 256
    label_smoothing: float = 0.05
    hold: float = 5.0
    hold_texts: int = 2
    hold_tokens: int = 24
    reply_candidates: int = 1024
    questions: int = 4
    question_tokens: int = 64
    question_candidates: int = 512
    question_scale: float = 20.0


def epochs_for(tokens: int) -> int:
    """Passes over data of this many trained tokens: small data gets more, large data fewer.

    20 passes over 4,500 tokens or less, 3 from 30,000 to 160,000, 1 from 320,000: what a model
    still gains by a pass against what two slow cores can do in minutes.
    """
    tokens = max(tokens, 1)
    return max(1, min(20, round(max(90_000 / tokens, min(3.0, 480_000 / tokens)))))


def pieces(dialogue: Dialogue, messages: int = 12) -> Iterator[Dialogue]:
    """A long dialogue in parts, so that no batch outgrows the memory; windows still reach back."""
    for start in range(0, len(dialogue.messages), messages):
        yield Dialogue(dialogue.messages[start : start + messages])


def teaches(message: Message) -> bool:
    """True for a message with a label of any task, or an agent's reply."""
    labelled = bool(message.intents) or message.sentiment != NO_LABEL or message.spans is not None
    return labelled or message.reply != NO_TEXT


def batches(
    dialogues: Sequence[Dialogue], rows: Sequence[TokenIds], tokens: int, seed: int
) -> Iterator[list[Message]]:
    """Shuffled dialogues, grouped until the messages that teach something have `tokens` tokens.

    `rows` are the token ids of each text. Short messages come in larger batches: what a step
    costs and what it teaches both go by tokens.
    """
    parts = [piece for dialogue in dialogues for piece in pieces(dialogue)]
    order = np.random.default_rng(seed).permutation(len(parts))
    messages: list[Message] = []
    size = 0
    for index in order:
        taught = list(filter(teaches, parts[index].messages))
        messages.extend(taught)
        size += sum(len(rows[message.text]) for message in taught)
        if size >= tokens:
            yield messages
            messages, size = [], 0
    if messages:
        yield messages


def agent_texts(dialogues: Sequence[Dialogue]) -> list[int]:
    """The texts that are not read as messages: agents' turns, and messages that teach nothing."""
    taught = {m.text for d in dialogues for m in d.messages if teaches(m)}
    return sorted({text for d in dialogues for text in d.texts()} - taught)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Everything a run needs. `lower` keeps every text: first the chats' distinct texts, numbered
    as in the dialogues, then those of `questions`, then `held` article texts. `pretrained` (n, d)
    are the vectors of all of them before training.

    `questions` are the numbers of a question and of the passage that answers it. `units` (of each
    of the chats' texts) and `types` say how entities are tagged.
    """

    dialogues: Sequence[Dialogue]
    lower: Lower
    pretrained: FloatArray
    held: int
    questions: Sequence[tuple[int, int]] = ()
    units: Sequence[Units] = ()
    types: Sequence[str] = ()


def with_nothing(vectors: Tensor) -> Tensor:
    """Vectors (n, d) and, as the last row, that of a turn which is not there."""
    return torch.cat([vectors, vectors.new_zeros(1, vectors.shape[1])])


def cosine_rate(done: float, warmup: float = 0.1) -> float:
    """The factor of a learning rate when a share of the run is `done`: a linear warm-up, then a
    cosine to zero."""
    return max(done / warmup if done < warmup else 0.5 * (1 + math.cos(math.pi * done)), 1e-3)


def read_messages(
    heads: Heads, messages: Sequence[Message], vectors: Tensor, place: NDArray[np.int64]
) -> HeadOutput:
    """Heads over messages whose text `i` has its vector in row `place[i]` of `vectors` (n + 1, d),
    whose last row is `with_nothing`'s."""
    windows = np.stack([message.window for message in messages])
    used = int((windows != NO_TEXT).sum(axis=1).max())
    windows = windows[:, -used:]
    local = np.where(windows == NO_TEXT, len(vectors) - 1, place[windows])
    speakers = torch.from_numpy(np.stack([m.speakers for m in messages])[:, -used:])
    output: HeadOutput = heads(vectors[torch.from_numpy(local)], speakers)
    return output


def read_all(heads: Heads, messages: Sequence[Message], vectors: FloatArray) -> HeadOutput:
    """Heads over any number of messages, without gradients; `vectors` (n, d) by text index."""
    if not messages:
        nothing = torch.zeros(0, heads.intents.out_features)
        felt = torch.zeros(0, heads.sentiment.out_features)
        return HeadOutput(nothing, nothing, torch.zeros(0, vectors.shape[1]), felt)
    heads.eval()
    everything = with_nothing(torch.from_numpy(vectors).to(heads.reply_scale.device))
    place = np.arange(len(vectors))
    with torch.inference_mode():
        parts = [
            read_messages(heads, messages[start : start + 1024], everything, place)
            for start in range(0, len(messages), 1024)
        ]
    return HeadOutput(
        torch.cat([part.message_logits for part in parts]).cpu(),
        torch.cat([part.context_logits for part in parts]).cpu(),
        torch.cat([part.queries for part in parts]).cpu(),
        torch.cat([part.sentiment_logits for part in parts]).cpu(),
    )


def tag_logits(
    head: TagHead, lower: Lower, indices: Sequence[int], units: Sequence[Units]
) -> list[FloatArray]:
    """Logits (u, tags) of the units of each of these texts, without gradients."""
    lower.trunk.eval()
    head.eval()
    found = {i: np.zeros((0, head.out.out_features), np.float32) for i in indices}
    with_units = [i for i in found if len(units[i].token)]
    with torch.inference_mode():
        for start in range(0, len(with_units), 256):
            part = with_units[start : start + 256]
            tokens = lower.read(part, 64, 4096)[1]
            logits = unit_logits(head, tokens, [units[i] for i in part])
            found |= {i: row.cpu().numpy() for i, row in zip(part, logits, strict=True)}
    return [found[i] for i in indices]


@dataclass(frozen=True, slots=True)
class Replies:
    """The distinct replies of the training chats: their keys and text numbers, in order of use,
    and the place of each key."""

    keys: tuple[str, ...]
    texts: NDArray[np.int64]
    place: Mapping[str, int]

    @classmethod
    def of(cls, dialogues: Sequence[Dialogue]) -> "Replies":
        first: dict[str, int] = {}
        for dialogue in dialogues:
            for message in dialogue.messages:
                if message.reply != NO_TEXT:
                    first.setdefault(message.reply_key, message.reply)
        texts = np.fromiter(first.values(), dtype=np.int64, count=len(first))
        return cls(tuple(first), texts, {key: place for place, key in enumerate(first)})

    def draw(self, right: Sequence[str], count: int, rng: np.random.Generator) -> list[int]:
        """Places of `count` replies (all where there are fewer), the right ones among them."""
        wanted = dict.fromkeys(self.place[key] for key in right)
        others = rng.permutation(len(self.keys))[: max(0, count - len(wanted))].tolist()
        return list(wanted | dict.fromkeys(others))


class Trainer:
    """The state of a run: modules, optimiser and schedule. `epoch` trains one pass.

    Gradients run through the customers' messages. Agents' turns, as context and as candidates,
    are vectors that are computed again before every epoch: they repeat so much and are so long
    that training through them costs more than all the rest.

    Every epoch seeds itself from (seed, number), so a run resumed after any epoch goes on exactly
    as one that was never interrupted.
    """

    def __init__(self, trunk: Trunk, heads: Heads, data: TrainingData, recipe: Recipe) -> None:
        self.trunk, self.heads, self.data, self.recipe = trunk, heads, data, recipe
        self.parameters = [p for p in trunk.parameters() if p.requires_grad]
        tags = list(heads.tags.parameters()) if heads.tags else []
        others = [p for name, p in heads.named_parameters() if not name.startswith("tags.")]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": self.parameters, "lr": recipe.learning_rate},
                {"params": others, "lr": recipe.head_learning_rate},
                {"params": tags, "lr": recipe.tag_learning_rate},
            ],
            weight_decay=0.01,
            fused=True,
        )
        self.base_rates = (
            recipe.learning_rate,
            recipe.head_learning_rate,
            recipe.tag_learning_rate,
        )
        self.replies = Replies.of(data.dialogues)
        self.agents = agent_texts(data.dialogues)
        self.steps_per_epoch = len(self._batches(0))

    def epoch(self, number: int, progress: Callable[[int, int], None]) -> dict[str, float]:
        """Train pass `number` (from 0); returns the mean of each loss."""
        seed = self.recipe.seed * 1000 + number
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        said, questions = self.data.pretrained.copy(), self._questions(rng)
        known = sorted({*self.agents, *(passage for _, passage in questions)})
        if number and known:
            said[known] = self.data.lower.encode_all(known)
        totals: dict[str, float] = {}
        self.trunk.eval()  # no dropout there: it costs a tenth of the time and gains nothing
        self.heads.train()
        grouped = self._batches(seed)
        for step, messages in enumerate(grouped):
            self._set_rate((number + step / len(grouped)) / self.recipe.epochs)
            mine, weight = parallel.share(messages)
            losses = self._losses(mine, said, questions, rng)
            self._update(sum(losses.values(), methods.penalty(self.trunk)), weight)
            done, total = number * len(grouped) + step + 1, self.recipe.epochs * len(grouped)
            methods.after_step(self.trunk, done, total)
            for name, loss in losses.items():
                totals[name] = totals.get(name, 0.0) + loss.item()
            progress(step + 1, len(grouped))
        return parallel.mean({name: total / max(len(grouped), 1) for name, total in totals.items()})

    def _batches(self, seed: int) -> list[list[Message]]:
        rows, tokens = self.data.lower.rows, self.recipe.batch_tokens
        return list(batches(self.data.dialogues, rows, tokens, seed))

    def _questions(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """The questions of an epoch: as many as there may be passages to tell apart."""
        drawn = rng.permutation(len(self.data.questions))[: self.recipe.question_candidates]
        return [self.data.questions[i] for i in drawn]

    def _losses(
        self,
        messages: list[Message],
        said: FloatArray,
        questions: Sequence[tuple[int, int]],
        rng: np.random.Generator,
    ) -> dict[str, Tensor]:
        data, recipe = self.data, self.recipe
        own = list(dict.fromkeys(message.text for message in messages))
        known = sorted(Dialogue(tuple(messages)).texts() - set(own))
        held = len(data.pretrained) - 1 - rng.permutation(data.held)[: recipe.hold_texts]
        asked = [questions[i] for i in rng.permutation(len(questions))[: recipe.questions]]
        encoded, states = data.lower.read([*own, *held, *(question for question, _ in asked)])
        here, rest = encoded[: len(own)], encoded[len(own) :]
        there, them = rest[: len(held)], rest[len(held) :]
        vectors = with_nothing(torch.cat([here, torch.from_numpy(said[known]).to(here)]))
        place = np.full(len(data.pretrained), -1, dtype=np.int64)
        place[[*own, *known]] = np.arange(len(vectors) - 1)
        output = read_messages(self.heads, messages, vectors, place)
        tokens = [states[place[message.text]] for message in messages]
        smoothing = recipe.label_smoothing
        losses = {
            "intent": intent_loss(output, messages, smoothing),
            "sentiment": sentiment_loss(output, messages, smoothing),
            "entities": entity_loss(self.heads.tags, messages, tokens, data.units, data.types),
            "ranking": self.ranking_loss(output.queries, messages, torch.from_numpy(said), rng),
            "hold": recipe.hold / 5 * distance(here, data.pretrained[own]),
        }
        if len(held):
            losses["hold"] = losses["hold"] + recipe.hold * distance(there, data.pretrained[held])
        if asked:
            numbers = np.unique([passage for _, passage in questions])
            answers = [passage for _, passage in asked]
            passages = torch.from_numpy(said[numbers]).to(here)
            losses["search"] = question_loss(
                recipe.question_scale * them, answers, passages, numbers
            )
        return losses

    def messages(self) -> Iterator[Message]:
        return (message for dialogue in self.data.dialogues for message in dialogue.messages)

    def ranking_loss(
        self,
        queries: Tensor,
        messages: Sequence[Message],
        said: Tensor,
        rng: np.random.Generator,
    ) -> Tensor:
        """Of the agents' replies against others drawn from all; `said` (n, d) by text number."""
        right = [message.reply_key for message in messages if message.reply != NO_TEXT]
        drawn = self.replies.draw(right, self.recipe.reply_candidates, rng)
        return ranking_loss(
            self.heads.reply_scale.exp() * queries,
            messages,
            [self.replies.keys[i] for i in drawn],
            said[torch.from_numpy(self.replies.texts[drawn])].to(queries),
        )

    def _update(self, loss: Tensor, weight: float) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        trained = [*self.parameters, *self.heads.parameters()]
        parallel.synchronise(trained, weight)
        nn.utils.clip_grad_norm_(trained, 1.0)
        self.optimizer.step()

    def _set_rate(self, done: float) -> None:
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * cosine_rate(done)
