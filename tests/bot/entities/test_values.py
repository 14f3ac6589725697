"""What words mean, in two languages; and what is left as it was said."""

import random
from datetime import date

import pytest

from bot.entities.numerals import number_of
from bot.entities.values import LONGEST, amount_of, date_of, normalised

WEDNESDAY = date(2026, 3, 4)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("2026-03-05", "2026-03-05"),
        ("2026/3/5", "2026-03-05"),
        ("20260305", "2026-03-05"),
        ("2026-03-05 10:00", "2026-03-05"),
        ("3/4/2026", "2026-04-03"),
        ("3.4.26", "2026-04-03"),
        ("3/4", "2026-04-03"),
        ("3/14/2026", "2026-03-14"),  # there is no month 14
        ("1/2/85", "1985-02-01"),
        ("12 March", "2026-03-12"),
        ("12th of March, 2027", "2027-03-12"),
        ("March 12th", "2026-03-12"),
        ("Sept. 3, 2026", "2026-09-03"),
        ("20 December", "2025-12-20"),  # nearer than the next one
        ("Thursday, 5 March", "2026-03-05"),
        ("today", "2026-03-04"),
        ("Tomorrow!", "2026-03-05"),
        ("the day after tomorrow", "2026-03-06"),
        ("last night", "2026-03-03"),
        ("friday", "2026-03-06"),
        ("wednesday", "2026-03-04"),
        ("this friday at 5pm", "2026-03-06"),
        ("next friday", "2026-03-13"),
        ("last friday", "2026-02-27"),
        ("last wednesday", "2026-02-25"),
        ("on Monday morning", "2026-03-09"),
        ("in two weeks", "2026-03-18"),
        ("3 days ago", "2026-03-01"),
        ("a month ago", "2026-02-04"),
        ("明天", "2026-03-05"),
        ("大后天", "2026-03-07"),
        ("今晚8点", "2026-03-04"),
        ("3月5日", "2026-03-05"),
        ("３月５号", "2026-03-05"),
        ("三月二十五日", "2026-03-25"),
        ("二〇二六年三月五日", "2026-03-05"),
        ("明年3月5日", "2027-03-05"),
        ("3月5日（星期四）", "2026-03-05"),
        ("周五", "2026-03-06"),
        ("这周一", "2026-03-02"),
        ("下周五", "2026-03-13"),
        ("下个星期天", "2026-03-15"),
        ("上周三下午三点半", "2026-02-25"),
        ("三天后", "2026-03-07"),
        ("两个月前", "2026-01-04"),
    ],
)
def test_a_day(said: str, day: str) -> None:
    assert normalised(said, "date", WEDNESDAY) == day


@pytest.mark.parametrize(
    "said",
    [
        *("", "soon", "next week", "the 12th", "12", "may", "March 2026", "after friday"),
        *("12 or 13 March", "Friday, 5 March", "31 February", "29 Feb", "0/0/0000", "3-4"),
        *("in 5", "5号", "月底", "3月前", "农历三月五日", "13月5日", "下午", "后", "١٢/٣/٢٠٢٦"),
    ],
)
def test_what_is_no_day_or_could_be_two(said: str) -> None:
    assert normalised(said, "date", WEDNESDAY) is None


def test_the_month_may_be_said_first() -> None:
    assert date_of("3/4/2026", WEDNESDAY, month_first=True) == date(2026, 3, 4)
    assert date_of("14/3/2026", WEDNESDAY, month_first=True) == date(2026, 3, 14)


def test_a_day_counts_from_the_day_it_is_said() -> None:
    new_years_eve = date(2027, 12, 31)
    assert date_of("tomorrow", new_years_eve) == date(2028, 1, 1)
    assert date_of("2 January", new_years_eve) == date(2028, 1, 2)
    assert date_of("29 Feb", new_years_eve) == date(2028, 2, 29)
    assert date_of("in two months", new_years_eve) == date(2028, 2, 29)


