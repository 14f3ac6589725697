"""From a handwritten phrasing to a message: settle the choices, fill the slots, add the noise.

`(a|b)` picks one, `{name}` is filled from phrases/slots.yaml, `{product:boots}` turns the talk to a
product of that group. Noise never touches an entity, so that the finished text still holds it.
"""

from __future__ import annotations

import random
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]

SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
PHRASES = ("orders", "delivery", "payment", "products", "people")
JOINTS = ("but", "and", "so", "then", "btw", "plus")
EMOJI = ("🙂", "😕", "🙏", "😅", "👍", "😩", "🏕️", "🤔", "😬", "🥾")

Node = Any  # parsed YAML: strings, lists and mappings


@dataclass(frozen=True, slots=True)
class Bank:
    """Everything read from phrases/, templates.yaml (by intent, in the agents' own words where
    they have some) and frontdesk.toml."""

    intents: Mapping[str, Node]
    turns: Mapping[str, Node]
    oos: Mapping[str, Node]
    slots: Mapping[str, Node]
    templates: Mapping[str, Node]
    patterns: Mapping[str, re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class Persona:
    """How one customer types: shares of 0..1, and habits that hold for the whole chat."""

    slips: float
    typos: float
    emoji: float
    lower: bool
    bare: bool


@dataclass(slots=True)
class Topic:
    """What is talked about: values of the entities, and the last word drawn from each list."""

    slots: dict[str, str]
    words: dict[str, str] = field(default_factory=dict)


def read_yaml(path: Path) -> Node:
    """The file's strings as they stand: no booleans, no numbers."""
    return yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)


def read_bank(folder: Path) -> Bank:
    """Reads a workspace's phrases, templates and entities."""
    phrases = folder / "phrases"
    banks = [read_yaml(phrases / f"{name}.yaml") for name in PHRASES]
    own = read_yaml(phrases / "agents.yaml")
    templates = [
        {**item, "wordings": own.get(item["id"], item["wordings"])}
        for item in read_yaml(folder / "templates.yaml")["templates"]
    ]
    return Bank(
        intents={intent: asks for bank in banks for intent, asks in bank.items()},
        turns=read_yaml(phrases / "turns.yaml"),
        oos=read_yaml(phrases / "oos.yaml"),
        slots=read_yaml(phrases / "slots.yaml"),
        templates={intent: item for item in templates for intent in item["intents"]},
        patterns=dict(entity_patterns(folder / "frontdesk.toml")),
    )


def entity_patterns(path: Path) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Each entity's name and what finds it in a text; listed values are found in any case."""
    for name, entity in tomllib.loads(path.read_text("utf-8"))["entities"].items():
        if "pattern" in entity:
            yield name, re.compile(entity["pattern"])
        else:
            values = "|".join(re.escape(value) for value in entity["values"])
            yield name, re.compile(rf"\b(?:{values})(?!\w)", re.IGNORECASE)


def spans(text: str, patterns: Mapping[str, re.Pattern[str]]) -> list[dict[str, object]]:
    """Every entity in the text, in order, as the transcript format has it."""
    found = [(m.start(), m.end(), kind) for kind, p in patterns.items() for m in p.finditer(text)]
    return [{"start": start, "end": end, "type": kind} for start, end, kind in sorted(found)]


# ---- choices and slots ----------------------------------------------------------------


def expand(phrasing: str, rng: random.Random) -> str:
    """Settles the choices `(a|b)`, innermost first."""
    while CHOICE.search(phrasing):
        phrasing = CHOICE.sub(lambda m: rng.choice(m[1].split("|")), phrasing)
    return phrasing


def new_topic(bank: Bank, rng: random.Random) -> Topic:
    """An order, a customer's email, a shop and a product."""
    name, host, shop = (rng.choice(bank.slots[kind]) for kind in ("names", "hosts", "shops"))
    order = f"TT-{rng.randrange(100_000, 1_000_000)}"
    email = f"{name}{rng.choice(['', '', '7', '88', '.k'])}@{host}"
    topic = Topic({"order_id": order, "email": email, "shop": shop})
    set_product(topic, "any", bank, rng)
    return topic


def set_product(topic: Topic, group: str, bank: Bank, rng: random.Random) -> None:
    """Turns the topic to a product of the group, with a noun and a size that fit it."""
    products = bank.slots["products"]
    product = rng.choice([name for name, facts in products.items() if group in facts["groups"]])
    facts = products[product]
    size = rng.choice(bank.slots["sizes"]["boots" if facts["kind"] == "boots" else "clothes"])
    topic.slots |= {"product": product, "noun": facts["noun"], "size": size, "kind": facts["kind"]}


def redirect(phrasing: str, topic: Topic, bank: Bank, rng: random.Random) -> None:
    """Obeys `{product:group}` in a phrasing, before anything is filled."""
    for slot in SLOT.finditer(phrasing):
        if slot[2] and slot[2] not in bank.slots["products"][topic.slots["product"]]["groups"]:
            set_product(topic, slot[2], bank, rng)


