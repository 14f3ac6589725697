"""What happened to the versions: every event a line, and the way back through them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from finetune import history, registry
from finetune.errors import NoModel
from finetune.history import events, lives, record, verdict_on


def publish(models: Path, *versions: str) -> None:
    for version in versions:
        folder = models / f".{version}"
        folder.mkdir(parents=True)
        for name in registry.ENCODER_FILES:
            (folder / name).write_text(version)
        registry.write_manifest(folder, {})
        registry.publish(folder, models, version)


def test_events_are_lines_in_order(tmp_path: Path) -> None:
    assert events(tmp_path) == []
    record(tmp_path, "published", "v1")
    record(tmp_path, "gate", "v1", verdict={"passed": True, "reason": "更好"})
    lines = [json.loads(line) for line in (tmp_path / history.FILE).read_text().splitlines()]
    assert [(line["event"], line["version"]) for line in lines] == [
        ("published", "v1"),
        ("gate", "v1"),
    ]
    assert [event.at for event in events(tmp_path)] == [line["at"] for line in lines]
    assert verdict_on(tmp_path, "v1") == {"passed": True, "reason": "更好"}
    assert verdict_on(tmp_path, "v2") is None


def test_half_a_line_is_passed_over_and_spoils_nothing(tmp_path: Path) -> None:
    record(tmp_path, "used", "v1")
    with (tmp_path / history.FILE).open("a") as file:
        file.write('{"at": "2026-')
    record(tmp_path, "used", "v2")
    assert [event.version for event in events(tmp_path)] == ["v1", "v2"]


RECORDING = """
import sys
from pathlib import Path
from finetune.history import record
for turn in range(100):
    record(Path(sys.argv[1]), "used", sys.argv[2], note="x" * 500)
"""


def test_two_processes_that_record_at_once_lose_nothing(tmp_path: Path) -> None:
    words = [sys.executable, "-c", RECORDING, str(tmp_path)]
    both = [subprocess.Popen([*words, name]) for name in ("v1", "v2")]
    assert [process.wait() for process in both] == [0, 0]
    found = [event.version for event in events(tmp_path)]
    assert (found.count("v1"), found.count("v2")) == (100, 100)


def test_a_name_used_again_is_another_version(tmp_path: Path) -> None:
    """Someone removed v2's folder, and the next training took its name."""
    for event in ("published", "gate", "live"):
        record(tmp_path, event, "v2", verdict={"passed": True})
    record(tmp_path, "used", "v1")
    record(tmp_path, "published", "v2")
    assert verdict_on(tmp_path, "v2") is None
    assert lives(tmp_path, "v1") == ["v1"]
    assert history.waiting(tmp_path) == {"v2"}


# --- the way back --------------------------------------------------------------------------------


def test_going_back_again_goes_further_back(tmp_path: Path) -> None:
    publish(tmp_path, "base", "v1", "v2")
    for version in ("base", "v1", "v2"):
        registry.use(tmp_path, version)
    for expected in ("v1", "base"):
        assert registry.live_before(tmp_path) == expected
        registry.use(tmp_path, expected, "rollback")
        assert registry.current(tmp_path) == expected
    with pytest.raises(NoModel, match=r"no version that was live before base; choose one that "):
        registry.live_before(tmp_path)


def test_after_going_back_a_new_choice_starts_from_there(tmp_path: Path) -> None:
    publish(tmp_path, "v1", "v2", "v3")
    for version in ("v1", "v2"):
        registry.use(tmp_path, version)
    registry.use(tmp_path, "v1", "rollback")
    registry.use(tmp_path, "v3")
    assert registry.live_before(tmp_path) == "v1"


def test_a_version_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    publish(tmp_path, "v1", "v2", "v3")
    for version in ("v1", "v2", "v3"):
        registry.use(tmp_path, version)
    (tmp_path / "v2").rename(tmp_path / "elsewhere")
    assert registry.live_before(tmp_path) == "v1"


def test_using_the_live_version_is_no_event(tmp_path: Path) -> None:
    publish(tmp_path, "v1")
    registry.use(tmp_path, "v1")
    before = events(tmp_path)
    registry.use(tmp_path, "v1")
    assert events(tmp_path) == before
    assert before[-1].facts == {"before": None}


def test_a_switch_that_was_recorded_and_never_made_is_no_way_back(tmp_path: Path) -> None:
    """Killed between the two."""
    publish(tmp_path, "base", "v1", "v2")
    registry.use(tmp_path, "base")
    registry.use(tmp_path, "v1")
    record(tmp_path, "live", "v2")
    assert lives(tmp_path, registry.current(tmp_path)) == ["base", "v1"]
    assert registry.live_before(tmp_path) == "base"


def test_a_switch_by_hand_counts(tmp_path: Path) -> None:
    publish(tmp_path, "v1", "v2", "v3")
    registry.use(tmp_path, "v1")
    registry.use(tmp_path, "v2")
    (tmp_path / "current").write_text("v3\n")
    assert registry.live_before(tmp_path) == "v2"


def test_a_version_waits_until_it_is_live(tmp_path: Path) -> None:
    publish(tmp_path, "base", "v1", "v2")
    assert registry.candidates(tmp_path) == {"v1", "v2"}
    registry.use(tmp_path, "v1")
    assert registry.candidates(tmp_path) == {"v2"}
    registry.use(tmp_path, "v2", "forced")
    assert registry.candidates(tmp_path) == set()


def test_versions_of_a_time_without_a_history_do_not_wait(tmp_path: Path) -> None:
    publish(tmp_path, "v1", "v2")
    registry.use(tmp_path, "v2")
    (tmp_path / history.FILE).unlink()
    assert registry.candidates(tmp_path) == set()
    assert [info.name for info in registry.versions(tmp_path)] == ["v1", "v2"]
