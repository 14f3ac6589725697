"""What each part of the recipe is worth, on validation data alone.

    python benchmarks/recipe.py [SET ...] [--without PART ...] [--limit N] [--seeds N]

Needs `../shared/data` and, for Chinese, `../shared/models`. The test split of a set is never read:
its validation split plays the test, and a tenth of its train split the validation; a set without
one gives up a fifth of its train split for the two. Each set is trained whole and then without each
part, every time in a process of its own; BANKING77 takes ten minutes a training on two cores.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks._datasets import DATASETS, thinned
from finetune.conversation import Conversation

ROOT = Path(__file__).resolve().parents[1]
SETS = ("banking77-5", "banking77-10", "banking77", "snips", "cais", "star")
FIGURES = {
    "intent": ("accuracy", "ece"),
    "entities": ("f1",),
    "ranking": ("r@1", "r@10"),
    "sentiment": ("accuracy",),
}


def _no_words() -> None:
    from finetune import judging

    judging.WEIGHTS = (0.0,)  # type: ignore[attr-defined,assignment]


def _no_settling() -> None:
    from finetune import settling

    settling.settle = settling.settle_tags = lambda *_: None


def _no_names() -> None:
    from finetune import material

    material.FEW_EXAMPLES = 0


PARTS: dict[str, Callable[[], None]] = {
    "words": _no_words,
    "settling": _no_settling,
    "names": _no_names,
}


def main() -> None:
    """Each set whole and without each part, a line each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(DATASETS)}")
    parser.add_argument("--without", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--limit", type=int, metavar="N", help="so many chats a split")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--one", metavar="PART", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=7, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        _train(arguments.sets[0], arguments.one, arguments.limit, arguments.seed)
        return
    for name in arguments.sets or SETS:
        for part in ("", *arguments.without):
            for seed in range(7, 7 + arguments.seeds):
                words = [name, "--one", part, "--seed", str(seed)]
                limit = [] if arguments.limit is None else ["--limit", str(arguments.limit)]
                subprocess.run([sys.executable, __file__, *words, *limit], check=True, cwd=ROOT)


def _train(name: str, part: str, limit: int | None, seed: int) -> None:
    from finetune.run import Request, finetune

    if part:
        PARTS[part]()
    data = DATASETS[name]
    with TemporaryDirectory() as folder:
        models = Path(folder)
        chats = held_apart(thinned(data.chats(), limit))
        request = Request(chats, models, data.source, ROOT, seed=seed, fresh=True)
        result = finetune(request, lambda *_: None)
    figures = _figures(result.metrics["test"])
    without = f"without {part}" if part else "whole"
    print(f"{name:18} {without:18} seed {seed}  {result.seconds:7.0f} s  {figures}", flush=True)


def held_apart(chats: Sequence[Conversation]) -> list[Conversation]:
    """The chats without their test split, divided anew."""
    train = [chat for chat in chats if chat.split == "train"]
    judged = [chat for chat in chats if chat.split == "validation"]
    order = np.random.default_rng(11).permutation(len(train)).tolist()
    tenth = len(order) // 10
    if not judged:
        judged, order = [train[i] for i in order[:tenth]], order[tenth:]
    parts = {
        "validation": [train[i] for i in order[:tenth]],
        "train": [train[i] for i in order[tenth:]],
        "test": judged,
    }
    return [chat.model_copy(update={"split": s}) for s, own in parts.items() for chat in own]


def _figures(metrics: dict[str, Any]) -> str:
    found = {
        f"{task}.{key}": round(metrics[task][key], 4)
        for task, keys in FIGURES.items()
        for key in keys
        if key in metrics[task]
    }
    return json.dumps(found)


if __name__ == "__main__":
    main()
