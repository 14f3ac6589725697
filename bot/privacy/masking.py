"""Personal data in a text replaced by what it is: `[email]`, `[phone]`, `[card]`, `[iban]`, …

    >>> mask("I am mia@example.com, call +44 20 7946 0958").text
    'I am [email], call [phone]'

What can be checked is checked: cards by Luhn's sum (ISO/IEC 7812-1), IBANs modulo 97 (ISO 13616),
Chinese identity numbers by their last character (GB 11643). A phone number has no check digit: it
is one when it is written as phone numbers are, so that dates, prices, versions, amounts and bare
numbers stay. Full-width letters and digits count as plain ones. Every number found costs a few
comparisons; a text without digits and without @ costs only the patterns that were given.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

NAME_TYPES = frozenset({
    "name", "person", "per", "person_name", "customer_name", "full_name", "first_name", "last_name",
    "surname", "username", "姓名", "人名",
})  # fmt: skip
"""The entity types that are taken for names of people."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of a text are of this kind of personal data."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with its personal data replaced; `spans` are places in the text as it was."""

    text: str
    spans: tuple[Span, ...] = ()

    def moved(self, start: int, end: int) -> tuple[int, int]:
        """Where characters `start` to `end` of the text as it was are now. An end that lay in what
        was replaced becomes the end of the placeholder."""
        shift = begin = stop = 0
        for span in self.spans:
            now = span.start + shift
            length = len(placeholder(span.kind))
            if span.end <= start:
                begin += length - (span.end - span.start)
            elif span.start <= start:
                begin += now - shift - start
            if span.end <= end:
                stop += length - (span.end - span.start)
            elif span.start < end:
                stop += span.start + length - end
            shift += length - (span.end - span.start)
        return start + begin, end + stop


def placeholder(kind: str) -> str:
    """What stands in the text instead.

    >>> placeholder("email")
    '[email]'
    """
    return f"[{kind}]"


def mask(
    text: str, patterns: Mapping[str, re.Pattern[str]] | None = None, known: Iterable[Span] = ()
) -> Masked:
    """Replace the personal data of a text.

    `patterns` are the owner's own, by the name of what they find; `known` was found by others,
    such as a model that knows names. Where two overlap the one named first here holds: known,
    e-mail, own patterns, IBAN, identity number, card, phone.
    """
    spans = _spans(text, patterns or {}, known)
    if not spans:
        return Masked(text)
    pieces, end = [], 0
    for span in spans:
        pieces += [text[end : span.start], placeholder(span.kind)]
        end = span.end
    return Masked("".join(pieces) + text[end:], tuple(spans))


def _spans(text: str, patterns: Mapping[str, re.Pattern[str]], known: Iterable[Span]) -> list[Span]:
    plain = text.translate(_PLAIN) if not text.isascii() else text
    found: list[Span] = []
    for span in known:
        _add(found, span)
    if "@" in plain:
        _add_all(found, _EMAIL, plain, "email")
    for kind, pattern in patterns.items():
        _add_all(found, pattern, plain, kind)
    if digits := len(_NO_DIGITS.sub("", plain)):
        for kind, least, find in _NUMBERS:
            for start, end in find(plain) if digits >= least else ():
                _add(found, Span(start, end, kind))
    return found


def _add_all(found: list[Span], pattern: re.Pattern[str], text: str, kind: str) -> None:
    for start, end in _places(pattern, text):
        _add(found, Span(start, end, kind))


def _places(pattern: re.Pattern[str], text: str) -> "Places":
    """Where a pattern is found: in a long text window by window, because a pattern such as
    `[\\w.]+@` takes the square of the length. What is longer than the overlap may be cut."""
    if len(text) <= _WINDOW - _OVERLAP:
        return map(re.Match.span, pattern.finditer(text))
    return _places_by_window(pattern, text)


def _places_by_window(pattern: re.Pattern[str], text: str) -> "Places":
    at = 0
    while at < len(text):
        step = at + _WINDOW - _OVERLAP
        for match in pattern.finditer(text, at, at + _WINDOW):
            if match.start() < step:
                yield match.span()
                step = max(step, match.end())
        at = step


def _add(found: list[Span], span: Span) -> None:
    """Put a span in its place among those `found`, in order, where it overlaps none of them."""
    place = bisect_right(found, span.start, key=lambda other: other.start)
    begins = not place or found[place - 1].end <= span.start
    ends = place == len(found) or span.end <= found[place].start
    if span.start < span.end and begins and ends:
        found.insert(place, span)


_WINDOW, _OVERLAP = 1_000, 200  # characters

# Full-width ASCII, character for character, so that places stay the same.
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xA0: 0x20}
_PLAIN |= dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2212), 0x2D)
_NO_DIGITS = re.compile(r"\D+", re.ASCII)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"
    r"(?![A-Za-z0-9-])"
)

# --- numbers with a check digit ------------------------------------------------------------------

Places = Iterator[tuple[int, int]]

_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?"
    r"(?![A-Za-z0-9])",
    re.ASCII,
)


def _ibans(text: str) -> Places:
    for match in _IBAN.finditer(text):
        end = match.end()
        while end > match.start() + 14:  # the words after it may look like one more group
            if _is_iban(text[match.start() : end]):
                yield match.start(), end
                break
            end = max(text.rfind(mark, match.start(), end) for mark in " -")


def _is_iban(text: str) -> bool:
    code = re.sub("[ -]", "", text).upper()
    digits = "".join(str(int(character, 36)) for character in code[4:] + code[:4])
    return 15 <= len(code) <= 34 and int(digits) % 97 == 1


_IDENTITY = re.compile(r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])", re.ASCII)


def _identities(text: str) -> Places:
    for match in _IDENTITY.finditer(text):
        if _is_identity(match[0]):
            yield match.span()


def _is_identity(code: str) -> bool:
    weights = (pow(2, 17 - place, 11) for place in range(17))
    rest = sum(int(digit) * weight for digit, weight in zip(code[:17], weights, strict=True)) % 11
    return "10X98765432"[rest] == code[17].upper() and _is_day(code[6:10], code[10:12], code[12:14])


# In groups of four, in American Express's 4-6-5, or without spaces.
_CARD = re.compile(
    r"(?<![\w./=-])(?<!\d,)(?:\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?"
    r"|3\d{3}([ -])\d{6}\2\d{4,5}|\d{13,19})(?![\w/-]|[.,]\d)",
    re.ASCII,
)
# By their first digits and length: American Express, Diners Club, Visa, Mastercard, Discover,
# JCB, UnionPay, Maestro.
_ISSUED = re.compile(r"3[47]\d{13}|3[0689]\d{12}|4\d{12}|[2-6]\d{15}|[456]\d{16,18}", re.ASCII)


def _cards(text: str) -> Places:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _ISSUED.fullmatch(digits) and _luhn(digits):
            yield match.span()


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


# --- phones --------------------------------------------------------------------------------------

# Digits with at most one separator between groups, or a bracketed area code. What money, versions,
# measures and codes have beside their digits may not be there.
_RUN = re.compile(
    r"(?=[\d+(])(?<![\d/$€£¥#@_=-])(?<!\d[.,:])(?<![A-Za-z])(?<![$€£¥] )"
    r"(?:\+|\()?\d[\d ()./-]{5,22}\d"
    r"(?![\d@_%°]|[.,:/-]\d| ?[$€£¥%]|[A-Za-z])",
    re.ASCII,
)
_SHAPES = tuple(
    re.compile(shape, re.ASCII)
    for shape in (
        # +44 20 7946 0958, +1 (415) 555-2671, +49 (0)30 123456
        r"\+[1-9](?:[ ./-]?\(?\d\)?){6,14}",
        # 0044 20 7946 0958
        r"00[1-9](?:[ ./-]?\d){9,13}",
        # Chinese mobiles, with and without 86
        r"(?:86[ -]?)?1[3-9]\d(?:\d{8}|[ -]\d{4}[ -]\d{4})",
        # with a trunk 0: 020 7946 0958, 07911 123456, 01 23 45 67 89, (030) 123456, 010-62345678
        r"\(?0[1-9]\d{0,4}\)?(?:[ /.-]?\d){5,9}",
        # North America: (415) 555-2671, 415-555-2671, 1-800-555-0199, 400-820-8820 in China
        r"(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]?\d\d[ .-]\d{4}",
    )
)
_SHAPES_APART = tuple(
    re.compile(rf"(?:(?<= )|^)(?:{shape.pattern})(?= |$)", re.ASCII) for shape in _SHAPES
)
_LEAST = {True: 8, False: 9}
"""Digits of a phone, with and without a plus, where no word says that it is one."""
_DATED = re.compile(
    r"\b(?:\d{1,2}[-/.]\d{1,2}[-/.]20\d\d|20\d\d[-/.]\d{1,2}[-/.]\d{1,2})\b", re.ASCII
)
_DATES = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<y>\d{4})[-/. ](?P<m>\d{1,2})[-/. ](?P<d>\d{1,2})",
        r"(?P<d>\d{1,2})[-/. ](?P<m>\d{1,2})[-/. ](?P<y>\d{4}|\d\d)",
        r"(?P<m>\d{1,2})[-/. ](?P<d>\d{1,2})[-/. ](?P<y>\d{4}|\d\d)",
        r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)",
        r"(?P<d>\d\d)(?P<m>\d\d)(?P<y>\d{4})(?: \d{1,5})?",
        r"(?P<m>\d\d)(?P<d>\d\d)(?P<y>\d{4})(?: \d{1,5})?",
        r"(?P<m>\d\d)(?P<d>\d\d)(?P<y>\d\d) \d{2,4}",
    )
)
"""Dates by themselves, and run together with the time after them."""
# Words after which even a bare number is a phone, and those after which it is something else.
_PHONE_WORD = re.compile(
    r"(?:\b(?:phone|telephone|tel|mobile|cell|cellphone|whatsapp|fax|call|text|ring|reach)\b"
    r"|手机|电话|联系方式|联系我|微信|座机|致电|拨打)[^\d+(\n]{0,20}$",
    re.IGNORECASE,
)
_OTHER_WORD = re.compile(
    r"(?:\b(?:order|invoice|ticket|tracking|parcel|ref|reference|sku|version|serial|booking|policy)\b"
    r"|订单|单号|编号|运单|货号|型号|序列号)\s*(?:number|no\b\.?|nr\b\.?|id|code|号码|号)?"
    r"\s*(?:is|[:#=(]|是|为)?\s*$",
    re.IGNORECASE,
)


def _phones(text: str) -> Places:
    for run in _RUN.finditer(text):
        for start, end in _numbers_in(run[0]):
            place = run.start() + start
            if _is_phone(run[0][start:end], text[max(0, place - 40) : place]):
                yield place, run.start() + end


def _numbers_in(run: str) -> Places:
    """The run itself, or where that has no shape of a phone, those in it that stand apart."""
    if not any(shape.fullmatch(run) for shape in _SHAPES):
        for shape in _SHAPES_APART:
            if places := [match.span() for match in shape.finditer(run)]:
                yield from places
                return
    yield 0, len(run)


def _is_phone(number: str, before: str) -> bool:
    digits = re.sub(r"\D", "", number)
    if not 7 <= len(digits) <= 15 or number.count("(") != number.count(")") or _is_date(number):
        return False
    if _PHONE_WORD.search(before):
        return re.search(r"[ ./-]{2}", number.replace(") ", ")")) is None
    if len(digits) < _LEAST[number[0] == "+"] or (number[0] != "+" and _OTHER_WORD.search(before)):
        return False
    return any(shape.fullmatch(number) for shape in _SHAPES)


def _is_date(text: str) -> bool:
    matches = (form.fullmatch(text) for form in _DATES)
    return _DATED.search(text) is not None or any(
        match and _is_day(match["y"], match["m"], match["d"]) for match in matches
    )


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        said = date(int(year) if len(year) == 4 else 2000 + int(year), int(month), int(day))
    except ValueError:
        return False
    return 1900 <= said.year <= 2100


_NUMBERS: Sequence[tuple[str, int, Callable[[str], Places]]] = (
    ("iban", 2, _ibans),
    ("id_number", 17, _identities),
    ("card", 13, _cards),
    ("phone", 7, _phones),
)
"""What each number is, the digits it has at least, and what finds it."""
