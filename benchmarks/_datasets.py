"""The public data sets of `../shared/data` as chats, one function a set.

Messages that came alone are chats of one turn. Every set keeps its own split; where a set has no
validation part `finetune.examples` takes one out of train. Nothing is read before it is asked for,
and a line at a time.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from finetune.conversation import OUT_OF_SCOPE, Conversation
from finetune.encoder import EncoderSource
from finetune.errors import FinetuneError
from finetune.text import normalise

SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = SHARED / "data"
SPLITS = {
    "train": "train", "train_5": "train", "train_10": "train",
    "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test",
}  # fmt: skip
MULTIDOGO = ("airline", "fastfood", "finance", "media")

Record = dict[str, Any]
Span = tuple[int, int, str]  # first character, character after the last, type
Chats = Callable[[], Iterator[Conversation]]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set: its chats, read anew at each call, and the encoder for its language."""

    name: str
    chats: Chats
    source: EncoderSource


# --- reading -------------------------------------------------------------------------------------


def records(name: str) -> Iterator[Record]:
    """The JSON lines of a file below `../shared/data`.

    FinetuneError where it is missing.
    """
    path = DATA / name
    if not path.is_file():
        raise FinetuneError(f"{path} is missing; put the shared data beside the project")
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def chat(identity: str, split: str, text: str, **labels: object) -> Conversation:
    """A message as a chat of one turn; `labels` are keys of the turn."""
    turn = {"speaker": "customer", "text": text, **labels}
    return Conversation.model_validate({"id": identity, "split": split, "turns": [turn]})


def labelled(
    name: str,
    keep: Callable[[Record], bool] = lambda _: True,
    splits: Mapping[str, str] = SPLITS,
) -> Iterator[Conversation]:
    """The messages with intents of a file; those whose split is not in `splits` are left out."""
    for number, record in enumerate(records(name)):
        if record["split"] in splits and keep(record):
            identity = f"{name}:{number}"
            yield chat(identity, splits[record["split"]], record["text"], intent=record["intent"])


def thinned(chats: Iterable[Conversation], limit: int | None) -> list[Conversation]:
    """At most `limit` chats of each split, spread over the whole of it; None: all.

    Files are often sorted by label, so the first ones would show few of them.
    """
    everything = list(chats)
    if limit is None:
        return everything
    by_split: dict[str | None, list[Conversation]] = {}
    for one in everything:
        by_split.setdefault(one.split, []).append(one)
    return [one for members in by_split.values() for one in _spread(members, limit)]


