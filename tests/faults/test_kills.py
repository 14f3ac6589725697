"""`kill -9` at any instant: nothing acknowledged is lost, nothing half-written is ever opened.

A few instants here; `python benchmarks/faults.py` tries 200.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.log.reading import opened
from bot.log.verification import verify
from bot.privacy import Privacy
from bot.workspace import Workspace
from finetune import registry

Frontdesk = Callable[..., tuple[int, str, str]]
Killer = Any  # tests/faults/conftest.py
LOGGED = Privacy({"order_id": re.compile(r"\bBK-\d{4}\b")})


def tell(what: str, killed: int, runs: int, seconds: float) -> None:
    """For the benchmark, which shows what a test prints."""
    print(f"\n{what:<12} killed {killed:4} of {runs} runs, at instants of {seconds:.2f} s")
    assert killed


def answers(frontdesk: Frontdesk, workspace: Workspace) -> None:
    """The live model opens and a turn is answered and logged; the log is whole."""
    code, out, err = frontdesk("chat", "-w", workspace.root, stdin=b"thanks for monday\n")
    assert (code, out.count("\n")) == (0, 1), err
    found = verify(workspace.database)
    assert found.holds, found.breaches


def test_chat(killer: Killer, trained_workspace: Workspace) -> None:
    """Every line that was shown has its turn, as it was shown."""
    words = ("chat", "--json", "-w", trained_workspace.root)
    some, many = b"where is my parcel BK-0001\n" * 30, b"where is my parcel BK-0001\n" * 3000
    longest = killer.run(*[words], stdin=some).ran
    shown: set[tuple[int, int, str]] = set()
    killed = runs = 0
    for death in killer.deaths(words, stdin=many, longest=longest, seed=11):
        killed, runs = killed + death.killed, runs + 1
        whole = death.out[: death.out.rfind(b"\n") + 1].splitlines()
        lines = [json.loads(line) for line in whole]
        shown |= {(one["session"], one["turn"], LOGGED.text(one["reply"])) for one in lines}
        found = verify(trained_workspace.database)
        assert found.holds, found.breaches
        with opened(trained_workspace.database) as log:
            kept = set(log.execute("SELECT session_id, number, reply FROM turns"))
        assert shown <= kept
    tell("chat", killed, runs, longest)


def test_finetune(killer: Killer, frontdesk: Frontdesk, trained_workspace: Workspace) -> None:
    """The model that was live answers; the next training goes on, and ends."""
    root = trained_workspace.root
    quick(trained_workspace)
    words = ("finetune", "--force", "--json", "-w", root)
    add_chat(trained_workspace, 0)
    first = killer.run(words)
    assert first.code == 0, first.err
    add_chat(trained_workspace, 1)
    killed = runs = 0
    for number, death in enumerate(killer.deaths(words, longest=first.ran, seed=12), start=2):
        killed, runs = killed + death.killed, runs + 1
        assert death.killed or death.code == 0, death.err
        answers(frontdesk, trained_workspace)
        assert frontdesk("models", "-w", root)[0] == 0
        if not death.killed:
            add_chat(trained_workspace, number)
    last = killer.run(words)
    assert last.code == 0, last.err
    tell("finetune", killed, runs, first.ran)
    assert no_rubbish(trained_workspace.models)


def quick(workspace: Workspace) -> None:
    path = workspace.root / "frontdesk.toml"
    path.write_text(path.read_text().replace("epochs = 12", "epochs = 1"))


def add_chat(workspace: Workspace, number: int) -> None:
    """Something new to learn."""
    turn = {
        "speaker": "customer",
        "text": f"cancel order BK-9{number:03}",
        "intent": "order/cancel",
    }
    chat = {"id": f"new-{number}", "split": "train", "turns": [turn]}
    [path] = workspace.chats.iterdir()
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(chat) + "\n")


def no_rubbish(folder: Path) -> bool:
    """Whether what a killed run left behind was cleared away by the next one."""
    return not [path for path in folder.iterdir() if path.name.startswith(".v")]


def test_kb_build(killer: Killer, frontdesk: Frontdesk, trained_workspace: Workspace) -> None:
    """The index before is whole, or the new one is."""
    root, article = trained_workspace.root, trained_workspace.kb / "doors.md"
    words = ("kb", "build", "-w", root)
    article.write_text("# Doors\n\nThe shop has 0 doors.\n")
    first = killer.run(words)
    assert first.code == 0, first.err
    killed = runs = 0
    for death in killer.deaths(words, longest=first.ran, seed=13):
        killed, runs = killed + death.killed, runs + 1
        assert death.killed or death.code == 0, death.err
        code, out, err = frontdesk("kb", "search", "doors", "--json", "-w", root)
        assert code == 0, err
        assert json.loads(out)["hits"]
        answers(frontdesk, trained_workspace)
        article.write_text(f"# Doors\n\nThe shop has {runs} doors.\n")
    last = killer.run(words)
    assert last.code == 0, last.err
    found = json.loads(frontdesk("kb", "search", "doors", "--json", "-w", root)[1])
    assert f"The shop has {runs} doors." in json.dumps(found)
    tell("kb build", killed, runs, first.ran)


def test_models_use(killer: Killer, frontdesk: Frontdesk, trained_workspace: Workspace) -> None:
    """One of the two is live, whole."""
    root, models = trained_workspace.root, trained_workspace.models
    publish_again(models, "v2")
    switches = [("models", "use", version, "-w", root) for version in ("v2", "v1") * 2]
    first = killer.run(*switches)
    assert first.code == 0, first.err
    killed = runs = 0
    for death in killer.deaths(*switches, longest=first.ran, seed=14):
        killed, runs = killed + death.killed, runs + 1
        code, _, err = frontdesk("models", "--json", "-w", root)
        assert code == 0, err
        assert (models / "current").read_text().strip() in ("v1", "v2")
        answers(frontdesk, trained_workspace)
    tell("models use", killed, runs, first.ran)


def publish_again(models: Path, version: str) -> None:
    """v1 under another name."""
    folder = models / f".{version}"
    shutil.copytree(models / "v1", folder)
    meta = json.loads((folder / registry.MANIFEST).read_text())
    (folder / registry.MANIFEST).unlink()
    registry.write_manifest(folder, meta)
    registry.publish(folder, models, version)
