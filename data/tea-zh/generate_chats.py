"""Write the synthetic chats of this workspace: hand-written phrases, shuffled by one seed.

The words are in phrases.yaml (customers, agents' free replies) and templates.yaml (agents'
templates); this file only decides who says what, adds noise, and labels it. Every phrase of a bank
is drawn once before any is drawn again, so that few customer turns are alike.

    python data/tea-zh/generate_chats.py        # rewrites chats/*.jsonl, same bytes each time
"""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
SEED = 20250301
FIRST_DAY = datetime(2025, 3, 1, 9, 0, tzinfo=timezone(timedelta(hours=8)))
MAX_TURNS = 8

# How many chats open with each recipe; `request` and `double` cycle through the main intents.
PLAN = {"request": 286, "double": 34, "oos": 26, "handoff": 12, "complaint": 14, "smalltalk": 12}
# Chats in which a person is upset draw from these requests.
UPSETTING = {"order_status", "delivery_problem", "damaged_goods", "refund_status"}

Phrases = dict[str, Any]
Turn = dict[str, Any]


class Deck:
    """Draws each item once, in a shuffled order, before any item comes again.

    >>> deck = Deck(["a", "b"], random.Random(1)); {deck.draw(), deck.draw()} == {"a", "b"}
    True
    """

    def __init__(self, items: Sequence[Any], rng: random.Random) -> None:
        self._items, self._rng, self._left = list(items), rng, list[Any]()

    def draw(self) -> Any:
        if not self._left:
            self._left = self._rng.sample(self._items, len(self._items))
        return self._left.pop()


@dataclass(slots=True)
class Slots:
    """What the customer of one chat would fill in."""

    order_id: str
    phone: str
    teas: list[str]

    def fill(self, text: str) -> str:
        """Replace {order_id}, {phone} and, one after the other, the {tea}s of `text`."""
        teas = iter(self.teas)
        text = re.sub(r"\{tea\}", lambda _: next(teas), text)
        return text.replace("{order_id}", self.order_id).replace("{phone}", self.phone)


@dataclass(slots=True)
class Chat:
    """One chat while it is being written."""

    slots: Slots
    turns: list[Turn] = field(default_factory=list)
    tags: set[str] = field(default_factory=lambda: {"synthetic"})

    @property
    def room(self) -> int:
        return MAX_TURNS - len(self.turns)


