"""The page of a training run, from what its version folder keeps and the gate said of it.

It may be made again at any time; it lies in the version's folder but is none of its own files, so
the version is whole with and without it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.workspace import Workspace
from finetune.registry import open_version

if TYPE_CHECKING:
    from finetune.gate import Verdict
    from finetune.report import Place

NAME = "report.html"


def page_of(workspace: Workspace, version: str) -> Path:
    """Where the page of a version is."""
    return workspace.models / version / NAME


def write_report(workspace: Workspace, version: str, verdict: "Verdict | None" = None) -> None:
    """Write the page of a version that was trained here.

    Raises:
        NoModel: there is no such version, or it is damaged.
    """
    from finetune.report import SuspectLabel, TornText, TrainingReport, predictions, write_page

    info = open_version(workspace.models, version)
    kept = _read(info.folder / "metrics.json")
    checked, settings = (
        _read(info.folder / name) for name in ("label_check.json", "settings.json")
    )
    report = TrainingReport(
        bot=workspace.settings.name,
        version=version,
        created=info.meta["created"],
        language=workspace.settings.language,
        metrics={name: kept[name] for name in ("test", "frozen")},
        history=kept["epochs"],
        predictions=predictions(_read(info.folder / "predictions.json")),
        suspects=[
            SuspectLabel(_place(one), one["given"], one["suggested"], one["confidence"])
            for one in checked["suspects"]
        ],
        torn=[
            TornText(one["text"], tuple((name, tuple(map(_place, at))) for name, at in one["uses"]))
            for one in checked["torn"]
        ],
        settings=_settings(settings, info.meta),
        notes=settings["notes"],
        verdict=verdict,
        max_wrong=workspace.settings.max_wrong_answers,
    )
    write_page(report, page_of(workspace, version))


def _settings(kept: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "encoder": kept["source"]["name"],
        "went on from": kept["start"] or "the pretrained encoder",
        "chats": meta["chats"],
        "splits": {name: len(chats) for name, chats in kept["splits"].items()},
        "seconds": meta["seconds"],
        "peak MiB": meta["peak_mib"],
        "recipe": kept["recipe"],
    }


def _place(record: Mapping[str, Any]) -> "Place":
    from finetune.report import Place

    return Place(record["conversation"], record["turn"], record["text"])


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
