"""Writes chats/*.jsonl: invented support chats, woven from the handwritten phrasings in phrases/.

A chat is a persona (how somebody types) and a few blocks (a request with its answer, a follow-up,
a thank-you). A customer turn too like an earlier one is drawn again; but a short request ("cancel
my order") may come back a few times. The same seed writes the same bytes:

    python data/outdoor/generate_chats.py
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from phrasing import (
    SLOT,
    Bank,
    Node,
    Persona,
    Topic,
    expand,
    fold,
    join,
    likeness,
    new_persona,
    new_topic,
    noisy,
    plain,
    read_bank,
    sayable,
    set_product,
    shingles,
    spans,
)

HERE = Path(__file__).parent
CHATS, SEED, MAX_TURNS = 1000, 2025, 9
TAGS = ("web", "app", "shop tablet")
FIRST_DAY, DAYS = datetime(2025, 1, 2, 8, tzinfo=UTC), 660
TOO_ALIKE, DRAWS = 0.5, 14  # Jaccard similarity of character 4-grams; how often to draw again
SHORT, BARE = 0.4, 0.75  # share of short requests; share of these with nothing around them
RECURS = 3  # how often the same bare short request may be there
FREE = 0.06  # share of answers that agents type instead of picking the template
KEPT = ("order_id", "email", "shop")  # what a customer says once a chat
BLOCKS = {
    "simple": 68.0,
    "double": 9.5,
    "unclear": 3.5,
    "oos": 9.0,
    "complaint/angry": 5.5,
    "talk_to_person": 5.5,
    "smalltalk/bot_identity": 4.0,
}
GREETING = "smalltalk/greeting"
HANDOFF = ("complaint/angry", "talk_to_person")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message; `label` holds the intents of a customer turn."""

    speaker: str
    text: str
    label: tuple[str, ...] = ()
    template: str | None = None


@dataclass(slots=True)
class Talk:
    """A chat as it grows."""

    who: Persona
    topic: Topic
    turns: list[Turn] = field(default_factory=list)

    def heard(self) -> str:
        """Everything the customer has said."""
        return "\n".join(turn.text for turn in self.turns if turn.speaker == "customer")

    def begun(self) -> bool:
        """Whether the customer has said more than hello."""
        return any(turn.label not in ((), (GREETING,)) for turn in self.turns)