def test_no_day_before_the_first_or_after_the_last() -> None:
    assert date_of("yesterday", date.min) is None
    assert date_of("next friday", date.max) is None
    assert date_of("in 999 months", date.max) is None
    assert date_of("1月1日", date.max) is None


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("$1,299.50", "1299.50 USD"),
        ("1.299,50 €", "1299.50 EUR"),
        ("1 299,50 EUR", "1299.50 EUR"),
        ("50 euros", "50 EUR"),
        ("usd 12", "12 USD"),
        ("HK$30", "30 HKD"),
        ("$20 AUD", "20 AUD"),
        ("-£5", "-5 GBP"),
        ("20k", "20000"),
        ("2 million yen", "2000000 JPY"),
        ("a hundred and five dollars", "105 USD"),
        ("twenty-five quid", "25 GBP"),
        ("12", "12"),
        ("1,299", "1299"),
        ("12,5", "12.5"),
        ("￥300", "300 CNY"),
        ("¥300 JPY", "300 JPY"),
        ("300元", "300 CNY"),
        ("人民币３００元", "300 CNY"),
        ("300元港币", "300 HKD"),
        ("三百块", "300 CNY"),
        ("三块五", "3.5 CNY"),
        ("3.5万元", "35000 CNY"),
        ("两千零五美元", "2005 USD"),
    ],
)
def test_an_amount(said: str, amount: str) -> None:
    assert normalised(said, "amount", WEDNESDAY) == amount


@pytest.mark.parametrize(
    "said",
    [
        *("", "$", "much", "1.299", "five fifty", "$20 euros", "about $50", "$5 or $6", "50 cents"),
        *("nan", "1e5", "9" * 16, "12 TT-12", "好几百块", "三五百块", "三十五百", "元"),
    ],
)
def test_what_is_no_amount_or_could_be_two(said: str) -> None:
    assert amount_of(said) is None


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("十", 10),
        ("十二", 12),
        ("三百五", 350),
        ("三百零五", 305),
        ("三千零五十", 3050),
        ("一万二", 12_000),
        ("3万5", 35_000),
        ("一亿二千万", 120_000_000),
        ("一万三万", None),
        ("ninety nine", 99),
        ("two thousand five hundred and one", 2501),
        ("ten five", None),
    ],
)
def test_a_number(said: str, number: int | None) -> None:
    assert number_of(said) == number


@pytest.mark.parametrize("month_first", [False, True])
def test_every_day_is_understood_as_it_is_written(month_first: bool) -> None:
    days = [date.fromordinal(date(2020, 1, 1).toordinal() + 97 * i) for i in range(40)]
    for day in days:
        numeric = f"{day:%m/%d/%Y}" if month_first else f"{day:%d/%m/%Y}"
        for said in (numeric, f"{day:%d %B %Y}", f"{day:%b %d, %Y}", f"{day:%Y年%m月%d日}"):
            assert date_of(said, WEDNESDAY, month_first=month_first) == day


def test_any_text_has_a_value_or_none() -> None:
    """Random texts of pieces that the patterns know, and of any characters at all."""
    random_ = random.Random(7)
    pieces = ["next ", "friday", "march ", "三", "百", "万", "月", "下周", "$", "1", ",", ".", "-",
              "a ", "in ", "元", "块", "点", " and ", "k", "/", "年", "前"]  # fmt: skip
    for _ in range(1000):
        known = "".join(random_.choices(pieces, k=random_.randrange(12)))
        anything = "".join(chr(random_.randrange(0x110000)) for _ in range(random_.randrange(12)))
        for text in (known, anything, known + anything):
            day = normalised(text, "date", WEDNESDAY)
            assert day is None or date.fromisoformat(day)
            amount = normalised(text, "amount", WEDNESDAY)
            assert amount is None or float(amount.split()[0]) < 1e24


@pytest.mark.parametrize("text", ["🥐", "שלום", "\u202e1", "\x00", "\ud800", "1" * 10_000])
def test_strange_texts_have_no_value(text: str) -> None:
    assert normalised(text, "date", WEDNESDAY) is None
    assert normalised(text, "amount", WEDNESDAY) is None


def test_a_long_text_is_not_looked_at() -> None:
    assert amount_of("9".rjust(LONGEST)) == "9"
    assert amount_of("9".rjust(LONGEST + 1)) is None
