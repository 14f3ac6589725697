"""Plain text, a message a line: `Customer: ...`, `Agent: ...`, 客户：……, 客服：……

A blank line or one of dashes ends a chat. A line without a speaker goes on with the message before
it. Other names are allowed where the agents' are told (`--agent`).
"""

import re
from collections.abc import Iterator

from bot.imports import Look
from bot.imports.rows import AGENTS, CUSTOMERS, speaker_of
from bot.imports.source import Bad, Chat, Found, JsonObject, Source, is_utf8, text_lines

_TURN = re.compile(r"\s*([^:：]{1,40}?)\s*[:：]\s*(.*)")
_END = re.compile(r"\s*(?:[-=*_—]{3,}\s*)?")


def recognises(look: Look) -> bool:
    """Whether the first lines have two speakers of known names."""
    names = [turn[1].lower() for line in look.lines if (turn := _TURN.fullmatch(line))]
    return any(name in CUSTOMERS for name in names) and any(name in AGENTS for name in names)


def read(source: Source) -> Iterator[Found]:
    """The chats of a text file, numbered from 1."""
    for number, block in enumerate(_blocks(source), 1):
        yield _chat(source, source.numbered(number), block)


def _blocks(source: Source) -> Iterator[list[tuple[int, str]]]:
    block: list[tuple[int, str]] = []
    for number, line in text_lines(source):
        if not _END.fullmatch(line):
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _chat(source: Source, chat_id: str, block: list[tuple[int, str]]) -> Found:
    turns: list[JsonObject] = []
    for number, line in block:
        place = f"{source.path}:{number}"
        if not is_utf8(line):
            return Bad(place, "not valid UTF-8")
        found = _TURN.fullmatch(line)
        speaker = speaker_of(found[1], source.agents) if found else None
        if found and speaker:
            turns.append({"speaker": speaker, "text": found[2]})
        elif turns:
            turns[-1]["text"] += f"\n{line.strip()}"
        else:
            what = f'speaker "{found[1]}" is neither' if found else "the chat begins without"
            end = "customer nor agent; name the agents with --agent NAME" if found else "a speaker"
            return Bad(place, f"{what} {end}")
    return Chat(f"{source.path}:{block[0][0]}", {"id": chat_id, "turns": turns})
