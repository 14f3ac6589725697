"""A conversation at a terminal, and the same conversation through a pipe.

At a terminal a person types, reads and asks why; in a pipe a program writes a message a line and
reads an answer a line. Both depend only on something that responds, so a test can stand in for
the bot.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from bot.errors import BotError
from bot.exchange import Respondent, exchange_json
from bot.replies import Language, in_a_line, language_of, one_line, printable, sentence
from bot.terminal.words import LANGUAGES, remembered, word

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings

    from bot.sessions.resuming import Resumed
    from bot.terminal.slash_commands import Chat

INTERRUPTED = 130
FENCE = '"""'


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
    debug: bool = False,
) -> int:
    """Answer a message a line with an answer a line, each flushed at once; give the exit code.

    The code is 1 when a turn failed. Such a turn still has its line, an apology, in JSON
    `{"error", "reply"}`, so that messages and answers stay in step; what went wrong is on `err`.
    A `/` means nothing here.
    """
    failed = False
    try:
        for number, line in enumerate(lines, start=1):
            reply, told, error = _answered(bot, _decoded(line))
            if error is not None:
                failed = True
                err.write(_complaint(error, f"line {number}: ", debug=debug) + "\n")
            out.write((json_line(told) if as_json else in_a_line(reply)) + "\n")
            out.flush()
    except BrokenPipeError:
        # The reader has gone, as `head` does; nor may the flush at exit complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return 1 if failed else 0


def _answered(bot: Respondent, message: str) -> tuple[str, dict[str, Any], Exception | None]:
    """The reply, as text and as JSON, and what went wrong, for which the reply then apologises."""
    try:
        exchange = bot.respond(message)
        return exchange.reply, exchange_json(exchange), None
    except Exception as error:  # whatever it was, the next message deserves an answer
        sorry = sentence(language_of(message) or bot.language, "failed")
        return sorry, {"error": _in_short(error), "reply": sorry}, error


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r\n")


def _in_short(error: BaseException) -> str:
    said = one_line(str(error))
    return said if isinstance(error, BotError) and said else f"{type(error).__name__}: {said}"


def _complaint(
    error: BaseException, where: str = "", *, debug: bool, language: Language = "en"
) -> str:
    if debug:
        return printable("".join(traceback.format_exception(error)).rstrip())
    said = word("error", language, what=f"{where}{_in_short(error)}")
    return said if isinstance(error, BotError) else f"{said} {word('see trace', language)}"


# At a terminal.


def run_repl(
    bot: Respondent,
    *,
    name: str,
    intents: Sequence[str] = (),
    home: Path | None = None,
    begun: Resumed | None = None,
    debug: bool = False,
) -> int:
    """Talk at the terminal until the person leaves; give the exit code.

    0 after `/quit` or the end of input, 130 after Ctrl-C twice at an empty prompt. Messages and the
    language are kept in the folder `home`, readable by their owner alone, if given. `begun` is the
    session that the bot goes on with.
    """
    chat = _chat(bot, intents, home)
    chat.note(chat.word("greeting", name=name))
    if begun:
        chat.go_on(begun)
    return _converse(chat, _prompt_session(home / ".history" if home else None, chat), debug)


def _converse(chat: Chat, session: PromptSession[str], debug: bool) -> int:
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
                chat.note(chat.word("again to leave"))
            continue
        leaving = False
        _take(chat, unfenced(text), debug)
    return 0


def _chat(bot: Respondent, intents: Sequence[str], home: Path | None) -> Chat:
    """A chat that opens in the language of the last one."""
    from rich.console import Console

    from bot.terminal.screen import Screen
    from bot.terminal.slash_commands import Chat

    memory = home / ".language" if home else None
    bot.language = remembered(memory, bot.language)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal's encoding does not have must not end the chat.
        sys.stdout.reconfigure(errors="replace")
    screen = Screen(Console(highlight=False))
    return Chat(bot, screen, tuple(intents), bot.language, memory)


def _take(chat: Chat, text: str, debug: bool) -> None:
    try:
        _answer(chat, text)
    except Exception as error:  # a conversation outlives whatever went wrong in one turn
        chat.complain(_complaint(error, debug=debug, language=chat.language))


def _answer(chat: Chat, text: str) -> None:
    try:
        chat.take(text)
    except KeyboardInterrupt:
        chat.note(chat.word("cancelled"))
        chat.bot.catch_up()  # it may have been committed a moment before


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


def _prompt_session(history: Path | None, chat: Chat) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.application import get_app
    from prompt_toolkit.filters import Condition

    return PromptSession(
        history=_history(history),
        completer=_completer(chat),
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


def _completer(chat: Chat) -> Completer:
    """Completes the commands, and what may follow them; a plain message is left alone."""
    from prompt_toolkit.completion import DynamicCompleter, WordCompleter

    from bot.terminal.slash_commands import COMMANDS

    follow = [*(f"/intent {intent}" for intent in chat.intents)]
    follow += [f"/language {language}" for language in LANGUAGES]

    def of_now() -> WordCompleter:
        helps = {f"/{command.name}": command.help[chat.language] for command in COMMANDS}
        return WordCompleter([*helps, *follow], sentence=True, meta_dict=helps)

    return DynamicCompleter(of_now)


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
