"""The trunk on the line between where it began and where training took it."""

from collections.abc import Callable, Iterator

import pytest
import torch

from finetune.interpolation import SHARES, move_back, weights_of
from finetune.training import Trainer

MakeTrainer = Callable[..., Trainer]
Scores = Callable[[], float]


def scores(*values: float) -> Scores:
    """Of the trained weights first, then of SHARES as long as they are asked for."""
    given: Iterator[float] = iter(values)
    return lambda: next(given)


@pytest.mark.parametrize(
    ("judged", "share"),
    [
        ((0.9, 0.9), 0.5),  # no worse half the way: nearest to the beginning
        ((0.9, 0.8, 0.91), 0.7),
        ((0.9, 0.8, 0.89, 0.9), 0.85),
        ((0.9, 0.8, 0.85, 0.89), 1.0),  # worse wherever else: as it was trained
    ],
)
def test_the_nearest_that_is_no_worse_is_taken(
    make_trainer: MakeTrainer, judged: tuple[float, ...], share: float
) -> None:
    trunk = make_trainer().trunk
    beginning = weights_of(trunk)
    with torch.no_grad():
        for parameter in trunk.parameters():
            if parameter.requires_grad:
                parameter.add_(1.0)
    assert move_back(trunk, beginning, scores(*judged)) == share
    for name, weights in weights_of(trunk).items():
        torch.testing.assert_close(weights, beginning[name] + share)


def test_shares_are_tried_from_the_beginning_on() -> None:
    assert list(SHARES) == sorted(SHARES)
    assert SHARES[0] > 0
    assert SHARES[-1] < 1


def test_frozen_weights_are_none_of_it(make_trainer: MakeTrainer) -> None:
    trunk = make_trainer().trunk
    trained = {name for name, p in trunk.named_parameters() if p.requires_grad}
    assert set(weights_of(trunk)) == trained < {name for name, _ in trunk.named_parameters()}
