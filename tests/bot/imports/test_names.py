"""Names of people are masked by the live model, where it has learnt to find them."""

import json
from collections.abc import Callable
from pathlib import Path

from bot.live import live_model
from bot.workspace import Workspace
from finetune.registry import use

Frontdesk = Callable[..., tuple[int, str, str]]

LEFT = "names of people are masked only where the chats mark them: no live model finds them\n"


def test_names_that_the_model_finds_are_masked(
    frontdesk: Frontdesk, trained_workspace: Workspace, derive: Callable[..., str], tmp_path: Path
) -> None:
    def call_it_a_name(folder: Path) -> None:
        entities = json.loads((folder / "entities.json").read_text())
        (folder / "entities.json").write_text(json.dumps({**entities, "types": ["name"]}))

    use(trained_workspace.models, derive(trained_workspace, "v2", {}, call_it_a_name))
    text = "cancel order BK-0013"
    (found,) = live_model(trained_workspace).encode_messages([text])[1]
    masked = text
    for entity in reversed(found):
        masked = f"{masked[: entity.start]}[name]{masked[entity.end :]}"
    path = tmp_path / "a.txt"
    path.write_text(f"Customer: {text}\n", encoding="utf-8")
    words = ("chats", "import", path, "--format", "plain", "-w", trained_workspace.root)
    code, out, err = frontdesk(*words)

    assert (code, err) == (0, "")
    assert out.startswith(f"masked: {len(found)} name\n")
    written = (trained_workspace.chats / "a.jsonl").read_text()
    assert json.loads(written)["turns"][0]["text"] == masked != text


def test_without_such_a_model_the_summary_says_that_names_are_left(
    frontdesk: Frontdesk, tiny_workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Customer: I am Mia\nAgent: Hi Mia\n", encoding="utf-8")

    code, _, err = frontdesk("chats", "import", path, "-w", tiny_workspace.root)
    assert (code, err) == (0, LEFT)
    assert "I am Mia" in (tiny_workspace.chats / "a.jsonl").read_text()
