"""Entities that are marked by a tag on each word, as data sets of named entities have them.

["fly", "to", "New", "York"]  ["O", "O", "B-city", "I-city"]
"""

from collections.abc import Iterator, Sequence

from bot.imports.source import JsonObject


def text_of(tokens: Sequence[str]) -> str:
    """The text that tokens make, with spaces between words that are not Chinese characters."""
    spaced = any(token.isascii() and len(token) > 1 for token in tokens)
    return (" " if spaced else "").join(tokens)


def entities_of(text: str, tokens: Sequence[str], tags: Sequence[str]) -> list[JsonObject] | None:
    """The spans of `text` that the tags mark; None where the tokens are not those of the text.

    >>> entities_of("to New  York", ["to", "New", "York"], ["O", "B-city", "I-city"])
    [{'start': 3, 'end': 12, 'type': 'city'}]
    """
    places = list(_places(text, tokens))
    if len(places) != len(tokens) or len(tags) != len(tokens):
        return None
    spans: list[JsonObject] = []
    inside = ""
    for (start, end), tag in zip(places, tags, strict=True):
        how, _, kind = tag.partition("-")
        if how in ("I", "E", "M", "L") and kind == inside:
            spans[-1]["end"] = end
        elif kind:
            spans.append({"start": start, "end": end, "type": kind})
        inside = kind
    return spans


def _places(text: str, tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    end = 0
    for token in tokens:
        start = text.find(token, end)
        if start < 0:
            return
        end = start + len(token)
        yield start, end
