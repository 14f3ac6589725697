"""An action over HTTP: a POST of JSON, and the JSON object that comes back.

What customers say is in the body alone, as text. Nothing is followed elsewhere: a redirect is a
failure. No failure's words hold a header or an address.
"""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.errors import ActionFailed, TryAgain

if TYPE_CHECKING:
    from bot.workspace.settings import ActionSettings

LONGEST_REPLY = 64 * 1024
"""Bytes of a reply; more is a failure."""


def post(action: ActionSettings, slots: Mapping[str, str], key: str) -> Any:
    """Send `{"slots": {...}}` to an action's url and give the JSON of the reply.

    `key` is the Idempotency-Key header: the same for every attempt at one request.

    Raises:
        TryAgain: no connection, no reply in time, or status 429 or 5xx.
        ActionFailed: any other status, or what came back is no JSON.
    """
    assert action.url is not None
    body = json.dumps({"slots": dict(slots)}).encode()
    headers = {name: os.environ.get(variable, "") for name, variable in action.headers.items()}
    headers |= {"Content-Type": "application/json", "Accept": "application/json"}
    headers |= {"Idempotency-Key": key, "User-Agent": "frontdesk"}
    request = urllib.request.Request(action.url, body, headers, method="POST")
    return _decoded(_sent(request, action.timeout_seconds))


def _sent(request: urllib.request.Request, timeout: float) -> bytes:
    try:
        with _opener(request.full_url).open(request, timeout=timeout) as reply:
            content: bytes = reply.read(LONGEST_REPLY + 1)
    except urllib.error.HTTPError as error:
        error.close()
        busy = error.code == 429 or error.code >= 500
        raise (TryAgain if busy else ActionFailed)(f"HTTP {error.code}") from None
    except TimeoutError:
        raise TryAgain("no reply in time") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        what = "no reply in time" if isinstance(reason, TimeoutError) else type(reason).__name__
        raise TryAgain(what) from None
    except ValueError:  # a header's value that cannot be sent, which the error would quote
        raise ActionFailed("a header's value cannot be sent") from None
    if len(content) > LONGEST_REPLY:
        raise ActionFailed(f"a reply of more than {LONGEST_REPLY // 1024} KiB")
    return content


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content or b"{}")
    except (ValueError, RecursionError):
        raise ActionFailed("a reply that is no JSON") from None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is sent goes where the owner said, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _opener(url: str) -> urllib.request.OpenerDirector:
    # The proxy of the environment is not asked for what is on this machine.
    local = urlsplit(url).scheme == "http"
    direct = [urllib.request.ProxyHandler({})] if local else []
    return urllib.request.build_opener(NoRedirect(), *direct)
