"""Model versions without a training: the trained one with its files changed.

derive(workspace, "v2", CONFUSED)    a version that takes two intents for each other, always
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bot.workspace import Workspace
from finetune import registry

Change = Callable[[Path], None]
NO_CHANGE: Mapping[str, str] = {}


@pytest.fixture(scope="session")
def derive() -> Callable[..., str]:
    """`derive(workspace, version, names, *changes)` publishes `v1` anew under another name, with
    these intents renamed and these changes made to its folder."""

    def derive_(
        workspace: Workspace, version: str, names: Mapping[str, str] = NO_CHANGE, *changes: Change
    ) -> str:
        folder = workspace.models / f".{version}"
        shutil.copytree(workspace.models / "v1", folder)
        meta = json.loads((folder / registry.MANIFEST).read_text())
        (folder / registry.MANIFEST).unlink()
        labels = json.loads((folder / "labels.json").read_text())
        renamed = [names.get(label, label) for label in labels]
        (folder / "labels.json").write_text(json.dumps(renamed))
        for change in changes:
            change(folder)
        registry.write_manifest(folder, meta)
        return registry.publish(folder, workspace.models, version).name

    return derive_
