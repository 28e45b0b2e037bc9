"""Everybody who has the page open, each with a folder, files and work that nobody else is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from typing import ClassVar, Final

from fer_batch.app.session import Session
from fer_batch.utils.closing import Closing

_LOOK_S: Final = 0.5
"""How often is looked who has gone."""


class Visits(Closing):
    """The visits of one server; close it to end them all.

    The server's routes and the page's script, which Streamlit runs anew for each click, have nothing in common but
    their process: so they meet here, and there is one such object at a time.

    Args:
        folder: the server's, for what visitors give and get.
        local: whether visitors sit at this machine, so that they may name its files and what its network reaches.
        max_pixels: larger pictures are refused.
        forget_after_s: for how long a visitor whose connection is gone may come back.
        connected: tells by Streamlit's name of a visit whether its browser is connected.
        forget: told the name of one that is over.
    """

    now: ClassVar[Visits]

    def __init__(
        self,
        folder: Path,
        *,
        local: bool,
        max_pixels: int,
        forget_after_s: float,
        connected: Callable[[str], bool],
        forget: Callable[[str], None],
    ) -> None:
        self._folder, self._local, self._forget_after_s = folder, local, forget_after_s
        self._max_pixels = max_pixels
        self._connected, self._forget = connected, forget
        self._sessions: dict[str, Session] = {}
        self._browsers: dict[str, str | None] = {}
        self._gone_since_s: dict[str, float] = {}
        self._lock, self._over = Lock(), Event()
        self._thread = Thread(target=self._look_about, name="fer-batch visits", daemon=True)
        self._thread.start()
        Visits.now = self

    def visit(self, name: str, browser: str | None) -> Session:
        """The visit that Streamlit calls so, begun with the first time that it is asked for.

        A browser that has just gone and comes back, as when its page is loaded anew, goes on with what it had.

        Args:
            name: Streamlit's.
            browser: its own random name, if it has one.
        """
        with self._lock:
            if name not in self._sessions:
                former = None if browser is None else self._left_by(browser)
                if former is None:
                    self._sessions[name] = Session(self._folder, local=self._local, max_pixels=self._max_pixels)
                else:
                    self._sessions[name] = self._sessions.pop(former)
                    # Streamlit may still be at work for it, so it forgets the former one later.
                    self._gone_since_s.setdefault(former, time.monotonic())
                self._browsers[name] = browser
            return self._sessions[name]

    def _left_by(self, browser: str) -> str | None:
        """Name of the last visit of a browser that is not connected any more."""
        names = [name for name, one in self._browsers.items() if one == browser and name in self._sessions]
        return next((name for name in reversed(names) if not self._connected(name)), None)

    def of(self, token: str) -> Session | None:
        """The visit with this token, which its browser alone knows."""
        with self._lock:
            return next((session for session in self._sessions.values() if session.token == token), None)

    def close(self) -> None:
        """Ends all visits."""
        self._over.set()
        self._thread.join()
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.close()

    def _look_about(self) -> None:
        while not self._over.wait(_LOOK_S):
            for name, session in self._gone(time.monotonic()).items():
                self._forget(name)
                if session is not None:
                    session.close()

    def _gone(self, now_s: float) -> dict[str, Session | None]:
        """Takes out those who will not come back; None for one that goes on by another name."""
        with self._lock:
            for name in self._sessions:
                if self._connected(name):
                    self._gone_since_s.pop(name, None)
                else:
                    self._gone_since_s.setdefault(name, now_s)
            over = [name for name, since_s in self._gone_since_s.items() if now_s - since_s > self._forget_after_s]
            self._browsers = {name: browser for name, browser in self._browsers.items() if name in self._sessions}
            for name in over:
                del self._gone_since_s[name]
            return {name: self._sessions.pop(name, None) for name in over}
