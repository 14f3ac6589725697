"""Which model is live, and when the pretrained encoder is exported."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.creation import create
from bot.errors import NoModel
from bot.live import build_index, go_live, live_model, open_desk, searcher
from bot.workspace import Workspace, open_workspace
from finetune import registry
from finetune.encoder import EncoderSource
from finetune.errors import FinetuneError
from kb.errors import KBError, NoIndex


def silent(_stage: str, _done: int, _total: int) -> None:
    pass


def publish(models: Path, version: str, source: EncoderSource) -> registry.VersionInfo:
    folder = models / f".{version}"
    folder.mkdir(parents=True)
    for name in registry.ENCODER_FILES:
        (folder / name).write_text(source.name)
    registry.write_manifest(folder, {"source": asdict(source)})
    return registry.publish(folder, models, version)


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The encoders exported so far, by a `make_base` without torch."""
    names: list[str] = []

    def make_base(models: Path, source: EncoderSource, base: Path) -> registry.VersionInfo:
        assert base.is_dir()
        names.append(source.name)
        if (old := models / registry.BASE).exists():
            old.rename(models / f".old-{len(names)}")
        return publish(models, registry.BASE, source)

    def load(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(version=(folder / "trunk.onnx").read_text())

    monkeypatch.setitem(sys.modules, "finetune.run", SimpleNamespace(make_base=make_base))
    monkeypatch.setattr("bot.model.Model.load", load)
    return names


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(create(tmp_path / "bot").root)


def test_without_a_model_a_search_says_what_to_run(workspace: Workspace) -> None:
    with pytest.raises(NoModel, match="has no model yet; run `frontdesk kb build`"):
        live_model(workspace)


def test_the_pretrained_encoder_is_exported_once(workspace: Workspace, exported: list[str]) -> None:
    name = workspace.settings.encoder.name
    for model in (live_model(workspace, silent), live_model(workspace, silent)):
        assert model.version == name
    assert live_model(workspace).version == name
    assert exported == [name]
    assert registry.current(workspace.models) == registry.BASE


def test_another_encoder_in_the_settings_is_exported(
    workspace: Workspace, exported: list[str]
) -> None:
    live_model(workspace, silent)
    settings = workspace.root / "frontdesk.toml"
    text = settings.read_text().replace("sentence-transformers/all-MiniLM-L6-v2", "other/encoder")
    settings.write_text(text)
    assert live_model(open_workspace(workspace.root), silent).version == "other/encoder"
    assert len(exported) == 2


def test_a_trained_version_stays_live(workspace: Workspace, exported: list[str]) -> None:
    publish(workspace.models, "v1", EncoderSource("trained"))
    registry.use(workspace.models, "v1")
    assert live_model(workspace, silent).version == "trained"
    assert exported == []


def test_without_an_index_it_says_what_to_run(workspace: Workspace) -> None:
    model = SimpleNamespace(encoder_fingerprint="f" * 64, trained=False)
    with pytest.raises(NoIndex, match="frontdesk kb build"):
        searcher(workspace, model, silent)  # type: ignore[arg-type]


# --- going live ----------------------------------------------------------------------------------


def test_a_version_goes_live_with_its_index_and_its_thresholds(
    trained_workspace: Workspace,
) -> None:
    """Whatever was there before; the next chat has nothing left to compute."""
    shutil.rmtree(trained_workspace.index)
    for version in ("base", "v1"):
        go_live(trained_workspace, version, silent)
        assert registry.current(trained_workspace.models) == version
        open_desk(trained_workspace, unexpected)


def test_an_index_that_has_become_old_is_made_again(trained_workspace: Workspace) -> None:
    (trained_workspace.kb / "new.md").write_text("# Door\n\nThe shop has a new door.\n")
    go_live(trained_workspace, "base", silent)
    desk = open_desk(trained_workspace, unexpected)
    assert "new" in {passage.article for passage in desk.index.passages()}


def test_what_cannot_go_live_leaves_the_old_version_live(trained_workspace: Workspace) -> None:
    (trained_workspace.kb / "broken.jsonl").write_text("{\n")
    with pytest.raises(KBError, match=r"broken\.jsonl:1"):
        go_live(trained_workspace, "base", silent)
    assert registry.current(trained_workspace.models) == "v1"
    go_live(trained_workspace, "base", silent, skip_bad=True)
    assert registry.current(trained_workspace.models) == "base"
    with pytest.raises(FinetuneError, match="there is no model v9"):
        go_live(trained_workspace, "v9", silent)
    assert registry.current(trained_workspace.models) == "base"


def test_an_index_does_not_depend_on_where_the_workspace_lies(
    trained_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained_workspace.root.parent)
    moved = open_workspace(Path("bakery"))
    report, _ = build_index(moved, live_model(moved), silent)
    assert not report.written


def test_what_kb_build_certified_a_chat_need_not(
    trained_workspace: Workspace, frontdesk: Callable[..., tuple[int, str, str]]
) -> None:
    (trained_workspace.kb / "new.md").write_text("# Door\n\nThe shop has a new door.\n")
    assert frontdesk("kb", "build", "-w", trained_workspace.root)[0] == 0
    open_desk(trained_workspace, unexpected)


def unexpected(stage: str, _done: int, _total: int) -> None:
    raise AssertionError(f"{stage}: should have been done before")
