"""The annotated picture in a browser: a small page and MJPEG, for whoever has its address."""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from threading import BoundedSemaphore, Thread
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from fer_batch.errors import InvalidOptionError
from fer_batch.live.events import Counts
from fer_batch.live.preview.hub import BOUNDARY, FILES, STUCK_S, PreviewHub
from fer_batch.live.source_url import is_loopback

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_MOST_CONNECTIONS: Final = 64
"""Open at a time, each with a thread: 16 viewers of pictures, and what their pages ask for besides."""
_LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "::1")


class Preview(PreviewHub):
    """Serves the pictures and numbers of live recordings.

    Who has the token sees; who has not gets 403. Beyond 64 connections at a time the answer is 503.

    The name in a request's ``Host`` must lead here by itself, else the answer is 421: a page of another site whose name
    its owner has pointed at this machine (DNS rebinding) gets nothing. On a loopback address these are ``localhost``,
    ``127.0.0.1`` and ``[::1]``, with any port, since ports are forwarded; elsewhere also every address in digits, which
    cannot be pointed anywhere, this machine's own name, with or without ``.local``, and the name it listens at. A
    request without ``Host`` comes from no browser and is answered.

    Args:
        listen: ``HOST:PORT``; port 0 takes a free one.
        token: what the address must hold; a random one unless given.
        sources: what each recording is watched at, without secrets.
        counts: of each recording.
        on_watched: called with a recording's name when its first viewer comes (True) and its last one goes (False).

    Raises:
        InputError: when that is no address to listen at.
    """

    def __init__(
        self,
        listen: str,
        token: str | None,
        sources: Mapping[str, str],
        counts: Mapping[str, Counts],
        on_watched: Callable[[str, bool], None],
    ) -> None:
        host, port = _host_and_port(listen)
        self._token = token or secrets.token_urlsafe(16)
        super().__init__(sources, counts, on_watched)
        try:
            self._server = _Server((host, port), self)
        except OSError as error:
            expected = f"cannot be used ({error.strerror}); choose another port, such as 127.0.0.1:0"
            raise InvalidOptionError("listen", listen, expected) from error
        self.port = self._server.server_address[1]
        self._host = host.lower()
        displayed_host = f"[{host}]" if ":" in host else host
        self.url = f"http://{displayed_host}:{self.port}/?token={quote(self._token, safe='')}"
        """With the token: for the user alone."""
        self.warning: str | None = None
        """A sentence when others can reach it."""
        if not is_loopback(host):
            self.warning = (
                f"the preview listens at {listen}, which other machines can reach, and is not encrypted; anyone who "
                "has the address with its token sees the faces."
            )
        self._thread = Thread(target=self._server.serve_forever, name="fer-batch preview", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serves no more."""
        super().close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def allows(self, token: str) -> bool:
        """Whether it is the token, in a time that tells nothing about it."""
        return hmac.compare_digest(token.encode(), self._token.encode())

    def is_own(self, host: str | None) -> bool:
        """Whether a request's ``Host`` is one by which this server is reached."""
        if host is None:
            return True
        try:
            name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
        except ValueError:
            return False
        if name in (*_LOOPBACK_HOSTS, self._host):
            return True
        machine = socket.gethostname().lower()
        return not is_loopback(self._host) and (_is_address(name) or name in (machine, f"{machine}.local"))

    @property
    def token(self) -> str:
        """What the address must hold."""
        return self._token


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _MOST_CONNECTIONS
    # A stuck viewer's thread ends by its time-out; the end of the run does not wait for it.
    block_on_close = False

    def __init__(self, address: tuple[str, int], preview: Preview) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.preview = preview
        self._free = BoundedSemaphore(_MOST_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, while there are not too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        # Those who wait to be accepted do not wait for this one.
        request.setblocking(False)
        with suppress(OSError):
            request.sendall(b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Viewers that go away are no error."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = STUCK_S
    server_version, sys_version = "fer-batch", ""

    def do_GET(self) -> None:
        """Answers a browser."""
        if not self.server.preview.is_own(self.headers.get("Host")):
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, b"421: open the address that fer-batch printed.\n")
            return
        parts = urlsplit(self.path)
        token = parse_qs(parts.query).get("token", [""])[0]
        cookie = f"fer-batch-{self.server.preview.port}"
        allows, place = self.server.preview.allows, parts.path.strip("/")
        if token and allows(token) and not place:
            # From here on the token is not in the address, where histories and screenshots would have it.
            cookie_header = f"{cookie}={quote(token, safe='')}; Path=/; HttpOnly; SameSite=Strict"
            self._answer(HTTPStatus.SEE_OTHER, b"", "text/plain", {"Location": "/", "Set-Cookie": cookie_header})
        elif not allows(token or self._cookie(cookie)):
            self._answer(HTTPStatus.FORBIDDEN, b"403: open the address that fer-batch printed, with its token.\n")
        elif place in FILES:
            name, kind = FILES[place]
            self._answer(
                HTTPStatus.OK, resources.files("fer_batch.live.preview").joinpath("page", name).read_bytes(), kind
            )
        elif place == "state":
            self._answer(HTTPStatus.OK, json.dumps(self.server.preview.state()).encode(), "application/json")
        elif place.startswith("picture/") and place.removeprefix("picture/").isdecimal():
            self._stream(int(place.removeprefix("picture/")))
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"404: there is nothing here.\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Addresses hold the token, so nothing is logged."""

    def _cookie(self, name: str) -> str:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(name)
        except CookieError:
            return ""
        return "" if cookie is None else unquote(cookie.value)

    def _answer(
        self, status: HTTPStatus, body: bytes, kind: str = "text/plain", more: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, number: int) -> None:
        preview = self.server.preview
        name = preview.look(number)
        if name is None:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"503: no such recording, or too many look.\n")
            return
        try:
            self.send_response(HTTPStatus.OK)
            for header, value in _HEADERS.items():
                self.send_header(header, value)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            self.end_headers()
            last = 0
            while (picture := preview.next_picture(name, last)) is not None:
                last, jpeg = picture
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
        finally:
            self.close_connection = True
            preview.look_away(name)


def _host_and_port(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise InvalidOptionError("listen", listen, "give HOST:PORT, such as 127.0.0.1:8765")
    return host.strip("[]"), int(port)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
