"""Alerts as JSON, posted to an HTTP endpoint: each once, in order, patiently, and beside the rest.

Only counts and names of intents are sent, nothing that a customer wrote.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from bot.actions.endpoint import NoRedirect
from bot.errors import BotError
from bot.workspace.urls import is_private

TIMEOUT_S = 10.0
PAUSES_S = (1.0, 4.0, 16.0)
"""Between the tries to post an alert."""


def checked(url: str) -> str:
    """The URL, which may be sent to.

    Raises:
        BotError: it is not https, nor http on this machine.
    """
    if is_private(url):
        return url
    raise BotError(f"{url!r} is no webhook: it must be https://HOST/…, or http:// on localhost")


@dataclass(slots=True)
class Webhook:
    """Posts in a thread of its own, so that a slow endpoint holds up nothing."""

    url: str
    say: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep
    _waiting: SimpleQueue[Mapping[str, Any] | None] = field(default_factory=SimpleQueue)
    _thread: Thread | None = None

    def post(self, alert: Mapping[str, Any]) -> None:
        """Send an alert, now or a little later."""
        if self._thread is None:
            self._thread = Thread(target=self._work, daemon=True)
            self._thread.start()
        self._waiting.put(alert)

    def close(self, patience_s: float | None = None) -> None:
        """Wait until all is sent or given up, for so long at most."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(patience_s)

    def _work(self) -> None:
        while (alert := self._waiting.get()) is not None:
            trouble = self._try(alert)
            for pause in PAUSES_S:
                if not trouble:
                    break
                self.pause(pause)
                trouble = self._try(alert)
            if trouble:
                self.say(f"an alert did not reach {self._host}: {trouble}; watching goes on")

    def _try(self, alert: Mapping[str, Any]) -> str:
        """Post once, and say what went wrong, if anything."""
        body = json.dumps(alert, ensure_ascii=False).encode("utf-8")
        kind = {"Content-Type": "application/json; charset=utf-8"}
        try:
            with build_opener(NoRedirect).open(Request(self.url, body, kind), timeout=TIMEOUT_S):
                return ""
        except HTTPError as error:
            return f"it answered {error.code}"
        except Exception as error:  # whatever an endpoint does, watching goes on
            return " ".join(str(error).split()) or type(error).__name__

    @property
    def _host(self) -> str:
        """Not the whole URL: a secret may be in its path."""
        return urlsplit(self.url).netloc.rpartition("@")[2]
