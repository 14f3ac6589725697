"""Where in a TOML file a key stands: the parser does not say."""

import re
from collections.abc import Sequence

_HEADER = re.compile(r"\s*\[\[?([^\]]+)\]")
_KEY = re.compile(r"\s*([\w.\"' -]+?)\s*=")
_PART = re.compile(r"\"[^\"]*\"|'[^']*'|[\w-]+")


def line_of(text: str, keys: Sequence[str]) -> int:
    """The line, from 1, of the deepest header or assignment that leads to a TOML key.

    >>> line_of('name = "x"\\n[encoder]\\nname = 5\\n', ["encoder", "name"])
    3
    """
    table: list[str] = []
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            path = table = _parts(header[1])
        elif key := _KEY.match(line):
            path = table + _parts(key[1])
        else:
            continue
        if len(path) > depth and path == list(keys[: len(path)]):
            best, depth = number, len(path)
    return best


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]
