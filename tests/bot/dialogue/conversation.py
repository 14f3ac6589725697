"""Conversations that read like ones: what the customer writes, and what the bot says to it.

The bot is a folder's settings and templates, read as any workspace's; only the readings of the
messages are given by the test, in place of a model's.

    talk = Conversation.of(tmp_path, SETTINGS, TEMPLATES)
    assert talk.customer("where is my parcel?", intent="track") == "What is your order number?"
    assert talk.customer("TT-1234") == "Order TT-1234 is on its way."
    assert talk.rule == "slot-filled"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Self

from bot.actions import Actions, carry_out, open_actions
from bot.decision import Candidates, Decision, Reading, Scored, Thresholds
from bot.dialogue import advance, decide
from bot.dialogue.told import NOTHING_TOLD, Told
from bot.replies import render
from bot.state import State
from bot.workspace import open_workspace
from bot.workspace.settings import Settings
from bot.workspace.templates import Templates
from kb.passages import Passage
from kb.search import Hit

CERTIFIED = Thresholds(intent=0.8, template=0.7, passage=0.6, offer=0.2)
SURE = 0.9
TODAY = date(2026, 3, 4)
"""A Wednesday."""


class Conversation:
    """One conversation: `customer(message, ...)` gives the reply; `decision` is the one behind it.

    `clock` is the time in seconds that the bot goes by.
    """

    def __init__(
        self, settings: Settings, templates: Templates, actions: Actions | None = None
    ) -> None:
        self.settings, self.templates = settings, templates
        self.actions = actions or Actions()
        self.thresholds = CERTIFIED
        self.told: Told = NOTHING_TOLD
        self.state = State()
        self.clock = 0.0
        self.turns = 0
        self.decision: Decision

    @classmethod
    def of(cls, folder: Path, settings: str, templates: str, actions: str = "") -> Self:
        """A conversation with the bot of these files, written to `folder`."""
        files = {"frontdesk.toml": settings, "templates.yaml": templates, "actions.py": actions}
        for name, text in files.items():
            (folder / name).write_text(dedent(text), encoding="utf-8")
        return cls.at(folder)

    @classmethod
    def at(cls, folder: Path) -> Self:
        """A conversation with the bot of a workspace as it is."""
        opened = open_workspace(folder)
        done = open_actions(opened.settings, opened.actions_path)
        return cls(opened.settings, opened.load_templates(), replace(done, sleep=lambda _: None))

    def customer(
        self,
        text: str,
        intent: str | None = None,
        *,
        intents: Mapping[str, float] | None = None,
        entities: Mapping[str, str] | None = None,
        sentiment: str | None = None,
        templates: Mapping[str, float] | None = None,
        passages: Mapping[str, float] | None = None,
        follows: str = "",
    ) -> str:
        """The reply to a message that is surely of `intent`, or of `intents` with these
        probabilities; `entities` are those that a model would find, beside the patterns' and the
        lists'. `templates` and `passages` (an article each) are candidates with their
        scores; `follows` is the question that those were searched for together with."""
        likely = {intent: SURE} if intent else dict(intents or {})
        found = self._found(text, entities or {})
        reading = Reading(_scored(likely), found, self._meant(found), sentiment)
        hits = tuple(hit(article, score) for article, score in (passages or {}).items())
        candidates = Candidates(_scored(templates or {}), hits, follows)
        self.turns += 1
        decided = self._decide(text, reading, candidates)
        self.decision = carry_out(decided, self.actions, f"1-{self.turns}")
        self.state = advance(self.state, text, reading, self.decision, self.clock)
        return render(self.decision, self.templates, self.settings.language)

    @property
    def rule(self) -> str:
        """The rule that decided the last turn."""
        return self.decision.evidence.rule

    def later(self, minutes: float) -> None:
        """Let time pass."""
        self.clock += 60 * minutes

    def _found(self, text: str, learned: Mapping[str, str]) -> dict[str, str]:
        found = {name: entity.find(text) for name, entity in self.settings.entities.items()}
        return {**learned, **{name: words for name, words in found.items() if words}}

    def _meant(self, found: Mapping[str, str]) -> dict[str, str]:
        known = self.settings.entities
        values = {n: known[n].value_of(words, TODAY) for n, words in found.items() if n in known}
        return {name: value for name, value in values.items() if value is not None}

    def _decide(self, text: str, reading: Reading, candidates: Candidates) -> Decision:
        known = (self.templates, self.thresholds, self.settings.entities)
        now, check, told = self.clock, self.actions.check, self.told
        read = (self.state, text, reading, candidates)
        return decide(*read, *known, now=now, check=check, told=told)


def _scored(scores: Mapping[str, float]) -> tuple[Scored, ...]:
    return tuple(Scored(name, score) for name, score in scores.items())


def hit(article: str, score: float, text: str = "Thirty days.") -> Hit:
    """A passage of an article, found with this score."""
    passage = Passage(1, article, article.title(), (), text, f"{article}.md:1")
    return Hit(passage, score, score, score)
