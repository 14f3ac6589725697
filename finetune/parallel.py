"""One training over several processes: each reads a share of every batch, gradients are averaged.

    launch(2, train, request, progress)     this process is the first, one more is started
    torchrun --nnodes 2 ... -m bot.cli ...  several machines: `launch` joins what was started

Every process has the same weights, draws the same batches and takes the same steps; only the first
shows progress and writes the model. The gradient is the mean over the messages of a batch, whoever
read them, so the result is that of one process but for the order of additions and for dropout.
Alone, every function here does nothing and imports nothing.
"""

import hashlib
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from finetune.environment import environment
from finetune.errors import FinetuneError

T = TypeVar("T")
Item = TypeVar("Item")
Progress = Callable[[str, int, int], None]
HERE = "127.0.0.1"


# --- what a training calls -----------------------------------------------------------------------


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if _together() else 1


def is_first() -> bool:
    """True in the process that shows progress and writes the model; alone it is always so."""
    return _started() == 1 or os.environ.get("RANK", "0") == "0"


def is_first_here() -> bool:
    """True in one process of each machine: it keeps that machine's checkpoint."""
    return _started() == 1 or os.environ.get("LOCAL_RANK", "0") == "0"


def leave_to_first() -> None:
    """End every other process here: training is done, and the rest is the work of one."""
    if not is_first():
        raise SystemExit(0)


def share(batch: Sequence[Item]) -> tuple[list[Item], float]:
    """This process's items of a batch, and the weight of their gradient: how many they are.

    A batch with fewer items than processes leaves some with the first item at weight 0: they must
    take the step with the others.
    """
    if not _together():
        return list(batch), float(len(batch))
    mine = list(batch[distributed.get_rank() :: count()])
    return (mine, float(len(mine))) if mine else (list(batch[:1]), 0.0)


def synchronise(parameters: Sequence[nn.Parameter], weight: float = 1.0) -> None:
    """Replace the gradients by their mean over the processes, weighted; call it after `backward`.

    All gradients travel in one message. A parameter that has none here but has one elsewhere
    counts as zero.
    """
    if not _together():
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([*(gradient.flatten() for gradient in gradients), torch.ones(1)])
    summed = _sum(flat * weight)
    mean = summed[:-1] / summed[-1].clamp(min=1e-9)
    parts = torch.split(mean, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def mean(values: Mapping[str, float], weight: float = 1.0) -> dict[str, float]:
    """The weighted mean over the processes of each figure; all must name the same figures."""
    if not _together():
        return dict(values)
    summed = _sum(torch.tensor([*values.values(), 1.0], dtype=torch.float64) * weight)
    total = max(summed[-1].item(), 1e-9)
    return {name: value.item() / total for name, value in zip(values, summed[:-1], strict=True)}


def from_first(tensors: Mapping[str, Tensor]) -> None:
    """Overwrite tensors, in place, by those of the first process, as after a checkpoint is read."""
    if _together():
        from accelerate.utils import broadcast

        for tensor in tensors.values():
            with torch.no_grad():
                tensor.copy_(broadcast(tensor.detach().contiguous()))


def require_same(what: str, key: str) -> None:
    """Raise FinetuneError in every process unless all have the same `key`."""
    if not _together():
        return
    from accelerate.utils import gather

    digest = torch.frombuffer(bytearray(hashlib.sha256(key.encode()).digest()), dtype=torch.uint8)
    digests = gather(digest.int()).view(count(), -1)
    if (digests != digests[0]).any():
        raise FinetuneError(
            f"{what} differ between the {count()} processes of this training; give every machine "
            "the same workspace and the same version of Frontdesk"
        )


def _started() -> int:
    """How many processes a launcher, or `launch`, says there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _sum(tensor: Tensor) -> Tensor:
    from accelerate.utils import reduce

    summed: Tensor = reduce(tensor, reduction="sum")
    return summed


# --- starting and ending -------------------------------------------------------------------------


def launch(
    processes: int, function: Callable[[Any, Progress], T], request: Any, progress: Progress
) -> T:
    """`function(request, progress)` in `processes` processes; returns the first one's result.

    The others are new ones of this machine, to which the function, by its name, and the request
    are sent; they show no progress and end with this one, however it ends. Where a launcher
    (torchrun, accelerate launch) has started this process among others, it joins those instead,
    `processes` does not count, and all but the first end here.

    Raises FinetuneError where the package `accelerate` is missing or another process fails.
    """
    if _started() > 1:
        with _joined():
            result = function(request, progress if is_first() else _silent)
        leave_to_first()
        return result
    if processes < 2:
        return function(request, progress)
    return _launch_here(processes, function, request, progress)


def _launch_here(
    processes: int, function: Callable[[Any, Progress], T], request: Any, progress: Progress
) -> T:
    _require_accelerate()
    group = _group(processes, _free_port())
    context = multiprocessing.get_context("spawn")  # a fork would copy torch's threads half alive
    others = [
        context.Process(
            target=_work, args=(function, request, {**group, **_place(rank)}), daemon=True
        )
        for rank in range(1, processes)
    ]
    for other in others:
        other.start()
    try:
        with environment({**group, **_place(0)}), _joined():
            result = function(request, progress)
    except RuntimeError as error:
        _blame(others, error)
        raise
    finally:
        _end(others)
    return result


def _work(function: Callable[[Any, Progress], Any], request: Any, group: Mapping[str, str]) -> None:
    """What another process does. Ctrl-C reaches all of them; the first one answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(int(group["OMP_NUM_THREADS"]))
    os.environ.update(group)
    try:
        with _joined():
            function(request, _silent)
    except (FinetuneError, RuntimeError):  # the first process says what is wrong, or is gone
        raise SystemExit(1) from None


@contextmanager
def _joined() -> Iterator[None]:
    """A member of the group that the environment describes."""
    _require_accelerate()
    from accelerate import PartialState

    PartialState(cpu=True)
    try:
        yield
    finally:
        if _together():
            distributed.destroy_process_group()
        PartialState._reset_state()


def _group(processes: int, port: int) -> dict[str, str]:
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    size = str(processes)
    return {
        "WORLD_SIZE": size,
        "LOCAL_WORLD_SIZE": size,
        "MASTER_ADDR": HERE,
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": threads,
    }


def _place(rank: int) -> dict[str, str]:
    return {"RANK": str(rank), "LOCAL_RANK": str(rank)}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HERE, 0))
        return int(found.getsockname()[1])


def _blame(others: Sequence[BaseProcess], error: RuntimeError) -> None:
    """Say so where another process has failed: to this one it looks like a broken connection."""
    for number, other in enumerate(others, start=2):
        other.join(timeout=1.0)
        if other.exitcode:
            raise FinetuneError(
                f"process {number} of {len(others) + 1} ended early (exit code {other.exitcode}); "
                "if it was killed for its memory, train with fewer processes; one process says "
                "what else is wrong"
            ) from error


def _end(others: Sequence[BaseProcess]) -> None:
    for other in others:
        other.terminate()
    for other in others:
        other.join(timeout=5.0)
        if other.is_alive():
            other.kill()
            other.join()


def _require_accelerate() -> None:
    try:
        import accelerate  # noqa: F401
    except ImportError as error:
        raise FinetuneError(
            "training in several processes needs the package accelerate, which is not installed; "
            "install it with pip install accelerate, or train in one process"
        ) from error


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Progress of a process that nobody watches."""
