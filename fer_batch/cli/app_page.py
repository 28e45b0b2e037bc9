"""``fer-batch app``: the web page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer


def app_page(
    listen: Annotated[str, typer.Option("--listen", metavar="HOST:PORT", help="Where to serve.")] = "127.0.0.1:8501",
    max_upload: Annotated[int, typer.Option("--max-upload", min=1, metavar="MB", help="Largest upload.")] = 2048,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """Serve a web page that analyses photos and videos; Ctrl-C ends it."""
    from fer_batch.errors import InputError

    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(f"--listen {listen}: give a host and a port, like 127.0.0.1:8501.")
    if find_spec("streamlit") is None:
        raise InputError('The web page needs Streamlit: pip install "fer-batch[app]".')
    if host not in ("127.0.0.1", "localhost", "[::1]"):
        typer.echo(f"Warning: everybody who reaches {listen} can use the page, without a password.", err=True)
    folder = Path(tempfile.mkdtemp(prefix="fer-batch-app-"))
    try:
        _serve(host.strip("[]"), port, max_upload, no_browser, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(host: str, port: str, max_upload: int, no_browser: bool, folder: Path) -> None:
    """Runs the server until it ends or is interrupted."""
    import fer_batch.app

    settings = {
        "server.address": host,
        "server.port": port,
        "server.headless": str(no_browser).lower(),
        "server.maxUploadSize": str(max_upload),
        "server.enableXsrfProtection": "true",
        "server.enableCORS": "true",
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
    }
    page = str(Path(fer_batch.app.__file__).with_name("page.py"))
    command = [sys.executable, "-m", "streamlit", "run", page, *(f"--{key}={value}" for key, value in settings.items())]
    with subprocess.Popen(command, env={**os.environ, "FER_BATCH_APP_FOLDER": str(folder)}) as server:
        try:
            server.wait()
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            raise
