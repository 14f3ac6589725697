"""Work done here, in several processes, or on a Ray cluster: the same results in the same order.

A job is a value and its result follows from it and the desk alone, so where it is done changes no
digit. Every worker opens the model itself and computes with one thread.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bot.console import silent
from bot.errors import BotError
from finetune.environment import environment

if TYPE_CHECKING:
    from bot.bot import Desk

Engine = Literal["processes", "ray"]
Work = Callable[["Desk", Any], Any]
AHEAD = 2
"""Jobs that wait beyond those that are worked on: they are in memory."""


@dataclass(frozen=True, slots=True)
class DeskSource:
    """Where a worker opens the desk; `version` None is the live one."""

    root: Path
    version: str | None = None

    def open(self) -> "Desk":
        """The desk, whose index, templates and thresholds are ready on disk."""
        from bot.live import desk_of, live_model
        from bot.model import Model
        from bot.workspace import open_workspace
        from finetune.registry import open_version

        workspace = open_workspace(self.root)
        if self.version is None:
            return desk_of(workspace, live_model(workspace), silent)
        folder = open_version(workspace.models, self.version).folder
        return desk_of(workspace, Model.load(folder), silent)


class Here:
    """One worker: this process."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk

    def map(self, work: Work, jobs: Iterable[Any]) -> Iterator[Any]:
        """The results of all jobs, in order."""
        for job in jobs:
            yield self._result(work, job)  # which is not held here while the next is done

    def _result(self, work: Work, job: Any) -> Any:
        with one_thread():
            return work(self._desk, job)


class Processes:
    """Several processes of this machine."""

    def __init__(self, pool: ProcessPoolExecutor, workers: int) -> None:
        self._pool, self._workers = pool, workers

    def map(self, work: Work, jobs: Iterable[Any]) -> Iterator[Any]:
        """The results of all jobs, in order."""

        def submit(job: Any) -> Future[Any]:
            return self._pool.submit(_work_here, work, job)

        try:
            yield from _in_order(jobs, submit, Future[Any].result, self._workers + AHEAD)
        except BrokenProcessPool as error:
            raise BotError(
                "a worker of the replay ended early; if it was killed for its memory, take fewer"
                " --workers; the same command goes on where it stopped"
            ) from error


class Cluster:
    """Actors on a Ray cluster."""

    def __init__(self, ray: Any, actors: list[Any]) -> None:
        self._ray, self._actors = ray, actors

    def map(self, work: Work, jobs: Iterable[Any]) -> Iterator[Any]:
        """The results of all jobs, in order."""
        turn = iter(range(2**63))

        def submit(job: Any) -> Any:
            return self._actors[next(turn) % len(self._actors)].do.remote(work, job)

        yield from _in_order(jobs, submit, self._ray.get, len(self._actors) + AHEAD)


Workers = Here | Processes | Cluster


def start(
    desk: "Desk", source: DeskSource | None, workers: int, engine: Engine
) -> AbstractContextManager[Workers]:
    """The workers, which end with the context. Raises BotError where Ray is asked for and missing.

    Without a `source` that others could open, the desk works alone.
    """
    if source is None or (workers == 1 and engine == "processes"):
        return _here(desk)
    return _cluster(source, workers) if engine == "ray" else _processes(source, workers)


@contextmanager
def _here(desk: "Desk") -> Iterator[Here]:
    yield Here(desk)


@contextmanager
def _processes(source: DeskSource, workers: int) -> Iterator[Processes]:
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads half alive
    with environment(ONE_THREAD):  # from the first, not once they have loaded numpy
        pool = ProcessPoolExecutor(workers, context, _open_here, (source,))
        try:
            yield Processes(pool, workers)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _cluster(source: DeskSource, workers: int) -> Iterator[Cluster]:
    try:
        import ray
    except ImportError as error:
        raise BotError(
            "--engine ray needs the package ray, which is not installed; install it with"
            " pip install 'frontdesk[ray]', or replay with --workers N"
        ) from error
    started = not ray.is_initialized()
    if started:
        ray.init(log_to_driver=False, logging_level="error", include_dashboard=False)
    remote = ray.remote(num_cpus=1, runtime_env={"env_vars": dict(ONE_THREAD)})(_Actor)
    actors = [remote.remote(source) for _ in range(workers)]
    try:
        yield Cluster(ray, actors)
    finally:
        for actor in actors:
            ray.kill(actor)
        if started:
            ray.shutdown()


class _Actor:
    """A worker of a cluster."""

    def __init__(self, source: DeskSource) -> None:
        self._desk = source.open()

    def do(self, work: Work, job: Any) -> Any:
        """One job."""
        with one_thread():
            return work(self._desk, job)


def _in_order(
    jobs: Iterable[Any], submit: Callable[[Any], Any], get: Callable[[Any], Any], most: int
) -> Iterator[Any]:
    """Results in the order of the jobs, of which at most `most` are in memory."""
    waiting: deque[Any] = deque()
    for job in jobs:
        waiting.append(submit(job))
        if len(waiting) >= most:
            yield get(waiting.popleft())
    while waiting:
        yield get(waiting.popleft())


# --- in a worker's process -----------------------------------------------------------------------

_DESK: list["Desk"] = []
"""The desk of a worker's process, once it is open."""


def _open_here(source: DeskSource) -> None:
    """What a new process does first. Ctrl-C reaches all; the first process answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _DESK.append(source.open())


def _work_here(work: Work, job: Any) -> Any:
    with one_thread():
        return work(_DESK[0], job)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for jobs for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


# --- threads -------------------------------------------------------------------------------------

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: sums that several threads share out have other last digits."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
