"""The dates and times that messengers write, in the order of the phone they were exported on.

    31/12/2023, 21:41     12/31/23, 9:41:05 PM     31.12.23, 21:41     2023/12/31 下午9:41

Whether the day or the month comes first is found in a date that can only be one of the two, or
has to be told.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import BotError

_HALF = r"[AaPp]\.?\s?[Mm]\.?"
_HALF_ZH = "凌晨|早上|上午|中午|下午|傍晚|晚上"
_STAMP = re.compile(
    r"(\d{1,4})([./-])\s?(\d{1,2})\2\s?(\d{1,4})\.?,?\s(?:(?:klo|kl\.|um|at|à|om)\s)?"
    rf"({_HALF_ZH})?\s?(\d{{1,2}})[:.](\d\d)(?:[:.](\d\d))?(?:\s?({_HALF}))?",
    re.ASCII,
)
_SPACES = re.compile("[\u00a0\u202f\u2009]")
_AFTERNOON = ("p", "下午", "傍晚", "晚上")
_NOON = "中午"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A date and time whose day and month are `one` and `other` in an order yet unknown, or known
    (`year_first`: then `one` is the month)."""

    year: int
    one: int
    other: int
    year_first: bool
    time: tuple[int, int, int]

    def at(self, *, month_first: bool) -> datetime | None:
        """The moment; None where there is no such day or time."""
        month, day = (
            (self.one, self.other) if month_first or self.year_first else (self.other, self.one)
        )
        try:
            return datetime(self.year, month, day, *self.time)
        except ValueError:
            return None


def stamp_of(text: str) -> Stamp | None:
    """The stamp a text is; None where it is none."""
    match = _STAMP.fullmatch(_SPACES.sub(" ", text).strip())
    if match is None:
        return None
    first, _, second, third, half_zh, hour, minute, seconds, half = match.groups()
    year_first = len(first) == 4
    if not year_first and len(first) > 2:
        return None
    year, one, other = (first, second, third) if year_first else (third, first, second)
    full_year = int(year) if len(year) == 4 else 2000 + int(year)
    time = _hour(int(hour), (half or half_zh or "").lower()), int(minute), int(seconds or 0)
    return Stamp(full_year, int(one), int(other), year_first, time)


def _hour(hour: int, half: str) -> int:
    if half.startswith(_AFTERNOON) or (half == _NOON and hour < 10):
        return hour if hour >= 12 else hour + 12
    return 0 if half and half != _NOON and hour == 12 else hour


def month_comes_first(path: Path, stamps: Iterable[Stamp]) -> bool:
    """Whether the month comes first, found in the first date that shows it.

    Raises BotError where no date does.
    """
    seen: Stamp | None = None
    for stamp in stamps:
        if stamp.year_first:
            continue
        if stamp.one > 12:
            return False
        if stamp.other > 12:
            return True
        seen = stamp if seen is None or stamp.one != stamp.other else seen
    if seen is None or seen.one == seen.other:
        return False
    raise BotError(
        f"{path}: {seen.one:02}/{seen.other:02} may be day and month or month and day, as may all "
        "its dates; say which with --day-first or --month-first"
    )
