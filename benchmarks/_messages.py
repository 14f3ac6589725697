"""Messages that nobody would write and somebody will send: seeded, `count` of them, no two runs
apart.

Half are made by rules (one each for a way in which programs have been broken by text), half are
real customers' messages with something done to them.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

LONGEST = 100_000
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz ",
    "退货换货订单发票什么时候能到请问可以吗",
    "אבגדהוזחטיךכלםמןנס ",
    "абвгдежзийклмн ",
    "😀😡🤷🏽‍♀️👩‍👩‍👧🇩🇪❤️",
    "0123456789-+.,/:TtCcYy ",
    "!?.,;:-_()[]{}<>|\\/'\"`~@#$%^&*=+ \t",
)
ODD = (
    "", " ", "\n", "\0", "a\0b", "\ud800", "ok \udfff ok", "\ufeff", "\u202eredro ym",
    "\u2066x\u2069",
    "\u200b\u200b", "\u00ad", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b[2J\x1b[H", "\x9b31m",
    "\x07\x08\x7f", "[red]x[/red]", "[bold", "[/]", "[link=https://x.example]y[/link]", ":smile:",
    "<b>x</b>", "<script>alert(1)</script>", "<!--", "&lt;&amp;", "]]>", "'; DROP TABLE turns; --",
    '" OR ""="', "NULL", "{order_id}", "{{order_id}}", "{0}", "{}", "{order_id!r}", "{a.__class__}",
    "%s %d %n %(x)s", "$HOME `id` $(id)", "${jndi:ldap://x.example}", "../../etc/passwd", "C:\\con",
    "key: [value", "- a\n- b: {c", '{"text": "x", "intents": [', "[]", "null",
    "a\r\nb\rc\u2028d\u2029",
    "/help", "/why", "/quit", '"""', '"""\nx', "\\", "\\n", "\\x00", "-1", "1e999", "NaN",
    "Infinity",
    "9" * 400, "-0.0", "0x1F", "１２３", "٣٤٥", "Ⅷ½②", "ﬁ ﬀ", "ß ẞ İ ı", "ǅ", "Ａ", "e\u0301",
    "\u0301\u0301",
    "TT-123456", "tt-000000 TT-999999 TT-12345", "CY20250001", "x@y.example", "@" * 300,
    "agent", "人工", "yes", "no", "1", "3", "99", "first", "the second one", "第三个", "cancel",
    "stop",
    "restart", "repeat", "skip", "I already told you", "我说过了", "no, I meant TT-123457",
    "不对，是CY20250002",
    "and for the blue one?", "那蓝色的呢？", "it", "它", "呢", "那", "?", "？？？", "...", "。。。",
)  # fmt: skip
_PIECES = (
    ("and also ", 1000), ("where is my order? ", 1000), ("。另外，", 800), ("还有", 2000), ("?",
    5000),
    ("I want to return it and ", 400), ("no, I meant ", 700), ("a.", 3000), ("- x\n", 2000),
    ("[", 5000), ("{", 5000), ("(", 5000), ("<b>", 2000), ("\\", 5000), ("'", 5000), ('"', 5000),
    ("\n", 5000), (" ", 20_000), ("\t", 5000), ("\u0301", 3000), ("\u202e", 1000), ("\0", 1000),
    ("😡", 3000), ("我要退货", 2000), ("and for ", 1000), ("the ", 3000), ("TT-12345", 2000),
    ("TT-123456 ", 1500), ("1,", 5000), ("1.", 5000), ("1/1/", 2000), ("EUR ", 2000), ("x@", 3000),
    ("@x.", 3000), ("a@b.", 3000), ("+49 ", 2000), ("DE89 ", 1000), ("http://", 1000), ("4111 ",
    900),
    ("next ", 2000), ("last week ", 800), ("tomorrow ", 1000), ("下下", 2000), ("二十", 2000),
    ("one hundred ", 500), ("half past ", 500), ("thanks ", 1500), ("ok ", 2000), ("no ", 3000),
)  # fmt: skip
"""Pieces and how often they are repeated at most: what a pattern may read again and again."""


def messages(count: int, real: Sequence[str], seed: int = 7) -> Iterator[str]:
    """`count` messages; `real` are customers' own, of which some are mutated."""
    yield from ODD[:count]
    rng = random.Random(seed)
    ways: Sequence[Callable[[random.Random], str]] = (
        _letters, _unicode, _repeated, _pattern_bomb, _joined, lambda r: _long(r, real),
        *(lambda r: _mutated(r, real),) * 6,
    )  # fmt: skip
    for _ in range(count - len(ODD)):
        yield rng.choice(ways)(rng)[:LONGEST]


