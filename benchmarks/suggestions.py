"""What customers ask next: hit rate at 3 of the suggestions, beside what is asked most.

    python benchmarks/suggestions.py [--workspace DIR]

Whenever a customer of a held-out chat asks for something not yet asked in the chat, three things
are suggested beforehand from the requests so far. Right is who has that request among the three.

    popular      what most chats of the training part hold
    first order  what was asked right after the last request
    ours         bot/suggestions.py: that, with the earlier requests of the session
    likeness     the nearest to the last message by vectors: the ranker's reply query and templates
                 in a workspace, else the pretrained vectors of a request's messages
    with ours    ours and the likeness together; the weight is chosen on the validation part

Requests of MultiDoGO are its intents, without acts such as a thank-you; those of a workspace are
the templates that answer. Its chats are divided as its live, fine-tuned version was trained.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._datasets import MULTIDOGO, multidogo
from benchmarks.search import encode
from bot.suggestions import PRIOR, SUGGESTED, Transitions, requests_in, transitions
from finetune.conversation import Conversation

FloatArray = NDArray[np.float32]
ACTS = {"contentonly", "confirmation", "rejection", "thankyou", "openinggreeting"}
ACTS |= {"closinggreeting", "outofdomain", "oos"}
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
TAU = 0.1
MESSAGES_A_REQUEST = 20


@dataclass(frozen=True, slots=True)
class Case:
    """The requests so far, oldest first, what came next, and how like each request the last
    message is."""

    history: Sequence[str]
    next: str
    likeness: Mapping[str, float]


Scores = Callable[[Case], Mapping[str, float]]


def hit_rate(cases: Sequence[Case], scores: Scores) -> float:
    """The share of cases whose next request is among the best that were not asked yet."""
    return sum(_hit(case, scores(case)) for case in cases) / max(1, len(cases))


def _hit(case: Case, scores: Mapping[str, float]) -> bool:
    new = (
        name for name in sorted(scores, key=lambda n: (-scores[n], n)) if name not in case.history
    )
    return case.next in islice(new, SUGGESTED)


def first_order(known: Transitions, case: Case) -> dict[str, float]:
    """By the last request alone."""
    return known.scores(case.history[-1:])


def both(known: Transitions, case: Case, weight: float) -> dict[str, float]:
    """Ours and the likeness, each as shares of one."""
    ours = known.scores(case.history)
    total = sum(ours.values()) or 1
    likely = np.exp(np.array([case.likeness.get(name, -1.0) for name in ours]) / TAU)
    shares = dict(zip(ours, likely / likely.sum(), strict=True))
    return {name: (1 - weight) * ours[name] / total + weight * shares[name] for name in ours}


def report(name: str, known: Transitions, parts: Mapping[str, Sequence[Case]]) -> None:
    """A line of the table."""
    validation, test = parts["validation"], parts["test"]

    def together(weight: float) -> Scores:
        return lambda case: both(known, case, weight)

    weight = max(WEIGHTS, key=lambda w: (hit_rate(validation, together(w)), -w))
    ways: dict[str, Scores] = {
        "popular": lambda _: known.asked,
        "first order": lambda case: first_order(known, case),
        "ours": lambda case: known.scores(case.history),
        "likeness": lambda case: case.likeness,
        "with ours": together(weight),
    }
    cells = "".join(f"{hit_rate(test, way):>13.3f}" for way in ways.values())
    chance = SUGGESTED / max(1, len(known.asked) - 1)
    print(f"{name:22}{len(known.asked):>9}{len(test):>7}{min(1, chance):>9.3f}{cells}   {weight}")


# --- MultiDoGO -----------------------------------------------------------------------------------


def of_multidogo(domain: str) -> None:
    """One domain, by its own train, dev and test chats."""
    by_part: defaultdict[str, list[Conversation]] = defaultdict(list)
    for chat in multidogo(domain):
        by_part[chat.split or "train"].append(chat)
    known = transitions([n for _, some in asked(chat) for n in some] for chat in by_part["train"])
    names, vectors = centroids(by_part["train"])
    parts = {part: cases(by_part[part], names, vectors) for part in ("validation", "test")}
    report(f"multidogo-{domain}", known, parts)


def asked(chat: Conversation) -> list[tuple[str, list[str]]]:
    """(message, requests in it) of a chat, in order; messages without any are left out."""
    said = [(turn.text, [i for i in turn.intents if i not in ACTS]) for turn in chat.turns]
    return [(text, requests) for text, requests in said if requests]


def centroids(chats: Iterable[Conversation]) -> tuple[list[str], FloatArray]:
    """The requests, and the mean vectors (n, d) of some messages of each."""
    messages: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for chat in chats:
        for text, requests in asked(chat):
            for name in requests:
                messages[name][text] = None
    names = sorted(messages)
    means = [encode(list(messages[n])[:MESSAGES_A_REQUEST]).mean(axis=0) for n in names]
    return names, np.stack(means)


def cases(chats: Iterable[Conversation], names: Sequence[str], vectors: FloatArray) -> list[Case]:
    """Every request that is new in its chat and not the first."""
    found = [case for chat in chats for case in _cases(asked(chat))]
    likeness = encode([text for _, _, text in found]) @ vectors.T
    return [
        Case(history, name, dict(zip(names, map(float, row), strict=True)))
        for (history, name, _), row in zip(found, likeness, strict=True)
    ]


def _cases(said: Sequence[tuple[str, Sequence[str]]]) -> Iterator[tuple[list[str], str, str]]:
    """(requests before, a new one, the message before it)."""
    before: dict[str, None] = {}
    for place, (_, requests) in enumerate(said):
        for name in requests:
            if before and name not in before:
                yield list(before), name, said[place - 1][0]
        for name in requests:
            before.pop(name, None)
            before[name] = None


# --- a workspace ---------------------------------------------------------------------------------


def of_workspace(folder: Path) -> None:
    """The chats of a workspace, as its live version was trained on them, with its own ranker."""
    from bot.live import live_model
    from bot.replay.answering import read
    from bot.replay.reading import read_history
    from bot.replay.survey import Seen
    from bot.template_bank import load_bank
    from bot.workspace import open_workspace
    from finetune.transcripts import read_chats

    workspace = open_workspace(folder)
    model, templates = live_model(workspace), workspace.load_templates()
    bank = load_bank(templates, workspace.index, model.encoder_fingerprint, model.encode)
    seen, by_part = Seen(model.folder), defaultdict[str, list[Conversation]](list)
    for chat in read_chats([workspace.chats]).conversations:
        by_part[seen.part(chat) or "test"].append(chat)
    known = transitions(requests_in(chat, templates) for chat in by_part["train"])
    names = {name: place for place, name in enumerate(bank.ids)}

    def ranked(chats: Sequence[Conversation]) -> list[Case]:
        history = read_history(chats, model)
        _, readings = read(_Reader(model), history)  # type: ignore[arg-type]
        scores = bank.scores(readings.queries)
        said: defaultdict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        for row, message in enumerate(history.messages()):
            wanted = [t.id for i in sorted(message.gold) for t in templates.by_intent(i)[:1]]
            if wanted := [name for name in wanted if name in known.asked]:
                said[message.conversation].append((str(row), wanted))
        return [
            Case(before, name, {n: float(scores[int(row), names[n]]) for n in known.asked})
            for chat in said.values()
            for before, name, row in _cases(chat)
        ]

    parts = {
        "validation": [*by_part["validation"], *by_part["calibration"]],
        "test": by_part["test"],
    }
    report(workspace.root.name, known, {part: ranked(chats) for part, chats in parts.items()})


@dataclass(frozen=True, slots=True)
class _Reader:
    """As much of a desk as reading messages needs."""

    model: object


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workspace", type=Path, help="a workspace with a fine-tuned version")
    arguments = parser.parse_args()
    head = "".join(f"{n:>13}" for n in ("popular", "first order", "ours", "likeness", "with ours"))
    print(f"hit rate at {SUGGESTED}, prior {PRIOR}")
    print(f"{'chats':22}{'requests':>9}{'n':>7}{'chance':>9}{head}   weight")
    for domain in MULTIDOGO:
        of_multidogo(domain)
    if arguments.workspace:
        of_workspace(arguments.workspace)


if __name__ == "__main__":
    main()
