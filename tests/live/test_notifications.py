"""Events posted to a real HTTP server, which is slow, says no or is away."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from helpers.rtsp import free_port
from helpers.waiting import wait_until

from fer_batch.errors import InputError
from fer_batch.live.notifications import Webhook

pytestmark = pytest.mark.network


class Receiver:
    """Takes what is posted."""

    def __init__(self, port: int) -> None:
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.refused = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status == 200:
                    receiver.events += json.loads(body)
                    receiver.headers.append(dict(self.headers))
                else:
                    receiver.refused += 1
                self.send_response(receiver.status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def port() -> int:
    return free_port()


def test_events_come_once_and_in_order_when_the_receiver_comes_back(port: int) -> None:
    hook = Webhook(f"http://me:s%40cret@127.0.0.1:{port}/in")
    for number in range(5):
        hook.post({"number": number})
    notices = list(wait_until(hook.notices))
    receiver = Receiver(port)
    receiver.status = 302
    wait_until(lambda: receiver.refused)
    receiver.status = 200
    hook.post({"number": 5})
    wait_until(lambda: len(receiver.events) == 6)
    hook.close()
    receiver.close()
    assert receiver.events == [{"number": number} for number in range(6)]
    assert receiver.headers[0]["Authorization"] == "Basic bWU6c0BjcmV0"
    notices += hook.notices()
    assert "does not take events" in notices[0]
    assert "takes events again" in notices[1]
    assert not any("cret" in notice for notice in notices)


def test_a_receiver_that_is_away_costs_no_memory_and_no_time(port: int) -> None:
    hook = Webhook(f"http://127.0.0.1:{port}/")
    began = time.monotonic()
    for number in range(5000):
        hook.post({"number": number})
    assert time.monotonic() - began < 1
    assert len(hook._waiting) == 1000
    began = time.monotonic()
    hook.close()
    assert time.monotonic() - began < 5
    assert any("dropped" in notice for notice in hook.notices())


def test_other_addresses_are_refused() -> None:
    with pytest.raises(InputError, match="http:// or https://"):
        Webhook("ftp://me:secret@host/")
