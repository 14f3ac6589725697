"""A conversation at a terminal, and the same conversation through a pipe.

At a terminal a person types, reads and asks why; in a pipe a program writes a message a line and
reads an answer a line. Both depend only on something that responds, so a test can stand in for
the bot.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from bot.decision import Decision, Reading, decision_json
from bot.errors import BotError
from bot.replies import Language, one_line, printable, sentence
from bot.session_log import Verdict

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings

    from bot.chat_commands import Chat

INTERRUPTED = 130
FENCE = '"""'


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn as it is shown: what was decided and said, in `ms` milliseconds.

    It exists only once the turn is in the log.
    """

    session: int
    turn: int
    reply: str
    decision: Decision
    reading: Reading
    ms: float


class Respondent(Protocol):
    """What a conversation needs of a bot."""

    def respond(self, text: str) -> Exchange:
        """Answer one message; the turn is committed to the log before this returns."""
        ...

    def feedback(self, turn: int, verdict: Verdict, note: str) -> None:
        """Keep what a person said of a turn of this session."""
        ...


def exchange_json(exchange: Exchange) -> dict[str, Any]:
    """`{"session", "turn", "reply", "decision", "intent": {"name", "confidence"}, "ms"}`.

    The intent's name is null, with confidence 0, where the model knows no intents.
    """
    top = exchange.reading.intents[0] if exchange.reading.intents else None
    return {
        "session": exchange.session,
        "turn": exchange.turn,
        "reply": exchange.reply,
        "decision": decision_json(exchange.decision),
        "intent": {
            "name": top.name if top else None,
            "confidence": round(float(top.score), 6) if top else 0.0,
        },
        "ms": round(exchange.ms, 3),
    }


# In a pipe.

_STEERING = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def json_line(value: object) -> str:
    """The value as one line of JSON that is harmless to a terminal, Chinese left readable."""
    text = json.dumps(value, ensure_ascii=False)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def run_pipe(
    bot: Respondent,
    lines: Iterable[bytes],
    out: TextIO,
    err: TextIO,
    *,
    as_json: bool = False,
    language: Language = "en",
    debug: bool = False,
) -> int:
    """Answer a message a line with an answer a line, each flushed at once; give the exit code.

    The code is 1 when a turn failed. Such a turn still has its line, `{"error"}` in JSON, so that
    messages and answers stay in step; what went wrong is on `err`. A `/` means nothing here.
    """
    failed = False
    try:
        for number, line in enumerate(lines, start=1):
            try:
                exchange = bot.respond(_decoded(line))
                answer = json_line(exchange_json(exchange)) if as_json else exchange.reply
            except Exception as error:  # whatever it was, the next message deserves an answer
                failed = True
                err.write(_complaint(error, f"line {number}: ", debug=debug) + "\n")
                excuse = json_line({"error": _in_short(error)})
                answer = excuse if as_json else sentence(language, "failed")
            out.write((answer if as_json else one_line(answer)) + "\n")
            out.flush()
    except BrokenPipeError:
        # The reader has gone, as `head` does; nor may the flush at exit complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return 1 if failed else 0


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r\n")


def _in_short(error: BaseException) -> str:
    said = one_line(str(error))
    return said if isinstance(error, BotError) and said else f"{type(error).__name__}: {said}"


def _complaint(error: BaseException, where: str = "", *, debug: bool) -> str:
    if debug:
        return printable("".join(traceback.format_exception(error)).rstrip())
    hint = "" if isinstance(error, BotError) else " (--debug shows the trace)"
    return f"error: {where}{_in_short(error)}{hint}"


# At a terminal.


def run_repl(
    bot: Respondent,
    *,
    name: str,
    intents: Sequence[str] = (),
    history: Path | None = None,
    debug: bool = False,
) -> int:
    """Talk at the terminal until the person leaves; give the exit code.

    0 after `/quit` or the end of input, 130 after Ctrl-C twice at an empty prompt. Messages are
    kept in the file `history`, readable by its owner alone, if given.
    """
    from rich.console import Console

    from bot.chat_commands import Chat

    chat = Chat(bot, Console(highlight=False), tuple(intents))
    chat.note(f"{name}. Type a message; /help lists the commands.")
    session = _prompt_session(history, intents)
    leaving = False
    while not chat.over:
        try:
            text = session.prompt("> ")
        except EOFError:
            return 0
        except KeyboardInterrupt:
            at_empty = not session.default_buffer.text
            if at_empty and leaving:
                return INTERRUPTED
            leaving = at_empty
            if at_empty:
                chat.note("Press Ctrl-C again to leave.")
            continue
        leaving = False
        _take(chat, unfenced(text), debug)
    return 0


def _take(chat: Chat, text: str, debug: bool) -> None:
    try:
        chat.take(text)
    except KeyboardInterrupt:
        chat.note("Cancelled.")
    except Exception as error:  # a conversation outlives whatever went wrong in one turn
        chat.complain(_complaint(error, debug=debug))


def in_fence(text: str) -> bool:
    '''Whether a message began with """ and has not yet ended with it.'''
    text = text.strip()
    return text.startswith(FENCE) and not (len(text) >= 2 * len(FENCE) and text.endswith(FENCE))


def unfenced(text: str) -> str:
    """The message inside the fences, without halves of characters that a terminal let through."""
    text = text.strip().encode("utf-8", "replace").decode("utf-8")
    if text.startswith(FENCE) and not in_fence(text):
        return text[len(FENCE) : -len(FENCE)].strip()
    return text


def _prompt_session(history: Path | None, intents: Sequence[str]) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.application import get_app
    from prompt_toolkit.filters import Condition

    return PromptSession(
        history=_history(history),
        completer=_completer(intents),
        key_bindings=_key_bindings(),
        multiline=Condition(lambda: in_fence(get_app().current_buffer.text)),
        prompt_continuation="  ",
        complete_while_typing=False,
    )


def _key_bindings() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    bindings = KeyBindings()

    @bindings.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.newline()

    return bindings


def _completer(intents: Sequence[str]) -> Completer:
    """Completes the commands, and the intents after `/intent`; a plain message is left alone."""
    from prompt_toolkit.completion import WordCompleter

    from bot.chat_commands import COMMANDS

    helps = {f"/{command.name}": command.help for command in COMMANDS}
    words = [*helps, *(f"/intent {intent}" for intent in intents)]
    return WordCompleter(words, sentence=True, meta_dict=helps)


def _history(path: Path | None) -> History:
    """The history in a file of mode 0600; in memory where no such file can be had."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    if path is None:
        return InMemoryHistory()

    class Sheltered(FileHistory):
        """Losing a line of history must not cost the conversation."""

        def store_string(self, string: str) -> None:
            try:
                super().store_string(string.encode("utf-8", "replace").decode("utf-8"))
            except OSError:
                return

    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return Sheltered(str(path))
