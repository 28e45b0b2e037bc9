"""A random name for each browser, by which a page that is loaded anew finds its visit again."""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any


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
    given = b"; ".join(value for name, value in scope["headers"] if name.lower() == b"cookie")
    try:
        return cookie in SimpleCookie(given.decode("latin-1"))
    except CookieError:
        return False
