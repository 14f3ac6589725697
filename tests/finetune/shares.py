"""What the processes of `test_parallel.py` do. Another process can only be sent a function of a
module that it can import."""

import os
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from finetune import parallel
from finetune.errors import FinetuneError

Progress = Callable[[str, int, int], None]


def train(sizes: list[int], progress: Progress) -> dict[str, Any]:
    """A linear layer over batches of these sizes; what this process saw, and the weights."""
    torch.manual_seed(0)
    layer = nn.Linear(4, 2)
    idle = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([*layer.parameters(), idle], lr=0.5)
    rows, seen = iter(torch.randn(sum(sizes), 4)), []
    for step, size in enumerate(sizes):
        batch = [next(rows) for _ in range(size)]
        mine, weight = parallel.share(batch)
        optimizer.zero_grad()
        loss = functional.mse_loss(layer(torch.stack(mine)), torch.ones(len(mine), 2))
        loss.backward()  # type: ignore[no-untyped-call]
        parallel.synchronise([*layer.parameters(), idle], weight)
        optimizer.step()
        seen.append(weight)
        progress("training", step + 1, len(sizes))
    told = torch.full((2,), 5.0 if parallel.is_first() else 7.0)
    parallel.from_first({"told": told})
    figures = parallel.mean({"rank": float(os.environ.get("RANK", "0"))}, weight=2.0)
    difference = _difference()
    parallel.leave_to_first()
    return {
        "written": True,
        "weight": layer.weight.detach(),
        "processes": parallel.count(),
        "seen": seen,
        "told": told,
        "mean": figures,
        "difference": difference,
    }


def _difference() -> str:
    parallel.require_same("the seeds", "7")
    try:
        parallel.require_same("the chats", os.environ.get("RANK", "0"))
    except FinetuneError as error:
        return str(error)
    return ""


def die(rank: str, _: Progress) -> None:
    """The process `rank` is killed in the middle of a training."""
    if os.environ["RANK"] == rank:
        os._exit(9)
    parallel.synchronise([nn.Parameter(torch.ones(3))])


def wait(_: None, __: Progress) -> None:
    """The owner presses Ctrl-C while the others work."""
    parallel.require_same("the seeds", "7")
    if parallel.is_first():
        raise KeyboardInterrupt
    time.sleep(60)
