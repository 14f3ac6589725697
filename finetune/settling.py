"""The heads trained on, alone, once the trunk has learnt.

An epoch of the trunk is dear, and it teaches the heads that start from nothing far too little:
what follows what in a conversation, and which tags follow which in a message. The texts' vectors
and token states no longer change, so they are computed once, and a pass over all messages costs
seconds where the trunk took minutes.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetune import parallel
from finetune.corpus import Message
from finetune.losses import entity_loss, intent_loss
from finetune.training import Trainer, cosine_rate, read_messages, teaches, with_nothing

Progress = Callable[[int, int], None]
IntArray = NDArray[np.int64]
LEARNING_RATE = 1e-3
LEARNT = ("intents.", "sentiment.", "tags.")  # they read vectors that were fitted to these messages
MOST_PASSES, FEWEST_PASSES = 20, 4
ENOUGH_MESSAGES = 300_000  # over all passes
BATCH = 256  # messages
TAG_PASSES, TAG_BATCH = 8, 32
ALIKE = 32  # batches
MOST_TAG_TOKENS = 400_000  # whose states are kept: 300 MB at 384 dimensions, 600 uncut


def settle(trainer: Trainer, progress: Progress, after: Callable[[], None]) -> None:
    """Train what reads a message among the turns before it; `after` is called after each pass.

    Nothing happens where the chats hold no two replies: an epoch of the trunk is enough then.
    """
    if len(trainer.replies.keys) < 2:
        return
    data, smoothing = trainer.data, trainer.recipe.label_smoothing
    vectors = np.zeros_like(data.pretrained)
    texts = sorted({text for dialogue in data.dialogues for text in dialogue.texts()})
    vectors[texts] = data.lower.encode_all(texts)
    known = with_nothing(torch.from_numpy(vectors).to(trainer.trunk.device))
    place = np.arange(len(vectors))

    def loss(messages: Sequence[Message], rng: np.random.Generator) -> Tensor:
        output = read_messages(trainer.heads, messages, known, place)
        ranking = trainer.ranking_loss(output.queries, messages, known, rng)
        return ranking + intent_loss(output, messages, smoothing)

    messages = list(filter(teaches, trainer.messages()))
    passes = int(np.clip(ENOUGH_MESSAGES // max(len(messages), 1), FEWEST_PASSES, MOST_PASSES))
    named = trainer.heads.named_parameters()
    trained = [parameter for name, parameter in named if not name.startswith(LEARNT)]
    _train(trainer, trained, messages, BATCH, passes, loss, progress, after)


def settle_tags(trainer: Trainer, progress: Progress, after: Callable[[], None]) -> None:
    """Train what finds entities; nothing happens where none are marked."""
    data, head = trainer.data, trainer.heads.tags
    messages = [message for message in trainer.messages() if message.spans is not None]
    sizes = np.cumsum([len(data.lower.rows[message.text]) for message in messages])
    if head is None or not messages or sizes[-1] > MOST_TAG_TOKENS:
        return
    texts = list(dict.fromkeys(message.text for message in messages))
    states = data.lower.states_of(texts)

    def loss(messages: Sequence[Message], _: np.random.Generator) -> Tensor:
        rows = [states(message.text) for message in messages]
        return entity_loss(head, messages, rows, data.units, data.types)

    _train(trainer, list(head.parameters()), messages, TAG_BATCH, TAG_PASSES, loss, progress, after)


def _train(
    trainer: Trainer,
    trained: Sequence[nn.Parameter],
    messages: Sequence[Message],
    size: int,
    passes: int,
    loss: Callable[[Sequence[Message], np.random.Generator], Tensor],
    progress: Progress,
    after: Callable[[], None],
) -> None:
    optimizer = torch.optim.AdamW(trained, weight_decay=0.01, fused=True)
    steps = -(-len(messages) // size)
    lengths = np.asarray([len(trainer.data.lower.rows[message.text]) for message in messages])
    for number in range(passes):
        seed = trainer.recipe.seed * 1000 + 500 + number
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        trainer.heads.train()
        for step, batch in enumerate(_batches(lengths, size, rng)):
            done = (number + step / steps) / passes
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * cosine_rate(done)
            mine, weight = parallel.share([messages[i] for i in batch])
            optimizer.zero_grad(set_to_none=True)
            loss(mine, rng).backward()  # type: ignore[no-untyped-call]
            parallel.synchronise(trained, weight)
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            progress(number * steps + step + 1, passes * steps)
        after()


def _batches(lengths: IntArray, size: int, rng: np.random.Generator) -> list[IntArray]:
    """Places in random batches: of each ALIKE batches drawn, messages of like length go together,
    because an LSTM takes as many steps as its longest."""
    order = rng.permutation(len(lengths))
    drawn = [order[start : start + ALIKE * size] for start in range(0, len(order), ALIKE * size)]
    near = [part[np.argsort(lengths[part], kind="stable")] for part in drawn]
    batches = [part[start : start + size] for part in near for start in range(0, len(part), size)]
    return [batches[i] for i in rng.permutation(len(batches))]
