"""Where a line of Chinese may be broken: between any two characters, but no mark that closes begins
a line, and none that opens ends one (the basic rule of GB/T 15834 and of JIS X 4051).

Terminals break at spaces, of which Chinese has none: a sentence behind a number would begin on a
line of its own, and a full stop could stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.scripts import HAN

_OPENING = r"（「『《〈【〔“‘(\["
_CLOSING = r"，。、；：？！）」』》〉】〕”,.;:?!)\]…—～·％%"
_HAN = re.compile(HAN)
_UNIT = re.compile(
    rf"[^\S\n]+|(?<!\S){HAN}{{2,4}}(?!\S)|[{_OPENING}]*(?:{HAN}|[^\s{_OPENING}{_CLOSING}\u3400-\u9fff]"
    rf"(?:[^\s（「『《〈【〔“{_CLOSING}\u3400-\u9fff]|[,.:?!;’](?=[0-9A-Za-z/]))*)[{_CLOSING}]*"
    rf"|[{_OPENING}{_CLOSING}]+|."
)
"""A space, or what stays together: a Chinese character or another word, with its marks; a few
characters between spaces, as titles in a row are."""


def broken(text: str, width: int) -> str:
    """The text with its lines of Chinese broken so that none is wider than `width` cells; other
    lines, and units that are wider themselves, are as they were.

    >>> print(broken("订单 CY2025 的进度，请看「我的订单」。", 14))
    订单 CY2025 的
    进度，请看「我
    的订单」。
    """
    lines = text.split("\n")
    return "\n".join(
        "\n".join(_filled(line, width)) if _HAN.search(line) and "\t" not in line else line
        for line in lines
    )


def _filled(line: str, width: int) -> Iterator[str]:
    from rich.cells import cell_len

    current = ""
    for found in _UNIT.finditer(line):
        unit = found[0]
        if current.strip() and cell_len((current + unit).rstrip()) > width:
            yield current.rstrip()
            current = ""
            if unit.isspace():
                continue
        current += unit
    yield current
