"""`frontdesk models`: what is there, which answers, and how the live one is exchanged."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from bot.live import open_desk, tidy
from bot.sessions.session_log import SessionLog
from bot.versions.gate import release
from bot.workspace import Workspace
from finetune import registry
from finetune.history import events
from finetune.transcripts import read_chats

Frontdesk = Callable[..., tuple[int, str, str]]
Derive = Callable[..., str]
CONFUSED = {"order/cancel": "order/track", "order/track": "order/cancel"}
ANSWERED_BY = "SELECT model FROM decisions ORDER BY rowid"
COMMAND = (sys.executable, "-c", "from bot.cli import main; main()")


def silent(_stage: str, _done: int, _total: int) -> None:
    pass


def gated(workspace: Workspace, version: str) -> None:
    release(workspace, version, read_chats([workspace.chats]).conversations, silent)


def listed(frontdesk: Frontdesk, workspace: Workspace) -> dict[str, dict[str, Any]]:
    found = json.loads(frontdesk("models", "--json", "-w", workspace.root)[1])
    return {version["version"]: version for version in found["versions"]}


def test_the_list_says_what_each_version_saw(
    frontdesk: Frontdesk, trained_workspace: Workspace, derive: Derive
) -> None:
    derive(trained_workspace, "v2", {"order/cancel": "refund"})
    base, v1, v2 = listed(frontdesk, trained_workspace).values()
    assert (base["chats"], base["intents"], base["gate"]) == (0, 0, None)
    assert (v1["chats"], v1["new_chats"], v1["intents"]) == (72, 72, 6)
    assert (v2["chats"], v2["new_chats"], v2["intents"]) == (72, 0, 6)
    assert (v2["new_intents"], v2["lost_intents"]) == (["refund"], ["order/cancel"])
    assert v1["created"].startswith("20")
    assert [version["state"] for version in (base, v1, v2)] == ["kept", "live", "candidate"]


def test_only_figures_that_some_version_has_are_columns(
    frontdesk: Frontdesk, trained_workspace: Workspace
) -> None:
    header = frontdesk("models", "-w", trained_workspace.root)[1].splitlines()[0]
    columns = [
        "version", "created", "chats", "intents", "MiB", "accuracy", "macro", "F1", "R@1",
        "entity", "F1",
    ]  # fmt: skip
    assert header.split() == columns


def test_a_candidate_is_listed_with_its_reason(
    frontdesk: Frontdesk, trained_workspace: Workspace, derive: Derive
) -> None:
    derive(trained_workspace, "v2", CONFUSED)
    gated(trained_workspace, "v2")
    gate = listed(frontdesk, trained_workspace)["v2"]["gate"]
    assert (gate["live"], gate["passed"]) == ("v1", False)
    out = frontdesk("models", "-w", trained_workspace.root)[1]
    assert f"v2 is a candidate: {gate['reason']}\n" in out


def test_a_candidate_can_be_chosen_which_is_kept(
    frontdesk: Frontdesk, trained_workspace: Workspace, derive: Derive
) -> None:
    root = trained_workspace.root
    derive(trained_workspace, "v2", CONFUSED)
    gated(trained_workspace, "v2")
    assert frontdesk("models", "use", "v2", "-w", root)[:2] == (0, "v2 is live\n")
    last = events(trained_workspace.models)[-1]
    assert (last.event, last.version, last.facts) == ("used", "v2", {"before": "v1"})
    assert listed(frontdesk, trained_workspace)["v2"]["state"] == "live"


def test_rollback_goes_to_the_version_before(
    frontdesk: Frontdesk, trained_workspace: Workspace, derive: Derive
) -> None:
    root = trained_workspace.root
    derive(trained_workspace, "v2")
    frontdesk("models", "use", "v2", "-w", root)
    assert frontdesk("models", "rollback", "-w", root)[:2] == (0, "v1 is live\n")
    assert listed(frontdesk, trained_workspace)["v2"]["state"] == "kept"
    assert frontdesk("models", "rollback", "--json", "-w", root)[:2] == (0, '{"live": "base"}\n')
    code, out, err = frontdesk("models", "rollback", "-w", root)
    assert (code, out) == (3, "")
    assert "has no version that was live before base" in err
    assert registry.current(trained_workspace.models) == "base"


# --- while a chat is open ------------------------------------------------------------------------


def test_an_open_desk_keeps_its_model_and_a_new_one_has_the_new(
    trained_workspace: Workspace, derive: Derive, frontdesk: Frontdesk
) -> None:
    """Even where the folder of the model it has opened is removed."""
    derive(trained_workspace, "v2", CONFUSED)
    desk = open_desk(trained_workspace, silent)
    frontdesk("models", "use", "v2", "-w", trained_workspace.root)
    (trained_workspace.models / "v1").rename(trained_workspace.root / "removed")
    assert desk.model.version == "v1"
    assert desk.model.encode(["cancel order BK-0001"]).shape == (1, 64)
    assert open_desk(trained_workspace, silent).model.version == "v2"


def test_a_chat_in_another_process_goes_on_with_the_model_it_opened(
    trained_workspace: Workspace, derive: Derive, frontdesk: Frontdesk
) -> None:
    derive(trained_workspace, "v2", CONFUSED)
    message = b"cancel order BK-0001\n"
    words = (*COMMAND, "chat", "--json", "-w", str(trained_workspace.root))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        intents = []
        for switch in (["use", "v2"], ["rollback"], ["use", "v2"]):
            process.stdin.write(message)
            process.stdin.flush()
            intents.append(json.loads(process.stdout.readline())["intent"])
            frontdesk("models", *switch, "-w", trained_workspace.root)
    assert intents == [intents[0]] * 3
    frontdesk("chat", "--json", "-w", trained_workspace.root, stdin=message)
    with SessionLog.open(trained_workspace.database) as log:
        models = [model for (model,) in log._rows(ANSWERED_BY, ())]
    v1, v2 = registry.versions(trained_workspace.models)[1:]
    assert models == [v1.fingerprint] * 3 + [v2.fingerprint]


# --- what is left behind -------------------------------------------------------------------------


def test_what_was_made_for_versions_that_are_gone_is_removed(
    trained_workspace: Workspace,
) -> None:
    index = trained_workspace.index
    before = {path.name for path in index.iterdir()}
    strays = [
        f"{prefix}{'0' * 12}{suffix}"
        for prefix, suffix in [
            ("", ".json"), ("", "-3.db"), ("templates-", ".npz"),
            ("thresholds-", ".json"), ("articles-", ".json"),
            ("suggestions-", ".json"), ("sentences-", ".npz"),
        ]
    ]  # fmt: skip
    for name in (*strays, "my notes.json"):
        (index / name).write_text("")
    tidy(trained_workspace)
    assert {path.name for path in index.iterdir()} == before | {"my notes.json"}
    open_desk(trained_workspace, unexpected)


def unexpected(stage: str, _done: int, _total: int) -> None:
    raise AssertionError(f"{stage}: should have been there still")


def test_nothing_is_removed_while_a_version_cannot_be_read(trained_workspace: Workspace) -> None:
    """Mended, it would need its index."""
    index = trained_workspace.index
    manifest = trained_workspace.models / "v1" / registry.MANIFEST
    manifest.write_text(manifest.read_text()[:-5])
    before = {path.name for path in index.iterdir()}
    tidy(trained_workspace)
    assert {path.name for path in index.iterdir()} == before


@pytest.mark.parametrize(("days", "kept"), [(0, True), (2, False)])
def test_an_unfinished_version_is_removed_after_a_day(
    trained_workspace: Workspace, days: int, kept: bool
) -> None:
    """Before, it may be one that another process is making."""
    folder = trained_workspace.models / ".new-0123abcd"
    folder.mkdir()
    (folder / "trunk.onnx").write_text("half")
    past = time.time() - days * registry.DAY
    os.utime(folder, (past, past))
    tidy(trained_workspace)
    assert folder.exists() is kept
