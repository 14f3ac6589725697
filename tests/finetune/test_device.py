"""Where training computes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from finetune import device, parallel
from finetune.run import finetune


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def test_without_a_gpu_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.choose() == torch.device("cpu")


def test_several_processes_compute_on_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(parallel, "count", lambda: 2)
    assert device.choose() == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_what_a_gpu_trained_opens_on_a_cpu_and_is_the_same_twice(
    make_request: Callable[..., Any],
) -> None:
    from bot.model import Model

    request = make_request(epochs=2)
    folders = [request.models / finetune(request, silent).version for _ in range(2)]
    one, other = (Model.load(folder).encode(["where is my parcel"]) for folder in folders)
    np.testing.assert_array_equal(one, other)
