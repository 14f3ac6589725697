"""An action that hangs: the chat goes on, and ends when it is over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from bot.log.verification import verify
from bot.workspace import Workspace

CODES = {
    "waits": "import time\ndef look_up(slots):\n    time.sleep(3600)\n",
    "computes": "def look_up(slots):\n    while True:\n        pass\n",
    "waits for its own": (
        "import threading, time\ndef look_up(slots):\n"
        "    work = threading.Thread(target=time.sleep, args=(3600,))\n"
        "    work.start()\n    work.join()\n"
    ),
    "waits in a pool": (
        "import time\nfrom concurrent.futures import ThreadPoolExecutor\ndef look_up(slots):\n"
        "    with ThreadPoolExecutor() as pool:\n        pool.submit(time.sleep, 3600).result()\n"
    ),
    "asks": "def look_up(slots):\n    input('and now? ')\n",
}


@pytest.mark.parametrize("name", CODES)
def test_the_chat_goes_on_and_ends(
    trained_workspace: Workspace, set_thresholds: Callable[..., None], name: str
) -> None:
    set_thresholds(trained_workspace, intent=0.5)
    root = trained_workspace.root
    settings, templates = root / "frontdesk.toml", root / "templates.yaml"
    action = '\n[actions.look_up]\nfunction = "look_up"\ntimeout_seconds = 0.2\n'
    settings.write_text(settings.read_text(encoding="utf-8") + action, encoding="utf-8")
    listed = json.loads(templates.read_text(encoding="utf-8"))
    for template in listed["templates"]:
        if template["id"] == "track":
            template |= {"action": "look_up", "failure": ["It will not say."]}
    templates.write_text(json.dumps(listed), encoding="utf-8")
    (root / "actions.py").write_text(CODES[name], encoding="utf-8")
    command = [sys.executable, "-c", "from bot.cli import main; main()", "chat", "-w", str(root)]
    done = subprocess.run(
        command, input=b"where is my parcel BK-0001\nthanks\n", capture_output=True, timeout=300
    )
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("It will not say.")
    assert len(lines) == 2
    found = verify(trained_workspace.database)
    assert (found.holds, found.turns) == (True, 2)
