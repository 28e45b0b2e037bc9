"""What one visitor has given and got: a folder nobody else is shown, gone with the visit."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path
from typing import IO
from urllib.parse import quote

from fer_batch.app.jobs import Work
from fer_batch.config import DEFAULT_MODEL
from fer_batch.utils.text import shown


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
        self._work: dict[str, Work] = {}
        self._files: dict[tuple[Path, str], int] = {}

    def place(self, page: str) -> Path:
        """A page's empty folder; what was there before is stopped and removed."""
        self.forget(page)
        folder = self.folder / page
        folder.mkdir()
        return folder

    def begin(self, page: str, work: Work) -> None:
        """Takes over work that a page has begun; it goes on while other pages are looked at."""
        self._work[page] = work

    def work(self, page: str) -> Work | None:
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
