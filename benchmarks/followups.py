"""Follow-ups: each message read alone and read after what was said before it, side by side.

    python benchmarks/followups.py [--tune] [WORKSPACE ...]      data/outdoor and data/tea-zh

Of a trained workspace: the intents of the test chats that its version named (never trained or
chosen on), by the two kinds of logits that its heads give, and the rank of the template that the
agent used. Of one with followups.jsonl: whether the best passage is of the right article, on the
half of the articles that chose nothing; --tune prints what the other half chose. Intervals: paired
bootstrap, 95 %, of whole chats or articles.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bot.bot import Desk
from bot.dialogue import ellipsis
from bot.dialogue.short_answers import words
from bot.live import open_desk
from bot.model import Model
from bot.replay.reading import Vectors, read_history
from bot.risk.trials import traffic_share
from bot.workspace import Workspace, open_workspace
from finetune.calibration import threshold_at_risk
from finetune.corpus import Message, numbers_of
from finetune.network import Heads, Outputs
from finetune.transcripts import read_chats
from kb.evaluation import FollowUp, read_follow_ups
from kb.search import Earlier, Hit, search

ROOT = Path(__file__).resolve().parents[1]
WORKSPACES = [ROOT / "data" / "outdoor", ROOT / "data" / "tea-zh"]
RESAMPLES, CITED = 2000, 2
SHARES = (0.0, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)

Verdicts = NDArray[np.bool_]
Floats = NDArray[np.float32]


# --- side by side --------------------------------------------------------------------------------


def show(what: str, alone: Verdicts, context: Verdicts, groups: Sequence[str]) -> None:
    """One row: the share that is right alone, in context, and the gain with its interval."""
    if not len(alone):
        return
    gain = context.astype(float) - alone.astype(float)
    number = numbers_of(groups)
    sums, sizes = np.bincount(number, gain), np.bincount(number)
    draws = np.random.default_rng(7).integers(len(sums), size=(RESAMPLES, len(sums)))
    low, high = np.quantile(sums[draws].sum(axis=1) / sizes[draws].sum(axis=1), (0.025, 0.975))
    print(
        f"  {what:44} n={len(alone):5}  {alone.mean():6.3f}  {context.mean():6.3f}"
        f"  {gain.mean():+.3f} [{low:+.3f}, {high:+.3f}]"
    )


def header(title: str) -> None:
    print(f"\n{title}\n  {'':44} {'':7}   alone  context  gain, 95 % interval")


# --- intents and templates -----------------------------------------------------------------------


@dataclass(frozen=True)
class Examined:
    """Test messages with their windows (n, k, d) and speakers (n, k)."""

    messages: Sequence[Message]
    texts: Sequence[str]
    turns: Floats
    speakers: NDArray[np.int64]

    @property
    def leaning(self) -> Verdicts:
        """Those that follow something and lean on it."""
        return np.array(
            [m.turn > 0 and ellipsis.leaning(words(t)) > 0 for m, t in zip(*self.both, strict=True)]
        )

    @property
    def both(self) -> tuple[Sequence[Message], Sequence[str]]:
        return self.messages, self.texts

    def alone(self) -> "Examined":
        """The same without anything before the messages."""
        turns, speakers = self.turns.copy(), self.speakers.copy()
        turns[:, :-1], speakers[:, :-1] = 0, 0
        return Examined(self.messages, self.texts, turns, speakers)


def examined(workspace: Workspace, model: Model) -> Examined:
    """The test messages of the version, those left out as repeats of training apart."""
    records = json.loads((model.folder / "predictions.json").read_text(encoding="utf-8"))
    kept = {(r["conversation"], r["turn"]) for r in records if r["part"] == "test"}
    chats = read_chats([workspace.chats]).conversations
    held_out = {conversation for conversation, _ in kept}
    history = read_history([chat for chat in chats if chat.id in held_out], model)
    found = [m for m in history.messages() if (m.conversation, m.turn) in kept]
    vectors = Vectors(model, history.texts)
    windows = np.stack([message.window for message in found])
    vectors.need_unread(np.unique(windows))
    return Examined(
        found,
        [history.texts.all[message.text] for message in found],
        vectors.windows(windows),
        np.stack([message.speakers for message in found]),
    )


def logits(model: Model, seen: Examined) -> tuple[Floats, Floats]:
    """Intent logits from the message alone and in context, (n, c) each, by the trained heads, of
    which a version serves the one that its validation chats chose."""
    from safetensors.torch import load_file

    state = load_file(model.folder / "trained.safetensors")
    sentiments = len(state.get("heads.sentiment.bias", ()))
    heads = Heads(model.dimension, Outputs(len(model.labels), sentiments)).eval()
    own = {name: state[f"heads.{name}"] for name, _ in heads.named_parameters()}
    heads.load_state_dict(own, strict=False)
    with torch.no_grad():
        out = heads(torch.from_numpy(seen.turns), torch.from_numpy(seen.speakers))
    more = model.lexical.logits(seen.texts) if model.lexical else 0.0
    return out.message_logits.numpy() + more, out.context_logits.numpy() + more


def intents(model: Model, seen: Examined) -> None:
    header(f"intent accuracy on test chats, {model.version}")
    labelled = np.array([bool(message.gold) for message in seen.messages])
    verdicts = [
        np.array(
            [model.labels[at] in m.gold for at, m in zip(row.argmax(1), seen.messages, strict=True)]
        )
        for row in logits(model, seen)
    ]
    rows(seen, labelled, *verdicts)


def templates(desk: Desk, seen: Examined) -> None:
    """Whether the ranker's best template is the one that the agent used."""
    named = np.array(
        [m.reply_key.removeprefix("template:") in desk.bank.ids for m in seen.messages]
    )
    verdicts = []
    for view in (seen.alone(), seen):
        best = desk.bank.scores(desk.model.read(view.texts, view.turns, view.speakers).queries)
        ids = [f"template:{desk.bank.ids[at]}" for at in best.argmax(axis=1)]
        verdicts.append(
            np.array([i == m.reply_key for i, m in zip(ids, seen.messages, strict=True)])
        )
    header(f"the ranker's best template is the agent's, {desk.model.version}")
    rows(seen, named, *verdicts)