class Writer:
    """Writes chats turn by turn from the phrase banks."""

    def __init__(self, phrases: Phrases, templates: list[Phrases], settings: Phrases) -> None:
        self.rng = random.Random(SEED)
        self.phrases = phrases
        own = phrases["agents"]
        spoken = [{**t, "wordings": own.get(t["id"], t["wordings"])} for t in templates]
        self.templates = {template["intents"][0]: template for template in spoken}
        self.main: list[str] = [
            intent for intent in phrases["customer"] if not self.is_chatter(intent)
        ]
        self.needs = {intent: self.slot_of(intent) for intent in self.main}
        self.entities = entity_patterns(settings["entities"])
        self.teas: list[str] = settings["entities"]["tea"]["values"]
        self.decks: dict[str, Deck] = {}
        self.main_deck = Deck(self.main, self.rng)

    def is_chatter(self, intent: str) -> bool:
        template = self.templates.get(intent)
        return template is None or template.get("kind", "answer") != "answer"

    def slot_of(self, intent: str) -> str | None:
        found = re.search(r"\{(\w+)\}", self.templates[intent]["wordings"][0])
        return found.group(1) if found else None

    def draw(self, *path: str) -> Any:
        """The next item of the bank at phrases[path[0]][path[1]]…"""
        key = "/".join(path)
        if key not in self.decks:
            bank: Any = self.phrases
            for name in path:
                bank = bank[name]
            self.decks[key] = Deck(bank, self.rng)
        return self.decks[key].draw()

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # ---- what is said ----

    def noisy(self, text: str, openers: str = "openers") -> str:
        """`text` as typed in a hurry: an opener, a wrong character, an emoji, a lost comma."""
        if self.chance(0.14):
            text = self.mistyped(text)
        if self.chance(0.24) and not re.match(r"亲|请问|你好|麻烦|老板|那|想问|不好意思", text):
            text = self.draw(openers) + text
        if self.chance(0.24) and re.search(r"[\w}]$", text):
            text += self.draw("endings")
        if self.chance(0.08):
            text = text.replace("，", " ").strip()
        return text

    def mistyped(self, text: str) -> str:
        found = [word for word in self.phrases["typos"] if word in text]
        if not found:
            return text
        word = self.rng.choice(found)
        return text.replace(word, self.rng.choice(self.phrases["typos"][word]), 1)

    def chatter(self, intent: str) -> str:
        """A greeting, thanks and the like: often two of the bank together, as people do."""
        text: str = self.draw("customer", intent)
        if intent in {"greeting", "thanks"} and self.chance(0.35):
            text = f"{text}，{self.draw('customer', intent)}"
        return self.mistyped(text) if self.chance(0.15) else text

    def customer(self, chat: Chat, text: str, *intents: str) -> None:
        text = chat.slots.fill(text)
        if self.chance(0.15):
            text = text.replace("CY", "cy")
        label: Turn = {"intent": intents[0]} if len(intents) == 1 else {"intents": list(intents)}
        turn: Turn = {"speaker": "customer", "text": text, **label}
        if spans := find_entities(text, self.entities):
            turn["entities"] = spans
        chat.turns.append(turn)

    def agent(self, chat: Chat, text: str, template: str | None = None) -> None:
        turn: Turn = {"speaker": "agent", "text": chat.slots.fill(text)}
        chat.turns.append(turn | ({"template": template} if template else {}))

    def answer(self, chat: Chat, intent: str) -> None:
        """The agent answers `intent`: mostly from its template, sometimes in own words."""
        if intent == "oos":
            self.agent(chat, self.draw("oos_replies"))
        elif self.chance(0.07):
            self.agent(chat, self.draw("free", intent))
        else:
            template = self.templates[intent]
            deck = self.decks.setdefault(template["id"], Deck(template["wordings"], self.rng))
            self.agent(chat, deck.draw(), template["id"])

    # ---- parts of a chat ----

    def request(self, chat: Chat, intent: str, openers: str = "openers", ask: float = 0.55) -> None:
        """One request and its answer, asking for the slot first when it was not given."""
        slot, text = self.needs[intent], self.noisy(self.draw("customer", intent), openers)
        if intent in UPSETTING and self.chance(0.3):
            text = self.draw("rants") + text
            chat.tags.add("angry")
        known = slot is None or self.is_known(chat, slot) or "{" + slot + "}" in text
        if not known and slot != "tea" and not (self.chance(ask) and chat.room >= 4):
            text = self.draw(frames_of(slot)).replace("{q}", text)
            known = True
        self.customer(chat, text, intent)
        if not known and slot:
            self.ask(chat, slot, intent)
        self.answer(chat, intent)

    def is_known(self, chat: Chat, slot: str) -> bool:
        return any(span["type"] == slot for turn in chat.turns for span in turn.get("entities", []))

    def ask(self, chat: Chat, slot: str, intent: str) -> None:
        self.agent(chat, self.draw("asks", slot))
        self.customer(chat, self.draw("fills", slot), intent)

    def double(self, chat: Chat, first: str, second: str) -> None:
        """Two requests in one message, answered one after the other; only one needs a slot."""
        chat.tags.add("two-requests")
        text = self.noisy(self.draw("customer", first)).rstrip("？?。！～")
        text += self.draw("joins") + self.draw("customer", second)
        slots = [intent for intent in (first, second) if self.needs[intent]]
        if slots and self.chance(0.5):
            text = self.draw(frames_of(self.needs[slots[0]])).replace("{q}", text)
            slots = []
        self.customer(chat, text, first, second)
        for intent in sorted((first, second), key=slots.__contains__):
            if intent in slots:
                self.ask(chat, self.needs[intent] or "", intent)
            self.answer(chat, intent)

    def follow_up(self, chat: Chat, intent: str) -> None:
        question, reply = self.draw("followups", intent)
        self.customer(chat, question, intent)
        self.agent(chat, reply)

    def exchange(self, chat: Chat, intent: str) -> None:
        """Chatter, an out-of-scope message, a call for a person, and the agent's answer."""
        if intent == "complaint":
            chat.tags.add("angry")
        self.customer(chat, self.chatter(intent), intent)
        self.answer(chat, intent)
        if intent in {"handoff", "complaint"} and self.chance(0.3):
            self.agent(chat, self.draw("human_replies"))

    # ---- whole chats ----

    def open(self, chat: Chat, recipe: str) -> str | None:
        """The heart of the chat; returns the intent a follow-up may continue."""
        first = self.main_deck.draw() if recipe in {"request", "double"} else None
        if recipe == "request" and first:
            self.request(chat, first)
        elif recipe == "double" and first:
            first, second = self.pair(first)
            self.double(chat, first, second)
        elif recipe == "smalltalk":
            self.exchange(chat, "identity")
        else:
            self.exchange(chat, recipe)
        return first if recipe == "request" else None

    def pair(self, first: str) -> tuple[str, str]:
        """`first` and another intent; never two that need slots, and never `restock`."""
        first = "recommend" if first == "restock" else first
        others = [i for i in self.main if i not in {first, "restock"}]
        fitting = [i for i in others if not (self.needs[first] and self.needs[i])]
        return first, self.rng.choice(fitting)

    def chat(self, recipe: str) -> Chat:
        slots = Slots(
            f"CY{self.rng.randrange(10**8):08d}",
            f"12{self.rng.randrange(10**9):09d}",
            self.rng.sample(self.teas, 4),
        )
        chat = Chat(slots)
        if self.chance(0.18):
            self.exchange(chat, "greeting")
        current = self.open(chat, recipe)
        ended = recipe in {"handoff", "complaint"}
        if not ended:
            ended = self.middle(chat, current, recipe)
        if not ended and chat.room >= 2:
            self.close(chat)
        return chat

    def middle(self, chat: Chat, current: str | None, recipe: str) -> bool:
        """What may follow the first answer; true when a person has taken over."""
        if current in self.phrases["followups"] and chat.room >= 2 and self.chance(0.24):
            self.follow_up(chat, current or "")
        if recipe != "double" and chat.room >= 4 and self.chance(0.3):
            self.request(chat, self.other(current), "second_openers", ask=0.3)
        if chat.room >= 3 and self.chance(0.13):
            aside = self.rng.choice(["oos", "oos", "identity", "handoff", "complaint"])
            self.exchange(chat, aside)
            return aside in {"handoff", "complaint"}
        return False

    def other(self, current: str | None) -> str:
        """Another request; never `restock`, whose reply names the first tea of the chat."""
        return self.rng.choice([i for i in self.main if i not in {current, "restock"}])

    def close(self, chat: Chat) -> None:
        if self.chance(0.24):
            self.exchange(chat, "thanks")
        elif self.chance(0.1):
            self.exchange(chat, "goodbye")


