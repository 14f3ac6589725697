"""HTML that cannot be broken by what it shows.

`Html` is text that is markup already. Everything else that gets into an element is escaped there,
so a forgotten escape shows as visible `&lt;`, never as a hole.

    >>> tag("p", "1 < 2", tag("b", "!"), class_="note")
    '<p class="note">1 &lt; 2<b>!</b></p>'
"""

import html
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

LONGEST = 280  # columns of a message that are shown; a Chinese character takes two
_NEWLINES = str.maketrans({"\n": " ", "\r": " ", "\t": " ", "\u2028": " ", "\u2029": " "})
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_VOID = frozenset({"meta", "input", "br"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def escape(text: str) -> Html:
    """Text as markup; what is markup already stays as it is.

    Control characters, halves of surrogate pairs and signs that reverse the direction of what
    follows are shown as U+FFFD: they could hide what a message says.
    """
    if isinstance(text, Html):
        return text
    visible = (
        "\ufffd" if char in _BIDI or unicodedata.category(char) in ("Cc", "Cs") else char
        for char in text.translate(_NEWLINES)
    )
    return Html(html.escape("".join(visible)))


def join(parts: Iterable[str], between: str = "") -> Html:
    return Html(escape(between).join(map(escape, parts)))


def tag(name: str, *children: str, **attributes: str | float | None) -> Html:
    """An element. `class_` is `class`, other underlines are hyphens; None leaves one out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    opening = f"<{name}{given}>"
    return Html(opening if name in _VOID else f"{opening}{join(children)}</{name}>")


def message(text: str, language: str | None = None, longest: int = LONGEST) -> Html:
    """A chat's text: isolated from the direction of what is around it, and cut when too long."""
    shown = text.strip()
    start = shown[:longest]
    longest = longest * len(start) // max(columns_of(start), 1)
    if len(shown) > longest:
        shown = shown[:longest].rstrip() + "…"
    return tag("bdi", shown or "(empty)", class_="said", lang=language)


def columns_of(text: str) -> int:
    """How wide a text is, in Latin letters: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def name_of(intent: str) -> Html:
    """An intent's name, which may break after its separators."""
    broken = escape(intent)
    for separator in "_/.":
        broken = Html(broken.replace(separator, f"{separator}<wbr>"))
    return tag("span", broken, class_="intent")


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Sequence[int] = (),
    id_: str | None = None,
    cards: bool = False,
) -> Html:
    """A table whose first column names its rows. `numbers` are the columns set flush right.

    On a narrow screen `cards` shows a row as a block of lines, each with its column's name; the
    roles keep it a table for a screen reader.
    """
    roles = dict.fromkeys(("table", "row", "cell", "rowheader", "columnheader"))
    if cards:
        roles = {role: role for role in roles}
    classes = ["number" if place in numbers else None for place in range(len(heads))]
    columns = list(zip(heads, classes, strict=True))
    head = [
        tag("th", name, scope="col", class_=c, role=roles["columnheader"]) for name, c in columns
    ]
    body = [_row(cells, columns, roles) for cells in rows]
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *head, role=roles["row"])),
        tag("tbody", *body),
        id=id_,
        class_="cards" if cards else None,
        role=roles["table"],
    )
    # A wide table scrolls by itself; the keyboard can reach it.
    return tag("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _row(
    cells: Sequence[str],
    columns: Sequence[tuple[str, str | None]],
    roles: Mapping[str, str | None],
) -> Html:
    first, *others = zip(cells, columns, strict=True)
    parts = [
        tag("th", first[0], scope="row", class_=first[1][1], role=roles["rowheader"]),
        *(
            tag("td", cell, class_=c, role=roles["cell"], data_label=roles["cell"] and name)
            for cell, (name, c) in others
        ),
    ]
    return tag("tr", *parts, role=roles["row"])


def details(summary: str, *children: str, class_: str | None = None) -> Html:
    return tag("details", tag("summary", summary), *children, class_=class_)


def figure(title: str, says: str, picture: str, numbers: str) -> Html:
    """A drawing with its title, what it shows in words, and its numbers as a table."""
    return tag(
        "figure",
        tag("h3", title),
        picture,
        tag("figcaption", says),
        details("The numbers", numbers),
    )


def percent(share: float, digits: int = 1) -> str:
    """`0.9387` as `93.9 %`, with a space that does not break."""
    return f"{100 * share:.{digits}f}\u202f%"


def sure(confidence: float) -> str:
    """Whole percents, but never a certainty that no model has."""
    return f"over {percent(0.99, 0)}" if confidence > 0.99 else percent(confidence, 0)


def decimal(value: float) -> str:
    return f"{value:.3f}"


def count(number: int, one: str, many: str | None = None) -> str:
    """`3,080 messages`, `1 message`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
