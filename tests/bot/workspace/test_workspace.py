"""A workspace is found from inside it, and its paths are where the design says."""

from pathlib import Path

import pytest

from bot.errors import BotError
from bot.workspace import find_workspace, open_workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "frontdesk.toml").write_text(
        'name = "Shop"\n[entities.day]\nvalues = ["Monday"]\nask = "Which day?"\n'
    )
    return tmp_path


def test_the_nearest_parent_is_found(root: Path) -> None:
    inside = root / "kb" / "deep"
    inside.mkdir(parents=True)
    assert find_workspace(inside) == root.resolve()


def test_the_current_folder_is_the_default(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert open_workspace().settings.name == "Shop"


def test_outside_of_any_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BotError, match=r"is in no workspace .*; name one with --workspace DIR"):
        open_workspace()


def test_a_named_folder_must_be_one_itself(root: Path) -> None:
    (root / "kb").mkdir()
    with pytest.raises(BotError, match=r"is no workspace .*; make one with `frontdesk new"):
        open_workspace(root / "kb")


def test_paths(root: Path) -> None:
    workspace = open_workspace(root)
    assert workspace.templates_path == root / "templates.yaml"
    assert workspace.kb == root / "kb"
    assert workspace.chats == root / "chats"
    assert workspace.models == root / "models"
    assert workspace.index == root / "index"
    assert workspace.database == root / "frontdesk.db"


def test_templates_are_checked_against_the_entities(root: Path) -> None:
    path = root / "templates.yaml"
    path.write_text('templates:\n  - id: a\n    wordings: ["On {day}."]\n')
    assert open_workspace(root).load_templates().by_id["a"].slots == ("day",)
    path.write_text('templates:\n  - id: a\n    wordings: ["At {hour}."]\n')
    with pytest.raises(BotError, match=r"templates.yaml:3: .* nothing fills; add"):
        open_workspace(root).load_templates()
