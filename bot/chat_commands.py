"""The `/` commands of the terminal chat, in one table; help and completion are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from bot.decision import Cite, Decision, template_of
from bot.dialogue import RULES
from bot.replies import citations, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from bot.repl import Exchange, Respondent
    from bot.session_log import Verdict


@dataclass(slots=True)
class Chat:
    """One conversation at a terminal: where it is shown, and the last thing that was said."""

    bot: Respondent
    console: Console
    intents: tuple[str, ...] = ()
    last: Exchange | None = None
    over: bool = False

    def take(self, text: str) -> None:
        """Do a command, or have a message answered."""
        if text.startswith("/"):
            self.command(*_halves(text[1:]))
        elif text:
            self.last = self.bot.respond(text)
            self.say(self.last.reply)
            if source := _source(self.last.decision):
                self.note(source)

    def command(self, name: str, argument: str) -> None:
        """Run a command of the table."""
        found = next((command for command in COMMANDS if command.name == name), None)
        if found is None:
            self.say(_unknown(name))
        elif found.after_reply and self.last is None:
            self.say(f"/{name} looks at the last reply; there is none yet.")
        else:
            found.run(self, argument)

    def say(self, text: str) -> None:
        self._print(text, "")

    def note(self, text: str) -> None:
        self._print(text, "dim")

    def complain(self, text: str) -> None:
        self._print(text, "red")

    def _print(self, text: str, style: str) -> None:
        from rich.text import Text  # not markup: what is in brackets is what was written

        self.console.print(Text(printable(text), style=style))


@dataclass(frozen=True, slots=True)
class Command:
    """One `/name argument`; `after_reply` if it is about a reply, and so needs one."""

    name: str
    argument: str
    help: str
    after_reply: bool
    run: Callable[[Chat, str], None]


def _why(chat: Chat, _: str) -> None:
    assert chat.last is not None
    decision = chat.last.decision
    rule = decision.evidence.rule
    chosen = " ".join(part for part in (decision.kind, template_of(decision)) if part)
    chat.say(f"{chosen}: {RULES[rule]} ({rule})")
    chat.console.print(_scores(decision))
    if (margin := decision.evidence.margin) is not None:
        chat.say(f"The first intent is {margin:.3f} ahead of the second.")


def _sources(chat: Chat, _: str) -> None:
    assert chat.last is not None
    decision = chat.last.decision
    if isinstance(decision, Cite):
        numbers = citations(decision.hits)
        for hit in decision.hits:
            found = hit.passage
            path = " › ".join((found.title, *found.headings))
            number = numbers[found.article]
            chat.say(f"[{number}] {path} ({found.article}, passage {found.id}, {hit.score:.3f})")
    else:
        chat.say(_source(decision) or "The reply quotes nothing and comes from no template.")


def _good(chat: Chat, note: str) -> None:
    _judge(chat, "good", note)


def _bad(chat: Chat, note: str) -> None:
    _judge(chat, "bad", note)


def _intent(chat: Chat, name: str) -> None:
    if not name:
        chat.say("Which one? /intent NAME")
    elif chat.intents and name not in chat.intents:
        chat.say(f"There is no intent {name}{_nearest(name, chat.intents)}")
    else:
        _judge(chat, "intent", name)


def _judge(chat: Chat, verdict: Verdict, note: str) -> None:
    assert chat.last is not None
    chat.bot.feedback(chat.last.turn, verdict, note)
    chat.say("Noted, thank you.")


def _help(chat: Chat, _: str) -> None:
    usages = [f"/{command.name} {command.argument}".strip() for command in COMMANDS]
    width = max(len(usage) for usage in usages)
    for usage, command in zip(usages, COMMANDS, strict=True):
        chat.say(f"{usage:{width}}  {command.help}")
    chat.say('Alt-Enter starts a new line; a message between """ and """ may have many.')


def _quit(chat: Chat, _: str) -> None:
    chat.over = True


COMMANDS: tuple[Command, ...] = (
    Command("why", "", "why the last reply was given", True, _why),
    Command("sources", "", "where the last reply comes from", True, _sources),
    Command("good", "[note]", "the last reply was right", True, _good),
    Command("bad", "[note]", "the last reply was wrong", True, _bad),
    Command("intent", "NAME", "what the last message was really about", True, _intent),
    Command("help", "", "this list", False, _help),
    Command("quit", "", "leave", False, _quit),
)


def _halves(text: str) -> tuple[str, str]:
    name, _, argument = text.partition(" ")
    return name, argument.strip()


def _unknown(name: str) -> str:
    nearest = _nearest(name, [command.name for command in COMMANDS], "/")
    return f"There is no command /{name}{nearest} /help lists them."


def _nearest(name: str, names: Sequence[str], mark: str = "") -> str:
    close = get_close_matches(name, names, n=1)
    return f"; did you mean {mark}{close[0]}?" if close else "."


def _source(decision: Decision) -> str:
    """The template a reply was said with; passages name their articles in the reply itself."""
    template = template_of(decision)
    return f"template {template}" if template and decision.kind != "ask" else ""


def _scores(decision: Decision) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("way", "candidate", "score", "needed", box=box.SIMPLE)
    for column in table.columns[2:]:
        column.justify = "right"
    for rows in _routes(decision):
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _routes(decision: Decision) -> Iterator[list[tuple[str, str, str, str]]]:
    """The three ways to an answer, each with its candidates: (route, name, score, needed)."""
    evidence, needed = decision.evidence, decision.evidence.thresholds
    intents = [(scored.name, scored.score) for scored in evidence.intents]
    templates = [(scored.name, scored.score) for scored in evidence.templates]
    passages = [
        (" › ".join((hit.passage.title, *hit.passage.headings)), hit.score)
        for hit in evidence.hits[:5]
    ]
    yield _route("intent", intents, needed.intent)
    yield _route("template", templates, needed.template)
    yield _route("passage", passages, needed.passage)


def _route(
    route: str, scored: Sequence[tuple[str, float]], needed: float | None
) -> list[tuple[str, str, str, str]]:
    limit = "not certified" if needed is None else f"{needed:.3f}"
    return [
        (route if first else "", name, f"{score:.3f}", limit if first else "")
        for first, (name, score) in ((place == 0, pair) for place, pair in enumerate(scored))
    ]
