"""The page served by a process of its own, and visits of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.rtsp import free_port
from helpers.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

# In every process of the server: which sockets lead off this machine.
_WATCH = """
import os, socket, sys

def own(host):
    if host.startswith("127.") or host in ("::1", "localhost", "0.0.0.0", ""):
        return True
    try:
        import psutil
        return any(one.address.split("%")[0] == host for all_ in psutil.net_if_addrs().values() for one in all_)
    except ImportError:
        return False

def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1] if event == "socket.connect" else arguments[-1]
        host = address[0] if isinstance(address, tuple) else ""
    elif event == "socket.getaddrinfo":
        host = arguments[0] or ""
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    if not own(host):
        with open(os.environ["CONNECTIONS"], "a") as file:
            file.write(f"{event} {host}\\n")

sys.addaudithook(hook)
"""


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    address: str
    room: Path
    """Its folder for what visitors give and get."""
    process: subprocess.Popen[bytes]

    def files(self) -> list[Path]:
        """What visitors have given and got."""
        # Unlike a pattern, this minds no folder that is being removed.
        found = [Path(folder) / name for folder, _, names in os.walk(self.room) for name in names]
        return [path for path in found if path.parent != self.room]

    def wait_until_empty(self, within_s: float = 20) -> None:
        """Fails when something of a visitor stays."""
        wait_until(lambda: not self.files(), within_s)


def start(folder: Path, *options: str, host: str = "127.0.0.1") -> Served:
    """A server in a process of its own.

    Args:
        folder: for its temporary files, its home, and what is seen of it.
        options: of the command.
        host: where it listens.
    """
    temporary, home, watch = folder / "temporary", folder / "home", folder / "watch"
    for each in (temporary, home, watch):
        each.mkdir(parents=True, exist_ok=True)
    (watch / "sitecustomize.py").write_text(_WATCH)
    environment = {
        **os.environ,
        "TMPDIR": str(temporary),
        "HOME": str(home),
        "CONNECTIONS": str(folder / "connections.txt"),
        "PYTHONPATH": os.pathsep.join([str(watch), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    port = free_port()
    place = f"127.0.0.1:{port}"
    command = [sys.executable, "-m", "fer_batch", "app", "--listen", f"{host}:{port}", "--no-browser", *options]
    with (folder / "said.txt").open("ab") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        _wait(f"http://{place}/_stcore/health", process)
        locks = {path: json.loads(path.read_bytes())["process"] for path in temporary.glob("fer-batch-app-*/.lock")}
        (room,) = [path.parent for path, holder in locks.items() if holder == process.pid]
    except BaseException:
        process.kill()
        raise
    return Served(f"http://{place}", room, process)


@contextmanager
def serve(
    folder: Path, *options: str, host: str = "127.0.0.1", end: signal.Signals = signal.SIGINT
) -> Iterator[Served]:
    """A server whose processes lead to no other machine, and that leaves nothing; see :func:`start`."""
    served = start(folder, *options, host=host)
    try:
        yield served
        served.process.send_signal(end)
        assert served.process.wait(30) == 0
    finally:
        served.process.kill()
        served.process.wait()
    assert not served.room.exists(), "nothing stays when the server has ended"
    assert not list((folder / "home").iterdir()), "nor does it keep anything about itself"
    connections = folder / "connections.txt"
    assert not connections.exists(), connections.read_text()
    assert "Traceback" not in (folder / "said.txt").read_text()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "it has ended"
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("it does not answer")


@contextmanager
def visit(browser: Browser, served: Served, path: str = "") -> Iterator[Page]:
    """Somebody who opens the page, whose browser asks nobody else for anything and has nothing refused by a policy."""
    asked: list[str] = []
    refused: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            refused.append(message.text)

    context = browser.new_context(viewport={"width": 1280, "height": 1600}, accept_downloads=True)
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", note)
    try:
        page = context.new_page()
        page.goto(f"{served.address}/{path}")
        yield page
    finally:
        context.close()
    assert [url for url in asked if not url.startswith((f"{served.address}/", "blob:", "data:"))] == []
    assert refused == []


def save(page: Page, label: str, path: Path) -> Path:
    """Clicks on a download and keeps what comes."""
    with page.expect_download() as download:
        page.get_by_role("link", name=label).click()
    download.value.save_as(path)
    return path
