"""What other programs rely on: JSON, exit codes, and nothing but the result on standard output.

The names here are promises. A name may be added; one that is missing or changed breaks somebody.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.decision import KINDS
from bot.own_sentences import SENTENCES
from bot.workspace import Workspace

Frontdesk = Callable[..., tuple[int, str, str]]
SetThresholds = Callable[..., None]
COMMAND = (sys.executable, "-c", "from bot.cli import main; main()")
LARGEST_IN_JAVASCRIPT = 2**53 - 1


def chat(frontdesk: Frontdesk, workspace: Workspace, *messages: str) -> list[dict[str, Any]]:
    stdin = "".join(f"{message}\n" for message in messages).encode()
    code, out, _ = frontdesk("chat", "--json", "-w", workspace.root, stdin=stdin)
    assert code == 0
    lines = out.split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


def decided(frontdesk: Frontdesk, workspace: Workspace, message: str) -> dict[str, Any]:
    [answer] = chat(frontdesk, workspace, message)
    found: dict[str, Any] = answer["decision"]
    return found


# --- chat ----------------------------------------------------------------------------------------


def test_chat_gives_an_object_a_line(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, intent=0.0)
    first, second = chat(frontdesk, trained_workspace, "where is my parcel BK-0001", "thanks")
    assert set(first) == {"session", "turn", "reply", "decision", "intent", "suggestions", "ms"}
    assert (first["session"], first["turn"]) == (1, 1)
    assert (second["session"], second["turn"]) == (1, 2)
    assert first["reply"] == "Parcel BK-0001 is on its way."
    assert set(first["intent"]) == {"name", "confidence"}
    assert first["intent"]["name"] == "order/track"
    assert 0 <= first["intent"]["confidence"] <= 1
    assert first["ms"] > 0
    assert chat(frontdesk, trained_workspace, "thanks")[0]["session"] == 2


def test_a_template_is_named(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, intent=0.0)
    decision = decided(frontdesk, trained_workspace, "where is my parcel BK-0001")
    assert set(decision) == {"kind", "template", "evidence"}
    assert (decision["kind"], decision["template"]) == ("template", "track")


def test_passages_are_cited(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, passage=0.0)
    decision = decided(frontdesk, trained_workspace, "bread")
    assert set(decision) == {"kind", "citations", "evidence"}
    assert decision["kind"] == "passages"
    for citation in decision["citations"]:
        assert set(citation) == {"article", "passage", "score"}
        assert type(citation["passage"]) is int
        assert 0 <= citation["passage"] <= LARGEST_IN_JAVASCRIPT
        assert 0 <= citation["score"] <= 1


def test_evidence_holds_all_scores(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, intent=0.5)
    evidence = decided(frontdesk, trained_workspace, "what is the weather monday")["evidence"]
    assert set(evidence) == {
        *("rule", "reason", "entities", "sentiment", "upset", "intents", "runner_up"),
        *("margin", "templates", "passages", "thresholds"),
    }
    assert set(evidence["intents"][0]) == set(evidence["templates"][0]) == {"name", "score"}
    assert set(evidence["passages"][0]) == {"article", "passage", "score"}
    assert evidence["runner_up"] == evidence["intents"][1]
    assert evidence["thresholds"] == {
        "intent": 0.5,
        "template": None,
        "passage": None,
        "max_wrong": 0.3,
    }


def test_every_kind_of_decision(
    frontdesk: Frontdesk, trained_workspace: Workspace, set_thresholds: SetThresholds
) -> None:
    set_thresholds(trained_workspace, intent=0.0)
    messages = {
        "template": "where is my parcel BK-0001",
        "ask": "where is my parcel",
        "smalltalk": "many thanks, see you monday",
        "handoff": "agent",
        "unknown": "?",
    }
    found = {kind: decided(frontdesk, trained_workspace, said) for kind, said in messages.items()}
    assert {kind: decision["kind"] for kind, decision in found.items()} == {
        kind: kind for kind in messages
    }
    assert (found["ask"]["evidence"]["slot"], found["ask"]["evidence"]["attempt"]) == (
        "order_id",
        0,
    )
    assert found["unknown"]["evidence"]["reason"] == "unreadable"
    assert found["handoff"]["evidence"]["reason"] == "requested"
    assert found["handoff"]["evidence"]["summary"] == {
        "messages": ["agent"],
        "slots": {},
        "answered": [],
        "articles": [],
    }
    set_thresholds(trained_workspace)
    clarify = decided(frontdesk, trained_workspace, "where is my parcel BK-0001")
    assert clarify["kind"] == "clarify"
    assert len(clarify["evidence"]["choices"]) in (2, 3)


def test_a_model_without_intents_says_so(frontdesk: Frontdesk, base_workspace: Workspace) -> None:
    [answer] = chat(frontdesk, base_workspace, "where is my parcel")
    assert answer["intent"] == {"name": None, "confidence": 0.0}


# --- kb ------------------------------------------------------------------------------------------


def test_kb_search(frontdesk: Frontdesk, base_workspace: Workspace) -> None:
    words = ("kb", "search", "gift voucher", "--json", "-w", base_workspace.root)
    code, out, err = frontdesk(*words)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert set(found) == {"hits"}
    for hit in found["hits"]:
        assert set(hit) == {"article", "passage", "title", "text", "score"}
        assert 0 <= hit["passage"] <= LARGEST_IN_JAVASCRIPT
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert 1 >= scores[0] >= scores[-1] >= 0
    assert found["hits"][0]["article"] == "vouchers"
    assert len(json.loads(frontdesk(*words, "-k", "1")[1])["hits"]) == 1


def test_kb_evaluate(frontdesk: Frontdesk, base_workspace: Workspace, tmp_path: Path) -> None:
    queries = tmp_path / "queries.jsonl"
    queries.write_text(
        '{"id": "1", "text": "gift voucher", "gold": ["vouchers"]}\n'
        '{"id": "2", "text": "gluten-free bread", "gold": ["allergens", "gluten-free"]}\n'
    )
    code, out, err = frontdesk("kb", "evaluate", queries, "--json", "-w", base_workspace.root)
    assert (code, err) == (0, "")
    figures = json.loads(out)
    assert list(figures) == ["n", "r@1", "r@5", "r@10", "mrr@10", "ndcg@10"]
    assert figures["n"] == 2
    assert all(0 <= figures[name] <= 1 for name in figures if name != "n")


def test_kb_build(frontdesk: Frontdesk, base_workspace: Workspace) -> None:
    code, out, _ = frontdesk("kb", "build", "--json", "-w", base_workspace.root)
    assert code == 0
    report = json.loads(out)
    assert set(report) == {
        *("passages", "embedded", "reused", "removed", "written", "seconds", "digest", "bad"),
    }
    assert (report["passages"], report["embedded"], report["written"]) == (4, 0, False)


# --- finetune, models, replay --------------------------------------------------------------------

INTENT = {"n", "accuracy", "macro_f1", "group_accuracy", "ece"}
RANKING = {"n", "r@1", "r@5", "r@10", "mrr"}


def test_finetune(frontdesk: Frontdesk, trained_workspace: Workspace) -> None:
    """Nothing has changed, so the figures are those of the version that is live."""
    code, out, err = frontdesk("finetune", "--json", "-w", trained_workspace.root)
    assert code == 0
    found = json.loads(out)
    assert set(found) == {
        "version",
        "live",
        "trained",
        "seconds",
        "peak_mib",
        "metrics",
        "gate",
        "report",
    }
    assert (found["version"], found["live"], found["trained"]) == ("v1", True, False)
    assert found["gate"] is None
    assert "are those of v1: not trained again" in err
    assert set(found["metrics"]) == {"test", "frozen"}
    for figures in found["metrics"].values():
        assert set(figures["intent"]) == INTENT
        assert set(figures["ranking"]) == RANKING


def test_models(frontdesk: Frontdesk, trained_workspace: Workspace) -> None:
    code, out, _ = frontdesk("models", "--json", "-w", trained_workspace.root)
    assert code == 0
    found = json.loads(out)
    assert set(found) == {"live", "versions"}
    assert [version["version"] for version in found["versions"]] == ["base", "v1"]
    assert {"version", "fingerprint", "bytes", "metrics"} < set(found["versions"][1])
    assert frontdesk("models", "use", "base", "--json", "-w", trained_workspace.root)[:2] == (
        0,
        '{"live": "base"}\n',
    )


def test_replay(frontdesk: Frontdesk, trained_workspace: Workspace) -> None:
    root = trained_workspace.root
    code, out, _ = frontdesk("replay", trained_workspace.chats, "--json", "-w", root)
    assert code == 0
    report = json.loads(out)
    assert {"turns", "turns_per_second", "intent", "ranking", "decisions"} <= set(report)
    assert set(report["intent"]) >= INTENT - {"group_accuracy"}
    assert set(report["ranking"]) >= RANKING
    assert set(report["decisions"]) == set(KINDS)
    assert sum(report["decisions"].values()) == pytest.approx(1)
    assert (report["turns"], report["chats"], report["excluded"]) == (54, 18, 54)
    low, high = report["intervals"]["intent.accuracy"]
    assert low <= report["intent"]["accuracy"] <= high


# --- exit codes ----------------------------------------------------------------------------------


def test_1_where_a_turn_failed_in_a_pipe(
    frontdesk: Frontdesk, trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.bot import Bot
    from bot.exchange import Exchange

    respond = Bot.respond

    def stumbling(bot: Bot, text: str) -> Exchange:
        if text == "stumble":
            raise ValueError("of all things")
        return respond(bot, text)

    monkeypatch.setattr(Bot, "respond", stumbling)
    stdin = b"stumble\nthanks for monday\n"
    code, out, err = frontdesk("chat", "--json", "-w", trained_workspace.root, stdin=stdin)
    failed, answered = map(json.loads, out.splitlines())
    assert code == 1
    assert failed == {"error": "ValueError: of all things", "reply": SENTENCES["en"]["failed"][0]}
    assert answered["turn"] == 1
    assert err.endswith("error: line 1: ValueError: of all things (--debug shows the trace)\n")


def test_2_for_a_command_that_nobody_knows(frontdesk: Frontdesk) -> None:
    for words in (["talk"], ["chat", "--loud"], ["kb", "search"], ["replay"]):
        code, out, err = frontdesk(*words)
        assert (code, out) == (2, "")
        assert "Usage: frontdesk" in err


def test_2_for_input_that_needs_mending(
    frontdesk: Frontdesk, trained_workspace: Workspace, tmp_path: Path
) -> None:
    root, bad = trained_workspace.root, tmp_path / "bad.jsonl"
    bad.write_text("{}\n")
    for words in (
        ["chat", "-w", tmp_path],
        ["kb", "evaluate", bad, "-w", root],
        ["replay", bad, "-w", root],
        ["new", root],
    ):
        code, out, err = frontdesk(*words)
        assert (code, out) == (2, "")
        assert err.startswith("frontdesk: ")
        assert err.count("\n") == 1


def test_3_where_there_is_no_model(frontdesk: Frontdesk, tiny_workspace: Workspace) -> None:
    root = tiny_workspace.root
    for words in (["chat"], ["kb", "search", "x"], ["replay", root / "chats"], ["models", "use"]):
        code, out, _ = frontdesk(*words, *(["v1"] if "use" in words else []), "-w", root)
        assert (code, out) == (3, "")


def test_3_where_there_is_no_index(frontdesk: Frontdesk, trained_workspace: Workspace) -> None:
    for path in trained_workspace.index.iterdir():
        path.unlink()
    code, out, err = frontdesk("chat", "-w", trained_workspace.root)
    assert (code, out, err) == (
        3,
        "",
        f"frontdesk: {trained_workspace.index} has no index for this encoder; "
        "run `frontdesk kb build`.\n",
    )


def test_130_where_a_person_interrupts(trained_workspace: Workspace) -> None:
    words = (*COMMAND, "chat", "-w", str(trained_workspace.root))
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"thanks for monday\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err


def test_130_where_a_training_is_interrupted_and_the_next_goes_on(
    frontdesk: Frontdesk, trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = trained_workspace.root / "frontdesk.toml"
    settings.write_text(settings.read_text().replace("seed = 7", "seed = 8"))
    seen: list[tuple[str, int]] = []

    @contextmanager
    def progress() -> Iterator[Callable[[str, int, int], None]]:
        def show(stage: str, done: int, total: int) -> None:
            seen.append((stage, done))
            if stage == "fine-tuning" and done > total / 2 and len(interruptions) == 0:
                interruptions.append(done)
                raise KeyboardInterrupt

        yield show

    interruptions: list[int] = []
    monkeypatch.setattr("bot.commands.finetune.progress", progress)
    words = ("finetune", "--json", "-w", trained_workspace.root)
    code, out, err = frontdesk(*words)
    assert (code, out) == (130, "")
    assert "interrupted; run the command again to go on from the last finished epoch\n" in err
    assert (trained_workspace.models / "current").read_text() == "v1\n"
    seen.clear()
    code, out, _ = frontdesk(*words)
    assert (code, json.loads(out)["version"]) == (0, "v2")
    first = next(done for stage, done in seen if stage == "fine-tuning")
    assert first > interruptions[0] / 2


# --- standard output -----------------------------------------------------------------------------


def test_what_is_no_result_goes_to_standard_error(
    frontdesk: Frontdesk, base_workspace: Workspace
) -> None:
    root = base_workspace.root
    (base_workspace.kb / "photo.png").write_bytes(b"")
    (base_workspace.kb / "new.md").write_text("# New\n\nThe door is new.\n")
    code, out, err = frontdesk("chat", "-w", root, stdin=b"?\n")
    assert (code, out.count("\n")) == (0, 1)
    assert "no model is fine-tuned yet" in err
    assert "articles changed since the index was built; run `frontdesk kb build`\n" in err
    code, out, err = frontdesk("kb", "build", "--json", "-w", root)
    assert json.loads(out)["embedded"] == 1
    assert "not read: photo.png is no article" in err
    assert "embed: 1 of 1" in err