def customers_messages(folders: Sequence[Path]) -> list[str]:
    """The distinct customers' messages of the chats in some folders, those that are there."""
    paths = sorted(path for folder in folders for path in folder.glob("*.jsonl"))
    found: dict[str, None] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            turns = json.loads(line)["turns"]
            found |= dict.fromkeys(turn["text"] for turn in turns if turn["speaker"] == "customer")
    return list(found)


def _letters(rng: random.Random) -> str:
    alphabet = rng.choice(_ALPHABETS)
    return "".join(rng.choices(alphabet, k=rng.choice((1, 2, 5, 20, 80, 400, 3000))))


def _unicode(rng: random.Random) -> str:
    """Any code points, surrogates too."""
    top = rng.choice((0x80, 0x300, 0x3000, 0x10FFFF))
    return "".join(chr(rng.randint(0, top)) for _ in range(rng.choice((1, 3, 10, 60, 300))))


def _repeated(rng: random.Random) -> str:
    piece, most = rng.choice(_PIECES)
    return piece * rng.randint(2, most) + rng.choice(("", "!", "x", "?", "\n", "。"))


def _pattern_bomb(rng: random.Random) -> str:
    """Nearly, many times over, what a pattern for numbers, addresses, dates or amounts wants."""
    near = (
        "TT-12345",
        "tt-",
        "a.b-c+d@",
        "1.2.3.4.",
        "12/12/",
        "EU 4",
        "XXL",
        "1234 5678 ",
        "-",
        "1",
    )
    pieces = rng.choices(near, k=rng.choice((2, 3)))
    return "".join(pieces) * rng.choice((10, 100, 1000, 4000))


def _joined(rng: random.Random) -> str:
    words = (" and ", ". ", "\n", ", also ", "? ", "，另外", "；", " & ", " / ")
    return rng.choice(words).join(rng.choices(ODD, k=rng.randint(2, 30)))


def _long(rng: random.Random, real: Sequence[str]) -> str:
    parts = rng.choices(real, k=rng.choice((10, 100, 2000)))
    return rng.choice((" ", "", "\n", "。")).join(parts)


def _mutated(rng: random.Random, real: Sequence[str]) -> str:
    text = rng.choice(real)
    for _ in range(rng.randint(1, 3)):
        text = rng.choice(_MUTATIONS)(rng, text)
    return text


def _cut(rng: random.Random, text: str) -> str:
    start = rng.randint(0, len(text))
    return text[start : rng.randint(start, len(text))]


def _put_in(rng: random.Random, text: str) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(ODD) + text[at:]


def _shuffled(rng: random.Random, text: str) -> str:
    parts = text.split(" ") if " " in text else list(text)
    rng.shuffle(parts)
    return (" " if " " in text else "").join(parts)


def _zalgo(rng: random.Random, text: str) -> str:
    return "".join(c + "".join(chr(rng.randint(0x300, 0x36F)) for _ in range(5)) for c in text)


_MUTATIONS: tuple[Callable[[random.Random, str], str], ...] = (
    _cut, _put_in, _shuffled, _zalgo,
    lambda _, text: text.upper(),
    lambda _, text: text[::-1],
    lambda _, text: text.replace(" ", ""),
    lambda _, text: text.replace(" ", "\u00a0"),
    lambda rng, text: text * rng.choice((2, 3, 50)),
    lambda _, text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    lambda rng, text: f"{text} {rng.choice(ODD)} {text}",
    lambda _, text: "".join(f"{c} " for c in text),
    lambda _, text: text.replace("e", "3").replace("o", "0"),
)  # fmt: skip
