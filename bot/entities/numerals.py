"""Numbers as customers write them: in figures, in English words, in Chinese words."""

import re
from decimal import Decimal


def _ascii(source: str) -> re.Pattern[str]:
    return re.compile(source, re.ASCII)


_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_TEENS = "sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {
    **{word: i for i, word in enumerate(f"{_ONES} {_TEENS}".split(), start=1)},
    **{word: 10 * i for i, word in enumerate(_TENS.split(), start=2)},
}
_SCALES = {"k": 10**3, "thousand": 10**3, "m": 10**6, "million": 10**6, "billion": 10**9}
HAN_FIGURES = {**{c: i for i, c in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_GROUPS = {"万": 10**4, "亿": 10**8}

_FORMS = (
    (_ascii(r"\d{1,15}"), "", "."),
    (_ascii(r"\d{0,15}\.\d{1,2}"), "", "."),
    (_ascii(r"\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,2})?"), ",", "."),
    (_ascii(r"\d{1,3}(?: \d{3}){1,4}(?:\.\d{1,2})?"), " ", "."),
    (_ascii(r"\d{1,15},\d{1,2}"), "", ","),
    (_ascii(r"\d{1,3}(?:\.\d{3}){1,4},\d{1,2}"), ".", ","),
    (_ascii(r"\d{1,3}(?:\.\d{3}){2,4}"), ".", ","),
    (_ascii(r"\d{1,3}(?: \d{3}){1,4},\d{1,2}"), " ", ","),
)
"""A number in figures, the mark between its groups, and its decimal mark."""
_SCALED = _ascii(rf"(.+?) ?({'|'.join(_SCALES)})")
_FIGURE = "0123456789"
_ARTICLE = _ascii(r"^an?(?= )")
_HAN = re.compile(r"[\u3400-\u9fff〇]")
_HAN_TOKEN = _ascii(r"\d+(?:\.\d+)?|.")


def number_of(said: str) -> Decimal | None:
    """A number in figures, in English or in Chinese words, small letters; None if it is none.

    "1,299.50" and "1.299,50" are the same; "1.299" is no number, because it is 1.299 to one
    writer and 1299 to another.
    """
    for read in (_figures, _english, _chinese, _scaled):
        if (value := read(said)) is not None:
            return value
    return None


def _figures(said: str) -> Decimal | None:
    for pattern, group, point in _FORMS:
        if pattern.fullmatch(said):
            return Decimal(said.replace(group, "").replace(point, "."))
    return None


def _scaled(said: str) -> Decimal | None:
    found = _SCALED.fullmatch(said)
    value = _figures(found[1]) if found else None
    return None if found is None or value is None else _whole(value * _SCALES[found[2]])


def _whole(value: Decimal) -> Decimal:
    """Without the zeros after the point that a multiplication leaves."""
    return Decimal(f"{value.normalize():f}")


def _english(said: str) -> Decimal | None:
    """In full words, with or without "and".

    >>> _english("one hundred and twenty-five")
    Decimal('125')
    """
    total, part = 0, 0
    for word in _ARTICLE.sub("one", said).replace("-", " ").replace(" and ", " ").split():
        if word in WORDS and _is_free(part, WORDS[word]):
            part += WORDS[word]
        elif word == "hundred" and 0 < part < 10:
            part *= 100
        elif len(word) > 1 and word in _SCALES and part:
            total, part = total + part * _SCALES[word], 0
        else:
            return None
    return Decimal(total + part) if total + part else None


def _is_free(part: int, value: int) -> bool:
    """Whether ones or tens can still be said: not after "five" or "ten"."""
    return part % 100 == 0 or (value < 10 and part % 10 == 0 and part % 100 > 10)


def _chinese(said: str) -> Decimal | None:
    """As it is spoken: 三百零五 is 305, 三百五 is 350, 3.5万 is 35000.

    >>> _chinese("一万二")
    Decimal('12000')
    """
    if not _HAN.search(said):
        return None
    total, part = Decimal(0), Decimal(0)
    digit, unit, tokens = None, 0, _HAN_TOKEN.findall(said)
    for token in tokens:
        if token == "零" and digit is None and unit:
            unit = 10  # what follows are ones, or names its own unit
        elif digit is None and (token in HAN_FIGURES or token[0] in _FIGURE):
            digit = Decimal(HAN_FIGURES.get(token, token))
        elif token in _UNITS and (digit is not None or token == "十"):
            unit = _UNITS[token]
            if part % (10 * unit):
                return None  # 三十五百
            part, digit = part + (1 if digit is None else digit) * unit, None
        elif token in _GROUPS and (digit is not None or part):
            unit = _GROUPS[token]
            if total % (10 * unit):
                return None  # 一万三万
            total, part, digit = total + (part + (digit or 0)) * unit, Decimal(0), None
        else:
            return None  # 三五百: one of two
    spoken = unit // 10 if unit and len(tokens[-1]) == 1 else 1
    return _whole(total + part + (digit or 0) * spoken)
