"""What the page is made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.decision import KINDS
from bot.replay import Comparison, Figures, ReplayRow
from bot.replay_page.packing import Packed
from finetune.report.measures import Bin

MOVES: Mapping[str, str] = dict(
    zip(
        KINDS,
        ("answered", "answered", "asked back", "asked back", "offered a person", "small talk",
         "offered a person", "answered"),
        strict=True,
    )
)  # fmt: skip
"""What a kind of decision is to the customer."""
STEPS = 6
"""The customer's messages of a chat whose moves are drawn."""


@dataclass(slots=True)
class Counted:
    """What the drawings need and the figures do not have.

    `right` counts the turns read rightly, by intent; `moves` the moves at each of the first STEPS
    messages of a chat; `ways` a move and the one after it, by the first one's message.
    """

    bins: Sequence[Bin] = ()
    right: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[int, str]] = field(default_factory=Counter)
    ways: Counter[tuple[int, str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """One replay, as people should see it; `compared` where it was compared with another."""

    bot: str
    row: ReplayRow
    figures: Figures
    counted: Counted
    packed: Packed
    compared: Comparison | None = None

    @property
    def language(self) -> str:
        return str(self.row.about["language"])
