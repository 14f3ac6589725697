"""The review at a terminal: a message, what the bot made of it, and one key for an answer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from bot.dialogue import RULES
from bot.replies import one_line
from bot.review.items import Item
from bot.review.kept import Answer, Kept
from finetune.conversation import OUT_OF_SCOPE

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.key_binding import KeyBindings

READINGS = 5
KEYS = {
    "n": "none of these",
    "/": "search",
    "+": "new intent",
    "s": "skip",
    "u": "undo",
    "q": "quit",
}
_TURNS_SHOWN = 6
_LEAVE = frozenset({"q", ""})


@dataclass(slots=True)
class Review:
    """One walk through a queue; every answer is on disk before the next message is shown."""

    queue: Sequence[Item]
    kept: Kept
    intents: set[str]
    show: Callable[[str, str], None]
    answers: dict[int, Answer] = field(default_factory=dict)

    def run(self) -> None:
        """Ask until the queue or the person's patience ends. Raises KeyboardInterrupt on Ctrl-C."""
        place = 0
        while place < len(self.queue):
            item = self.queue[place]
            self._present(place)
            step = self._answer(place, item)
            if step is None:
                return
            place = max(0, place + step)

    def _answer(self, place: int, item: Item) -> int | None:
        """How many messages to go on; None to end."""
        while True:
            key = _key()
            if key in _LEAVE:
                return None
            if key == "s":
                return 1
            if key == "u":
                self._undo(place - 1)
                return -1
            if label := self._label(key, item):
                self._keep(place, (item, label))
                self.show(f"= {label}", "green")
                return 1

    def _label(self, key: str, item: Item) -> str | None:
        """The intent that a key stands for; None where the person thinks again."""
        if key == "n":
            return OUT_OF_SCOPE
        if key == "/":
            return self._searched()
        if key == "+":
            name = _line("new intent: ", ())
            self.intents.update([name] if name else [])
            return name or None
        readings = item.asked.intents[:READINGS]
        return readings[int(key) - 1].name if int(key) <= len(readings) else None

    def _searched(self) -> str | None:
        name = _line("intent: ", sorted(self.intents))
        if not name or name in self.intents:
            return name or None
        near = get_close_matches(name, self.intents, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; + makes a new one."
        self.show(f"There is no intent {one_line(name)}{hint}", "yellow")
        return None

    def _keep(self, place: int, answer: Answer) -> None:
        self.kept.keep([answer])
        self.answers[place] = answer

    def _undo(self, place: int) -> None:
        """Take an answer back, where the message before this one has one."""
        if answer := self.answers.pop(place, None):
            self.kept.keep([(answer[0], None)])
            self.show(f"= {answer[1]} is taken back", "yellow")

    def _present(self, place: int) -> None:
        for text, style in _presented(self.queue[place], place + 1, len(self.queue)):
            self.show(text, style)


def _presented(item: Item, number: int, of: int) -> Iterator[tuple[str, str]]:
    """(line, style) of what a person needs to answer."""
    asked = item.asked
    where = f"{asked.conversation}, turn {asked.turn}"
    yield f"\n{number} of {of}  {where}  margin {asked.margin:.3f}", "dim"
    for speaker, text in item.before[-_TURNS_SHOWN:]:
        yield f"  {speaker:8}  {one_line(text)}", "dim"
    yield f"> customer  {one_line(asked.message)}", "bold"
    yield f"  bot       {asked.did}: {RULES.get(asked.rule, asked.rule)} ({asked.rule})", ""
    for place, intent in enumerate(asked.intents[:READINGS], 1):
        yield f"  {place} {one_line(intent.name)} {intent.score:.3f}", ""
    yield "  " + "  ".join(f"{key} {what}" for key, what in KEYS.items()), "dim"


# --- keys ----------------------------------------------------------------------------------------


def _key() -> str:
    """The next key that means something; "" at the end of input."""
    from prompt_toolkit import PromptSession

    session: PromptSession[str] = PromptSession(key_bindings=_bindings())
    try:
        return session.prompt("? ")
    except EOFError:
        return ""


def _bindings() -> "KeyBindings":
    """Each key answers at once; all others do nothing."""
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.keys import Keys

    bindings = KeyBindings()

    @bindings.add(Keys.Any)
    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        """Nothing."""

    for key in (*map(str, range(1, READINGS + 1)), *KEYS):

        @bindings.add(key)
        def _(event: KeyPressEvent) -> None:
            event.app.exit(result=event.data)

    return bindings


def _line(prompt: str, intents: Sequence[str]) -> str:
    """A line that is typed, completed from `intents`; "" where the person leaves it."""
    from prompt_toolkit import PromptSession

    session: PromptSession[str] = PromptSession(
        completer=_completer(intents), complete_while_typing=True
    )
    try:
        return session.prompt(prompt).strip()
    except (EOFError, KeyboardInterrupt):
        return ""


def _completer(intents: Sequence[str]) -> "Completer":
    """Any letters of an intent, in order, find it."""
    from prompt_toolkit.completion import FuzzyWordCompleter

    return FuzzyWordCompleter(list(intents))