def _spread(members: Sequence[Conversation], limit: int) -> list[Conversation]:
    count = min(limit, len(members))
    return [members[place * len(members) // count] for place in range(count)]


# --- intents -------------------------------------------------------------------------------------


def banking77() -> Iterator[Conversation]:
    """BANKING77: 10,003 train and 3,080 test messages of 77 intents."""
    return labelled("intents/banking77/all.jsonl")


def banking77_few(shots: int) -> Iterator[Conversation]:
    """The common few-shot files of BANKING77, lower-cased: `shots` examples an intent, and the
    validation (1,540) and test (3,080) messages that go with them."""
    for part in (f"train_{shots}", "fewshot_valid", "fewshot_test"):
        yield from labelled(f"intents/banking77/{part}.jsonl")


def banking77_few_and_more(shots: int) -> Iterator[Conversation]:
    """`banking77_few` and the other texts of BANKING77's train split, lower-cased, without their
    labels: as a team has them that labelled a few of its chats."""
    seen = set()
    for one in banking77_few(shots):
        seen.add(normalise(one.turns[0].text))
        yield one
    for number, record in enumerate(records("intents/banking77/all.jsonl")):
        text = record["text"].lower()
        if record["split"] == "train" and normalise(text) not in seen:
            seen.add(normalise(text))
            yield chat(f"unlabelled:{number}", "train", text)


def clinc150(*, taught_out_of_scope: bool) -> Iterator[Conversation]:
    """CLINC150, full: 15,000 / 3,000 / 4,500 messages of 150 intents and 1,000 test messages of
    none (intent "oos"). Its 100 + 100 out-of-scope texts for train and validation are left out
    unless asked for."""
    return labelled(
        "intents/clinc150/full.jsonl",
        lambda record: record["in_scope"] or record["split"] == "test" or taught_out_of_scope,
    )


def banking77_oos(*, general: bool = False) -> Iterator[Conversation]:
    """BANKING77-OOS: 50 intents to learn (5,905 / 1,506 / 2,000) and 1,080 test messages of the 27
    others, named "oos". With `general`, 1,000 test messages of no banking matter instead."""
    outside = "ood-oos" if general else "id-oos"
    for number, record in enumerate(records("intents/banking77-oos/all.jsonl")):
        inside, split = record["kind"] == "in-scope", SPLITS[record["split"]]
        if inside or (record["kind"] == outside and split == "test"):
            intent = record["intent"] if inside else OUT_OF_SCOPE
            yield chat(f"banking77-oos:{number}", split, record["text"], intent=intent)


def cais() -> Iterator[Conversation]:
    """CAIS: 7,995 / 994 / 1,012 Chinese messages to a voice assistant."""
    return labelled("intents/cais-zh/all.jsonl")


# --- entities ------------------------------------------------------------------------------------


def snips() -> Iterator[Conversation]:
    """SNIPS: 13,084 / 700 / 700 messages with slots and 7 intents."""
    return tagged("entities/snips/all.jsonl", " ")


def atis() -> Iterator[Conversation]:
    """ATIS: 4,478 / 500 / 893 messages with slots and intents."""
    return tagged("entities/atis/all.jsonl", " ")


def cluener() -> Iterator[Conversation]:
    """CLUENER: 10,748 train texts; its 1,343 validation texts are the test, as everywhere, since
    the labels of its test texts are not public."""
    return tagged("entities/cluener-zh/all.jsonl", "", {"train": "train", "dev": "test"})


def tagged(name: str, between: str, splits: Mapping[str, str] = SPLITS) -> Iterator[Conversation]:
    """Messages given as tokens with IOB tags; `between` is what stands between two tokens."""
    for number, record in enumerate(records(name)):
        if record["split"] not in splits:
            continue
        spans = spans_of(record["tokens"], record["tags"], between)
        entities = [{"start": start, "end": end, "type": type_} for start, end, type_ in spans]
        intents = [record["intent"]] if "intent" in record else []
        yield chat(
            f"{name}:{number}",
            splits[record["split"]],
            between.join(record["tokens"]),
            entities=entities,
            intents=intents,
        )


def spans_of(tokens: Sequence[str], tags: Sequence[str], between: str) -> list[Span]:
    """The entities of tagged tokens as characters of the joined text.

    >>> spans_of(["to", "new", "york"], ["O", "B-city", "I-city"], " ")
    [(3, 11, 'city')]
    """
    found: list[Span] = []
    inside: str | None = None
    for (start, end), tag in zip(_places(tokens, between), tags, strict=True):
        mark, _, type_ = tag.partition("-")
        if mark == "I" and type_ == inside:
            found[-1] = (found[-1][0], end, type_)
        elif mark != "O":
            found.append((start, end, type_))
        inside = type_ if mark != "O" else None
    return found


def tags_of(tokens: Sequence[str], spans: Iterable[Span], between: str) -> list[str]:
    """`spans_of` the other way round: a token belongs to an entity it shares a character with.

    >>> tags_of(["to", "new", "york"], [(3, 11, "city")], " ")
    ['O', 'B-city', 'I-city']
    """
    places = _places(tokens, between)
    tags = ["O"] * len(tokens)
    for start, end, type_ in spans:
        inside = [i for i, (first, last) in enumerate(places) if first < end and last > start]
        for place in inside:
            tags[place] = f"{'B' if place == inside[0] else 'I'}-{type_}"
    return tags


def _places(tokens: Sequence[str], between: str) -> list[tuple[int, int]]:
    places, start = [], 0
    for token in tokens:
        places.append((start, start + len(token)))
        start += len(token) + len(between)
    return places


# --- sentiment -----------------------------------------------------------------------------------


def airline() -> Iterator[Conversation]:
    """Twitter US airline sentiment: 14,640 tweets, negative, neutral or positive."""
    return rated("sentiment/airline-tweets/all.jsonl")


def waimai() -> Iterator[Conversation]:
    """Reviews of food deliveries, Chinese: 11,987, negative or positive."""
    return rated("sentiment/waimai-zh/all.jsonl")


def rated(name: str) -> Iterator[Conversation]:
    """Texts with a sentiment, divided by the hash of the text: 80 / 10 / 10 in a hundred."""
    for number, record in enumerate(records(name)):
        split = part_of(record["text"])
        yield chat(f"{name}:{number}", split, record["text"], sentiment=record["label"])


def part_of(text: str) -> str:
    """The split of a text that comes without one, by its SHA-256: the same text, the same part."""
    place = int.from_bytes(sha256(text.encode()).digest()[:8]) % 10
    return {8: "validation", 9: "test"}.get(place, "train")


# --- whole chats ---------------------------------------------------------------------------------


def star() -> Iterator[Conversation]:
    """STAR: 3,472 / 419 / 428 two-sided chats, whose agents picked templates or typed."""
    return map(Conversation.model_validate, whole("star"))


def multidogo(domain: str) -> Iterator[Conversation]:
    """MultiDoGO: customers' turns of one domain's chats, with intents and slots."""
    for record in whole(f"multidogo-{domain}"):
        for turn in record["turns"]:
            turn["entities"] = turn.get("entities") or []  # none is a label too
        yield Conversation.model_validate(record)


def whole(workspace: str) -> Iterator[Record]:
    """The chats of one of the shared workspaces, as they lie there."""
    for split in ("train", "dev", "test"):
        yield from records(f"workspaces/{workspace}/chats/{split}.jsonl")


# --- all -----------------------------------------------------------------------------------------

ENGLISH = EncoderSource()
CHINESE = EncoderSource(str(SHARED / "models" / "e5-small-zh-en"), "query: ", "passage: ")

DATASETS: dict[str, Dataset] = {
    one.name: one
    for one in (
        Dataset("banking77", banking77, ENGLISH),
        Dataset("banking77-10", lambda: banking77_few(10), ENGLISH),
        Dataset("banking77-5", lambda: banking77_few(5), ENGLISH),
        Dataset("banking77-10-more", lambda: banking77_few_and_more(10), ENGLISH),
        Dataset("banking77-5-more", lambda: banking77_few_and_more(5), ENGLISH),
        Dataset("clinc150", lambda: clinc150(taught_out_of_scope=False), ENGLISH),
        Dataset("clinc150-with-oos", lambda: clinc150(taught_out_of_scope=True), ENGLISH),
        Dataset("banking77-oos", banking77_oos, ENGLISH),
        Dataset("snips", snips, ENGLISH),
        Dataset("atis", atis, ENGLISH),
        Dataset("cluener", cluener, CHINESE),
        Dataset("cais", cais, CHINESE),
        Dataset("star", star, ENGLISH),
        Dataset("sentiment-airline", airline, ENGLISH),
        Dataset("sentiment-waimai", waimai, CHINESE),
        *(
            Dataset(f"multidogo-{domain}", lambda domain=domain: multidogo(domain), ENGLISH)  # type: ignore[misc]
            for domain in MULTIDOGO
        ),
    )
}
