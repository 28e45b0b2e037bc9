"""Answers only browsers on this machine, and gives every answer a Content-Security-Policy."""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import streamlit

FILE_POLICY: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of a visitor's pictures, videos and downloads."""
VIEW_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of a recording's view, on top of the policy in its head, which names its script and style by their hashes."""
LIVE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of the live picture."""

_PAGE: Final = (
    # Scripts are added below. They need neither 'unsafe-eval' nor WebAssembly: charts interpret their expressions.
    "default-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob: data:",
    "font-src 'self' data:",
    # Streamlit's styles are made in the browser, so they have no hash.
    "style-src 'self' 'unsafe-inline'",
    # Of its own host also the WebSocket that carries the page. A photo that is taken is read from a data: address.
    "connect-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
)
_INLINE_SCRIPT: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_COMPONENT: Final = "/component/"
"""Streamlit shows what lies there in a frame."""


class ContentPolicy:
    """ASGI middleware: answers without a policy get the page's."""

    def __init__(self, app: Any) -> None:
        self._app = app
        scripts = f"script-src {' '.join(_script_sources())}"
        page = (*_PAGE, scripts)
        self._page = "; ".join((*page, "frame-ancestors 'none'")).encode()
        self._framed = "; ".join((*page, "frame-ancestors 'self'")).encode()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass on one request."""

        async def guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if not any(name.lower() == b"content-security-policy" for name, _ in headers):
                    policy = self._framed if scope["path"].startswith(_COMPONENT) else self._page
                    headers.append((b"content-security-policy", policy))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


def _script_sources() -> Iterator[str]:
    """Streamlit's files, and the scripts that stand in its page, which are known by their hashes."""
    yield "'self'"
    page = Path(streamlit.__file__).with_name("static") / "index.html"
    for script in _INLINE_SCRIPT.findall(page.read_bytes()):
        yield f"'sha256-{b64encode(sha256(script).digest()).decode()}'"


def cookie_of(port: int) -> str:
    """Name of the cookie of a server; browsers send cookies to every port of a host, so each server has its own."""
    return f"fer-batch-browser-{port}"


class NamedBrowsers:
    """ASGI middleware: a browser without a name is given one in a cookie, which no other site's page makes it send.

    Args:
        app: what answers.
        cookie: its name.
    """

    def __init__(self, app: Any, cookie: str) -> None:
        self._app, self._cookie = app, cookie

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Passes on one request."""

        async def named(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                cookie = f"{self._cookie}={secrets.token_urlsafe(24)}; Path=/; HttpOnly; SameSite=Strict"
                message = {**message, "headers": [*message.get("headers", ()), (b"set-cookie", cookie.encode())]}
            await send(message)

        known = scope["type"] != "http" or _has(self._cookie, scope)
        await self._app(scope, receive, send if known else named)


def _has(cookie: str, scope: dict[str, Any]) -> bool:
    cookies = b"; ".join(value for name, value in scope["headers"] if name.lower() == b"cookie")
    try:
        return cookie in SimpleCookie(cookies.decode("latin-1"))
    except CookieError:
        return False


Scope: TypeAlias = dict[str, Any]


class OwnOrigin:
    """ASGI middleware: what names an origin other than this server's own host is answered with 403.

    Streamlit alone would let in pages of every server on this machine, and to find out whether an origin is this
    machine's public address it would ask a server on the internet what that is.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Passes on or refuses one request."""
        headers = {name.lower(): value for name, value in scope.get("headers", ())}
        origin = headers.get(b"origin")
        if origin is None or urlsplit(origin.decode("latin-1")).netloc == headers.get(b"host", b"").decode("latin-1"):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            plain = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": plain})
            await send({"type": "http.response.body", "body": b"403: asked by another site's page.\n"})
