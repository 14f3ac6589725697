"""A headless Chromium, driven over a pipe by the DevTools protocol; no package is needed.

with Browser() as browser:
    browser.open(Path("page.html"))
    browser.run("document.title")
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
Size = tuple[int, int]
DESKTOP: Size = (1280, 900)
_START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The browser listens on its descriptor 3 and answers on 4."""


def chromium() -> str | None:
    """The browser's program, or None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One window of a fresh browser that knows nothing and reaches no network."""

    def __init__(self) -> None:
        program = chromium()
        if program is None:
            raise FileNotFoundError(f"none of {', '.join(NAMES)} is installed")
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        (to_browser, self._to), (self._from, from_browser) = _pipe(), _pipe()
        self._process = subprocess.Popen(
            [
                sys.executable, "-IS", "-c", _START, str(to_browser), str(from_browser), program,
                "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-dev-shm-usage", "--remote-debugging-pipe", "--hide-scrollbars",
                "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={self._profile.name}",
                "about:blank",
            ],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._rest, self._number = b"", 0
        self.messages: list[Mapping[str, Any]] = []
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def _attach(self) -> None:
        target = self._ask("Target.createTarget", {"url": "about:blank"}, session=None)
        attach = {"targetId": target["targetId"], "flatten": True}
        self._session = self._ask("Target.attachToTarget", attach, session=None)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and forget all it knew."""
        os.close(self._to)
        self._process.terminate()
        self._process.wait()
        os.close(self._from)
        self._profile.cleanup()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol. Raises RuntimeError where the browser refuses it."""
        return self._ask(method, parameters, self._session)

    def open(self, path: Path, size: Size = DESKTOP, scheme: str = "light") -> None:
        """Open a page and wait until it has loaded."""
        self.ask("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
                 deviceScaleFactor=1, mobile=False)  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self.messages.clear()
        self.ask("Page.navigate", url=path.resolve().as_uri())
        self.run("""new Promise(done => document.readyState === "complete"
            ? done() : addEventListener("load", () => done()))""")

    def run(self, script: str) -> Any:
        """The value of an expression in the page, awaited. RuntimeError where it throws."""
        found = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"]))
        return found["result"].get("value")

    def press(self, key: str, code: int, modifiers: int = 0) -> None:
        """One key, down and up; `modifiers` 2 is Control."""
        text = "\r" if key == "Enter" else ""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text,
                     windowsVirtualKeyCode=code, modifiers=modifiers)  # fmt: skip

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """A picture of what is in sight, or of the whole page."""
        found = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def print(self, path: Path) -> None:
        """The page as PDF, as paper has it."""
        path.write_bytes(base64.b64decode(self.ask("Page.printToPDF")["data"]))

    def _ask(
        self, method: str, parameters: Mapping[str, Any], session: str | None
    ) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        text = json.dumps(message).encode() + b"\0"
        while text:
            text = text[os.write(self._to, text) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                break
            self.messages.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        parts = [self._rest]
        while b"\0" not in parts[-1]:
            read = os.read(self._from, 1 << 20)
            if not read:
                raise RuntimeError("the browser is gone")
            parts.append(read)
        text, _, self._rest = b"".join(parts).partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        return answer


def _pipe() -> tuple[int, int]:
    """Both ends of a pipe, neither of which is 3 or 4."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]
