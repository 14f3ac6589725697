"""The page of a run, made from the version's folder."""

from bot.versions.report_page import page_of, write_report
from bot.workspace import Workspace
from finetune.gate import Verdict
from finetune.registry import open_version


def test_a_version_has_a_page(trained_workspace: Workspace) -> None:
    verdict = Verdict("base", "v1", True, False, "before it only the pretrained encoder was live")
    write_report(trained_workspace, "v1", verdict)
    page = page_of(trained_workspace, "v1").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert trained_workspace.settings.name in page
    assert "before it only the pretrained encoder was live" in page
    assert "order/track" in page


def test_the_version_is_whole_with_it_and_without(trained_workspace: Workspace) -> None:
    before = open_version(trained_workspace.models, "v1")
    write_report(trained_workspace, "v1")
    assert open_version(trained_workspace.models, "v1") == before
    page_of(trained_workspace, "v1").unlink()
    assert open_version(trained_workspace.models, "v1") == before