def rows(seen: Examined, judged: Verdicts, alone: Verdicts, context: Verdicts) -> None:
    groups, leaning = [message.conversation for message in seen.messages], seen.leaning
    for what, chosen in (
        ("all turns", judged),
        ("turns that lean on those before", judged & leaning),
        ("others", judged & ~leaning),
    ):
        own = [group for group, is_in in zip(groups, chosen, strict=True) if is_in]
        show(what, alone[chosen], context[chosen], own)


# --- passages ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A pair with the hits of its message for every share of the question before."""

    pair: FollowUp
    hits: dict[float, list[Hit]]

    @property
    def group(self) -> str:
        return min(self.pair.gold, default=self.pair.before)

    @property
    def tunes(self) -> bool:
        """Which half it is in, by its article."""
        return sha256(self.group.encode()).digest()[0] % 2 == 0

    @property
    def share(self) -> float:
        return ellipsis.leaning(words(self.pair.text))

    def first(self, share: float) -> bool:
        """Whether the best passage is of the right article."""
        return self.hits[share][0].passage.article in self.pair.gold

    def cited(self, share: float) -> bool:
        return any(hit.passage.article in self.pair.gold for hit in self.hits[share][:CITED])

    def score(self, share: float) -> float:
        return self.hits[share][0].score


def pairs(desk: Desk, path: Path) -> list[Pair]:
    """The pairs of a file, searched."""
    found = read_follow_ups(path)
    texts = [text for pair in found for text in (pair.before, pair.text)]
    vectors = iter(desk.model.encode(texts))
    return [
        Pair(pair, {share: _hits(desk, pair, vector, before, share) for share in SHARES})
        for pair, before, vector in zip(found, vectors, vectors, strict=True)
    ]


def _hits(desk: Desk, pair: FollowUp, vector: Floats, before: Floats, share: float) -> list[Hit]:
    earlier = Earlier(pair.before, before, share) if share else None
    return search(desk.index, pair.text, vector, 5, earlier=earlier)


