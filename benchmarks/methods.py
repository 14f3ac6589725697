"""The ways to train side by side on BANKING77: accuracy, trained parameters, time, memory, disk.

    python benchmarks/methods.py [--limit 2500] [--epochs 3] [--seeds 1] [--methods top lora ...]

It serves to choose, so the data's own test split is not read: trained are the first messages of its
training split in a fixed random order, and judged are 1,000 others of it. Each way runs in a fresh
process, one thread, through the same `finetune` as `frontdesk finetune`.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from finetune.conversation import Conversation
from finetune.encoder import EncoderSource, locate
from finetune.methods import NAMES, Method, apply
from finetune.network import load_trunk
from finetune.run import Request, finetune

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "intents" / "banking77" / "all.jsonl"
JUDGED, CHOOSING = 1000, 600
COLUMNS = ("accuracy", "trained", "cpu_seconds", "peak_mib", "disk_mib")


def conversations(limit: int) -> Iterator[Conversation]:
    """`limit` messages to train on, 600 to choose the epoch and the temperature, 1,000 to judge."""
    records = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    records = [record for record in records if record["split"] == "train"]
    random.Random(0).shuffle(records)
    splits = ["test"] * JUDGED + ["validation"] * CHOOSING + ["train"] * limit
    for number, (record, split) in enumerate(zip(records, splits, strict=False)):
        turn = {"speaker": "customer", "text": record["text"], "intent": record["intent"]}
        yield Conversation.model_validate({"id": str(number), "split": split, "turns": [turn]})


def measure(name: str, limit: int, epochs: int, seed: int) -> dict[str, float]:
    """One training in this process."""
    with TemporaryDirectory() as folder:
        request = Request(
            conversations=list(conversations(limit)),
            models=Path(folder),
            source=EncoderSource(),
            base=Path(folder),
            seed=seed,
            epochs=epochs,
            threads=1,
            method=Method(name),
        )
        started = time.process_time()
        result = finetune(request, lambda *_: None)
        seconds = time.process_time() - started
        files = [path for path in (Path(folder) / result.version).rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
    return {
        "accuracy": result.metrics["test"]["intent"]["accuracy"],
        "trained": trained(name),
        "cpu_seconds": seconds,
        "peak_mib": result.peak_mib,
        "disk_mib": size / 2**20,
    }


def trained(name: str) -> int:
    """Parameters of the trunk that train; the heads' are the same for all."""
    trunk = load_trunk(locate(EncoderSource().name, ROOT))
    return sum(parameter.numel() for parameter in apply(trunk, Method(name)))


def in_fresh_process(name: str, limit: int, epochs: int, seed: int) -> dict[str, float]:
    words = [name, str(limit), str(epochs), str(seed)]
    command = [sys.executable, str(Path(__file__).resolve()), "--one", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(name: str, runs: Sequence[dict[str, float]]) -> str:
    of = {column: mean(run[column] for run in runs) for column in COLUMNS}
    return (
        f"| {name} | {100 * of['accuracy']:.1f} | {of['trained'] / 1e6:.2f} "
        f"| {of['cpu_seconds']:.0f} | {of['peak_mib']:.0f} | {of['disk_mib']:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=2500, help="messages to train on")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each way")
    parser.add_argument("--methods", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    asked: Any = parser.parse_args()
    if asked.one:
        name, *numbers = asked.one
        print(json.dumps(measure(name, *map(int, numbers))))
        return
    print(f"{asked.limit} messages, {asked.epochs} epochs, {asked.seeds} seed(s); {JUDGED} judged")
    print("| way | accuracy, % | trained, M | CPU s | peak MiB | MiB on disk |")
    print("|---|---|---|---|---|---|")
    for name in asked.methods:
        seeds = range(7, 7 + asked.seeds)
        runs = [in_fresh_process(name, asked.limit, asked.epochs, seed) for seed in seeds]
        print(row(name, runs), flush=True)


if __name__ == "__main__":
    main()