class Writer:
    """Draws chats; holds the random state, the unused phrasings and what was said so far."""

    def __init__(self, bank: Bank, seed: int) -> None:
        self.bank = bank
        self.rng = random.Random(seed)
        self.decks: dict[str, list[Node]] = {}
        self.said: dict[str, list[frozenset[str]]] = {}
        self.times: Counter[str] = Counter()
        self.chats: set[tuple[str, ...]] = set()

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return self.rng.random() < share

    def deal(self, name: str, items: Sequence[Node]) -> Node:
        """The next of the shuffled items; every item is used before any is used again."""
        if not self.decks.get(name):
            self.decks[name] = self.rng.sample(list(items), len(items))
        return self.decks[name].pop()

    # ---- one turn ------------------------------------------

    def agent(self, talk: Talk, phrasing: str) -> None:
        """The agent types freely."""
        talk.turns.append(Turn("agent", plain(phrasing, talk.topic, self.rng)))

    def answer(self, talk: Talk, intent: str, free: float = FREE) -> None:
        """The intent's template in one of its wordings, or now and then an agent's own words."""
        replies = self.bank.intents[intent].get("replies", [])
        replies = [reply for reply in replies if sayable(reply, talk.topic)]
        if replies and self.chance(free):
            return self.agent(talk, self.rng.choice(replies))
        template = self.bank.templates[intent]
        wording = self.deal(f"wording {intent}", template["wordings"])
        text = SLOT.sub(lambda m: talk.topic.slots[m[1]], wording)
        return talk.turns.append(Turn("agent", text, template=template["id"]))

    def customer(
        self,
        talk: Talk,
        deck: str,
        phrasings: Sequence[str],
        *label: str,
        wrap: Callable[[str], str] = str,
        recurs: int = 0,
    ) -> str:
        """A noisy customer turn: of several draws the first that is unlike all earlier ones.

        `wrap` adds what stands around the phrasing; a text said less than `recurs` times passes.
        """
        said = self.said.setdefault(" ".join(label), [])
        best, best_grams, least = "", frozenset[str](), 2.0
        for _ in range(DRAWS):
            phrasing = expand(wrap(self.deal(deck, phrasings)), self.rng)
            text = noisy(phrasing, talk.topic, talk.who, self.bank, self.rng)
            grams = shingles(text)
            alike = 0.0 if self.times[fold(text)] < recurs else likeness(grams, said)
            if alike < least:
                best, best_grams, least = text, grams, alike
            if least < TOO_ALIKE:
                break
        said.append(best_grams)
        self.times[fold(best)] += 1
        talk.turns.append(Turn("customer", best, label))
        return best

    def dress(self, talk: Talk, ask: str, needs_order: bool = False) -> str:
        """Adds an opener, and a note of the order number or a closer, each by chance."""
        parts = [ask]
        opener = "again" if talk.begun() else "openers"
        if self.chance(0.5) and (talk.begun() or not talk.turns):  # no second hello
            parts.insert(0, self.rng.choice(self.bank.turns[opener]))
        if needs_order and "{order_id}" not in ask and self.chance(0.45):
            parts.append(self.rng.choice(self.bank.turns["order_notes"]))
        elif self.chance(0.34):
            closers = self.bank.turns["closers"]
            goods = closers["goods"] if needs_order else []
            parts.append(self.rng.choice(closers["any"] + goods))
        return join(parts, self.rng)

    def request(self, talk: Talk, intent: str) -> str:
        """Asks for the intent's business, at length or in a few words."""
        needs_order = "order_id" in self.slots_of(intent)
        kind = "short" if self.chance(SHORT) else "asks"
        bare = kind == "short" and self.chance(BARE)

        def wrap(ask: str) -> str:
            return ask if bare else self.dress(talk, ask, needs_order)

        phrasings, recurs = self.bank.intents[intent][kind], RECURS if bare else 0
        return self.customer(talk, f"{kind} {intent}", phrasings, intent, wrap=wrap, recurs=recurs)

    # ---- blocks: a few turns that belong together ------------------------------------------

    def main_intent(self) -> str:
        """An intent of the shop's business, as often as its weight says."""
        cards = [
            name
            for name, bank in self.bank.intents.items()
            if "replies" in bank
            for _ in range(round(10 * float(bank.get("weight", 1))))
        ]
        return str(self.deal("intents", cards))

    def turn_to(self, talk: Talk, intent: str) -> None:
        """Fits the talk's product to the intent; sometimes people come to speak of another one."""
        group = self.bank.intents.get(intent, {}).get("products", "any")
        groups = self.bank.slots["products"][talk.topic.slots["product"]]["groups"]
        if group not in groups or self.chance(0.4):
            set_product(talk.topic, group, self.bank, self.rng)

    def slots_of(self, intent: str) -> list[str]:
        """The entities that the intent's template needs, in the order of its first wording."""
        template = self.bank.templates.get(intent)
        wording = template["wordings"][0] if template else ""
        return [name for name, _ in SLOT.findall(wording)]

    def settle(self, talk: Talk, intent: str, heard: str) -> None:
        """What follows a request: missing slots are asked for, then the answer."""
        for slot in self.slots_of(intent):
            known = talk.heard() if slot in KEPT else heard
            if not self.bank.patterns[slot].search(known):
                self.agent(talk, self.deal(f"q {slot}", self.bank.turns["slot_questions"][slot]))
                answers = self.bank.turns["slot_answers"][slot]
                heard += "\n" + self.customer(talk, f"inform {slot}", answers, "inform")
        self.answer(talk, intent)

    def simple(self, talk: Talk) -> None:
        """One request, its answer, and perhaps a follow-up or an offer."""
        intent = self.main_intent()
        self.turn_to(talk, intent)
        self.settle(talk, intent, self.request(talk, intent))
        roll = self.rng.random()
        if roll < 0.26:
            self.follow_up(talk, intent)
        elif roll < 0.35:
            self.offer(talk)

    def follow_up(self, talk: Talk, intent: str) -> None:
        """A fragment that only its context explains; it keeps the intent of what it follows."""
        pair = self.deal(f"follow {intent}", self.bank.intents[intent]["followups"])
        question, reply = pair.split(" => ")
        leads = [join([lead, question], self.rng) for lead in self.bank.turns["leads"]]
        self.customer(talk, f"lead {question}", [question, *leads], intent)
        self.agent(talk, reply if sayable(reply, talk.topic) else "I'll find out for you.")

    def offer(self, talk: Talk) -> None:
        """The agent asks a yes-or-no question, the customer affirms or denies."""
        offer = self.deal("offer", self.bank.turns["offers"])
        label = self.rng.choice(["affirm", "deny"])
        said = self.bank.turns[label]
        self.agent(talk, offer["ask"])
        self.customer(talk, f"{label} {offer['kind']}", said["any"] + said[offer["kind"]], label)
        self.agent(talk, offer[label])

    def asks(self, intent: str) -> list[str]:
        """All phrasings of a request, long and short."""
        return [*self.bank.intents[intent]["asks"], *self.bank.intents[intent]["short"]]

    def double(self, talk: Talk) -> None:
        """Two requests in one message, answered one after the other."""
        one = two = self.main_intent()
        while two == one:
            two = self.main_intent()
        self.turn_to(talk, two if "products" in self.bank.intents[two] else one)
        texts = [
            join([first, self.rng.choice(self.bank.turns["joins"]), second], self.rng)
            for first in self.rng.sample(self.asks(one), 5)
            for second in self.rng.sample(self.asks(two), 3)
        ]
        heard = self.customer(talk, f"double {len(talk.turns)} {one} {two}", texts, one, two)
        self.settle(talk, one, heard)
        self.settle(talk, two, heard)

    def unclear(self, talk: Talk) -> None:
        """A message that can mean two or three things: labelled with all, then cleared up."""
        case = self.deal("unclear", self.bank.turns["unclear"])
        intents = list(case["answers"])
        self.turn_to(talk, "return/exchange" if "return/exchange" in intents else intents[0])
        heard = self.customer(
            talk, f"unclear {intents}", case["says"], *intents, wrap=partial(self.dress, talk)
        )
        self.agent(talk, case["agent"])
        meant = self.rng.choice(intents)
        heard += "\n" + self.customer(talk, f"meant {meant}", case["answers"][meant], meant)
        self.settle(talk, meant, heard)

    def chatter(self, talk: Talk, intent: str) -> None:
        """Small talk, anger or the wish for a person, with its template."""
        self.customer(talk, f"ask {intent}", self.bank.intents[intent]["asks"], intent)
        self.answer(talk, intent)

    def off_topic(self, talk: Talk) -> None:
        """A message that is not the shop's business."""
        self.customer(talk, "oos", self.bank.oos["asks"], "oos", wrap=partial(self.dress, talk))
        self.agent(talk, self.deal("oos reply", self.bank.oos["replies"]))

    def block(self, talk: Talk, kind: str) -> None:
        """Adds one block to the talk."""
        special = {
            "simple": self.simple,
            "double": self.double,
            "unclear": self.unclear,
            "oos": self.off_topic,
        }
        if kind in special:
            special[kind](talk)
        else:
            self.chatter(talk, kind)

    # ---- chats ------------------------------------------

    def chat(self) -> list[Turn]:
        """2 to 9 turns: perhaps a greeting, one to three blocks, perhaps an ending."""
        talk = Talk(new_persona(self.rng), new_topic(self.bank, self.rng))
        if self.chance(0.1):
            self.chatter(talk, GREETING)
        kind = ""
        for _ in range(self.rng.choices((1, 2, 3), (36, 46, 18))[0]):
            if kind not in HANDOFF and len(talk.turns) < MAX_TURNS - 3:
                kind = self.rng.choices(list(BLOCKS), list(BLOCKS.values()))[0]
                self.block(talk, kind)
        if kind != "complaint/angry":
            self.ending(talk)
        texts = tuple(turn.text for turn in talk.turns)
        if len(texts) > MAX_TURNS or texts in self.chats:
            return self.chat()
        self.chats.add(texts)
        return talk.turns

    def ending(self, talk: Talk) -> None:
        """Thanks, a goodbye, both or neither; some thanks get no answer."""
        if self.chance(0.3):
            self.chatter(talk, "smalltalk/thanks")
            if self.chance(0.15):
                talk.turns.pop()
        if self.chance(0.15) and talk.turns[-1].speaker == "agent":
            self.chatter(talk, "smalltalk/goodbye")


