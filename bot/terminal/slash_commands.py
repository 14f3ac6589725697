"""The `/` commands of the terminal chat, in one table; help and completion are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from bot.decision import Ask, Cite, Decision, parts_of, template_of
from bot.errors import NoSession
from bot.replies import Language, citations, language_of, sentence
from bot.terminal import words
from bot.terminal.screen import Screen
from bot.terminal.why import explain, meant
from bot.terminal.words import LANGUAGES

if TYPE_CHECKING:
    from bot.decision import Clarify
    from bot.exchange import Exchange, Respondent
    from bot.sessions.resuming import Resumed
    from bot.sessions.session_log import SessionRow, Verdict
    from bot.state import State

SESSIONS_LISTED = 20


@dataclass(slots=True)
class Chat:
    """One person at a terminal: where the conversation is shown, and the last thing that was said.

    `language` is that of the chat's own words; it is kept in the file `memory` when it is changed.
    """

    bot: Respondent
    screen: Screen
    intents: tuple[str, ...] = ()
    language: Language = "en"
    memory: Path | None = None
    last: Exchange | None = None
    over: bool = False

    def take(self, text: str) -> None:
        """Do a command, or have a message answered."""
        if text.startswith("/"):
            self.command(*_halves(text[1:]))
        elif text:
            self.last = self._answered(text)
            self.show(self.last)

    def _answered(self, text: str) -> Exchange:
        """The answer; where the turn fails the customer is told so in their own language first."""
        try:
            return self.bot.respond(text)
        except Exception:
            self.screen.say(sentence(language_of(text) or self.bot.language, "failed"))
            raise

    def show(self, exchange: Exchange) -> None:
        """An exchange as a person reads it: the reply, where it is from, what may be asked next."""
        self.screen.say(exchange.reply)
        if source := _source(exchange.decision, self.language):
            self.note(source)
        if exchange.suggestions:
            self.note(self.word("may ask", what=" · ".join(exchange.suggestions)))

    def go_on(self, found: Resumed) -> None:
        """Show where a session that goes on was left."""
        self.last = None
        self.note(self.word("resumed", id=found.session, count=found.turn))
        for said in found.last:
            self.note(self.word("you said", what=said.message))
            self.note(said.reply)
        if found.note:
            self.note(self.word(found.note))

    def command(self, name: str, argument: str) -> None:
        """Run a command of the table."""
        found = next((command for command in COMMANDS if command.name == name), None)
        if found is None:
            names = [command.name for command in COMMANDS]
            self.screen.say(self._unknown("no command", name, names))
        elif found.after_reply and self.last is None:
            self.screen.say(self.word("no reply yet", name=name))
        else:
            found.run(self, argument)

    def unknown_intent(self, name: str) -> str:
        return self._unknown("no intent", name, self.intents)

    def _unknown(self, sentence: str, name: str, names: Sequence[str]) -> str:
        close = get_close_matches(name, names, n=1)
        if not close:
            return self.word(sentence, name=name)
        return self.word(f"{sentence} but", name=name, close=close[0])

    def word(self, sentence: str, /, **put_in: object) -> str:
        return words.word(sentence, self.language, **put_in)

    def note(self, text: str) -> None:
        self.screen.say(text, "dim")

    def complain(self, text: str) -> None:
        self.screen.say(text, "red")


@dataclass(frozen=True, slots=True)
class Command:
    """One `/name argument`; `after_reply` if it is about a reply, and so needs one."""

    name: str
    argument: str
    help: Mapping[Language, str]
    after_reply: bool
    run: Callable[[Chat, str], None]


# About the last reply.


def _why(chat: Chat, _: str) -> None:
    assert chat.last is not None
    explain(chat.last, chat.screen, chat.language)


def _sources(chat: Chat, _: str) -> None:
    assert chat.last is not None
    cited = [part for part in parts_of(chat.last.decision) if isinstance(part, Cite)]
    numbers = citations(chat.last.decision)
    for cite in cited:
        for place, hit in enumerate(cite.hits):
            found = hit.passage
            path = " › ".join((found.title, *found.headings))
            where = f"{found.article}, {chat.word('passage', id=found.id)}, {hit.score:.3f}"
            chat.screen.say(f"[{numbers[found.article]}] {path} ({where})")
            for quote in (quote for quote in cite.quotes if quote.hit == place):
                chat.note(quote.text)
    template = _source(chat.last.decision, chat.language)
    if template or not cited:
        chat.screen.say(template or chat.word("no source"))


def _good(chat: Chat, note: str) -> None:
    _judge(chat, "good", note)


def _bad(chat: Chat, note: str) -> None:
    _judge(chat, "bad", note)


def _intent(chat: Chat, name: str) -> None:
    if not name:
        chat.screen.say(chat.word("which intent"))
    elif chat.intents and name not in chat.intents:
        chat.screen.say(chat.unknown_intent(name))
    else:
        _judge(chat, "intent", name)


def _judge(chat: Chat, verdict: Verdict, note: str) -> None:
    assert chat.last is not None
    chat.bot.feedback(chat.last.turn, verdict, note)
    chat.screen.say(chat.word("noted"))


# About the conversation.


def _state(chat: Chat, _: str) -> None:
    rows = _remembered(chat, chat.bot.state)
    shown = [(chat.word(name), text) for name, text in rows.items() if text]
    if shown:
        chat.screen.pairs(shown)
    else:
        chat.screen.say(chat.word("nothing"))


def _remembered(chat: Chat, state: State) -> Mapping[str, str]:
    return {
        "knows": meant(state.slots, state.meanings),
        "waits for": _waited_for(chat, state.pending) if state.pending else "",
        "interrupted": ", ".join(ask.template for ask in state.interrupted),
        "unanswered": str(state.unknown_streak or ""),
        "upset": str(state.upset_streak or ""),
        "said so far": ", ".join(state.so_far.answered),
        "articles shown": ", ".join(state.so_far.articles),
    }


def _waited_for(chat: Chat, pending: Ask | Clarify) -> str:
    if not isinstance(pending, Ask):
        return chat.word("a choice", what=", ".join((*pending.choices, *pending.articles)))
    if pending.slot:
        return f"{pending.slot} ({pending.template})"
    return chat.word("a yes or no", what=pending.template)


def _sessions(chat: Chat, _: str) -> None:
    found = chat.bot.talks(SESSIONS_LISTED)
    for row in found:
        _list(chat, row)
    if not found:
        chat.screen.say(chat.word("no sessions"))
    elif len(found) == SESSIONS_LISTED:
        chat.note(chat.word("more sessions", count=SESSIONS_LISTED))


def _list(chat: Chat, row: SessionRow) -> None:
    when = datetime.fromisoformat(row.last_at).astimezone().strftime("%Y-%m-%d %H:%M")
    turns = chat.word("turn" if row.turns == 1 else "turns", count=row.turns)
    head, first = f"{row.id:>4}  {when}  {turns}", " ".join(row.first.split())
    if chat.screen.narrow:
        chat.screen.say(head)
        chat.screen.line(first)
    else:
        chat.screen.line(f"{head}  {first}")


def _resume(chat: Chat, session: str) -> None:
    if not (session.isascii() and session.isdigit()):
        chat.screen.say(chat.word("which session"))
        return
    try:
        chat.go_on(chat.bot.resume(int(session)))
    except NoSession:
        chat.screen.say(chat.word("no session", id=session))


def _new(chat: Chat, _: str) -> None:
    chat.bot.start()
    chat.last = None
    chat.note(chat.word("new session"))


def _language(chat: Chat, name: str) -> None:
    language = next((language for language in LANGUAGES if language == name), None)
    if language is None:
        chat.screen.say(chat.word("which language"))
        return
    chat.language = chat.bot.language = language
    chat.screen.say(chat.word("language"))
    if chat.memory and not words.remember_language(chat.memory, language):
        chat.note(chat.word("not remembered", file=chat.memory))


def _help(chat: Chat, _: str) -> None:
    chat.screen.pairs([(usage(command), command.help[chat.language]) for command in COMMANDS])
    chat.screen.say(chat.word("many lines"))


def _quit(chat: Chat, _: str) -> None:
    chat.over = True


COMMANDS: tuple[Command, ...] = (
    Command("why", "", {"en": "why the last reply was given", "zh": "为什么这样回复"}, True, _why),
    Command(
        "sources", "", {"en": "where the last reply comes from", "zh": "回复的来源"}, True, _sources
    ),
    Command("good", "[note]", {"en": "the last reply was right", "zh": "回复正确"}, True, _good),
    Command("bad", "[note]", {"en": "the last reply was wrong", "zh": "回复有误"}, True, _bad),
    Command(
        "intent",
        "NAME",
        {"en": "what the last message was really about", "zh": "上一条消息的真正意图"},
        True,
        _intent,
    ),
    Command("state", "", {"en": "what the bot remembers", "zh": "机器人记住了什么"}, False, _state),
    Command("sessions", "", {"en": "the last sessions", "zh": "最近的会话"}, False, _sessions),
    Command("resume", "ID", {"en": "go on with a session", "zh": "继续某个会话"}, False, _resume),
    Command("new", "", {"en": "begin a new session", "zh": "开始新的会话"}, False, _new),
    Command(
        "language",
        "en|zh",
        {"en": "the language of the chat; kept for the next", "zh": "聊天的语言，下次沿用"},
        False,
        _language,
    ),
    Command("help", "", {"en": "this list", "zh": "本列表"}, False, _help),
    Command("quit", "", {"en": "leave", "zh": "退出"}, False, _quit),
)


def usage(command: Command) -> str:
    """How a command is typed."""
    return f"/{command.name} {command.argument}".strip()


def _halves(text: str) -> tuple[str, str]:
    name, _, argument = text.partition(" ")
    return name, argument.strip()


def _source(decision: Decision, language: Language) -> str:
    """The templates a reply was said with; passages name their articles in the reply itself."""
    names = [template_of(part) for part in parts_of(decision) if not isinstance(part, Ask)]
    said = ", ".join(name for name in names if name)
    return words.word("template", language, name=said) if said else ""
