"""Everybody who has the page open, each with a folder, files and work that nobody else is shown."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import ClassVar

from fer_batch.app.session import Session
from fer_batch.closing import Closing


class Visits(Closing):
    """The visits of one server; close it to end them all.

    The server's routes and the page's script, which Streamlit runs anew for each click, have nothing in common but
    their process: so they meet here, and there is one such object at a time.

    Args:
        folder: the server's, for what visitors give and get.
        local: whether visitors sit at this machine, so that they may name its files and what its network reaches.
    """

    now: ClassVar[Visits]

    def __init__(self, folder: Path, *, local: bool) -> None:
        self.folder, self.local = folder, local
        self._sessions: dict[str, Session] = {}
        self._lock = Lock()
        Visits.now = self

    def begin(self) -> Session:
        """Somebody opens the page."""
        session = Session(self.folder, local=self.local)
        with self._lock:
            self._sessions[session.token] = session
        return session

    def of(self, token: str) -> Session | None:
        """The visit with this token, which its browser alone knows."""
        with self._lock:
            return self._sessions.get(token)

    def end(self, session: Session) -> None:
        """Somebody has gone: what was theirs is stopped and removed."""
        with self._lock:
            self._sessions.pop(session.token, None)
        session.close()

    def close(self) -> None:
        """Ends all visits."""
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.close()
