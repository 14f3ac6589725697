"""`templates.yaml`: what the bot may say in its own words, and when.

A template answers one or more intents with one of several wordings. A wording may hold slots,
`{order_id}`, that are filled with what the customer said. A draft is kept and listed but never
spoken: `frontdesk new` proposes drafts where it found no wording fit for customers.

A template that needs more than words is a flow: it asks for its slots, lets the customer confirm
them, runs an action, and says what the action returned, or that it failed.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, NoReturn, cast, get_args

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from bot.errors import BotError

Kind = Literal["answer", "smalltalk", "handoff"]
_OptionalText = str | None

_NO_ACTIONS: Mapping[str, Collection[str]] = {}

_SLOT = re.compile(r"\{([^\W\d]\w*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """One thing the bot can say; `title` is its short label where a customer must choose.

    `confirm` is the question to go ahead: None for none, "" for one in the bot's own words.
    `failure` are the wordings for an `action` that failed; with none the bot has its own.
    """

    id: str
    intents: tuple[str, ...]
    kind: Kind
    title: str
    slots: tuple[str, ...]
    wordings: tuple[str, ...]
    draft: bool = False
    confirm: str | None = None
    action: str | None = None
    failure: tuple[str, ...] = ()


@dataclass(frozen=True)
class Templates:
    """All templates of a workspace, in the order of the file.

    >>> hello = Template("hello", ("greeting",), "smalltalk", "Hello", (), ("Hello!",))
    >>> Templates((hello,)).by_intent("greeting")[0].id
    'hello'
    """

    all: tuple[Template, ...] = field(default=())

    def __iter__(self) -> Iterator[Template]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    @cached_property
    def by_id(self) -> Mapping[str, Template]:
        """Every template, drafts too, by its id."""
        return {template.id: template for template in self.all}

    @cached_property
    def spoken(self) -> tuple[Template, ...]:
        """The templates the bot may speak: all but the drafts."""
        return tuple(template for template in self.all if not template.draft)

    @cached_property
    def _by_intent(self) -> Mapping[str, tuple[Template, ...]]:
        found: dict[str, tuple[Template, ...]] = {}
        for template in self.spoken:
            for intent in template.intents:
                found[intent] = (*found.get(intent, ()), template)
        return found

    def by_intent(self, intent: str) -> tuple[Template, ...]:
        """The spoken templates for an intent, best first; none where it has none."""
        return self._by_intent.get(intent, ())


def slot_names(wording: str) -> tuple[str, ...]:
    """The slots a wording holds, each once, in order.

    >>> slot_names("Order {order_id} leaves {day}; keep {order_id}.")
    ('order_id', 'day')
    """
    return tuple(dict.fromkeys(_SLOT.findall(wording)))


def fill(wording: str, slots: Mapping[str, str]) -> str:
    """The wording with every slot replaced, in one pass: a value is never read as a wording.

    Raises:
        KeyError: a slot has no value.

    >>> fill("Order {order_id} is on its way.", {"order_id": "{day}"})
    'Order {day} is on its way.'
    """
    return _SLOT.sub(lambda slot: slots[slot[1]], wording)


def load_templates(
    path: Path, entities: Collection[str], actions: Mapping[str, Collection[str]] = _NO_ACTIONS
) -> Templates:
    """Read and check a templates file; `entities` are the names that can fill a slot, `actions` the
    actions with the names of what each returns.

    Raises:
        BotError: the file is missing or wrong; `file:line: what; what to do`.
    """
    root = _parse(path)
    if root is None:
        return Templates()
    reader = _Reader(path, frozenset(entities), actions)
    return Templates(tuple(reader.templates(root)))


def _parse(path: Path) -> Node | None:
    # The loader in C, where PyYAML has it, is ten times faster.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = path.read_text(encoding="utf-8-sig")
        return yaml.compose(text, Loader=loader)
    except FileNotFoundError:
        raise BotError(f'{path} is missing; write one with the line "templates: []"') from None
    except UnicodeDecodeError:
        raise BotError(f"{path}:1: is not UTF-8 text; save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = error.problem or "it cannot be read"
        _fail(path, line, f"is not valid YAML ({what})", "put text with : # { in quotes")
    except yaml.YAMLError as error:
        what = str(error).splitlines()[0]
        raise BotError(f"{path}:1: is not valid YAML ({what}); correct it") from None


def _fail(path: Path, line: int, what: str, remedy: str) -> NoReturn:
    raise BotError(f"{path}:{line}: {what}; {remedy}") from None


class _Reader:
    """Walks the YAML nodes, so that each complaint knows its line."""

    def __init__(
        self, path: Path, entities: frozenset[str], actions: Mapping[str, Collection[str]]
    ) -> None:
        self.path = path
        self.entities = entities
        self.actions = actions
        self.lines: dict[str, int] = {}
        self.readers: Mapping[str, Callable[[Node, str], object]] = {
            "id": self.text,
            "intents": self.texts,
            "kind": self.kind,
            "title": self.text,
            "slots": self.texts,
            "wordings": self.texts,
            "draft": self.flag,
            "confirm": self.confirm,
            "action": self.text,
            "failure": self.texts,
        }

    def fail(self, node: Node, what: str, remedy: str) -> NoReturn:
        _fail(self.path, node.start_mark.line + 1, what, remedy)

    def templates(self, root: Node) -> Iterator[Template]:
        fields = self.mapping(root, "the file", {"templates"})
        if "templates" not in fields:
            self.fail(root, 'has no "templates:" list', "put the templates under that key")
        for node in self.sequence(fields["templates"], "templates"):
            yield self.template(node)

    def template(self, node: Node) -> Template:
        fields = self.mapping(node, "a template", self.readers)
        values = {key: self.readers[key](value, key) for key, value in fields.items()}
        name = self.new_id(node, values)
        if not values.get("wordings"):
            self.fail(fields.get("wordings", node), f'"{name}" says nothing', "give it wordings")
        return self.checked(node, fields, values)

    def new_id(self, node: Node, values: Mapping[str, object]) -> str:
        name = values.get("id")
        if not isinstance(name, str):
            self.fail(node, "a template has no id", 'add "id:" with a name of its own')
        if name in self.lines:
            first = f'"{name}" is also the id of the template at line {self.lines[name]}'
            self.fail(node, first, "rename or remove one of them")
        self.lines[name] = node.start_mark.line + 1
        return name

    def checked(
        self, node: Node, fields: Mapping[str, Node], values: Mapping[str, object]
    ) -> Template:
        name = cast("str", values["id"])
        wordings = cast("tuple[str, ...]", values["wordings"])
        intents = cast("tuple[str, ...]", values.get("intents", ()))
        action, confirm = cast("_OptionalText", values.get("action")), values.get("confirm")
        failure = cast("tuple[str, ...]", values.get("failure", ()))
        self.check_action(fields, name, values)
        used = _used(wordings, self.actions.get(action or "", ()))
        used = tuple(dict.fromkeys([*used, *_used([*failure, str(confirm or "")])]))
        slots = cast("tuple[str, ...]", values.get("slots", used))
        place = fields.get("slots", node)
        if missing := sorted(set(used) - set(slots)):
            self.fail(place, f'"{name}" lacks {{{missing[0]}}} in its slots', "add it there")
        self.check_slots(fields, name, slots, action)
        return Template(
            id=name,
            intents=intents,
            kind=cast("Kind", values.get("kind", "answer")),
            title=cast("str", values.get("title", _label(intents[0] if intents else name))),
            slots=slots,
            wordings=wordings,
            draft=bool(values.get("draft", False)),
            confirm=cast("_OptionalText", confirm),
            action=action,
            failure=failure,
        )

    def check_action(
        self, fields: Mapping[str, Node], name: str, values: Mapping[str, object]
    ) -> None:
        action = values.get("action")
        if action is None:
            if "failure" in fields:
                self.fail(fields["failure"], f'"{name}" has no action that could fail', "remove it")
            return
        if action not in self.actions:
            defined = f"add [actions.{action}] to frontdesk.toml"
            known = f" or use one of: {', '.join(self.actions)}" if self.actions else ""
            self.fail(fields["action"], f'"{action}" is no action', defined + known)
        if values.get("kind", "answer") != "answer":
            self.fail(fields["action"], f'"{name}" is no answer', "remove the action or the kind")

    def check_slots(
        self, fields: Mapping[str, Node], name: str, slots: tuple[str, ...], action: str | None
    ) -> None:
        returned = self.actions.get(action or "", ())
        for slot in slots:
            if slot in self.entities:
                continue
            if slot in returned:
                early = f'"{name}" needs {{{slot}}}, which only comes of its action'
                self.fail(self.place_of(fields, slot, ("failure",)), early, "reword it")
            more = f"add it to the returns of [actions.{action}], " if action else ""
            self.fail(
                self.place_of(fields, slot),
                f'"{name}" needs {{{slot}}}, which nothing fills',
                f"{more}add [entities.{slot}] to frontdesk.toml or reword it",
            )

    def place_of(
        self,
        fields: Mapping[str, Node],
        slot: str,
        keys: Sequence[str] = ("wordings", "failure", "slots"),
    ) -> Node:
        """Where the file names a slot first."""
        if "confirm" in fields and f"{{{slot}}}" in fields["confirm"].value:
            return fields["confirm"]
        for key in keys:
            for node in self.sequence(fields[key], key) if key in fields else ():
                if f"{{{slot}}}" in node.value or node.value == slot:
                    return node
        return fields["wordings"]

    def mapping(self, node: Node, what: str, known: Collection[str]) -> dict[str, Node]:
        if not isinstance(node, MappingNode):
            self.fail(node, f"{what} should be keys with values", "write it as key: value")
        fields: dict[str, Node] = {}
        for key, value in node.value:
            if key.value not in known:
                names = ", ".join(known)
                self.fail(key, f'"{key.value}" is no key of {what}', f"use one of: {names}")
            if key.value in fields:
                self.fail(key, f'"{key.value}" stands there twice', "keep one of them")
            fields[key.value] = value
        return fields

    def sequence(self, node: Node, key: str) -> list[Node]:
        if isinstance(node, SequenceNode):
            return cast("list[Node]", node.value)
        if isinstance(node, ScalarNode) and not node.value:
            return []
        return self.fail(node, f'"{key}" should be a list', 'start each entry with "- "')

    def texts(self, node: Node, key: str) -> tuple[str, ...]:
        return tuple(self.text(item, key) for item in self.sequence(node, key))

    def text(self, node: Node, key: str) -> str:
        if not isinstance(node, ScalarNode):
            self.fail(node, f'"{key}" should be text', "put text with : # { in quotes")
        text = cast("str", node.value).strip()
        if not text or node.tag == "tag:yaml.org,2002:null":
            self.fail(node, f'"{key}" is empty', "write it or remove it")
        return text

    def kind(self, node: Node, key: str) -> Kind:
        text = self.text(node, key)
        if text not in get_args(Kind):
            kinds = ", ".join(get_args(Kind))
            self.fail(node, f'"{text}" is no kind of template', f"use one of: {kinds}")
        return cast("Kind", text)

    def confirm(self, node: Node, key: str) -> str | None:
        """The question to go ahead; "" for true, None for false."""
        if node.tag == "tag:yaml.org,2002:bool":
            return "" if self.flag(node, key) else None
        return self.text(node, key)

    def flag(self, node: Node, key: str) -> bool:
        if node.tag != "tag:yaml.org,2002:bool":
            self.fail(node, f'"{key}" should be true or false', "write one of the two")
        return cast("str", node.value).lower() in ("true", "yes", "on")


def _used(texts: Iterable[str], returned: Collection[str] = ()) -> tuple[str, ...]:
    """The slots in texts, each once, but for what an action returns."""
    found = dict.fromkeys(slot for text in texts for slot in slot_names(text))
    return tuple(slot for slot in found if slot not in returned)


def _label(name: str) -> str:
    return re.sub(r"[\s_/]+", " ", name).strip()
