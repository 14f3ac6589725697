"""Part of the way back: the trunk on the line between where it began and where training took it.

Weights on that line keep more of what the encoder knew of texts that no chat is about, which is
what search lives on, and are often no worse at what was taught (WiSE-FT: Wortsman et al. 2022,
arXiv:2109.01903). The point nearest the beginning is taken that is no worse on validation.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from finetune.network import Trunk

METHODS = ("top", "full")
"""Ways to train that change the encoder's own weights; between what others add lies nothing."""
SHARES = (0.5, 0.7, 0.85)
"""Of the way to the trained weights, the nearest to the beginning first."""

Weights = Mapping[str, Tensor]


def weights_of(trunk: Trunk) -> Weights:
    """A copy of what training changes in a trunk, by name."""
    return {
        name: parameter.detach().clone()
        for name, parameter in trunk.named_parameters()
        if parameter.requires_grad
    }


def move_back(trunk: Trunk, beginning: Weights, score: Callable[[], float]) -> float:
    """Leave the trunk at the least of SHARES that scores no less than the trained weights do, or
    as it is; returns the share."""
    trained, least = weights_of(trunk), score()
    for share in SHARES:
        _place(trunk, beginning, trained, share)
        if score() >= least:
            return share
    _place(trunk, beginning, trained, 1.0)
    return 1.0


def _place(trunk: Trunk, beginning: Weights, trained: Weights, share: float) -> None:
    named = dict(trunk.named_parameters())
    with torch.no_grad():
        for name, weights in trained.items():
            named[name].copy_(torch.lerp(beginning[name], weights, share))
