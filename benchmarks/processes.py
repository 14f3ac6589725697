"""One training in one process and in two: the same model, within noise.

    python benchmarks/processes.py [--limit 1000] [--epochs 2] [--processes 2]

BANKING77 as in `methods.py`. On one core two processes take longer than one; what is shown is that
they come to the same place. Noise is what another seed changes.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from methods import conversations

from finetune import parallel
from finetune.encoder import EncoderSource
from finetune.run import Request, finetune


def trained(request: Request, processes: int) -> tuple[float, list[float], list[str]]:
    """Accuracy on the judged messages, loss of each epoch, and the guess for each message."""
    with TemporaryDirectory() as folder:
        request = replace(request, models=Path(folder), base=Path(folder))
        result = parallel.launch(processes, finetune, request, lambda *_: None)
        version = Path(folder) / result.version
        history = json.loads((version / "metrics.json").read_text())["epochs"]
        predictions = json.loads((version / "predictions.json").read_text())
    guesses = [record["guess"] for record in predictions if record["part"] == "test"]
    accuracy: float = result.metrics["test"]["intent"]["accuracy"]
    return accuracy, [epoch["intent"] for epoch in history], guesses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    chats, nowhere = list(conversations(asked.limit)), Path()
    one = Request(chats, nowhere, EncoderSource(), nowhere, epochs=asked.epochs, threads=1)
    reference: list[str] = []
    for name, request, processes in (
        ("1 process", one, 1),
        (f"{asked.processes} processes", one, asked.processes),
        ("1 process, another seed", replace(one, seed=8), 1),
    ):
        started = time.perf_counter()
        accuracy, losses, guesses = trained(request, processes)
        reference = reference or guesses
        same = np.mean([guess == first for guess, first in zip(guesses, reference, strict=True)])
        print(
            f"{name:24} accuracy {100 * accuracy:.1f} %, losses {np.round(losses, 3).tolist()}, "
            f"same guess as the first {100 * same:.1f} %, {time.perf_counter() - started:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
