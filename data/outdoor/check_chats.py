"""Counts what is in chats/ and refuses what should not be there.

    python data/outdoor/check_chats.py

Checked: spans fit the entity's pattern, templates and their slots are known, no two chats alike,
nearly all customer turns unlike each other, every intent often enough.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from phrasing import SLOT, Bank, fold, read_bank

HERE = Path(__file__).parent
LEAST_TURNS_PER_INTENT, LEAST_UNIQUE = 25, 0.85
Chat = dict[str, Any]


def read_chats(folder: Path) -> list[Chat]:
    """All chats of the folder's JSONL files, in order."""
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def turns(chats: Sequence[Chat], speaker: str) -> list[dict[str, Any]]:
    """All turns of one speaker."""
    return [turn for chat in chats for turn in chat["turns"] if turn["speaker"] == speaker]


def labels(turn: dict[str, Any]) -> list[str]:
    """The turn's intents, whichever way they are written."""
    return list(turn.get("intents", [turn["intent"]] if "intent" in turn else []))


def faults(chats: Sequence[Chat], bank: Bank) -> Iterator[str]:
    """What is wrong, a sentence each."""
    if len({chat["id"] for chat in chats}) < len(chats):
        yield "an id is there twice"
    if len({json.dumps([t["text"] for t in c["turns"]]) for c in chats}) < len(chats):
        yield "two chats are alike"
    for chat in chats:
        if not 2 <= len(chat["turns"]) <= 9:
            yield f"{chat['id']} has {len(chat['turns'])} turns"
        for turn in chat["turns"]:
            yield from (f"{chat['id']}: {fault}" for fault in turn_faults(turn, bank))


def turn_faults(turn: dict[str, Any], bank: Bank) -> Iterator[str]:
    """What is wrong with one turn."""
    if turn["speaker"] == "customer" and not labels(turn):
        yield f"no intent: {turn['text']}"
    if re.search(r"[{}|]", turn["text"]):
        yield f"a phrasing was not filled: {turn['text']}"
    for span in turn.get("entities", []):
        if not bank.patterns[span["type"]].fullmatch(turn["text"][span["start"] : span["end"]]):
            yield f"span {span} does not fit: {turn['text']}"
    if "template" in turn and not any(is_wording(turn["text"], w) for w in wordings(turn, bank)):
        yield f"no wording of {turn['template']}: {turn['text']}"


def wordings(turn: dict[str, Any], bank: Bank) -> list[str]:
    """The wordings of the template that an agent's turn names."""
    named = [t for t in bank.templates.values() if t["id"] == turn["template"]]
    return list(named[0]["wordings"]) if named else []


def is_wording(text: str, wording: str) -> bool:
    """Whether the text is the wording with its slots filled."""
    parts = SLOT.split(wording)[::3]
    return re.fullmatch(".+".join(map(re.escape, parts)), text) is not None


def figures(chats: Sequence[Chat]) -> dict[str, object]:
    """Counts and shares that describe the chats."""
    customer, agent = turns(chats, "customer"), turns(chats, "agent")
    said = [fold(turn["text"]) for turn in customer]
    words = [len(turn["text"].split()) for turn in customer]
    names = [len(labels(turn)) for turn in customer]
    return {
        "chats": len(chats),
        "turns": len(customer) + len(agent),
        "customer turns": len(customer),
        "unique customer turns": round(len(set(said)) / len(said), 3),
        "words in a customer turn": round(sum(words) / len(words), 1),
        "words in an agent turn": round(sum(len(t["text"].split()) for t in agent) / len(agent), 1),
        "agent turns by template": round(sum("template" in t for t in agent) / len(agent), 3),
        "unique agent turns": len({t["text"] for t in agent}),
        "turns with several intents": round(sum(n > 1 for n in names) / len(names), 3),
        "turns with entities": sum("entities" in turn for turn in customer),
        "vocabulary": len({word for text in said for word in text.split()}),
    }


def intent_counts(chats: Sequence[Chat]) -> Counter[str]:
    """How many customer turns each intent has."""
    return Counter(name for turn in turns(chats, "customer") for name in labels(turn))


def main() -> int:
    """Prints figures and faults; 1 when there is a fault."""
    bank, chats = read_bank(HERE), read_chats(HERE / "chats")
    found, shown, counts = list(faults(chats, bank)), figures(chats), intent_counts(chats)
    missing = set(bank.intents) - set(counts)
    found += [f"intent {name} is rare" for name in missing]
    found += [f"intent {n} is rare: {c}" for n, c in counts.items() if c < LEAST_TURNS_PER_INTENT]
    if float(str(shown["unique customer turns"])) < LEAST_UNIQUE:
        found.append("too many customer turns are alike")
    lines = [f"{name:28}{value}" for name, value in {**shown, **counts}.items()]
    sys.stdout.write("\n".join([*lines, *found]) + "\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
