"""`frontdesk replay` as a person and as a program drive it."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.replay import engine
from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]


def test_it_prints_a_table_for_people(
    frontdesk: Frontdesk, trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    root = trained_workspace.root
    code, out, err = frontdesk("replay", root / "chats", "-w", root)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["figure", "95", "%", "interval", "of"]
    assert lines[1].startswith("automation")
    assert any(line.startswith("intent accuracy") for line in lines)
    assert any(line.startswith("reply R@1 of 8") for line in lines)
    assert any(line.startswith("decision clarify") for line in lines)
    assert lines[-2].startswith("at most 30% wrong answers: ")
    assert lines[-1].startswith("replay 1: 54 turns of 18 chats, ")
    assert len(lines) < 40
    assert "54 chats were in the model's training data and are left out" in err
    assert "answer: 54 of 54" in err


def test_what_is_printed_is_what_is_kept_and_read_again(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    root = trained_workspace.root
    code, out, err = frontdesk("replay", root / "chats", "--include-trained", "--json", "-w", root)
    assert code == 0, err
    assert "54 of 72 chats were in the model's training data: expect less on new ones" in err
    assert frontdesk("replay", "--show", "1", "--json", "-w", root) == (0, out, "")
    with closing(sqlite3.connect(trained_workspace.replays)) as database:
        [(kept,)] = database.execute("SELECT figures FROM replays").fetchall()
    assert json.loads(kept) == json.loads(out)


def test_the_same_command_again_reads_what_is_there(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    root = trained_workspace.root
    words = ["replay", root / "chats", "--json", "-w", root]
    first, again = frontdesk(*words), frontdesk(*words)
    assert again[1] == first[1]
    assert json.loads(frontdesk(*words, "--fresh")[1])["replay"] == 2


def test_two_template_banks_are_compared(
    frontdesk: Frontdesk,
    trained_workspace: Workspace,
    set_thresholds: Callable[..., None],
    tmp_path: Path,
) -> None:
    root, other = trained_workspace.root, tmp_path / "other"
    set_thresholds(trained_workspace, intent=0.5)
    shutil.copytree(root, other)
    templates = json.loads((other / "templates.yaml").read_text())
    kept = [one for one in templates["templates"] if one["id"] not in ("track", "cancel")]
    (other / "templates.yaml").write_text(json.dumps({"templates": kept}))
    words = ["replay", root / "chats", "--include-trained", "--json"]
    code, out, _ = frontdesk(*words, "-w", other, "--against-workspace", root)
    found = json.loads(out)["comparison"]
    assert code == 1
    assert found["before"] == {"replay": 2, "version": "v1", "workspace": str(root)}
    assert found["passed"] is False
    assert found["counts"]["broken"] > 20
    worse = [change["figure"] for change in found["figures"] if change["worse"]]
    assert "outcome.automation" in worse
    [pair] = found["pairs"][:1]
    assert pair["change"] == "fixed" or pair["before"]["verdict"] == "right"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name the chats to replay, or a replay to --show"),
        (["{chats}", "--engine", "spark"], "--engine is spark; it is processes or ray"),
        (["--show", "7"], "has no replay 7"),
        (["{chats}", "--version", "v9"], "there is no model v9"),
        (["{chats}", "--against", "v9"], "there is no model v9"),
        (["{chats}", "--workers", "0"], "--workers"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    frontdesk: Frontdesk, trained_workspace: Workspace, words: list[str], said: str
) -> None:
    root = trained_workspace.root
    spelled = [word.format(chats=root / "chats") for word in words]
    code, out, err = frontdesk("replay", *spelled, "-w", root)
    assert (code in (2, 3), out) == (True, "")
    assert said in " ".join(err.replace("│", " ").split())


def test_control_c_ends_with_130_and_says_how_to_go_on(
    frontdesk: Frontdesk, trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "_answer", interrupted)
    root = trained_workspace.root
    code, out, err = frontdesk("replay", root / "chats", "-w", root)
    assert (code, out) == (130, "")
    assert "interrupted; what is done is kept: the same command goes on from there" in err
