"""Alerts that are posted: each once, patiently, and to nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from bot.errors import BotError
from bot.monitor.webhook import PAUSES_S, Webhook, checked


class Endpoint(ThreadingHTTPServer):
    """Keeps what it is sent; answers with `codes` one after the other, then with 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes: list[int] = []
        self.got: list[tuple[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?key=secret"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Endpoint)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["Content-Type"], json.loads(body)))
        code = self.server.codes.pop(0) if self.server.codes else 204
        self.send_response(code)
        if code == 302:
            self.send_header("Location", self.server.url)
        self.end_headers()

    do_GET = do_POST  # noqa: N815 (the name is the library's)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def post(url: str, *alerts: dict[str, Any]) -> tuple[list[str], list[float]]:
    """What was said, and the pauses that were made."""
    said, paused = list[str](), list[float]()
    webhook = Webhook(url, said.append, paused.append)
    for alert in alerts:
        webhook.post(alert)
    webhook.close()
    return said, paused


def test_alerts_arrive_in_order_and_once(endpoint: Endpoint) -> None:
    assert post(endpoint.url, {"intent": "退款"}, {"intent": "track"}) == ([], [])
    kind = "application/json; charset=utf-8"
    assert endpoint.got == [(kind, {"intent": "退款"}), (kind, {"intent": "track"})]


def test_an_endpoint_that_fails_is_tried_again(endpoint: Endpoint) -> None:
    endpoint.codes = [503, 500]
    assert post(endpoint.url, {"n": 1}) == ([], list(PAUSES_S[:2]))
    assert len(endpoint.got) == 3


def test_an_endpoint_that_goes_on_failing_is_one_line(endpoint: Endpoint) -> None:
    endpoint.codes = [500] * 4
    said, paused = post(endpoint.url, {"n": 1}, {"n": 2})
    host = f"127.0.0.1:{endpoint.server_port}"
    assert said == [f"an alert did not reach {host}: it answered 500; watching goes on"]
    assert paused == list(PAUSES_S)
    assert endpoint.got[-1][1] == {"n": 2}


def test_an_alert_follows_no_redirect(endpoint: Endpoint) -> None:
    endpoint.codes = [302] * 4
    [said], _ = post(endpoint.url, {"n": 1})
    assert "it answered 302" in said
    assert len(endpoint.got) == 4


def test_nobody_there() -> None:
    [said], _ = post("http://127.0.0.1:9/hook?key=secret", {"n": 1})
    assert said.startswith("an alert did not reach 127.0.0.1:9: ")
    assert "refused" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "url", ["https://example.com/hook", "http://localhost:8000", "http://[::1]/x"]
)
def test_where_alerts_may_go(url: str) -> None:
    assert checked(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/hook", "ftp://localhost", "file:///etc/passwd", "hook", ""),
        *("http://localhost.example.com", "http://localhost@example.com", "https://", "http://[::"),
    ],
)
def test_where_alerts_may_not_go(url: str) -> None:
    with pytest.raises(BotError, match="is no webhook: it must be https://HOST"):
        checked(url)
