"""What becomes of a suggestion that the customer picks, by its number or its title."""

from __future__ import annotations

from bot.short_answers import picked, words
from bot.state import State


def in_full(state: State, message: str) -> str:
    """A message, or the title in full of the suggestion that it picks by its number or its title.
    Only where no question of ours is open: then a number is the answer to it."""
    if state.pending is not None or not state.suggested:
        return message
    titles = [one.title for one in state.suggested]
    said = words(message)
    exact = [place for place, title in enumerate(titles) if words(title) == said]
    place = exact[0] if exact else picked(said, ["" for _ in titles])  # by its number alone
    return message if place is None else titles[place]


def picked_template(state: State, said: str) -> str | None:
    """The template of the suggestion whose title, as `words` gives it, was said."""
    if state.pending is not None:
        return None
    return next((one.template for one in state.suggested if words(one.title) == said), None)
