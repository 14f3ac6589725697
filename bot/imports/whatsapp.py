"""WhatsApp's "Export chat" text files (`_chat.txt`, `WhatsApp Chat with ….txt`), Android and iOS.

    31/12/2023, 21:41 - Mia: hello               Android; "12/31/23, 9:41 PM" likewise
    [31/12/2023, 21:41:05] Mia: hello            iOS

A line without a stamp goes on with the message before it. Lines without a name are the system's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.imports import Look
from bot.imports.source import DELETED, MEDIA, SYSTEM, Bad, Found, Source, is_utf8, lines
from bot.imports.stamps import Stamp, month_comes_first, stamp_of
from bot.imports.threads import Message, conversations

_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\ufeff]")
_IOS = re.compile(r"\[([^\]]{8,40})\] (.*)")
_ANDROID = re.compile(r"(\d{1,4}[./-].{6,30}?) - (.*)")
_NAMED = re.compile(r"([^:]{1,60}): ?(.*)")
_MEDIA = re.compile(
    r"<(?:Media omitted|attached: [^>]*|省略多媒体文件|媒体文件已忽略|附件：[^>]*)>"
    r"|[^\n]+ \((?:file attached|文件附件)\)"
    r"|(?:image|video|audio|GIF|sticker|document|Contact card|[^\n]+ • \d+ pages?"
    r"|图像|图片|视频|音频|贴图|文档) ?(?:document )?(?:omitted|已忽略|忽略)",
    re.IGNORECASE,
)
_DELETED = re.compile(
    r"(?:This message was deleted|You deleted this message"
    r"|此消息已删除|您已删除此消息|你删除了这条消息)[.。]?"
)
_EDITED = re.compile(r" ?<(?:This message was edited|此消息已编辑)>$")
_ENCRYPTED = re.compile(
    r"Messages and calls are end-to-end encrypted|消息和通话(?:都)?(?:已)?.{0,4}端到端加密"
)


@dataclass(slots=True)
class _Line:
    """A line that begins a message, with the lines after it that go on with it."""

    place: str
    stamp: Stamp
    rest: str


def recognises(look: Look) -> bool:
    """Whether one of the first lines begins as WhatsApp's do, with somebody's name."""
    return any(
        begun is not None and _NAMED.fullmatch(begun[1]) for begun in map(_begun, look.lines)
    )


def read(source: Source) -> Iterator[Found]:
    """The conversations of one exported chat."""
    broken = next((n for n, line in lines(source.path) if not is_utf8(line)), None)
    if broken is not None:
        yield Bad(f"{source.path}:{broken}", "not valid UTF-8")
        return
    stamps = (begun[0] for _, line in lines(source.path) if (begun := _begun(line)))
    first = source.month_first
    month_first = month_comes_first(source.path, stamps) if first is None else first
    yield from conversations(source, _messages(source, month_first))


def _begun(line: str) -> tuple[Stamp, str] | None:
    """The stamp and the rest of a line that begins a message."""
    plain = _MARKS.sub("", line)
    match = _IOS.fullmatch(plain) or _ANDROID.fullmatch(plain)
    stamp = stamp_of(match[1]) if match else None
    return (stamp, match[2]) if match and stamp else None


def _lines_of(source: Source) -> Iterator[_Line]:
    current: _Line | None = None
    for number, text in lines(source.path, source.advance):
        if begun := _begun(text):
            if current:
                yield current
            current = _Line(f"{source.path}:{number}", *begun)
        elif current:
            current.rest += f"\n{_MARKS.sub('', text)}"
        elif text.strip():
            source.drop(SYSTEM)
    if current:
        yield current


def _messages(source: Source, month_first: bool) -> Iterator[Message]:
    for line in _lines_of(source):
        named = re.match(_NAMED.pattern, line.rest, re.DOTALL)
        at = line.stamp.at(month_first=month_first)
        if named is None or at is None or _ENCRYPTED.search(named[2]):
            source.drop(SYSTEM)
        elif text := _text(source, named[2]):
            yield Message(line.place, "", named[1].strip().lstrip("~ "), at, text)


def _text(source: Source, said: str) -> str:
    """What was said without media; "" where nothing else is left, which is counted."""
    text = _MEDIA.sub("", _EDITED.sub("", said.strip())).strip()
    if _DELETED.fullmatch(text):
        source.drop(DELETED)
        return ""
    if not text:
        source.drop(MEDIA)
    return text
