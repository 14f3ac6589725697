"""Personal data is masked in what is kept: in what customers, agents and the bot say, and in the
evidence. It is done last, so no decision and no figure depends on it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bot import privacy
from bot.privacy import Said
from finetune.tags import FoundEntity

if TYPE_CHECKING:
    from bot.bot import Desk

_SURE = 0.5


class Privacy:
    """What is personal in a workspace, as in its log. Made for one block: it remembers what it
    masked."""

    def __init__(self, desk: "Desk") -> None:
        self._privacy = privacy.Privacy(desk.settings.personal_patterns())
        self._known: dict[str, str] = {}  # much is said again

    def names(self, message: str, found: Iterable[FoundEntity]) -> Said:
        """The names of people among the entities of a message."""
        sure = (one for one in found if one.score >= _SURE)
        return privacy.names((one.type, message[one.start : one.end]) for one in sure)

    def text(self, text: str, said: Said) -> str:
        """A text without personal data and without the names in `said`."""
        if said:
            return self._privacy.text(text, said)
        if text not in self._known:
            self._known[text] = self._privacy.text(text)
        return self._known[text]

    def evidence(self, evidence: Mapping[str, Any], said: Said) -> dict[str, Any]:
        """The evidence of a decision without personal data."""
        return self._privacy.evidence(evidence, said)
