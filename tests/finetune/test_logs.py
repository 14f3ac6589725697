"""Curves: where they were asked for, nowhere else, and a clear word where they cannot be."""

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from finetune.errors import FinetuneError
from finetune.logs import LogSettings, open_logs


def test_by_default_nothing_is_written_or_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "wandb", None)
    logs = open_logs(tmp_path / "run", LogSettings())
    logs.scalars(0, {"loss": 1.0})
    logs.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_what_was_noted(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    reading = import_module("tensorboard.backend.event_processing.event_accumulator")
    logs = open_logs(tmp_path, LogSettings(tensorboard=True))
    for step in range(3):
        logs.scalars(step, {"loss/intent": 1 - step / 4, "rate": 0.5})
    logs.close()
    read = reading.EventAccumulator(str(tmp_path))
    read.Reload()
    assert read.Tags()["scalars"] == ["loss/intent", "rate"]
    assert [(e.step, e.value) for e in read.Scalars("loss/intent")] == [(0, 1), (1, 0.75), (2, 0.5)]


class Wandb(ModuleType):
    """Weights & Biases, as far as it is used."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__("wandb")
        self.broken, self.seen = broken, list[Any]()

    def init(self, **settings: Any) -> SimpleNamespace:
        if self.broken:
            raise ConnectionError("no network")
        self.seen.append(settings)
        return SimpleNamespace(log=self.log, finish=lambda: self.seen.append("finished"))

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.seen.append((step, values))


def test_weights_and_biases_gets_the_run_and_its_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = Wandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    logs = open_logs(tmp_path / "v3", LogSettings(wandb="desk"), {"epochs": 4})
    logs.scalars(7, {"loss": 0.5})
    logs.close()
    started, *rest = wandb.seen
    assert (started["project"], started["name"], started["config"]) == ("desk", "v3", {"epochs": 4})
    assert rest == [(7, {"loss": 0.5}), "finished"]


def test_weights_and_biases_that_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", Wandb(broken=True))
    with pytest.raises(FinetuneError, match=r"did not start \(no network\); log in with"):
        open_logs(tmp_path, LogSettings(wandb="desk"))


@pytest.mark.parametrize("settings", [LogSettings(tensorboard=True), LogSettings(wandb="desk")])
def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: LogSettings
) -> None:
    name = "wandb" if settings.wandb else "tensorboard"
    monkeypatch.setitem(sys.modules, name, None)
    for module in [m for m in sys.modules if m.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(FinetuneError, match=rf"^finetune\.{name}: .*pip install {name}"):
        open_logs(tmp_path, settings)