def frames_of(slot: str | None) -> str:
    return "phone_frames" if slot == "phone" else "id_frames"


def entity_patterns(entities: Phrases) -> dict[str, re.Pattern[str]]:
    """The workspace's own entity definitions, as one pattern a type."""
    return {
        name: re.compile(entity.get("pattern") or "|".join(map(re.escape, entity["values"])))
        for name, entity in entities.items()
    }


def find_entities(text: str, patterns: dict[str, re.Pattern[str]]) -> list[Phrases]:
    """Spans in order: half-open, counted in Python characters (code points)."""
    found = [
        {"start": match.start(), "end": match.end(), "type": name}
        for name, pattern in patterns.items()
        for match in pattern.finditer(text)
    ]
    return sorted(found, key=lambda span: int(span["start"]))


def recipes(rng: random.Random) -> list[str]:
    names = [name for name, count in PLAN.items() for _ in range(count)]
    return rng.sample(names, len(names))


def stamped(chat: Chat, start: datetime, tick: Callable[[], int]) -> Iterator[Turn]:
    for turn in chat.turns:
        yield {**turn, "at": start.isoformat()}
        start += timedelta(seconds=tick())


def customer_words(chat: Chat) -> str:
    """What makes a chat its own: the customer's words, whatever the order number."""
    said = "\n".join(turn["text"] for turn in chat.turns if turn["speaker"] == "customer")
    return re.sub(r"\d", "0", said)


def conversations() -> list[Phrases]:
    """All chats, in order of time; two chats with the same customer words are never kept."""
    phrases = yaml.safe_load((HERE / "phrases.yaml").read_text(encoding="utf-8"))
    templates = yaml.safe_load((HERE / "templates.yaml").read_text(encoding="utf-8"))["templates"]
    settings = tomllib.loads((HERE / "frontdesk.toml").read_text(encoding="utf-8"))
    writer, rng, start = Writer(phrases, templates, settings), random.Random(SEED), FIRST_DAY
    seen: set[str] = set()
    rows: list[Phrases] = []
    for recipe in recipes(rng):
        chat = writer.chat(recipe)
        while (said := customer_words(chat)) in seen:
            chat = writer.chat(recipe)
        seen.add(said)
        turns = list(stamped(chat, start, lambda: rng.randint(8, 140)))
        rows.append({"id": f"tea-{len(rows) + 1:04d}", "tags": sorted(chat.tags), "turns": turns})
        start = next_start(start, rng)
    return rows


def next_start(start: datetime, rng: random.Random) -> datetime:
    """Some hours later, in the hours when people are at the desk (9:00 to 22:00)."""
    start += timedelta(minutes=rng.randint(40, 420))
    if not 9 <= start.hour < 22:
        start = (start + timedelta(hours=11)).replace(hour=9 + rng.randrange(3))
    return start


def write(rows: list[Phrases], folder: Path) -> list[Path]:
    """One file a month, one chat a line."""
    months: dict[str, list[str]] = {}
    for row in rows:
        line = json.dumps(row, ensure_ascii=False)
        months.setdefault(row["turns"][0]["at"][:7], []).append(line)
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.jsonl"):
        old.unlink()
    paths = [folder / f"{month}.jsonl" for month in months]
    for path, lines in zip(paths, months.values(), strict=True):
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return paths


if __name__ == "__main__":
    write(conversations(), HERE / "chats")
