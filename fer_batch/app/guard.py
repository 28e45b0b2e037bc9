"""Requests that other sites' pages make in a visitor's browser are refused before anything looks at them."""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import urlsplit

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
