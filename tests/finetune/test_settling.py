"""The heads trained on alone: the trunk stays, what follows what is learnt."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from finetune.settling import MOST_PASSES, _batches, settle
from finetune.training import Trainer, read_all

MakeTrainer = Callable[..., Trainer]


def no_progress(*_: int) -> None:
    pass


def right_reply(trainer: Trainer) -> float:
    """The mean likelihood of the agents' replies among all of the chats."""
    messages = list(trainer.messages())
    vectors = trainer.data.lower.encode_all(range(len(trainer.data.pretrained)))
    queries = read_all(trainer.heads, messages, vectors).queries.numpy()
    scale = trainer.heads.reply_scale.exp().item()
    shares = torch.softmax(
        torch.from_numpy(scale * queries @ vectors[trainer.replies.texts].T), dim=1
    )
    right = [trainer.replies.place[message.reply_key] for message in messages]
    return float(shares[np.arange(len(right)), right].mean())


def test_replies_are_found_better_and_the_trunk_stays(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()
    trunk = {name: p.clone() for name, p in trainer.trunk.named_parameters()}
    before, done = right_reply(trainer), list[int]()
    settle(trainer, no_progress, lambda: done.append(1))
    assert right_reply(trainer) > before + 0.1
    assert len(done) == MOST_PASSES
    assert all(torch.equal(p, trunk[name]) for name, p in trainer.trunk.named_parameters())


def test_the_same_seed_settles_alike(make_trainer: MakeTrainer) -> None:
    states = []
    for _ in range(2):
        trainer = make_trainer()
        settle(trainer, no_progress, lambda: None)
        states.append(trainer.heads.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_progress_counts_every_step(make_trainer: MakeTrainer) -> None:
    told: list[tuple[int, int]] = []
    settle(make_trainer(), lambda done, total: told.append((done, total)), lambda: None)
    assert told == [(step, MOST_PASSES) for step in range(1, MOST_PASSES + 1)]


@pytest.mark.parametrize("keys", [(), ("one",)])
def test_without_replies_to_choose_from_there_is_nothing_to_settle(
    make_trainer: MakeTrainer, keys: tuple[str, ...]
) -> None:
    trainer = make_trainer()
    trainer.replies = type(trainer.replies)(keys, np.arange(len(keys)), dict.fromkeys(keys, 0))
    before = {name: value.clone() for name, value in trainer.heads.state_dict().items()}
    settle(trainer, no_progress, lambda: None)
    assert all(torch.equal(v, before[n]) for n, v in trainer.heads.state_dict().items())


def test_a_pass_holds_each_message_once_those_of_like_length_together() -> None:
    lengths = np.random.default_rng(3).integers(1, 60, 200)
    batches = _batches(lengths, 8, np.random.default_rng(4))
    assert sorted(np.concatenate(batches).tolist()) == list(range(200))
    spread = np.mean([np.ptp(lengths[batch]) for batch in batches])
    assert spread < np.ptp(lengths) / 5