# ---- files ----------------------------------------------------------------


def record(turn: Turn, at: datetime, patterns: Mapping[str, re.Pattern[str]]) -> dict[str, object]:
    """A turn as it stands in the file."""
    line: dict[str, object] = {"speaker": turn.speaker, "text": turn.text}
    if len(turn.label) == 1:
        line["intent"] = turn.label[0]
    elif turn.label:
        line["intents"] = list(turn.label)
    if turn.label and (entities := spans(turn.text, patterns)):
        line["entities"] = entities
    if turn.template:
        line["template"] = turn.template
    return line | {"at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def starts(rng: random.Random, chats: int) -> list[datetime]:
    """When the chats began, in order: some day, some hour of twelve."""
    days, hours = timedelta(days=DAYS), 12 * 3600
    moments = [
        FIRST_DAY + timedelta(days=rng.randrange(days.days), seconds=rng.randrange(hours))
        for _ in range(chats)
    ]
    return sorted(moments)


def dated(turns: Sequence[Turn], start: datetime, rng: random.Random) -> list[datetime]:
    """When each turn was sent."""
    moments = [start]
    for turn in turns[1:]:
        pause = (15, 120) if turn.speaker == "agent" else (10, 240)
        moments.append(moments[-1] + timedelta(seconds=rng.randrange(*pause)))
    return moments


def write(bank: Bank, folder: Path, chats: int, seed: int) -> None:
    """Writes one file a year, each chat a line."""
    writer, clock = Writer(bank, seed), random.Random(seed + 1)
    files: dict[int, list[str]] = {}
    for start in starts(clock, chats):
        lines = files.setdefault(start.year, [])
        turns = writer.chat()
        moments = dated(turns, start, clock)
        records = [record(t, at, bank.patterns) for t, at in zip(turns, moments, strict=True)]
        name, tag = f"tt-{start.year}-{len(lines) + 1:04}", clock.choices(TAGS, (6, 3, 1))
        chat = {"id": name, "tags": tag, "turns": records}
        lines.append(json.dumps(chat, ensure_ascii=False))
    folder.mkdir(exist_ok=True)
    for year, lines in files.items():
        (folder / f"{year}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """Command line: where to write, how many, which seed."""
    parser = argparse.ArgumentParser(description="Write the sample chats anew.")
    parser.add_argument("--out", type=Path, default=HERE / "chats")
    parser.add_argument("--chats", type=int, default=CHATS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    write(read_bank(HERE), options.out, options.chats, options.seed)


if __name__ == "__main__":
    main()
