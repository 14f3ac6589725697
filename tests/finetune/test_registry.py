"""The registry: a version is whole or unusable, and the live one is switched in one step."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from finetune import registry
from finetune.errors import FinetuneError, NoModel


def publish(models: Path, version: str, trunk: bytes = b"trunk", heads: bytes = b"heads") -> Path:
    models.mkdir(exist_ok=True)
    temporary = models / f".{version}"
    temporary.mkdir()
    contents = {"trunk.onnx": trunk, "tokenizer.json": b"{}", "encoder.json": b"{}"}
    for name, content in {**contents, "heads.onnx": heads}.items():
        (temporary / name).write_bytes(content)
    registry.write_manifest(temporary, {"metrics": {"accuracy": 0.875}})
    return registry.publish(temporary, models, version).folder


def test_an_empty_registry_says_what_to_run(tmp_path: Path) -> None:
    assert registry.versions(tmp_path / "models") == []
    assert registry.current(tmp_path / "models") is None
    assert registry.next_version(tmp_path / "models") == "v1"
    with pytest.raises(NoModel, match=r"has no model in use; run `frontdesk finetune`$"):
        registry.open_version(tmp_path / "models", None)


def test_versions_are_listed_base_first_then_by_number(tmp_path: Path) -> None:
    for version in ("v10", "v2", "base"):
        publish(tmp_path, version)
    assert [info.name for info in registry.versions(tmp_path)] == ["base", "v2", "v10"]
    assert registry.next_version(tmp_path) == "v11"
    assert registry.versions(tmp_path)[0].meta["metrics"] == {"accuracy": 0.875}


def test_use_makes_a_version_the_one_that_opens(tmp_path: Path) -> None:
    publish(tmp_path, "base")
    folder = publish(tmp_path, "v1")
    registry.use(tmp_path, "v1")
    assert registry.current(tmp_path) == "v1"
    assert registry.open_version(tmp_path, None).folder == folder
    assert registry.open_version(tmp_path, "base").name == "base"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "base", "current", "history.jsonl", "v1",
    ]  # fmt: skip


def test_an_unfinished_version_is_invisible(tmp_path: Path) -> None:
    (tmp_path / ".v1").mkdir()
    (tmp_path / ".v1" / "trunk.onnx").write_bytes(b"half")
    (tmp_path / "notes").mkdir()
    assert registry.versions(tmp_path) == []
    assert registry.next_version(tmp_path) == "v1"
    with pytest.raises(NoModel, match=r"there is no model \.v1 in"):
        registry.use(tmp_path, ".v1")


def test_a_version_needs_its_encoder_files(tmp_path: Path) -> None:
    (tmp_path / "trunk.onnx").write_bytes(b"")
    with pytest.raises(FinetuneError, match=r"lacks tokenizer\.json"):
        registry.write_manifest(tmp_path, {})


@pytest.mark.parametrize("name", ["latest", "v0", "v01", "../v1", ""])
def test_publish_refuses_a_strange_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(FinetuneError, match="is no version name"):
        registry.publish(tmp_path, tmp_path, name)


def test_publish_never_replaces_a_version(tmp_path: Path) -> None:
    publish(tmp_path, "v1")
    with pytest.raises(FinetuneError, match=r"cannot publish model v1 .*: it exists already"):
        publish(tmp_path, "v1")


def test_publish_wants_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(FinetuneError, match=r"has no manifest\.json"):
        registry.publish(tmp_path, tmp_path, "v1")


def test_the_encoder_fingerprint_changes_with_the_trunk_only(tmp_path: Path) -> None:
    for version, trunk, heads in (("v1", b"a", b"a"), ("v2", b"a", b"b"), ("v3", b"b", b"b")):
        publish(tmp_path, version, trunk, heads)
    one, two, three = registry.versions(tmp_path)
    assert one.fingerprint != two.fingerprint
    assert one.encoder_fingerprint == two.encoder_fingerprint != three.encoder_fingerprint


def lose(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def hide_behind_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE = [
    (lose, "trunk.onnx", "lacks trunk.onnx"),
    (truncate, "trunk.onnx", "has a damaged trunk.onnx (3 bytes, not 5)"),
    (flip, "heads.onnx", "has a damaged heads.onnx (its bytes changed)"),
    (lose, "manifest.json", "lacks manifest.json"),
    (truncate, "manifest.json", None),
    (flip, "manifest.json", None),
    (hide_behind_folder, "manifest.json", "has a damaged manifest.json"),
]


@pytest.mark.parametrize(("damage", "file", "fault"), DAMAGE)
def test_damage_is_named_with_its_mend(tmp_path: Path, damage, file, fault) -> None:  # type: ignore[no-untyped-def]
    publish(tmp_path, "v1")
    registry.use(tmp_path, "v1")
    damage(publish(tmp_path, "v2") / file)
    for attempt in (registry.open_version, registry.use):
        with pytest.raises(NoModel) as caught:
            attempt(tmp_path, "v2")
        message = str(caught.value)
        assert message.startswith(f"model v2 {fault or ''}")
        assert file in message
        assert message.endswith("; run `frontdesk finetune` or `frontdesk models use v1`")
    assert registry.current(tmp_path) == "v1"


def test_every_flipped_byte_of_a_manifest_is_noticed(tmp_path: Path) -> None:
    path = publish(tmp_path, "v1") / "manifest.json"
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(NoModel, match=r"manifest\.json|another release"):
            registry.open_version(tmp_path, "v1")


def test_two_damaged_versions_do_not_recommend_each_other(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        lose(publish(tmp_path, version) / "manifest.json")
    with pytest.raises(NoModel, match=r"^model v2 lacks manifest\.json; run `frontdesk finetune`$"):
        registry.open_version(tmp_path, "v2")


def test_a_version_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = publish(tmp_path, "v1") / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 99}))
    with pytest.raises(NoModel, match=r"was made by another release \(schema 99, here 1\)"):
        registry.open_version(tmp_path, "v1")


@pytest.mark.parametrize("content", ["v9\n", "../elsewhere", "nonsense\n"])
def test_a_live_version_that_is_gone_is_named(tmp_path: Path, content: str) -> None:
    publish(tmp_path, "v1")
    (tmp_path / "current").write_text(content)
    with pytest.raises(NoModel, match=r"there is no model .* `frontdesk models use v1`$"):
        registry.open_version(tmp_path)


def test_unreadable_current_is_an_error_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "current").write_bytes(b"\xff\xfe")
    with pytest.raises(NoModel, match="current cannot be read"):
        registry.current(tmp_path)


SWITCHING = """
import sys
from pathlib import Path
from finetune import registry
models = Path(sys.argv[1])
for turn in range(100):
    registry.use(models, f"v{turn % 2 + 1}")
"""


def test_readers_see_a_whole_version_while_another_process_switches(tmp_path: Path) -> None:
    publish(tmp_path, "v1", b"one")
    publish(tmp_path, "v2", b"two")
    registry.use(tmp_path, "v1")
    with subprocess.Popen([sys.executable, "-c", SWITCHING, str(tmp_path)]) as switcher:
        seen = set()
        while switcher.poll() is None:
            info = registry.open_version(tmp_path)
            seen.add((info.name, (info.folder / "trunk.onnx").read_bytes()))
        assert switcher.returncode == 0
    assert seen <= {("v1", b"one"), ("v2", b"two")}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "current", "history.jsonl", "v1", "v2",
    ]  # fmt: skip
