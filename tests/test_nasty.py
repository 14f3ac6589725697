"""What a customer typed is text: in the chat, in the log, on the pages, in a wording."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pexpect
import pytest

from bot.decision import Answer, Evidence
from bot.log.verification import verify
from bot.replies import one_line, render
from bot.workspace import Workspace
from bot.workspace.templates import load_templates
from tests.nasty import NASTY, STEERING

Frontdesk = Callable[..., tuple[int, str, str]]
SetThresholds = Callable[..., None]
BACK = "never mind\n"
"""Gives the bot back where one of them was handed over."""
TYPED = [*(f"where is my parcel BK-{text}" for text in NASTY.values()), *NASTY.values()]


@pytest.fixture
def chatted(
    frontdesk: Frontdesk,
    trained_workspace: Workspace,
    set_thresholds: SetThresholds,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Workspace, str]:
    """The workspace after all of it was typed, and what the chat said. The order's number may be
    anything, so that all of it is put into wordings."""
    monkeypatch.chdir(tmp_path)
    path = trained_workspace.root / "frontdesk.toml"
    text = path.read_text(encoding="utf-8").replace(r"\bBK-\d{4}\b", "BK-.+")
    path.write_text(text + "personal = false\n", encoding="utf-8")
    templates = trained_workspace.templates_path
    said = json.loads(templates.read_text(encoding="utf-8"))["templates"]
    spoken = [one for one in said if one["kind"] != "handoff"]
    templates.write_text(json.dumps({"templates": spoken}), encoding="utf-8")
    assert frontdesk("chat", "-w", trained_workspace.root)[0] == 0  # certifies the thresholds
    set_thresholds(trained_workspace, intent=0.0)
    stdin = "".join(f"{text}\n{BACK}" for text in TYPED).encode()
    code, out, err = frontdesk("chat", "-w", trained_workspace.root, stdin=stdin)
    assert (code, err, out.count("\n")) == (0, "", 2 * len(TYPED))
    return trained_workspace, out


def test_the_chat_says_it_as_text_and_runs_none_of_it(chatted: tuple[Workspace, str]) -> None:
    workspace, out = chatted
    assert not STEERING.search(out)
    assert "BK-{order_id}{0.__class__}{order_id.__init__" in out
    assert "BK-$(touch owned) `touch owned`" in out
    assert not list(workspace.root.rglob("owned"))
    assert not Path("owned").exists()
    assert verify(workspace.database).holds


def test_the_log_keeps_it_and_shows_it_as_text(
    frontdesk: Frontdesk, chatted: tuple[Workspace, str]
) -> None:
    root = chatted[0].root
    turns = json.loads(frontdesk("log", "show", "1", "--json", "-w", root)[1])["turns"]
    assert [turn["message"] for turn in turns[::2]] == TYPED
    for words in (["show", "1"], ["show", "1", "--json"], ["stats"], ["stats", "--json"]):
        assert not STEERING.search(frontdesk("log", *words, "-w", root)[1])


def test_the_log_is_searched_for_it(frontdesk: Frontdesk, chatted: tuple[Workspace, str]) -> None:
    for text in NASTY.values():
        words = ("log", "search", "--json", "-w", chatted[0].root, "--", text)
        code, out, _ = frontdesk(*words)
        assert code == 0
        assert not STEERING.search(out)
        assert text in [turn["message"] for turn in json.loads(out)["turns"]]


def test_an_export_and_the_page_of_its_replay_run_none_of_it(
    frontdesk: Frontdesk, chatted: tuple[Workspace, str], tmp_path: Path
) -> None:
    root, path, page = chatted[0].root, tmp_path / "log.jsonl", tmp_path / "page.html"
    assert frontdesk("log", "export", path, "-w", root)[0] == 0
    code, out, err = frontdesk("replay", path, "--report", page, "-w", root)
    assert code == 0, err
    assert not STEERING.search(out)
    source = page.read_text(encoding="utf-8")
    assert not STEERING.search(source)
    assert Elements(source).dangerous() == []


class Elements(HTMLParser):
    """The elements of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def dangerous(self) -> list[str]:
        """Those that could fetch or run something that is not the page's own."""
        return [
            tag
            for tag, given in self.found
            if tag in ("img", "iframe", "object", "embed", "link", "base", "form")
            or any(key.startswith("on") or key == "src" for key in given)
            or str(given.get("href") or "").startswith(("http", "javascript"))
        ]


@pytest.mark.parametrize("name", NASTY)
def test_a_slot_is_never_read_as_a_wording(tmp_path: Path, name: str) -> None:
    path = tmp_path / "templates.yaml"
    path.write_text("templates:\n  - {id: t, intents: [i], wordings: ['For {who}: {day}.']}\n")
    templates = load_templates(path, ("who", "day"))
    slots = {"who": NASTY[name], "day": "{who}%s"}
    said = render(Answer("t", slots, Evidence("intent-certain")), templates, "en")
    assert said == f"For {NASTY[name]}: {{who}}%s."


def test_a_terminal_is_not_steered(
    trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    """By what is pasted, in the line itself, the reply and /why."""
    set_thresholds(trained_workspace, intent=0.0)
    command = ["-c", "from bot.cli import main; main()", "chat", "-w", str(trained_workspace.root)]
    variables = {**os.environ, "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    pasted = "where is BK-0001 \u202e[bold red]owned[/] <b>x</b>,{order_id} \x9b31m \u2066"
    shown = ""
    with pexpect.spawn(
        sys.executable, command, env=variables, encoding="utf-8", timeout=60, dimensions=(40, 100)
    ) as chat:
        for line in (pasted, "/why", "/quit"):
            chat.expect_exact("> ")
            shown += (chat.before or "").partition("\n")[2]  # without what was typed
            chat.waitnoecho()
            chat.send(f"{line}\r")
        chat.expect(pexpect.EOF)
    plain = re.sub(r"\x1b\[\?\d+[hl]|\r", "", shown)
    assert not STEERING.search(plain.replace("\n", ""))
    with closing(sqlite3.connect(trained_workspace.database)) as database:
        [(message,)] = database.execute("SELECT message FROM turns").fetchall()
    assert one_line("\u202e[bold red]owned[/]") in one_line(message)
