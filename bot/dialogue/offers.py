"""What becomes of a suggestion, or of an article offered, that the customer picks."""

from __future__ import annotations

from collections.abc import Sequence

from bot.decision import Clarify
from bot.dialogue.phrases import acts_of
from bot.dialogue.short_answers import picked, words
from bot.state import State


def in_full(state: State, message: str) -> str:
    """A message, or the title in full of the suggestion that it picks by its number or its title;
    of an article that was offered, its title with the question that it may answer. Only where no
    other question of ours is open: then a number is the answer to it."""
    if isinstance(state.pending, Clarify):
        title = _article(state.pending, message)
        return message if title is None else f"{title}: {state.last_text}"
    if state.pending is not None or not state.suggested:
        return message
    titles = [one.title for one in state.suggested]
    place = _picked(message, titles)
    return message if place is None else titles[place]


def _article(offered: Clarify, message: str) -> str | None:
    """The article of those offered that a message picks, also by a yes where it is the only one."""
    titles = [*("" for _ in offered.choices), *offered.articles]
    place = 0 if len(titles) == 1 and "yes" in acts_of(message) else _picked(message, titles)
    return None if place is None else titles[place] or None


def _picked(message: str, titles: Sequence[str]) -> int | None:
    """The place of the title that a message is, or gives the number of."""
    said = words(message)
    exact = [place for place, title in enumerate(titles) if title and words(title) == said]
    return exact[0] if exact else picked(said, ["" for _ in titles])  # by its number alone


def picked_template(state: State, said: str) -> str | None:
    """The template of the suggestion whose title, as `words` gives it, was said."""
    if state.pending is not None:
        return None
    return next((one.template for one in state.suggested if words(one.title) == said), None)


def picked_article(state: State, said: str) -> str | None:
    """The title of the article, suggested or offered, that a message picks, as `in_full` gives it
    and `words` folds it."""
    if isinstance(state.pending, Clarify):
        offered = [
            (title, words(f"{title}: {state.last_text}")) for title in state.pending.articles
        ]
    elif state.pending is None:
        titles = [one.title for one in state.suggested if one.template is None]
        offered = [(title, words(title)) for title in titles]
    else:
        offered = []
    return next((title for title, full in offered if full == said), None)