def draw_word(name: str, topic: Topic, bank: Bank, rng: random.Random) -> str:
    """An entity's value, or a word from the list `name` (`name.kind`) other than the last."""
    if name in topic.slots:
        return topic.slots[name]
    words = bank.slots["words"]
    choices = words.get(f"{name}.{topic.slots['kind']}") or words[name]
    topic.words[name] = rng.choice([w for w in choices if w != topic.words.get(name)])
    return topic.words[name]


def sayable(phrasing: str, topic: Topic) -> bool:
    """Whether an agent can say this: all its words have come up in the chat."""
    return all(name in topic.slots or name in topic.words for name, _ in SLOT.findall(phrasing))


def plain(phrasing: str, topic: Topic, rng: random.Random) -> str:
    """An agent's phrasing, expanded and filled with what has come up."""
    known = topic.words | topic.slots
    return sentence_case(SLOT.sub(lambda m: known[m[1]], expand(phrasing, rng)))


def sentence_case(text: str) -> str:
    """Capital letters at the start and after a full stop, as careful writers type."""
    return re.sub(r"(^|[.!?] )([a-z])", lambda m: m[1] + m[2].upper(), text)


def join(phrasings: Sequence[str], rng: random.Random) -> str:
    """Joins expanded pieces of a message; a piece runs on after a comma, a colon or a joint."""
    text, *parts = [expand(phrasing, rng) for phrasing in phrasings]
    for part in parts:
        if text[-1] in ",:" or text.split()[-1].lower() in JOINTS:
            keep = re.match(r"(I|I'\w+|[A-Z]{2}.*|\{.*)\b", part)
            text += " " + (part if keep else part[0].lower() + part[1:])
        else:
            text += (". " if text[-1].isalnum() or text[-1] == "}" else " ") + part
    return text


# ---- noise ----------------------------------------------------------------


def new_persona(rng: random.Random) -> Persona:
    """A third of the people type in small letters, half never slip."""
    lower = rng.random() < 0.33
    return Persona(
        slips=rng.choice([0.0, 0.0, 0.15, 0.5]),
        typos=rng.choice([0.0, 0.0, 0.02, 0.05, 0.1]),
        emoji=rng.choice([0.0, 0.0, 0.0, 0.15]),
        lower=lower,
        bare=rng.random() < (0.65 if lower else 0.15),
    )


def noisy(phrasing: str, topic: Topic, who: Persona, bank: Bank, rng: random.Random) -> str:
    """A customer's message: the phrasing filled, with the persona's noise around the entities."""
    redirect(phrasing, topic, bank, rng)
    pieces = re.split(r"(\{[\w:]+\})", phrasing)
    text = "".join(piece(part, topic, who, bank, rng) for part in pieces)
    text = re.sub(r" +(?=[ ,!?])", "", text)
    text = text if who.lower else sentence_case(text)
    text = text.rstrip(".?") if who.bare else text
    if rng.random() < who.emoji and not text.endswith(EMOJI):
        text = f"{text} {rng.choice(EMOJI)}"
    return text.strip()


def piece(part: str, topic: Topic, who: Persona, bank: Bank, rng: random.Random) -> str:
    """A part of a phrasing as typed; an entity is at most put in small letters, a size never."""
    slot = SLOT.fullmatch(part)
    text = draw_word(slot[1], topic, bank, rng) if slot else part
    if slot and slot[1] in bank.patterns:
        small = who.lower and slot[1] != "size" and rng.random() < 0.6
        return text.lower() if small else text
    text = text.lower() if who.lower else text
    slips = bank.slots["slips"]
    return "".join(slip(word, who, slips, rng) for word in re.split(r"(\s+)", text))


def slip(word: str, who: Persona, slips: Mapping[str, str], rng: random.Random) -> str:
    """One word as this person types it."""
    bare = word.strip(".,!?")
    if bare in slips and rng.random() < who.slips:
        return word.replace(bare, slips[bare])
    if len(bare) > 3 and bare.isalpha() and rng.random() < who.typos:
        return typo(word, rng)
    return word


def typo(word: str, rng: random.Random) -> str:
    """Swaps, drops or doubles a letter inside the word."""
    i = rng.randrange(1, len(word) - 2)
    a, b = word[i], word[i + 1]
    return word[:i] + rng.choice([b + a, a, a + a + b]) + word[i + 2 :]


# ---- likeness ----------------------------------------------------------------


def fold(text: str) -> str:
    """What two near-identical messages share: no case, no punctuation, all digits alike."""
    text = re.sub(r"\d", "0", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(re.findall(r"\w+", text))


def shingles(text: str) -> frozenset[str]:
    """Character 4-grams of the folded text; a very short text is its own only shingle."""
    line = fold(text)
    return frozenset(line[i : i + 4] for i in range(len(line) - 3)) or frozenset([line])


def likeness(one: frozenset[str], others: Sequence[frozenset[str]]) -> float:
    """The highest Jaccard similarity of one text with the others (0..1)."""
    return max((len(one & other) / len(one | other) for other in others), default=0.0)
