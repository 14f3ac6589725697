"""The state of a run after each epoch, so that an interrupted run goes on where it stopped.

Tensors lie in safetensors, the rest in JSON: nothing that is loaded can run code.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from finetune import methods
from finetune.errors import FinetuneError
from finetune.training import Trainer

NAME = ".training"


@dataclass(slots=True)
class Progression:
    """What a run knows between epochs: epochs done, validation scores, the best state so far."""

    done: int
    history: list[dict[str, float]]
    best_score: float
    best: dict[str, Tensor]


def trained_state(trainer: Trainer) -> dict[str, Tensor]:
    """A copy of every parameter that training changes, by name."""
    trunk = {
        f"trunk.{name}": parameter
        for name, parameter in trainer.trunk.named_parameters()
        if parameter.requires_grad
    }
    heads = {f"heads.{name}": p for name, p in trainer.heads.named_parameters()}
    return {name: p.detach().to("cpu", copy=True) for name, p in {**trunk, **heads}.items()}


def restore(trainer: Trainer, state: dict[str, Tensor]) -> None:
    """Set the parameters that `trained_state` copied."""
    modules = {"trunk": trainer.trunk, "heads": trainer.heads}
    named = {
        f"{k}.{name}": p for k, module in modules.items() for name, p in module.named_parameters()
    }
    with torch.no_grad():
        for name, value in state.items():
            named[name].copy_(value)


def save(models: Path, key: str, trainer: Trainer, progression: Progression) -> None:
    """Write the checkpoint of the run that `key` identifies; the last one stays until then.

    Raises FinetuneError where it cannot be written, as on a full disk.
    """
    from safetensors import SafetensorError

    tensors = {f"now.{name}": value for name, value in trained_state(trainer).items()}
    tensors |= {f"best.{name}": value for name, value in progression.best.items()}
    tensors |= {
        f"method.{name}": value.cpu() for name, value in methods.state(trainer.trunk).items()
    }
    for index, slots in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": value.cpu() for name, value in slots.items()}
    facts = {
        "key": key,
        "done": str(progression.done),
        "history": json.dumps(progression.history),
        "best_score": repr(progression.best_score),
    }
    facts["sha256"] = _digest(tensors, facts)
    folder = models / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, tensors, facts)
    except (OSError, SafetensorError) as error:
        raise FinetuneError(
            f"the state of the training cannot be kept in {folder} ({error}); make room there "
            "and run the command again; the models that were there before are unchanged"
        ) from error


def load(models: Path, key: str, trainer: Trainer) -> Progression | None:
    """Take up the run that `key` identifies; None when there is no checkpoint of just that run."""
    from safetensors import SafetensorError, safe_open

    path = models / NAME / "checkpoint.safetensors"
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, ValueError, SafetensorError):
        return None  # a damaged checkpoint costs the epochs it held, nothing more
    if facts.pop("sha256", "") != _digest(tensors, facts) or facts["key"] != key:
        return None
    restore(trainer, _under("now.", tensors))
    methods.set_state(trainer.trunk, _under("method.", tensors))
    _restore_optimizer(trainer, _under("adam.", tensors))
    return Progression(
        int(facts["done"]),
        json.loads(facts["history"]),
        float(facts["best_score"]),
        _under("best.", tensors),
    )


def discard(models: Path) -> None:
    """Remove the checkpoint of a run that came to its end."""
    (models / NAME / "checkpoint.safetensors").unlink(missing_ok=True)


def _write(folder: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    from safetensors.torch import save_file

    temporary = folder / f"checkpoint.{os.getpid()}.tmp"
    try:
        save_file(tensors, temporary, metadata=facts)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(folder / "checkpoint.safetensors")
    finally:
        temporary.unlink(missing_ok=True)


def _digest(tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> str:
    """sha256 over all that a checkpoint holds: safetensors does not notice a changed byte."""
    found = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.numpy().tobytes())
    return found.hexdigest()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _restore_optimizer(trainer: Trainer, tensors: dict[str, Tensor]) -> None:
    state = trainer.optimizer.state_dict()
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, slot = name.split(".", 1)
        slots.setdefault(int(index), {})[slot] = value
    trainer.optimizer.load_state_dict({**state, "state": slots})
