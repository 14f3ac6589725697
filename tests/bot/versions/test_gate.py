"""The gate end to end: two versions read held-out chats, and the live one stays unless matched.

A worse version is the trained one with two of its labels exchanged: it confuses them always.
"""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.versions.gate import Release, held_out, judge, judged_places, release
from bot.workspace import Workspace
from finetune import registry
from finetune.conversation import Conversation
from finetune.errors import NoModel
from finetune.history import events
from finetune.transcripts import read_chats

Frontdesk = Callable[..., tuple[int, str, str]]
Derive = Callable[..., str]
CONFUSED = {"order/cancel": "order/track", "order/track": "order/cancel"}
OTHER_INTENT = {"order/cancel": "refund"}


def silent(_stage: str, _done: int, _total: int) -> None:
    pass


def learnt_from(part: str) -> Callable[[Path], None]:
    """As if all the calibration chats had been in this part."""

    def change(folder: Path) -> None:
        settings = json.loads((folder / "settings.json").read_text())
        settings["splits"][part] += settings["splits"]["calibration"]
        (folder / "settings.json").write_text(json.dumps(settings))

    return change


def chats_of(workspace: Workspace) -> list[Conversation]:
    return read_chats([workspace.chats]).conversations


def gated(workspace: Workspace, version: str, *, force: bool = False) -> Release:
    return release(workspace, version, chats_of(workspace), silent, force=force)


def told(workspace: Workspace, version: str) -> list[str]:
    return [event.event for event in events(workspace.models) if event.version == version]


# --- the verdict ---------------------------------------------------------------------------------


def test_an_equal_version_goes_live(trained_workspace: Workspace, derive: Derive) -> None:
    derive(trained_workspace, "v2")
    outcome = gated(trained_workspace, "v2")
    assert outcome.live
    assert outcome.verdict
    assert outcome.verdict.compared
    compared = [f"{change.task} {change.figure}" for change in outcome.verdict.tasks]
    assert compared == ["intent accuracy", "ranking r@1", "ranking mrr", "entities f1"]
    assert [change.difference for change in outcome.verdict.tasks] == [0] * 4
    assert registry.current(trained_workspace.models) == "v2"
    assert told(trained_workspace, "v2") == ["published", "gate", "live"]


def test_a_worse_version_stays_a_candidate(trained_workspace: Workspace, derive: Derive) -> None:
    derive(trained_workspace, "v2", CONFUSED)
    outcome = gated(trained_workspace, "v2")
    assert not outcome.live
    assert outcome.verdict
    assert "intent accuracy fell from " in outcome.verdict.reason
    assert {change.intent for change in outcome.verdict.fallen} == {"order/cancel", "order/track"}
    assert all(change.examples for change in outcome.verdict.fallen)
    assert registry.current(trained_workspace.models) == "v1"
    assert registry.candidates(trained_workspace.models) == {"v2"}
    assert told(trained_workspace, "v2") == ["published", "gate"]


def test_by_force_it_goes_live_and_that_is_kept(
    trained_workspace: Workspace, derive: Derive
) -> None:
    derive(trained_workspace, "v2", CONFUSED)
    outcome = gated(trained_workspace, "v2", force=True)
    assert outcome.live
    assert outcome.verdict
    assert not outcome.verdict.passed
    assert registry.current(trained_workspace.models) == "v2"
    assert told(trained_workspace, "v2") == ["published", "gate", "forced"]
    assert events(trained_workspace.models)[-1].facts == {"before": "v1"}


def test_force_that_was_not_needed_is_not_called_force(
    trained_workspace: Workspace, derive: Derive
) -> None:
    derive(trained_workspace, "v2")
    assert gated(trained_workspace, "v2", force=True).live
    assert told(trained_workspace, "v2")[-1] == "live"


def test_a_new_and_a_lost_intent_are_listed(trained_workspace: Workspace, derive: Derive) -> None:
    derive(trained_workspace, "v2", OTHER_INTENT)
    verdict = judge(trained_workspace.models, "v2", chats_of(trained_workspace), silent)
    assert (verdict.new, verdict.lost) == (("refund",), ("order/cancel",))
    assert [change.intent for change in verdict.fallen] == ["order/cancel"]


def test_the_order_of_the_files_does_not_matter(
    trained_workspace: Workspace, derive: Derive
) -> None:
    derive(trained_workspace, "v2", CONFUSED)
    chats, models = chats_of(trained_workspace), trained_workspace.models
    assert judge(models, "v2", chats, silent) == judge(models, "v2", chats[::-1], silent)


# --- which chats ---------------------------------------------------------------------------------


def test_the_chats_are_those_that_neither_saw(trained_workspace: Workspace, derive: Derive) -> None:
    models = trained_workspace.models
    v1, v2 = (
        registry.open_version(models, name) for name in ("v1", derive(trained_workspace, "v2"))
    )
    chats = held_out(v1, v2, chats_of(trained_workspace))
    learnt = registry.learnt(v2)
    assert learnt
    assert [chat.id for chat in chats] == sorted(learnt.splits["calibration"])
    assert {chat for chat, _ in judged_places(v2)} <= {chat.id for chat in chats}


@pytest.mark.parametrize("part", ["train", "validation"])
def test_chats_that_the_live_version_learnt_from_or_was_tuned_on_do_not_count(
    trained_workspace: Workspace, derive: Derive, part: str
) -> None:
    """None is left; a version that nothing speaks for does not take another's place."""
    derive(trained_workspace, "v2", {}, learnt_from(part))
    derive(trained_workspace, "v3")
    registry.use(trained_workspace.models, "v2")
    outcome = gated(trained_workspace, "v3")
    assert not outcome.live
    assert outcome.verdict
    assert outcome.verdict.reason.startswith("0 held-out chats are new to both it and v2")


