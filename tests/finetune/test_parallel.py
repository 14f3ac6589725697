"""One training in two processes: the result of one, one that shows it, and all end together."""

import multiprocessing
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from finetune import parallel
from finetune.errors import FinetuneError

SIZES = [6, 5, 1, 4]


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The functions of `shares.py`, where other processes find them too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return import_module("shares")


def no_progress(*_: object) -> None:
    pass


def test_two_processes_give_the_result_of_one(shares: ModuleType) -> None:
    steps: list[tuple[int, int]] = []
    alone = parallel.launch(1, shares.train, SIZES, no_progress)
    two = parallel.launch(2, shares.train, SIZES, lambda _, done, of: steps.append((done, of)))
    torch.testing.assert_close(two["weight"], alone["weight"])
    assert (alone["processes"], two["processes"]) == (1, 2)
    assert (alone["seen"], two["seen"]) == ([6, 5, 1, 4], [3, 3, 1, 2])
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert two["told"].tolist() == [5, 5]
    assert two["mean"] == {"rank": 0.5}
    assert two["written"]
    assert alone["difference"] == ""
    assert two["difference"].startswith("the chats differ between the 2 processes")
    assert parallel.count() == 1
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_is_named(shares: ModuleType) -> None:
    with pytest.raises(FinetuneError, match=r"^process 2 of 2 ended early \(exit code 9\)"):
        parallel.launch(2, shares.die, "1", no_progress)
    assert not multiprocessing.active_children()


def test_ctrl_c_ends_all(shares: ModuleType) -> None:
    with pytest.raises(KeyboardInterrupt):
        parallel.launch(2, shares.wait, None, no_progress)
    assert not multiprocessing.active_children()


# --- without other processes ---------------------------------------------------------------------


def test_alone_nothing_is_shared_and_nothing_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    parallel.synchronise([parameter], weight=3.0)
    parallel.require_same("the chats", "any")
    parallel.leave_to_first()
    assert parameter.grad.tolist() == [1, 2]
    assert parallel.share("abc") == (["a", "b", "c"], 3.0)
    assert parallel.mean({"loss": 0.5}) == {"loss": 0.5}
    assert parallel.is_first()
    assert parallel.is_first_here()


def test_without_the_package_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: Any, __: Any) -> None:
        raise AssertionError

    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(FinetuneError, match="pip install accelerate"):
        parallel.launch(2, never, None, no_progress)


@pytest.mark.parametrize(
    ("rank", "local", "first", "here"), [(0, 0, 1, 1), (2, 0, 0, 1), (3, 1, 0, 0)]
)
def test_which_process_writes_what(
    monkeypatch: pytest.MonkeyPatch, rank: int, local: int, first: bool, here: bool
) -> None:
    """Four processes on two machines, as a launcher describes them."""
    for name, value in {"WORLD_SIZE": 4, "RANK": rank, "LOCAL_RANK": local}.items():
        monkeypatch.setenv(name, str(value))
    assert parallel.is_first() == first
    assert parallel.is_first_here() == here
    if not first:
        with pytest.raises(SystemExit):
            parallel.leave_to_first()
