"""What the words of an entity mean: "next friday" is a day, "$1,299.50" an amount of money.

Each form that is understood is matched against the whole text, after its preposition and its time
of day are taken off. Any other text has no value, and so has one that could as well mean something
else: a wrong date is worse than none. The libraries for this guess instead: dateparser 1.5 takes
"the 12th" for 4 December and misses "3月5日" and "下周五", price-parser 0.5 takes "3万元" for 3.

Weeks begin on Monday. A text longer than LONGEST has no value, so the patterns' work is bounded.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal
from unicodedata import normalize

from bot.entities.numerals import HAN_FIGURES, WORDS, number_of
from bot.scripts import HAN

ValueKind = Literal["date", "amount"]
LONGEST = 80


def normalised(text: str, kind: ValueKind, today: date, *, month_first: bool = False) -> str | None:
    """The value of a text: an ISO 8601 date, or a decimal with the code of its currency, if said.

    `today` is the day on which it was said. None where the text is not understood.

    >>> normalised("tomorrow", "date", date(2026, 3, 4))
    '2026-03-05'
    >>> normalised("$1,299.50", "amount", date(2026, 3, 4))
    '1299.50 USD'
    """
    if kind == "amount":
        return amount_of(text)
    day = date_of(text, today, month_first=month_first)
    return None if day is None else day.isoformat()


def _plain(text: str) -> str:
    """The text in small, half-width letters; Chinese without spaces; empty where it is too long."""
    if len(text) > LONGEST:
        return ""
    said = " ".join(normalize("NFKC", text).casefold().split()).strip(_MARKS)
    return said.replace(" ", "") if _HAN.search(said) else said


_MARKS = " .,!?。、"
_HAN = re.compile(HAN)


def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source, re.ASCII)


def _any(words: Mapping[str, object]) -> str:
    return "(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + ")"


# --- dates ---------------------------------------------------------------------------------------

_WEEKDAYS = {
    name: place
    for place, names in enumerate(
        ("monday mon", "tuesday tues tue", "wednesday weds wed", "thursday thurs thur thu",
         "friday fri", "saturday sat", "sunday sun")
    )
    for name in names.split()
}  # fmt: skip
_MONTH_NAMES = (
    "january february march april may june july august september october november december"
)
_MONTHS = {
    "sept": 9,
    **{name: i for i, name in enumerate(_MONTH_NAMES.split(), start=1)},
    **{name[:3]: i for i, name in enumerate(_MONTH_NAMES.split(), start=1)},
}
_HAN_NUMBER = "[零〇一二两三四五六七八九十百千]"
_HAN_DAYS = {"大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "后": 2, "大后": 3}
_HAN_YEARS = {"前": -2, "去": -1, "今": 0, "明": 1, "后": 2}
_HAN_WEEKS = {"上上": -2, "上": -1, "这": 0, "本": 0, "下": 1, "下下": 2}
_HAN_WEEKDAYS = {**{c: i for i, c in enumerate("一二三四五六日")}, "天": 6}
_NAMED_DAYS = {
    "day before yesterday": -2,
    "yesterday": -1,
    "last night": -1,
    **dict.fromkeys(("today", "tonight", "this morning", "this afternoon", "this evening"), 0),
    **dict.fromkeys(("tomorrow", "tmrw", "tmr"), 1),
    "day after tomorrow": 2,
}

_BEFORE = _pattern(r"^(?:(?:on|by|for|from|until|till|since) )?(?:the )?|[在于从到]")
_CLOCK = rf"(?:\d{{1,2}}|{_HAN_NUMBER}{{1,3}})"
_TIME_OF_DAY = _pattern(
    r"(?<!this)(?<!last)(?: (?:in the )?(?:morning|afternoon|evening|night))?"
    r"(?:(?: at)? (?:noon|midnight|\d{1,2}:\d\d(?: ?[ap]m)?|\d{1,2} ?[ap]m)| at \d{1,2})?$"
    r"|(?:凌晨|早上|早晨|上午|中午|下午|傍晚|晚上|早|晚)?"
    rf"(?:{_CLOCK}(?::\d\d|点(?:半|钟|{_CLOCK}分?)?))?$"
)

Rule = Callable[[re.Match[str], date], date | None]


def date_of(text: str, today: date, *, month_first: bool = False) -> date | None:
    """The day that a text names, seen from `today`.

    "3/4/2026" is 3 April or, with `month_first`, March 4. A day and month without a year are those
    nearest to today. "friday" and "this friday" are the next one, which may be today; "last
    friday" is the last before today; "next friday" is that of next week. 这周五, 上周五 and 下周五
    are days of this, last and next week.
    """
    said = _BEFORE.sub("", " ".join(_plain(text).replace(",", " ").split()), count=1)
    numeric: Rule = _month_day if month_first else _day_month
    rules = (*_RULES, (_NUMERIC, numeric), (_NUMERIC_DAY, numeric))
    for words in (said, _TIME_OF_DAY.sub("", said, count=1)):
        for pattern, rule in rules:
            if found := pattern.fullmatch(words):
                try:
                    return rule(found, today)
                except (ValueError, OverflowError):
                    return None  # 31 February, or a day after the year 9999
    return None


def _year_first(found: re.Match[str], _: date) -> date:
    return date(int(found["year"]), int(found["month"]), int(found["day"]))


def _day_month(found: re.Match[str], today: date) -> date | None:
    return _of_numbers(int(found[1]), int(found[3]), found[4], today)


def _month_day(found: re.Match[str], today: date) -> date | None:
    return _of_numbers(int(found[3]), int(found[1]), found[4], today)


def _of_numbers(day: int, month: int, year: str, today: date) -> date | None:
    """In the other order where only that is a date: there is no month 14."""
    if month > 12:
        day, month = month, day
    return _of(day, month, _full_year(int(year), today) if year else None, today)


def _full_year(year: int, today: date) -> int:
    """Of two figures, the year with them that is at most 20 years ahead: 85 is 1985."""
    if year > 99:
        return year
    return today.year + 20 - (today.year + 20 - year) % 100


def _of(day: int, month: int, year: int | None, today: date) -> date | None:
    """The day of that year or, without one, of the year that puts it nearest to today."""
    if year is not None:
        return date(year, month, day)
    years = (today.year - 1, today.year, today.year + 1)
    fitting = [y for y in years if 1 <= day <= monthrange(y, month)[1]]
    return min((date(y, month, day) for y in fitting), key=lambda d: abs(d - today), default=None)


def _named_month(found: re.Match[str], today: date) -> date | None:
    year = int(found["year"]) if found["year"] else None
    day = _of(int(found["day"]), _MONTHS[found["month"]], year, today)
    return _agreed(day, _WEEKDAYS.get(found["weekday"] or ""))


def _chinese_date(found: re.Match[str], today: date) -> date | None:
    day = _of(_small(found["day"]), _small(found["month"]), _chinese_year(found, today), today)
    return _agreed(day, _HAN_WEEKDAYS.get(found["weekday"] or ""))


def _chinese_year(found: re.Match[str], today: date) -> int | None:
    said = found["year"]
    if said is None:
        return None
    if said in _HAN_YEARS:
        return today.year + _HAN_YEARS[said]
    year = int("".join(str(HAN_FIGURES.get(figure, figure)) for figure in said))
    return _full_year(year, today)


def _agreed(day: date | None, weekday: int | None) -> date | None:
    """The day, unless another day of the week is said with it."""
    return day if day is None or weekday is None or day.weekday() == weekday else None


def _named_day(found: re.Match[str], today: date) -> date:
    return today + timedelta(days=_NAMED_DAYS[found[0]])


def _chinese_day(found: re.Match[str], today: date) -> date:
    return today + timedelta(days=_HAN_DAYS[found[1] or found[2]])


def _weekday(found: re.Match[str], today: date) -> date:
    ahead = (_WEEKDAYS[found[2]] - today.weekday()) % 7
    match found[1]:
        case "next":
            return _of_week(1, _WEEKDAYS[found[2]], today)
        case "last" | "past":
            return today + timedelta(days=ahead - 7)
        case _:
            return today + timedelta(days=ahead)


def _chinese_weekday(found: re.Match[str], today: date) -> date:
    weekday = _HAN_WEEKDAYS[found[2]]
    if found[1]:
        return _of_week(_HAN_WEEKS[found[1]], weekday, today)
    return today + timedelta(days=(weekday - today.weekday()) % 7)


def _of_week(weeks: int, weekday: int, today: date) -> date:
    return today + timedelta(days=7 * weeks + weekday - today.weekday())


def _counted(found: re.Match[str], today: date) -> date | None:
    count = _small(found["count"])
    sign = -1 if found["way"] in ("ago", "前") else 1
    unit = found["unit"]
    if unit in ("month", "个月"):
        return _months_on(today, sign * count)
    return today + timedelta(days=sign * count * (1 if unit in ("day", "天") else 7))


def _months_on(day: date, months: int) -> date:
    """The same day of another month, or its last one."""
    year, month = divmod(12 * day.year + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _small(said: str) -> int:
    value = 1 if said in ("a", "an") else number_of(said)
    if value is None:
        raise ValueError(said)
    return int(value)


_COUNT = rf"(?P<count>\d{{1,3}}|an?|{_any(WORDS)})"
_UNIT = "(?P<unit>day|week|month)s?"
_HAN_COUNT = rf"(?:\d{{1,4}}|{_HAN_NUMBER}{{1,3}})"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_MONTH = rf"(?P<month>{_any(_MONTHS)})\.?"
_YEAR = r"(?:[ -](?P<year>\d{4}))?"
_ON = rf"(?:(?P<weekday>{_any(_WEEKDAYS)}) )?(?:the )?"
_WEEK = "(?:周|星期|礼拜)"
_HAN_ON = rf"(?:\(?{_WEEK}(?P<weekday>{_any(_HAN_WEEKDAYS)})\)?)?"
_HAN_YEAR = rf"(?:(?P<year>\d{{4}}|\d\d|[零〇一二三四五六七八九]{{4}}|{_any(_HAN_YEARS)})年)?"

_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = tuple(
    (_pattern(source), rule)
    for source, rule in (
        (_any(_NAMED_DAYS), _named_day),
        (rf"(?:(this|next|last|past|coming|this coming) )?({_any(_WEEKDAYS)})", _weekday),
        (rf"{_ON}{_DAY}[ -]?(?:of )?{_MONTH}{_YEAR}", _named_month),
        (rf"{_ON}{_MONTH}[ -]?(?:the )?{_DAY}{_YEAR}", _named_month),
        (rf"(?P<way>in) {_COUNT} {_UNIT}", _counted),
        (rf"{_COUNT} {_UNIT} (?P<way>ago|from now|from today)", _counted),
        (r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)", _year_first),
        (r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", _year_first),
        (rf"({_any(_HAN_DAYS)})[天日]|([今明昨])[儿晚早]?", _chinese_day),
        (rf"({_any(_HAN_WEEKS)})?个?{_WEEK}({_any(_HAN_WEEKDAYS)})", _chinese_weekday),
        (
            rf"{_HAN_YEAR}(?P<month>{_HAN_COUNT})月(?P<day>{_HAN_COUNT})[日号]?{_HAN_ON}",
            _chinese_date,
        ),
        (
            rf"(?P<count>{_HAN_COUNT})(?P<unit>天|周|个?星期|个?礼拜|个月)"
            r"(?:之|以)?(?P<way>前|后)",
            _counted,
        ),
    )
)
_NUMERIC = _pattern(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d\d)")
_NUMERIC_DAY = _pattern(r"(\d{1,2})(/)(\d{1,2})()")


# --- amounts -------------------------------------------------------------------------------------

_CODES = (
    "AED AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR NOK NZD PHP PLN"
    " RUB SAR SEK SGD THB TRY TWD USD VND ZAR"
)
_NAMES = {
    "USD": "us$ 美元 美金 元美金",
    "AUD": "a$ au$ 澳元 澳币",
    "CAD": "c$ ca$ 加元 加币",
    "HKD": "hk$ 港元 港币 元港币",
    "NZD": "nz$ 新西兰元 纽币",
    "SGD": "s$ 新加坡元 新币",
    "TWD": "nt$ 新台币 台币 元台币 元新台币",
    "MXN": "mx$",
    "BRL": "r$",
    "EUR": "€ euro euros 欧元",
    "GBP": "£ pound pounds quid 英镑",
    "CNY": "rmb cn¥ yuan renminbi 人民币 元人民币 块人民币",
    "JPY": "jp¥ yen 日元 日圆",
    "INR": "₹ rupee rupees 卢比",
    "KRW": "₩ 韩元 韩币",
    "RUB": "₽ 卢布",
    "THB": "฿ baht 泰铢",
    "VND": "₫",
    "TRY": "₺",
    "ILS": "₪",
}
_DOLLARS = frozenset({"USD", "AUD", "CAD", "HKD", "NZD", "SGD", "TWD", "MXN"})
_VAGUE = {
    **dict.fromkeys(("$", "dollar", "dollars", "buck", "bucks"), ("USD", _DOLLARS)),
    **dict.fromkeys(("元", "圆", "块", "块钱"), ("CNY", _DOLLARS | {"JPY"})),
    "¥": ("CNY", frozenset({"JPY"})),
}
"""Signs of several currencies: the one they mean alone, and those that may be named beside them."""
_CURRENCIES = {
    **{code.casefold(): code for code in _CODES.split()},
    **{name: code for code, names in _NAMES.items() for name in names.split()},
    **{name: code for name, (code, _) in _VAGUE.items()},
}
_AMOUNT = _pattern(
    rf"(?P<sign>-?)(?P<before>{_any(_CURRENCIES)})? ?(?P<inner>-?)"
    rf"(?P<number>.+?) ?(?P<after>{_any(_CURRENCIES)})?"
)
_TENTHS = _pattern(r"(.+)块([1-9一二三四五六七八九])")


def amount_of(text: str) -> str | None:
    """The amount as a decimal with "." and, where a currency is said, its ISO 4217 code.

    "$" alone is USD, "¥" and "元" are CNY.
    """
    said = _plain(text)
    if (tenths := _TENTHS.fullmatch(said)) and (whole := number_of(tenths[1])) is not None:
        said = f"{whole:f}.{HAN_FIGURES.get(tenths[2], tenths[2])}元"
    found = _AMOUNT.fullmatch(said)
    if found is None or (value := number_of(found["number"])) is None:
        return None
    currency = _currency([sign for sign in (found["before"], found["after"]) if sign])
    minus = "-" if "-" in (found["sign"], found["inner"]) else ""
    return None if currency is None else f"{minus}{value:f} {currency}".rstrip()


def _currency(said: Sequence[str]) -> str | None:
    """The code of what is said before and after a number: "" of nothing, None if they differ."""
    codes = {_CURRENCIES[name] for name in said}
    if len(codes) < 2:
        return "".join(codes)
    for vague, other in (said, said[::-1]):
        if vague in _VAGUE and _CURRENCIES[other] in _VAGUE[vague][1]:
            return _CURRENCIES[other]
    return None