def test_messages_with_a_near_duplicate_in_train_do_not_count(
    trained_workspace: Workspace,
    derive: Derive,
) -> None:
    """The evidence leaves them out already."""

    def keep_ten(folder: Path) -> None:
        path = folder / "evidence.json"
        path.write_text(json.dumps(json.loads(path.read_text())[:10]))

    derive(trained_workspace, "v2", {}, keep_ten)
    verdict = judge(trained_workspace.models, "v2", chats_of(trained_workspace), silent)
    assert verdict.messages == 10


def test_chats_that_left_the_folder_are_judged_from_memory(
    trained_workspace: Workspace, derive: Derive
) -> None:
    chats = chats_of(trained_workspace)

    def remember(folder: Path) -> None:
        lines = [chat.model_dump_json(exclude_unset=True) + "\n" for chat in chats]
        (folder / "memory.jsonl").write_text("".join(lines))

    derive(trained_workspace, "v2", {}, remember)
    models = trained_workspace.models
    assert judge(models, "v2", [], silent) == judge(models, "v2", chats, silent)


# --- nothing to be worse than --------------------------------------------------------------------


def test_the_first_trained_version_goes_live(trained_workspace: Workspace) -> None:
    registry.use(trained_workspace.models, "base")
    outcome = gated(trained_workspace, "v1")
    assert outcome.live
    assert outcome.verdict
    assert outcome.verdict.reason == "before it only the pretrained encoder was live"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_where_nothing_is_live_it_goes_live(
    trained_workspace: Workspace, content: bytes | None
) -> None:
    current = trained_workspace.models / registry.CURRENT
    current.unlink()
    if content:
        current.write_bytes(content)
    outcome = gated(trained_workspace, "v1")
    assert outcome.live
    assert outcome.verdict
    assert outcome.verdict.reason == "there was no live version to compare it with"


def test_a_live_version_that_cannot_be_opened_is_replaced(
    trained_workspace: Workspace, derive: Derive
) -> None:
    derive(trained_workspace, "v2")
    (trained_workspace.models / "v1" / "heads.onnx").unlink()
    outcome = gated(trained_workspace, "v2")
    assert outcome.live
    assert outcome.verdict
    assert "cannot be opened to compare (model v1 lacks heads.onnx" in outcome.verdict.reason


def test_a_candidate_that_cannot_be_opened_changes_nothing(
    trained_workspace: Workspace, derive: Derive
) -> None:
    derive(trained_workspace, "v2")
    (trained_workspace.models / "v2" / "heads.onnx").unlink()
    with pytest.raises(NoModel, match=r"model v2 lacks heads\.onnx"):
        gated(trained_workspace, "v2")
    assert registry.current(trained_workspace.models) == "v1"


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def trained_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has `frontdesk finetune` find that this version is already trained, as it does after a run
    that ended between its training and the gate."""

    def set_(version: str) -> None:
        metrics = {"test": {"intent": {"n": 10, "accuracy": 0.9}}, "frozen": {"intent": {"n": 0}}}
        result = SimpleNamespace(
            version=version, trained=False, seconds=1.0, peak_mib=1.0, metrics=metrics, notes=()
        )
        monkeypatch.setattr("bot.commands.finetune._trained", lambda *_: result)

    return set_


def test_finetune_says_why_a_version_stays_a_candidate(
    frontdesk: Frontdesk,
    trained_workspace: Workspace,
    derive: Derive,
    trained_as: Callable[[str], None],
) -> None:
    trained_as(derive(trained_workspace, "v2", CONFUSED))
    code, out, _ = frontdesk("finetune", "-w", trained_workspace.root)
    lines = out.splitlines()
    assert code == 0
    assert any("intent accuracy" in line and line.endswith("worse") for line in lines)
    assert any(line.startswith("order/cancel fell from ") for line in lines)
    assert any(line.startswith('    "') and "is now order/track (" in line for line in lines)
    assert lines[-1].startswith("v2 stays a candidate: intent accuracy fell from ")
    assert lines[-1].endswith("; `frontdesk models use v2` puts it live anyway")


def test_a_run_that_ended_before_the_gate_goes_through_it_when_run_again(
    frontdesk: Frontdesk,
    trained_workspace: Workspace,
    derive: Derive,
    trained_as: Callable[[str], None],
) -> None:
    root = trained_workspace.root
    trained_as(derive(trained_workspace, "v2", CONFUSED))
    for _ in range(2):
        found = json.loads(frontdesk("finetune", "--json", "-w", root)[1])
        assert (found["version"], found["live"], found["trained"]) == ("v2", False, False)
        assert found["gate"]["passed"] is False
    found = json.loads(frontdesk("finetune", "--force", "--json", "-w", root)[1])
    assert (found["live"], found["gate"]["passed"]) == (True, False)
    assert told(trained_workspace, "v2") == ["published", "gate", "gate", "gate", "forced"]
    out = frontdesk("finetune", "-w", root)[1]
    assert out.endswith("v2 is live\n")


def test_finetune_says_that_force_was_used(
    frontdesk: Frontdesk,
    trained_workspace: Workspace,
    derive: Derive,
    trained_as: Callable[[str], None],
) -> None:
    trained_as(derive(trained_workspace, "v2", CONFUSED))
    out = frontdesk("finetune", "--force", "-w", trained_workspace.root)[1]
    assert out.splitlines()[-1].startswith("v2 is live because it was forced: intent accuracy fell")
