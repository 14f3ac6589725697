"""A checkpoint brings a run back to exactly where it was, or is as good as absent."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from finetune import checkpoint
from finetune.checkpoint import Progression
from finetune.errors import FinetuneError
from finetune.training import Trainer

MakeTrainer = Callable[..., Trainer]
Saved = tuple[Trainer, Progression, Path]


def train(trainer: Trainer, number: int) -> None:
    trainer.epoch(number, lambda *_: None)


def same(one: Trainer, other: Trainer) -> bool:
    mine, theirs = checkpoint.trained_state(one), checkpoint.trained_state(other)
    return all(torch.equal(mine[name], theirs[name]) for name in mine | theirs)


@pytest.fixture
def saved(make_trainer: MakeTrainer, tmp_path: Path) -> Saved:
    """A trainer after its first epoch, saved under the key "run"; the file's path."""
    trainer = make_trainer(epochs=2)
    best = checkpoint.trained_state(trainer)
    train(trainer, 0)
    progression = Progression(1, [{"epoch": 1, "validation": 1 / 3}], 1 / 3, best)
    checkpoint.save(tmp_path, "run", trainer, progression)
    [file] = (tmp_path / checkpoint.NAME).iterdir()
    return trainer, progression, file


def test_a_run_goes_on_where_it_was(
    saved: Saved, make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    trainer, progression, _ = saved
    resumed = make_trainer(epochs=2)
    found = checkpoint.load(tmp_path, "run", resumed)
    assert found is not None
    assert same(resumed, trainer)
    assert (found.done, found.history) == (1, progression.history)
    assert found.best_score == progression.best_score
    assert all(torch.equal(found.best[name], value) for name, value in progression.best.items())
    for each in (trainer, resumed):  # the optimiser's moments were kept too
        train(each, 1)
    assert same(resumed, trainer)


def test_the_best_weights_can_be_put_back(saved: Saved, make_trainer: MakeTrainer) -> None:
    trainer, progression, _ = saved
    assert not same(trainer, make_trainer())
    checkpoint.restore(trainer, progression.best)
    assert same(trainer, make_trainer())


def test_another_run_is_not_taken_up(
    saved: Saved, make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    untouched = make_trainer()
    assert checkpoint.load(tmp_path, "another run", untouched) is None
    assert checkpoint.load(tmp_path / "elsewhere", "run", untouched) is None
    assert same(untouched, make_trainer())
    assert saved[2].exists()


def test_a_damaged_checkpoint_is_as_good_as_none(
    saved: Saved, make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    file, untouched = saved[2], make_trainer()
    whole = file.read_bytes()
    for length in (0, 1, 8, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert checkpoint.load(tmp_path, "run", untouched) is None
    for place in (*range(0, 300, 20), *range(300, len(whole), len(whole) // 8)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert checkpoint.load(tmp_path, "run", untouched) is None
    assert same(untouched, make_trainer())


def test_a_finished_run_leaves_no_checkpoint(
    saved: Saved, make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    checkpoint.discard(tmp_path)
    checkpoint.discard(tmp_path)
    assert not saved[2].exists()
    assert checkpoint.load(tmp_path, "run", make_trainer()) is None


def test_on_a_full_disk_the_last_checkpoint_stays(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, progression, file = saved
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FinetuneError, match=r"No space left on device.*; make room there and run"):
        checkpoint.save(tmp_path, "run", trainer, progression)
    assert list(file.parent.iterdir()) == [file]
    assert file.read_bytes() == before
