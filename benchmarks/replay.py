"""Replay against bare batched encoding of the same texts.

    python benchmarks/replay.py [--workspace data/outdoor] [--chats 200] [--rounds 3]

Bare encoding is `Model.encode` of every distinct text of the chats, customer's and agent's, each
once, in batches sorted by length. Replay does that too, and reads, searches, ranks, decides and
logs every customer turn. They alternate, so that a busy neighbour slows both.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import sklearn.metrics  # noqa: F401 - its import is no part of what is measured

from bot.live import open_desk
from bot.replay import replay
from bot.session_log import SessionLog
from bot.workspace import open_workspace
from finetune.transcripts import read_chats

LIMIT = 0.5
ROOT = Path(__file__).resolve().parents[1]


def seconds(work: Callable[[], object]) -> float:
    """The wall time of some work."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Print the ratio beside its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workspace", type=Path, default=ROOT / "data" / "outdoor")
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    workspace = open_workspace(arguments.workspace)
    desk = open_desk(workspace, lambda *_: None)
    chats = read_chats([workspace.chats]).conversations[-arguments.chats :]
    turns = [turn for chat in chats for turn in chat.turns if turn.text.strip()]
    texts = list(dict.fromkeys(turn.text for turn in turns))
    customer = sum(turn.speaker == "customer" for turn in turns)
    desk.model.encode(texts[:64])  # warm up
    bare, whole = [], []
    with TemporaryDirectory() as folder, SessionLog.open(Path(folder) / "log.db") as log:
        for _ in range(arguments.rounds):
            bare.append(seconds(lambda: desk.model.encode(texts)))
            whole.append(seconds(lambda: replay(desk, log, chats, lambda *_: None)))
    ratios = [one / other for one, other in zip(bare, whole, strict=True)]
    print(f"{customer} customer turns, {len(texts)} distinct texts, {len(desk.index)} passages")
    print(f"bare encoding {median(bare):7.2f} s   {len(texts) / median(bare):7.1f} texts a second")
    print(f"replay        {median(whole):7.2f} s   {customer / median(whole):7.1f} turns a second")
    print(f"replay's throughput as a share of encoding's: {median(ratios):.2f}", end=" ")
    print(f"(limit: at least {LIMIT})")


if __name__ == "__main__":
    main()
