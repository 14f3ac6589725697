"""BANKING77: the fine-tuned trunk against the frozen encoder with logistic regression.

    python benchmarks/banking77.py [--limit N]

One message a chat, the data's own train and test split. Validation and calibration messages are
taken from train by the command itself; the test split is read once, for the figures printed here.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from finetune.conversation import Conversation
from finetune.encoder import EncoderSource
from finetune.run import Request, finetune

DATA = Path(__file__).parents[2] / "shared" / "data" / "intents" / "banking77" / "all.jsonl"
PUBLISHED_FROZEN = 0.929


def conversations(limit: int | None) -> Iterator[Conversation]:
    """Each message as a chat of one turn; with a limit, so many of train."""
    seen = 0
    for number, line in enumerate(DATA.read_text(encoding="utf-8").splitlines()):
        record = json.loads(line)
        seen += record["split"] == "train"
        if record["split"] == "train" and limit is not None and seen > limit:
            continue
        turn = {"speaker": "customer", "text": record["text"], "intent": record["intent"]}
        yield Conversation.model_validate(
            {"id": str(number), "split": record["split"], "turns": [turn]}
        )


def report(stage: str, done: int, total: int) -> None:
    if done == total or done % 500 == 0:
        print(f"  {stage}: {done} of {total}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, help="train on the first N messages only")
    limit = parser.parse_args().limit
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            conversations=list(conversations(limit)),
            models=Path(folder),
            source=EncoderSource(),
            base=Path(folder),
        )
        result = finetune(request, report)
        history = json.loads((Path(folder) / "v1" / "metrics.json").read_text())["epochs"]
    test, frozen = result.metrics["test"]["intent"], result.metrics["frozen"]["intent"]
    print("validation by epoch:", [round(epoch["validation"], 4) for epoch in history])
    print(f"{'BANKING77 test':24} {'accuracy':>9} {'macro F1':>9} {'ECE':>7}   n {test['n']}")
    for name, row in (("frozen + linear probe", frozen), ("fine-tuned", test)):
        print(f"{name:24} {row['accuracy']:9.4f} {row['macro_f1']:9.4f} {row['ece']:7.4f}")
    print(f"limit: above {PUBLISHED_FROZEN} (frozen encoder + logistic regression)")
    print(f"{result.seconds:.0f} s, peak {result.peak_mib:.0f} MiB")


if __name__ == "__main__":
    main()
