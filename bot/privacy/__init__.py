"""Personal data is masked in what is kept of a conversation: in what the customer wrote, in what
the bot said, in the evidence, and in what people noted.

It is done last, on the way to the file, so no decision and no figure depends on it. What is the
owner's own (names of intents, templates, articles) is left alone; all else in the evidence is
masked, so that what is added to it tomorrow is masked too.

The values of slots are kept in a saved state: without the address that the customer gave, neither
the bot nor a colleague could go on tomorrow. The messages beside them are masked.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.privacy.masking import NAME_TYPES, mask, placeholder
from bot.scripts import SPACED

if TYPE_CHECKING:
    from bot.workspace.settings import Settings

Said = Mapping[str, str]
"""The names of people in a turn, and what stands for each."""

_NOBODY: Said = {}
_OWNERS = frozenset({
    "rule", "intents", "runner_up", "margin", "templates", "passages", "thresholds", "slot",
    "attempt", "choices", "reason", "kind", "template", "citations", "sentiment",
    "sentences", "phrased",
})  # fmt: skip
"""The parts of the evidence that hold nothing a customer said."""
_NEEDED = _OWNERS | {
    "slots", "meanings", "confirmed", "entities", "values", "hits", "question", "about",
    "suggested", "quotes", "turns", "float32",
}  # fmt: skip
"""The parts of a saved state that are needed to go on as they are."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is personal: what every workspace masks, and `patterns` of its own, by name. None: keep
    everything."""

    patterns: Mapping[str, re.Pattern[str]] | None = field(default_factory=dict)

    def text(self, text: str, said: Said = _NOBODY) -> str:
        """A text without personal data and without the names in `said`."""
        if self.patterns is None:
            return text
        text = mask(text, self.patterns).text
        for name, instead in said.items():
            text = _replaced(text, name, instead)
        return text

    def all(self, value: Any, said: Said = _NOBODY) -> Any:
        """A JSON value with every text in it masked; the keys are the owner's."""
        if isinstance(value, str):
            return self.text(value, said)
        if isinstance(value, dict):
            return {name: self.all(part, said) for name, part in value.items()}
        return [self.all(part, said) for part in value] if isinstance(value, list) else value

    def evidence(self, evidence: Mapping[str, Any], said: Said = _NOBODY) -> dict[str, Any]:
        """The evidence of a decision, as JSON, without personal data."""
        return {name: self._part(name, part, said) for name, part in evidence.items()}

    def state(self, saved: str, said: Said = _NOBODY) -> str:
        """A state as `sessions.restoring` writes it, without personal data but for its slots."""
        if self.patterns is None:
            return saved
        kept = self._going_on(json.loads(saved), said)
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))

    def _going_on(self, value: Any, said: Said) -> Any:
        if isinstance(value, dict):
            return {
                name: part if name in _NEEDED else self._going_on(part, said)
                for name, part in value.items()
            }
        if isinstance(value, list):
            return [self._going_on(part, said) for part in value]
        return self.text(value, said) if isinstance(value, str) else value

    def _part(self, name: str, part: Any, said: Said) -> Any:
        if self.patterns is None or name in _OWNERS:
            return part
        if name == "parts":  # decisions within a decision, each with an evidence of its own
            return [self.evidence(inner, said) for inner in part]
        return self.all(part, said)


PLAIN = Privacy(None)
"""Keeps everything as it was said."""


def of_log(settings: "Settings") -> Privacy:
    """What the log of a workspace masks."""
    return Privacy(settings.personal_patterns()) if settings.privacy.mask_log else PLAIN


def names(found: Iterable[tuple[str, str]]) -> Said:
    """The names of people among (entity type, words)."""
    return {
        words: placeholder(kind)
        for kind, words in found
        if kind.lower() in NAME_TYPES and words.strip()
    }


def _replaced(text: str, name: str, instead: str) -> str:
    """A text with something else for a name, where it is no part of a longer word. Names come once:
    to compile a pattern of each would take ten times as long."""
    pieces, done, at = [], 0, text.find(name)
    while at >= 0:
        end = at + len(name)
        if (at and _SPACED.match(text, at - 1)) or _SPACED.match(text, end):
            at = text.find(name, at + 1)
        else:
            pieces += [text[done:at], instead]
            done, at = end, text.find(name, end)
    return "".join([*pieces, text[done:]])


_SPACED = re.compile(SPACED)
