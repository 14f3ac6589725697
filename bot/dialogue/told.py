"""How often customers give a fact with a request: which question tells two requests apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.workspace.settings import EntitySettings
    from bot.workspace.templates import Templates
    from finetune.conversation import Conversation, Turn


@dataclass(frozen=True, slots=True)
class Told:
    """In how many chats each template's request was made, and each fact given with it."""

    asked: Mapping[str, int] = field(default_factory=dict)
    given: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def share(self, template: str, fact: str) -> float:
        """How often the fact comes with the request, by the rule of succession (Laplace).

        >>> Told({"track": 8}, {"track": {"order_id": 8}}).share("track", "order_id")
        0.9
        """
        given = self.given.get(template, {}).get(fact, 0)
        return (given + 1) / (self.asked.get(template, 0) + 2)


NOTHING_TOLD = Told()


def told_in(
    chats: Iterable[Conversation], templates: Templates, entities: Mapping[str, EntitySettings]
) -> Told:
    """The counts over chats; a fact belongs to the request that was made last."""
    asked: Counter[str] = Counter()
    given: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for chat in chats:
        found = set(_given(chat, templates, entities))
        asked.update({template for template, _ in found})
        for template, fact in found:
            given[template].update([fact] if fact else [])
    return Told(dict(asked), {name: dict(facts) for name, facts in given.items() if facts})


def _given(
    chat: Conversation, templates: Templates, entities: Mapping[str, EntitySettings]
) -> Iterator[tuple[str, str]]:
    """(template, fact) for each fact given with each request; (template, "") for the request."""
    requests: list[str] = []
    for turn in chat.turns:
        if turn.speaker != "customer":
            continue
        made = [found.id for intent in turn.intents for found in templates.by_intent(intent)[:1]]
        requests = made or requests
        for request in requests:
            yield from ((request, fact) for fact in ("", *_facts(turn, entities)))


def _facts(turn: Turn, entities: Mapping[str, EntitySettings]) -> set[str]:
    marked = {entity.type for entity in turn.entities or ()}
    return marked | {name for name, entity in entities.items() if entity.find(turn.text)}
