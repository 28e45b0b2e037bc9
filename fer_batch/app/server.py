"""The server: Streamlit's, with routes of our own beside it, for as long as the process lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlit.runtime import Runtime

from fer_batch.app.sessions import SessionStore
from fer_batch.emotions import hex_colour
from fer_batch.filesystem.temporary import temporary_folder
from fer_batch.utils.signals import stop_on_interrupt


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where the page is served, and what visitors may do."""

    host: str
    port: int
    local: bool
    """Whether only this machine reaches it."""
    max_upload_mb: int
    max_pixels: int
    """Larger pictures are refused."""
    forget_after_s: int
    """For how long a visitor whose connection is gone may come back."""
    browser: bool
    """Open one."""


def serve(options: ServerOptions) -> None:
    """Serve the page until Ctrl-C or SIGTERM."""
    host, port, local = options.host, options.port, options.local
    max_pixels, forget_after_s = options.max_pixels, options.forget_after_s
    settings = {
        "server.address": host,
        "server.port": port,
        "server.headless": not options.browser,
        "server.maxUploadSize": options.max_upload_mb,
        # It is told when to forget; by itself it might do so at some later time.
        "server.disconnectedSessionTTL": forget_after_s + 60,
        # A name that leads here from elsewhere is none of a page on this machine.
        "server.allowedHosts": ["localhost", "127.0.0.1", "::1", host] if local else [],
        # Else every text that stands alone in the page's script would be shown.
        "runner.magicEnabled": False,
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        # One for each, so that the page is as light or dark as the visitor's system.
        "theme.light.primaryColor": hex_colour("sad"),
        "theme.dark.primaryColor": hex_colour("surprise"),
        "theme.metricValueFontSize": "1.5rem",
        "theme.paddingTop": "1rem",
        "theme.headingFontSizes": ["2rem", "1.5rem", "1.2rem"],
        "logger.hideWelcomeMessage": True,
    }
    from starlette.middleware import Middleware
    from streamlit import App

    from fer_batch.app.middleware import ContentPolicy, NamedBrowsers, OwnOrigin, cookie_of
    from fer_batch.app.routes import routes

    connections, page = Connections(), Path(__file__).with_name("streamlit_app.py")
    with (
        # uvicorn has its own handlers while it serves; afterwards it sends itself the signal again.
        stop_on_interrupt(quiet=True) as stop,
        temporary_folder("app") as folder,
        SessionStore(
            folder,
            local=local,
            max_pixels=max_pixels,
            forget_after_s=forget_after_s,
            connected=connections.has,
            forget=connections.forget,
        ),
    ):
        if not stop.is_set():
            App(
                page,
                lifespan=connections.lifespan,
                routes=routes(),
                middleware=[
                    Middleware(ContentPolicy),
                    Middleware(OwnOrigin),
                    Middleware(NamedBrowsers, cookie=cookie_of(port)),
                ],
            ).run(config=settings)


class Connections:
    """Asked and told from any thread, once the server has started."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """What the server runs in."""
        del app
        self._loop = asyncio.get_running_loop()
        yield

    def has(self, name: str) -> bool:
        """Whether the browser of this session is connected."""
        return bool(Runtime.instance().is_active_session(name))

    def forget(self, name: str) -> None:
        """Lets go of all that Streamlit keeps of a session, uploads in memory too, which it would do at some time."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(Runtime.instance().close_session, name)
