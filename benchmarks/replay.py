"""Replay against bare batched encoding of the same texts, with a second process, and its memory.

    python benchmarks/replay.py [--workspace data/outdoor] [--chats FILE ...] [--turns 5000]
                                [--rounds 2] [--memory 10000 100000]

Bare encoding is `Model.encode` of every distinct text of the chats, customer's and agent's, each
once, in batches sorted by length. Replay does that too, and reads, searches, ranks, decides, judges
and keeps every customer turn. The two alternate, and the least time of all rounds counts, so that a
busy neighbour counts little. `--turns` takes so many turns of the chats; where there are fewer
they are repeated, each time with other texts. Memory is the most that a replay in a process of its
own held, for each number of turns. On a machine that others use, the share by processor time is the
steadier one.
"""

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sklearn.metrics  # noqa: F401 - its import is no part of what is measured

from bot.bot import Desk
from bot.live import open_desk
from bot.replay import ReplayStore, Request, replay
from bot.replay.workers import DeskSource
from bot.workspace import Workspace, open_workspace
from finetune.transcripts import ChatStream

LIMIT = 0.8
ROOT = Path(__file__).resolve().parents[1]


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """The wall time of some work, and the processor time that this process spent on it."""
    started = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started[0], time.process_time() - started[1]


def many(paths: Sequence[Path], turns: int) -> Iterator[dict[str, Any]]:
    """Chats with so many customer turns, under new ids; repeated ones say something else."""
    done = 0
    for again in itertools.count():
        for number, chat in enumerate(ChatStream(paths, skip_bad=True)):
            if done >= turns:
                return
            said = chat.model_dump(mode="json", exclude_unset=True)
            said["id"] = f"{again}-{number}"
            for turn in said["turns"]:
                turn.pop("entities", None)  # the text may be another
                turn["text"] += f" {again}" if again else ""
                done += turn["speaker"] == "customer" and bool(turn["text"].strip())
            yield said


def write(path: Path, paths: Sequence[Path], turns: int) -> None:
    """A transcript file with so many customer turns."""
    with path.open("w", encoding="utf-8") as file:
        for number, chat in enumerate(many(paths, turns)):
            file.write(json.dumps({**chat, "id": str(number)}, ensure_ascii=False) + "\n")


def throughput(workspace: Workspace, desk: Desk, chats: Path, rounds: int) -> None:
    """Print the ratios beside the limit."""
    said = [turn.text for chat in ChatStream([chats]) for turn in chat.turns]
    texts = [text for text in dict.fromkeys(said) if text.strip()]
    desk.model.encode(texts[:64])  # warm up
    with TemporaryDirectory() as folder, ReplayStore.open(Path(folder) / "replays.db") as store:
        source = DeskSource(workspace.root.resolve(), desk.model.version)

        def replayed(workers: int) -> None:
            stream = ChatStream([chats])
            request = Request(
                desk, stream, source=source, workers=workers, fresh=True, include_seen=True
            )
            replay(request, store, silent)

        encoded, done = list[tuple[float, float]](), list[tuple[float, float]]()
        for _ in range(rounds):
            encoded.append(seconds(lambda: desk.model.encode(texts)))
            done.append(seconds(lambda: replayed(1)))
        two, _ = seconds(lambda: replayed(2))
        [row, *_] = store.replays()
        turns = row.about["survey"]["turns"]
    bare, bare_busy = map(min, zip(*encoded, strict=True))
    one, busy = map(min, zip(*done, strict=True))
    print(f"{turns} customer turns, {len(texts)} distinct texts, {len(desk.index)} passages")
    print(f"bare encoding        {bare:8.2f} s   {len(texts) / bare:7.1f} texts a second")
    print(f"replay               {one:8.2f} s   {turns / one:7.1f} turns a second")
    print(f"replay, 2 processes  {two:8.2f} s   {turns / two:7.1f} turns a second")
    print(f"a second process makes it {one / two:.2f} times as fast")
    print(f"replay's throughput as a share of encoding's: {bare / one:.2f}", end=" ")
    print(f"(by processor time {bare_busy / busy:.2f}; limit: at least {LIMIT})")


def memory(workspace: Workspace, chats: Path) -> float:
    """The most memory, MiB, that a replay of these chats held."""
    words = ["replay", chats, "-w", workspace.root, "--include-trained", "--fresh", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    peak: float = json.loads(done.stdout)["cost"]["peak_mib"]
    return peak


def silent(_stage: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workspace", type=Path, default=ROOT / "data" / "outdoor")
    parser.add_argument("--chats", type=Path, nargs="+")
    parser.add_argument("--turns", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--memory", type=int, nargs="*", default=[])
    arguments = parser.parse_args()
    workspace = open_workspace(arguments.workspace)
    paths = arguments.chats or [workspace.chats]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "chats.jsonl"
        if arguments.turns:
            write(file, paths, arguments.turns)
            throughput(workspace, open_desk(workspace, silent), file, arguments.rounds)
        for turns in arguments.memory:
            write(file, paths, turns)
            print(f"{turns} turns: {memory(workspace, file):.0f} MiB at most")


if __name__ == "__main__":
    main()
