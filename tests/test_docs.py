"""What the documentation says is what the code does, where that can be checked by machine."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from bot.cli import app
from bot.decision import KINDS
from bot.dialogue import PRECEDENCE, RULES
from bot.replay import ReplayStore
from bot.sessions.session_log import SessionLog
from bot.terminal.slash_commands import COMMANDS
from bot.workspace.settings import ActionSettings, EntitySettings, Settings
from bot.workspace.templates import Template

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", "data/*.md", "data/*/*.md")
    for page in ROOT.glob(pattern)
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def block(name: str, mark: str) -> str:
    """What stands between `<!-- mark -->` and `<!-- /mark -->` in a page."""
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", read(name), re.S)
    assert found, f"{name} has no block {mark}"
    return found[1]


def rows(table: str) -> list[list[str]]:
    """The cells of a Markdown table, without its head and without back quotes or escapes."""
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    cells = (re.split(r"(?<!\\)\|", line.strip()[1:-1]) for line in lines)
    return [[cell.strip().strip("`").replace(r"\|", "|") for cell in row] for row in cells]


# Settings and templates


def settings(table: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """(dotted key, default or "") of every key of frontdesk.toml."""
    for name, field in table.model_fields.items():
        default = field.get_default()
        if isinstance(default, BaseModel):
            yield from settings(type(default), f"{name}.")
        elif name in ("entities", "actions"):
            named = EntitySettings if name == "entities" else ActionSettings
            keys = (field.alias or key for key, field in named.model_fields.items())
            yield from ((f"{name}.NAME.{key}", "") for key in keys)
        else:
            yield prefix + name, "" if field.is_required() else default


def test_every_setting_is_documented_with_its_default() -> None:
    table = rows(block("docs/workspace.md", "settings"))
    documented = {row[0]: json.loads(row[1] or '""') for row in table}

    assert documented == dict(settings(Settings))


def test_every_key_of_a_template_is_documented() -> None:
    documented = [row[0] for row in rows(block("docs/workspace.md", "template keys"))]

    assert sorted(documented) == sorted(Template.__dataclass_fields__)


# Commands


def commands(group: typer.Typer, prefix: str) -> Iterator[str]:
    """The full names of all commands; a group that does something by itself is one too."""
    for command in group.registered_commands:
        assert command.callback
        yield f"{prefix} {command.name or command.callback.__name__}"
    for sub in group.registered_groups:
        assert sub.typer_instance
        callback = sub.typer_instance.registered_callback
        if callback and callback.invoke_without_command:
            yield f"{prefix} {sub.name}"
        yield from commands(sub.typer_instance, f"{prefix} {sub.name}")


def test_every_command_is_documented() -> None:
    headings = re.findall(r"^## (frontdesk .+)$", read("docs/commands.md"), re.M)

    assert sorted(headings) == sorted(commands(app, "frontdesk"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_only_commands_that_exist_are_named(page: Path) -> None:
    known = set(commands(app, "frontdesk"))
    groups = {name.rsplit(" ", 1)[0] for name in known} | {"frontdesk"}
    named = re.findall(r"[`\n](frontdesk(?: [a-z]+){1,2})", page.read_text(encoding="utf-8"))

    for name in named:
        assert name in known or name.rsplit(" ", 1)[0] in known - groups, name


def test_the_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.M))
    named = re.findall(r"[`\n]make ([a-z]+)", read("README.md") + read("CONTRIBUTING.md"))

    assert {"chat", "test"} <= set(named) <= targets


def test_the_readme_opens_with_the_two_commands() -> None:
    fence = re.search(r"```\n(.*?)```", read("README.md"), re.S)

    assert fence
    assert [line.split("#")[0].strip() for line in fence[1].splitlines()] == [
        "make chat",
        "make test",
    ]


# Dialogue


def test_the_precedence_table_is_that_of_the_code() -> None:
    documented = [row[:2] for row in rows(block("docs/dialogue.md", "rules"))]
    tried = [rule.__name__.strip("_").replace("_", "-") for rule in PRECEDENCE]

    assert [name for _, name in documented] == list(RULES)
    assert [number for number, _ in documented] == [str(n + 1) for n in range(len(RULES))]
    assert tried == list(RULES)


def test_the_commands_of_the_chat_are_documented() -> None:
    documented = [row[0] for row in rows(block("docs/chat.md", "chat commands"))]

    assert documented == [f"/{command.name} {command.argument}".strip() for command in COMMANDS]


def test_the_decisions_are_documented() -> None:
    section = read("docs/dialogue.md").partition("## The decisions")[2]

    assert [row[0] for row in rows(section.partition("\nWordings")[0])] == list(KINDS)


# The database, the recipe, the JSON


@pytest.mark.parametrize(
    ("store", "page", "mark"),
    [(SessionLog, "docs/log.md", "schema"), (ReplayStore, "docs/replay.md", "replay schema")],
)
def test_the_schema_is_that_of_the_database(
    tmp_path: Path, store: type[SessionLog | ReplayStore], page: str, mark: str
) -> None:
    store.open(tmp_path / "log.db").close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as database:
        tables = database.execute(
            "SELECT name FROM pragma_table_list WHERE type IN ('table', 'virtual')"
            " AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        made = {
            name: [column[1] for column in database.execute(f"PRAGMA table_info({name})")]
            for (name,) in tables
        }
    sections = block(page, mark).split("### ")[1:]
    documented = {
        section.partition("\n")[0]: [row[0] for row in rows(section)] for section in sections
    }

    assert documented == made


def test_the_recipe_is_that_of_the_code() -> None:
    from finetune.training import Recipe

    documented = {row[0]: json.loads(row[1]) for row in rows(block("docs/training.md", "recipe"))}

    assert documented == asdict(Recipe())


def test_the_examples_of_json_are_json() -> None:
    for page in PAGES:
        for example in re.findall(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            assert isinstance(json.loads(example), dict)


# Links


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
