"""Personal data is masked in what is kept: in what customers, agents and the bot say, and in the
evidence. It is done last, so no decision and no figure depends on it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.masking import NAME_TYPES, Span, mask, placeholder
from bot.replay.store import Turn
from finetune.tags import FoundEntity

if TYPE_CHECKING:
    from bot.bot import Desk

_SURE = 0.5


class Privacy:
    """What is personal in a workspace: what every workspace masks, and its own patterns. Made for
    one block: it remembers what it masked."""

    def __init__(self, desk: "Desk") -> None:
        self._patterns = desk.settings.personal_patterns()
        self._known: dict[str, str] = {}  # replies repeat

    def masked(self, turn: Turn, found: Iterable[FoundEntity] = ()) -> Turn:
        """A turn without personal data; `found` are the entities of its message, of which names
        are masked too."""
        names = [
            Span(one.start, one.end, one.type)
            for one in found
            if one.score >= _SURE and one.type.lower() in NAME_TYPES
        ]
        said = {turn.message[name.start : name.end]: placeholder(name.kind) for name in names}
        reply = turn.agent_reply
        return replace(
            turn,
            message=mask(turn.message, self._patterns, names).text,
            reply=self._text(turn.reply, said),
            agent_reply=None if reply is None else self._text(reply, said),
            evidence={name: self._kept(name, part, said) for name, part in turn.evidence.items()},
        )

    def _kept(self, name: str, part: Any, said: Mapping[str, str]) -> Any:
        """Only these parts of the evidence hold what a customer said."""
        return self._all(part, said) if name in ("entities", "summary", "follows", "missing") else part

    def _all(self, value: Any, said: Mapping[str, str]) -> Any:
        if isinstance(value, str):
            return self._text(value, said)
        if isinstance(value, dict):
            return {name: self._all(part, said) for name, part in value.items()}
        return [self._all(part, said) for part in value] if isinstance(value, list) else value

    def _text(self, text: str, said: Mapping[str, str]) -> str:
        for name, instead in said.items():
            text = text.replace(name, instead)
        if text not in self._known:
            self._known[text] = mask(text, self._patterns).text
        return self._known[text]