def passages(desk: Desk, found: Sequence[Pair]) -> None:
    header(f"right article first (R@1), judging half of followups.jsonl, {desk.model.version}")
    judged = [pair for pair in found if not pair.tunes and pair.pair.gold]
    for what, some in (
        ("leaning on the question before", [pair for pair in judged if pair.share]),
        ("taken for standing by themselves", [pair for pair in judged if not pair.share]),
        ("all", judged),
    ):
        alone = np.array([pair.first(0.0) for pair in some])
        context = np.array([pair.first(pair.share) for pair in some])
        show(what, alone, context, [pair.group for pair in some])
    at_risk(desk, [pair for pair in found if pair.share])


def at_risk(desk: Desk, leaning: Sequence[Pair]) -> None:
    """What is answered and wrong on the judging half, at the threshold of single questions and at
    one certified for follow-ups on the tuning half."""
    tuned = [pair for pair in leaning if pair.tunes]
    certificate = threshold_at_risk(
        np.array([pair.score(pair.share) for pair in tuned], dtype=np.float32),
        np.array([pair.cited(pair.share) for pair in tuned]),
        desk.thresholds.max_wrong,
        conversations=np.arange(len(tuned)),
        outside=np.array([not pair.pair.gold for pair in tuned]),
        share=traffic_share(desk.settings, desk.model),
    )
    ways: list[tuple[str, float | None, bool]] = [
        ("alone, threshold of single questions", desk.thresholds.passage, False),
        ("in context, threshold of single questions", desk.thresholds.passage, True),
        (f"in context, certified ({certificate.reason[:24]})", certificate.threshold, True),
        ("in context, this workspace's threshold", desk.thresholds.follow_up, True),
    ]
    judged = [pair for pair in leaning if not pair.tunes]
    off_topic = sum(not pair.pair.gold for pair in judged)
    print(f"  answered from passages, of {len(judged)} leaning messages, {off_topic} off topic")
    for what, threshold, context in ways:
        if threshold is None:
            print(f"    {what:54} no threshold: none answered")
            continue
        answered = [p for p in judged if p.score(p.share if context else 0.0) >= threshold]
        right = sum(pair.cited(pair.share if context else 0.0) for pair in answered)
        strange = sum(not pair.pair.gold for pair in answered)
        wrong = len(answered) - right - strange
        print(f"    {what:54} {threshold:.3f}: {right} right, {wrong} wrong, {strange} off topic")


def tune(found: Sequence[Pair]) -> Iterator[tuple[float, str]]:
    """R@1 of the tuning half under each choice of the constants of bot/dialogue/ellipsis.py."""
    half = [pair for pair in found if pair.tunes and pair.pair.gold]
    own = [ellipsis.own_words(words(pair.pair.text)) for pair in half]
    points = [ellipsis.points_back(words(pair.pair.text)) for pair in half]
    for beside, alone, at, by in product((2, 3, 4), (0, 1, 2), SHARES[1:], SHARES[1:]):
        shares = [
            (at if point else by) if count <= (beside if point else alone) else 0.0
            for count, point in zip(own, points, strict=True)
        ]
        right = np.mean([pair.first(share) for pair, share in zip(half, shares, strict=True)])
        yield (
            float(right),
            f"beside a pointer {beside}, alone {alone}; share pointing {at}, alone {by}",
        )


def main() -> None:
    """Print the tables of each workspace."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("workspaces", nargs="*", type=Path, default=WORKSPACES)
    parser.add_argument("--tune", action="store_true", help="print the best choices of constants")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    everything: list[Pair] = []
    for folder in arguments.workspaces:
        workspace = open_workspace(folder)
        desk = open_desk(workspace, lambda *_: None)
        print(f"\n== {workspace.settings.name}")
        if desk.model.trained:
            seen = examined(workspace, desk.model)
            intents(desk.model, seen)
            if desk.bank.ids:
                templates(desk, seen)
        if workspace.follow_ups.is_file():
            found = pairs(desk, workspace.follow_ups)
            passages(desk, found)
            everything += found
    if arguments.tune:
        print("\ntuning half: R@1 by the constants")
        for right, choice in sorted(tune(everything), reverse=True)[:12]:
            print(f"  {right:.3f}  {choice}")


if __name__ == "__main__":
    main()
