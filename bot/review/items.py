"""A message to review, with the turns before it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.asked import Asked
from bot.state import Speaker


@dataclass(frozen=True, slots=True)
class Item:
    """A message and what was said `before` it, oldest first. In the live log the bot is the
    agent."""

    asked: Asked
    before: tuple[tuple[Speaker, str], ...]

    @property
    def customer(self) -> tuple[str, ...]:
        """What the customer said, this message last."""
        said = (text for speaker, text in self.before if speaker == "customer")
        return (*said, self.asked.message)


def items(asked: Iterable[Asked]) -> Iterator[Item]:
    """The messages, which come in order, each with those before it in its conversation."""
    said: list[tuple[Speaker, str]] = []
    for one in asked:
        if one.number == 0:
            said = []
        yield Item(one, tuple(said))
        said.append(("customer", one.message))
        if reply := one.agent_reply if one.session is None else one.reply:
            said.append(("agent", reply))
