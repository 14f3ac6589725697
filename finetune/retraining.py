"""Going on from the live version: its weights, its division of the chats, and a memory of them.

New chats alone would teach a model to forget the old ones, so a run replays a sample of those
(experience replay: Rolnick et al. 2019, arXiv:1811.11682). A version carries such a sample with it:
what was learnt from chats that have left the folder is still taught, and still judged.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from finetune import memory, methods, registry
from finetune.conversation import Conversation
from finetune.encoder import EncoderSource
from finetune.errors import NoModel
from finetune.examples import Splits
from finetune.judging import Names
from finetune.methods import Method
from finetune.network import Heads, Trunk
from finetune.tags import tag_names
from finetune.transcripts import digest

WEIGHTS = "trained.safetensors"
PARTS = ("train", "validation", "calibration", "test")
REMEMBERED = {"train": 1000, "validation": 150, "calibration": 150, "test": 150}
FEWEST_REPLAYED = 500
_ENOUGH_OF_AN_INTENT = 10


@dataclass(frozen=True, slots=True)
class Earlier:
    """A version that a run may go on from. `parts` tells where each of its chats went, `digests`
    what each held; `memory` is its sample of them."""

    version: str
    names: Names
    parts: Mapping[str, str]
    digests: Mapping[str, str]
    memory: Sequence[Conversation]
    weights: Path
    method: str

    def knows(self, chat: Conversation) -> bool:
        """True for a chat that it has seen just as it is now."""
        return self.digests.get(chat.id) == chat_digest(chat)


def live_version(models: Path, source: EncoderSource, method: Method) -> Earlier | None:
    """The live version, where it was trained from the same encoder, in the same way, and can be
    gone on from."""
    try:
        name = registry.current(models)
        if name is None or name == registry.BASE:
            return None
        info = registry.open_version(models, name)
    except NoModel:
        return None  # a damaged version is reported by whoever serves it; training starts afresh
    if info.meta.get("source") != asdict(source) or not (info.folder / WEIGHTS).is_file():
        return None
    earlier = _read(info)
    return earlier if earlier.method == method.name else None


def _read(info: registry.VersionInfo) -> Earlier:
    def read(name: str) -> str:
        return (info.folder / name).read_text(encoding="utf-8")

    settings, entities = json.loads(read("settings.json")), json.loads(read("entities.json"))
    return Earlier(
        version=info.name,
        names=Names(json.loads(read("labels.json")), entities["types"], settings["sentiments"]),
        parts={chat: part for part in PARTS for chat in settings["splits"][part]},
        digests=settings["chats"],
        memory=memory.read(info.folder),
        weights=info.folder / WEIGHTS,
        method=settings["method"],
    )


def with_memory(
    given: Sequence[Conversation], earlier: Earlier | None
) -> tuple[list[Conversation], int]:
    """The chats given and the remembered ones that are not among them any more, and how many
    those are."""
    gone = memory.gone(earlier.memory, given) if earlier else []
    return [*given, *gone], len(gone)


def to_teach(train: Sequence[Conversation], earlier: Earlier, seed: int) -> list[Conversation]:
    """The new chats and a sample of the others, twice as large but FEWEST_REPLAYED at least."""
    new = [chat for chat in train if not earlier.knows(chat)]
    old = [chat for chat in train if earlier.knows(chat)]
    order = np.random.default_rng(seed).permutation(len(old))
    sample = _evenly([old[i] for i in order], max(2 * len(new), FEWEST_REPLAYED))
    return [*new, *sample]


def remember(splits: Splits, seed: int) -> Iterator[Conversation]:
    """A sample of each part's chats, every intent among them; they keep the part they were in."""
    for part in PARTS:
        chats: list[Conversation] = getattr(splits, part)
        order = np.random.default_rng(seed).permutation(len(chats))
        yield from _evenly([chats[i] for i in order], REMEMBERED[part])


def _evenly(chats: Sequence[Conversation], count: int) -> list[Conversation]:
    """Up to `count` chats: those with an intent that is still rare in the sample come first."""
    seen: Counter[str] = Counter()
    first, rest = [], []
    for chat in chats:
        intents = {name for turn in chat.turns for name in turn.intents}
        if any(seen[name] < _ENOUGH_OF_AN_INTENT for name in intents):
            first.append(chat)
            seen.update(intents)
        else:
            rest.append(chat)
    return [*first, *rest][:count]


def chat_digest(chat: Conversation) -> str:
    """What a chat holds, in 16 hexadecimal digits."""
    return digest([chat])[:16]


def take_weights(trunk: Trunk, heads: Heads, earlier: Earlier, names: Names) -> None:
    """Start from an earlier version's weights; outputs go by name, new ones keep their start."""
    from safetensors.torch import load_file

    state = load_file(earlier.weights)
    tags = _places(tag_names(names.types), tag_names(earlier.names.types))
    rows = {
        "heads.intents.weight": _places(names.intents, earlier.names.intents),
        "heads.intents.bias": _places(names.intents, earlier.names.intents),
        "heads.intents_in_context.weight": _places(names.intents, earlier.names.intents),
        "heads.tags.out.weight": tags,
        "heads.tags.out.bias": tags,
        "heads.tags.start": tags,
    }
    modules = {"trunk": trunk, "heads": heads}
    own = {
        f"{k}.{methods.plain_name(name)}": p
        for k, module in modules.items()
        for name, p in module.named_parameters()
    }
    with torch.no_grad():
        for name, value in state.items():
            if name == "heads.tags.transitions" and name in own:
                _copy_steps(own[name], value, tags)
            elif name in rows and name in own:
                _copy_rows(own[name], value, rows[name])
            elif name in own and own[name].shape == value.shape:
                own[name].copy_(value)


def _places(now: Iterable[str], before: Sequence[str]) -> list[tuple[int, int]]:
    """(row now, row before) of the names that were there before."""
    number = {name: row for row, name in enumerate(before)}
    return [(row, number[name]) for row, name in enumerate(now) if name in number]


def _copy_rows(into: Tensor, values: Tensor, rows: Sequence[tuple[int, int]]) -> None:
    for now, before in rows:
        into[now] = values[before]


def _copy_steps(into: Tensor, values: Tensor, places: Sequence[tuple[int, int]]) -> None:
    now, before = np.array(places, dtype=np.int64).reshape(-1, 2).T
    into[np.ix_(now, now)] = values[np.ix_(before, before)]
