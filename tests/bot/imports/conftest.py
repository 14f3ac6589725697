"""A workspace without a model, and imports into it through the command line.

desk        its folder; order numbers are TT- and six digits
imported    `imported(path, *options)` -> (the lines written, what --json printed)
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Frontdesk = Callable[..., tuple[int, str, str]]
Lines = list[dict[str, Any]]
Imported = Callable[..., tuple[Lines, dict[str, Any]]]

_SETTINGS = r"""name = "Tern & Trail"

[entities.order_id]
pattern = '\b[Tt]{2}-\d{6}\b'
ask = "What is your order number?"

[entities.size]
pattern = '\bEU \d\d\b'
personal = false
ask = "Which size?"

[privacy.patterns]
member = '\bM\d{5}\b'
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    root = tmp_path / "desk"
    root.mkdir()
    (root / "frontdesk.toml").write_text(_SETTINGS, encoding="utf-8")
    return root


@pytest.fixture
def imported(frontdesk: Frontdesk, desk: Path) -> Imported:
    def run(path: Path, *options: str) -> tuple[Lines, dict[str, Any]]:
        code, out, err = frontdesk("chats", "import", path, "--json", "-w", desk, *options)
        assert code == 0, err
        told = json.loads(out)
        written = Path(told["path"]).read_text(encoding="utf-8")
        assert [file.name for file in (desk / "chats").iterdir()] == [Path(told["path"]).name]
        return list(map(json.loads, written.splitlines())), told

    return run
