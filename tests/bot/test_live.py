"""Which model is live, and when the pretrained encoder is exported."""

import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.creation import create
from bot.errors import NoModel
from bot.live import live_index, live_model
from bot.workspace import Workspace, open_workspace
from finetune import registry
from finetune.encoder import EncoderSource
from kb.errors import NoIndex


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
    model = SimpleNamespace(encoder_fingerprint="f" * 64)
    with pytest.raises(NoIndex, match="frontdesk kb build"):
        live_index(workspace, model)  # type: ignore[arg-type]
