"""A random name for each browser, by which a page that is loaded anew finds its visit again."""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

COOKIE: Final = "fer-batch-browser"


class NamedBrowsers:
    """ASGI middleware: a browser without a name is given one in a cookie, which no other site's page makes it send."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Passes on one request."""

        async def named(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                cookie = f"{COOKIE}={secrets.token_urlsafe(24)}; Path=/; HttpOnly; SameSite=Strict"
                message = {**message, "headers": [*message.get("headers", ()), (b"set-cookie", cookie.encode())]}
            await send(message)

        known = scope["type"] != "http" or _has_name(scope)
        await self._app(scope, receive, send if known else named)


def _has_name(scope: dict[str, Any]) -> bool:
    given = b"; ".join(value for name, value in scope["headers"] if name.lower() == b"cookie")
    try:
        return COOKIE in SimpleCookie(given.decode("latin-1"))
    except CookieError:
        return False
