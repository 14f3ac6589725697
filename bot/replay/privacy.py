"""Personal data is masked in what is kept: in what customers, agents and the bot say, and in the
evidence. It is done last, so no decision and no figure depends on it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import privacy
from bot.privacy import Said
from bot.replay.store import Turn
from finetune.tags import FoundEntity

if TYPE_CHECKING:
    from bot.bot import Desk

_SURE = 0.5


class Privacy:
    """What is personal in a workspace, as in its log. Made for one block: it remembers what it
    masked."""

    def __init__(self, desk: "Desk") -> None:
        self._privacy = privacy.Privacy(desk.settings.personal_patterns())
        self._known: dict[str, str] = {}  # replies repeat

    def masked(self, turn: Turn, found: Iterable[FoundEntity] = ()) -> Turn:
        """A turn without personal data; `found` are the entities of its message, of which names
        are masked too."""
        sure = (one for one in found if one.score >= _SURE)
        said = privacy.names((one.type, turn.message[one.start : one.end]) for one in sure)
        reply = turn.agent_reply
        return replace(
            turn,
            message=self._privacy.text(turn.message, said),
            reply=self._text(turn.reply, said),
            agent_reply=None if reply is None else self._text(reply, said),
            evidence=self._privacy.evidence(turn.evidence, said),
        )

    def _text(self, text: str, said: Said) -> str:
        if said:
            return self._privacy.text(text, said)
        if text not in self._known:
            self._known[text] = self._privacy.text(text)
        return self._known[text]
