"""``fer-batch app``: the web page."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from typing import Annotated

import typer

from fer_batch.cli.options import MaxPixels
from fer_batch.config import MAX_PIXELS
from fer_batch.options.table import OPTIONS

EXAMPLES = (
    "fer-batch app",
    "fer-batch app --listen 0.0.0.0:8501 --max-upload 200",
)


def app_page(
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Address to serve at.")
    ] = "127.0.0.1:8501",
    max_upload: Annotated[int, typer.Option("--max-upload", min=1, metavar="MB", help="Largest upload.")] = 1024,
    forget_after: Annotated[
        int,
        typer.Option(
            "--forget-after",
            min=1,
            metavar="SECONDS",
            help="Time from closing the page to the removal of a visitor's files.",
        ),
    ] = 300,
    max_pixels: MaxPixels = MAX_PIXELS,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> None:
    """Serve a web page for photos, videos, cameras and results; Ctrl-C ends it.

    Only this machine reaches the page unless --listen names another address. Uploads and their results are temporary
    files, removed when a visit ends.
    """
    from fer_batch.errors import InputError, InvalidOptionError
    from fer_batch.live.source_url import is_loopback

    OPTIONS["max_pixels"].check(max_pixels)
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidOptionError("listen", listen, "give a host and a port, like 127.0.0.1:8501")
    if find_spec("streamlit") is None:
        raise InputError('The web page needs Streamlit: pip install "fer-batch[app]".')
    host = host.strip("[]")
    local = is_loopback(host)
    try:
        # Streamlit would take another port, or say nothing of use.
        socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise InvalidOptionError("listen", listen, f"cannot be used ({reason}); choose another port") from error
    if not local:
        typer.echo(f"Warning: everybody who reaches {listen} can use the page, without a password.", err=True)
    from fer_batch.app.server import ServerOptions, serve

    typer.echo(f"The page is at http://{listen} until Ctrl-C.", err=True)
    serve(ServerOptions(host, int(port), local, max_upload, max_pixels, forget_after, not no_browser))
