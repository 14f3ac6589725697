"""Curves of a training where the owner's tools look for them: TensorBoard, Weights & Biases.

    logs = open_logs(folder, LogSettings(tensorboard=True))
    logs.scalars(120, {"loss/intent": 0.31, "rate": 2e-4})
    logs.close()

Both are optional packages. Without settings nothing is imported and nothing is written. They are
told figures only, never texts.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from finetune.errors import FinetuneError


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where curves go: TensorBoard files in the folder; a project of Weights & Biases by name."""

    tensorboard: bool = False
    wandb: str = ""


class Sink(Protocol):
    """One place that takes scalars."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Logs:
    """All places that were asked for; none by default."""

    sinks: tuple[Sink, ...] = ()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Note these values at this step of the run (from 0)."""
        for sink in self.sinks:
            sink.scalars(step, values)

    def close(self) -> None:
        """Write what is still held back."""
        for sink in self.sinks:
            sink.close()


def open_logs(folder: Path, settings: LogSettings, recipe: Mapping[str, Any] | None = None) -> Logs:
    """The logs of one run, named by `folder`, with its recipe where that is shown.

    Raises FinetuneError where a package is missing or cannot start.
    """
    sinks: list[Sink] = []
    if settings.tensorboard:
        sinks.append(_tensorboard(folder))
    if settings.wandb:
        sinks.append(_wandb(folder, settings.wandb, recipe or {}))
    return Logs(tuple(sinks))


@dataclass(frozen=True, slots=True)
class _TensorBoard:
    writer: Any

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        self.writer.close()


@dataclass(frozen=True, slots=True)
class _WeightsAndBiases:
    run: Any

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.run.log(dict(values), step=step)

    def close(self) -> None:
        self.run.finish()


def _tensorboard(folder: Path) -> Sink:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies
            from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise _missing("tensorboard") from error
    try:
        return _TensorBoard(SummaryWriter(str(folder)))
    except OSError as error:
        raise FinetuneError(
            f"finetune.tensorboard: {folder} cannot be written ({error}); free it or leave the "
            "setting out"
        ) from error


def _wandb(folder: Path, project: str, recipe: Mapping[str, Any]) -> Sink:
    try:
        import wandb
    except ImportError as error:
        raise _missing("wandb") from error
    folder.mkdir(parents=True, exist_ok=True)
    try:
        run = wandb.init(project=project, name=folder.name, dir=str(folder), config=dict(recipe))
    except Exception as error:  # its errors, of network and of login, share no class
        raise FinetuneError(
            f"finetune.wandb: Weights & Biases did not start ({error}); log in with wandb login, "
            "set WANDB_MODE=offline, or leave the setting out"
        ) from error
    return _WeightsAndBiases(run)


def _missing(package: str) -> FinetuneError:
    return FinetuneError(
        f"finetune.{package}: the package {package} is not installed; install it with "
        f"pip install {package}, or leave the setting out"
    )
