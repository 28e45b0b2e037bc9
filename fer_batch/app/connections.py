"""Streamlit's own sessions: whose browser is connected, and an end with those who have gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from streamlit.runtime import Runtime


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
