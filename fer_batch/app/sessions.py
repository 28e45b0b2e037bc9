"""Visitors of the page, each with a folder, files and jobs that no other visitor sees."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from typing import IO, ClassVar, Final
from urllib.parse import quote

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from fer_batch.app.jobs import Job
from fer_batch.app.middleware import cookie_of
from fer_batch.config import DEFAULT_MODEL
from fer_batch.utils.concurrency import Closeable
from fer_batch.utils.text import shown

_LOOK_S: Final = 0.5
"""How often is looked who has gone."""


class SessionStore(Closeable):
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

    now: ClassVar[SessionStore]

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
        self._disconnected_s: dict[str, float] = {}
        self._lock, self._over = Lock(), Event()
        self._thread = Thread(target=self._look_about, name="fer-batch visits", daemon=True)
        self._thread.start()
        SessionStore.now = self

    def open_session(self, name: str, browser: str | None) -> Session:
        """The visit that Streamlit calls so, begun with the first time that it is asked for.

        A browser that has just gone and comes back, as when its page is loaded anew, goes on with what it had.

        Args:
            name: Streamlit's.
            browser: its own random name, if it has one.
        """
        with self._lock:
            if name not in self._sessions:
                former = None if browser is None else self._reusable_session(browser)
                if former is None:
                    self._sessions[name] = Session(self._folder, local=self._local, max_pixels=self._max_pixels)
                else:
                    self._sessions[name] = self._sessions.pop(former)
                    # Streamlit may still be at work for it, so it forgets the former one later.
                    self._disconnected_s.setdefault(former, time.monotonic())
                self._browsers[name] = browser
            return self._sessions[name]

    def _reusable_session(self, browser: str) -> str | None:
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
            for name, session in self._expired(time.monotonic()).items():
                self._forget(name)
                if session is not None:
                    session.close()

    def _expired(self, now_s: float) -> dict[str, Session | None]:
        """Takes out those who will not come back; None for one that goes on by another name."""
        with self._lock:
            for name in self._sessions:
                if self._connected(name):
                    self._disconnected_s.pop(name, None)
                else:
                    self._disconnected_s.setdefault(name, now_s)
            over = [name for name, since_s in self._disconnected_s.items() if now_s - since_s > self._forget_after_s]
            self._browsers = {name: browser for name, browser in self._browsers.items() if name in self._sessions}
            for name in over:
                del self._disconnected_s[name]
            return {name: self._sessions.pop(name, None) for name in over}


class Session:
    """One visit: its folder, the work on each page, and the files that its browser may fetch.

    Args:
        root: the server's folder.
        local: whether the visitor sits at this machine.
        max_pixels: larger pictures are refused.
    """

    def __init__(self, root: Path, *, local: bool, max_pixels: int) -> None:
        self.max_pixels = max_pixels
        self.folder = Path(tempfile.mkdtemp(dir=root))
        self.local = local
        self.token = secrets.token_urlsafe(24)
        """In the addresses of its files: whoever knows it may fetch them."""
        self.model = DEFAULT_MODEL
        """Name or path of the emotion model that analyses."""
        self._work: dict[str, Job] = {}
        self._files: dict[tuple[Path, str], int] = {}

    def place(self, page: str) -> Path:
        """A page's empty folder; what was there before is stopped and removed."""
        self.forget(page)
        folder = self.folder / page
        folder.mkdir()
        return folder

    def begin(self, page: str, work: Job) -> None:
        """Takes over work that a page has begun; it goes on while other pages are looked at."""
        self._work[page] = work

    def work(self, page: str) -> Job | None:
        """What goes on or is over on a page."""
        return self._work.get(page)

    def forget(self, page: str) -> None:
        """Stops a page's work and removes its files."""
        if (work := self._work.pop(page, None)) is not None:
            work.close()
        folder = self.folder / page
        self._files = {file: number for file, number in self._files.items() if not file[0].is_relative_to(folder)}
        if folder.is_dir():
            shutil.rmtree(folder)

    def address(self, path: Path, name: str | None = None) -> str:
        """Where the browser gets a file, from the server's root; with ``?download`` it is saved instead of shown.

        Args:
            path: of the file.
            name: what it is called there; as it is here unless given.
        """
        name = shown(path.name if name is None else name)
        number = self._files.setdefault((path, name), secrets.randbits(62))
        # The name comes with the file: in an address it could look like a way out of the server's folder.
        return f"/given/{self.token}/{number}/file{quote(path.suffix, safe='.')}"

    def view(self, page: str, name: str) -> Path:
        """Where a page's HTML file of this name lies; only such are shown by browsers as pages."""
        return self.folder / page / "views" / name

    def is_view(self, path: Path) -> bool:
        """Whether it is one of those."""
        return path.parent.name == "views" and path.parent.parent.parent == self.folder

    def file(self, number: int) -> tuple[Path, str] | None:
        """The file of an address, and its name there."""
        return next((file for file, one in list(self._files.items()) if one == number), None)

    def close(self) -> None:
        """Ends the visit."""
        for work in self._work.values():
            work.close()
        self._work, self._files = {}, {}
        shutil.rmtree(self.folder, ignore_errors=True)


def save(content: IO[bytes], name: str, folder: Path) -> Path:
    """Writes an upload; only the last part of its name counts.

    Args:
        content: read from where it is.
        name: as the browser told it.
        folder: made when missing.
    """
    folder.mkdir(exist_ok=True)
    path = folder / (Path(shown(name).replace("\\", "/")).name or "recording")
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)
    return path


def session() -> Session:
    """Begun with the first run of the script, and ended some time after the browser has gone."""
    context = get_script_run_ctx()
    assert context is not None
    return SessionStore.now.open_session(
        context.session_id, st.context.cookies.get(cookie_of(st.get_option("server.port")))
    )
