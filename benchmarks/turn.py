"""A whole turn against one bare forward pass of the same text, with many passages indexed.

    python benchmarks/turn.py [--workspace data/outdoor] [--passages 10000] [--turns 200]

The turn is all that a customer waits for: text in, reading, search, decision, log row committed,
reply out. The bare pass is the trunk's ONNX session on the one row, already tokenised. They
alternate on the same texts, so that a busy neighbour slows both.
"""

import argparse
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from bot.bot import Bot, Desk
from bot.live import open_desk
from bot.model import Model
from bot.risk.searching import Searcher
from bot.sessions.session_log import SessionLog
from bot.workspace import Workspace, open_workspace
from finetune.tokens import pad, token_ids
from finetune.transcripts import read_chats
from kb.index import Index
from kb.passages import Passage
from kb.readers import read_articles
from kb.store import build

LIMIT = 2.0
ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
KBS = ("retrieval/bank-faqs/kb", "retrieval/stackfaq/kb", "workspaces/duckduckgo-help/kb")
SENTENCES, SENTENCES_A_PASSAGE, TURNS_A_SESSION = 2_000, 4, 6


def sentences(workspace: Workspace) -> list[str]:
    """Distinct sentences of real help articles; the workspace's own where there are no others."""
    folders = [DATA / name for name in KBS if (DATA / name).is_dir()] or [workspace.kb]
    texts = (a.text for folder in folders for a in read_articles(folder).articles)
    found = (part.strip() for text in texts for part in re.split(r"(?<=[.!?。！？])\s+|\n", text))
    distinct = list(dict.fromkeys(s for s in found if 20 <= len(s) <= 200))
    return random.Random(0).sample(distinct, min(SENTENCES, len(distinct)))


def big_index(folder: Path, model: Model, spoken: Sequence[str], count: int) -> Index:
    """An index of `count` passages of some sentences each.

    A passage's vector is the mean of its sentences', which costs a fifth of embedding it: what a
    search costs depends on how many vectors there are, not on what they mean.
    """
    rng = np.random.default_rng(0)
    parts = [rng.choice(len(spoken), SENTENCES_A_PASSAGE, replace=False) for _ in range(count)]
    vectors = model.encode(spoken, "passage")
    made = [_passage(i, " ".join(spoken[j] for j in part)) for i, part in enumerate(parts)]
    means = {
        passage.embedding_text: vectors[part].mean(axis=0)
        for passage, part in zip(made, parts, strict=True)
    }
    build(
        folder,
        made,
        lambda texts: np.stack([means[text] for text in texts]),
        fingerprint=model.encoder_fingerprint,
        dimension=model.dimension,
    )
    return Index.open(folder, model.encoder_fingerprint)


def _passage(number: int, text: str) -> Passage:
    return Passage(number + 1, f"synthetic/{number}", f"Article {number}", (), text, "synthetic")


def messages(workspace: Workspace, count: int) -> list[str]:
    """Distinct customer turns of the workspace's chats."""
    chats = read_chats([workspace.chats]).conversations
    turns = (turn for chat in chats for turn in chat.turns if turn.speaker == "customer")
    distinct = list(dict.fromkeys(turn.text for turn in turns if turn.text.strip()))
    return random.Random(1).sample(distinct, min(count, len(distinct)))


def bare_pass(model: Model, text: str) -> Callable[[], object]:
    """The session's run on one row, in the very session that the bot uses."""
    ids, mask = pad(token_ids(model._tokenizer, [text]), model._settings["pad_id"])
    return lambda: model._trunk.run(None, {"ids": ids, "mask": mask})


def measure(desk: Desk, log: SessionLog, texts: Sequence[str]) -> tuple[list[float], list[float]]:
    """Milliseconds of the bare pass and of the whole turn, for each text."""
    bare: list[float] = []
    whole: list[float] = []
    for number, text in enumerate(texts):
        if number % TURNS_A_SESSION == 0:
            bot = Bot(desk, log, channel="benchmark")
        steps: list[tuple[list[float], Callable[[], object]]] = [
            (bare, bare_pass(desk.model, text)),
            (whole, partial(bot.respond, text)),
        ]
        for times, step in steps if number % 2 else reversed(steps):
            started = time.perf_counter()
            step()
            times.append(1000 * (time.perf_counter() - started))
    return bare, whole


def show_parts(log: SessionLog) -> None:
    """The median of each part of a turn, from the log's own timings."""
    timings = [turn["timings"] for session in log.sessions() for turn in log.turns(session.id)]
    for part in timings[0]:
        print(f"  of it {part:8} {median(timing[part] for timing in timings):8.2f} ms")


def main() -> None:
    """Print the ratio beside its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workspace", type=Path, default=ROOT / "data" / "outdoor")
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=200)
    arguments = parser.parse_args()
    workspace = open_workspace(arguments.workspace)
    with TemporaryDirectory() as folder, SessionLog.open(Path(folder) / "log.db") as log:
        desk = open_desk(workspace, lambda *_: None)
        index = big_index(Path(folder), desk.model, sentences(workspace), arguments.passages)
        desk = replace(desk, searcher=Searcher(index, desk.model))
        texts = messages(workspace, arguments.turns)
        measure(desk, log, texts[:TURNS_A_SESSION])  # warm up
        bare, whole = measure(desk, log, texts)
        print(f"{len(texts)} turns, {len(index):,} passages, model {desk.model.version}")
        print(f"bare forward pass {median(bare):8.2f} ms")
        print(f"whole turn        {median(whole):8.2f} ms")
        show_parts(log)
        print(f"ratio of medians  {median(whole) / median(bare):8.2f}    (limit: at most {LIMIT})")


if __name__ == "__main__":
    main()
