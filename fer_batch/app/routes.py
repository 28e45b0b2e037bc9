"""What the server gives besides Streamlit's own: a visitor's files, in ranges too, and live pictures."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from fer_batch.app.jobs import LiveWatch
from fer_batch.app.middleware import FILE_POLICY, LIVE_POLICY, VIEW_POLICY
from fer_batch.app.sessions import SessionStore
from fer_batch.live.preview.hub import BOUNDARY, FILES, STUCK_S, PreviewHub

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_POLICY: Final = "Content-Security-Policy"
_LOOK_AGAIN_S: Final = 0.02
"""How often is looked for a new picture: half the time between two of a camera's."""
_INLINE_TYPES: Final = ("video/", "image/")
"""Kinds that a browser shows; all else, as what a visitor says it is, could act in the page's name and is saved."""


def routes() -> list[Route]:
    """For the server."""
    return [
        Route("/given/{token}/{number:int}/{name}", _file),
        Route("/watched/{token}/{place:path}", _live),
    ]


async def _file(request: Request) -> Response:
    """A file that the page has given this visitor the address of."""
    session = SessionStore.now.of(request.path_params["token"])
    file = None if session is None else session.file(request.path_params["number"])
    if session is None or file is None or not file[0].is_file():
        return Response("There is nothing here any more.\n", 404, _HEADERS, "text/plain")
    path, name = file
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    # SVG is a picture that can run scripts.
    view = session.is_view(path)
    harmless = view or (kind.startswith(_INLINE_TYPES) and "svg" not in kind)
    save = "download" in request.query_params or not harmless
    return FileResponse(
        path,
        headers={**_HEADERS, _POLICY: VIEW_POLICY if view else FILE_POLICY},
        media_type=kind,
        filename=name,
        content_disposition_type="attachment" if save else "inline",
    )


async def _live(request: Request) -> Response:
    """The page of what is watched live, and what that page asks for."""
    session, place = SessionStore.now.of(request.path_params["token"]), request.path_params["place"]
    work = None if session is None else session.work("live")
    if not isinstance(work, LiveWatch):
        return Response("There is nothing here any more.\n", 404, _HEADERS, "text/plain")
    if place in FILES:
        name, kind = FILES[place]
        content = resources.files("fer_batch.live.preview").joinpath("page", name).read_bytes()
        return Response(content, 200, {**_HEADERS, _POLICY: LIVE_POLICY}, kind)
    if place == "state":
        return JSONResponse(work.preview.state(), headers=_HEADERS)
    if place == "picture/0" and (picture := work.preview.look(0)) is not None:
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        return StreamingResponse(_pictures(work.preview, picture), 200, _HEADERS, kind)
    return Response("There is nothing here.\n", 404, _HEADERS, "text/plain")


async def _pictures(preview: PreviewHub, name: str) -> AsyncIterator[bytes]:
    """One picture after another, each when the one before is taken."""
    sent, waited_s = 0, 0.0
    try:
        while (picture := preview.newest(name)) is not None:
            number, jpeg = picture
            # The last one again after a while, by which a viewer who has gone is noticed.
            if number and (number != sent or waited_s > STUCK_S):
                sent, waited_s = number, 0.0
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                yield head.encode() + jpeg + b"\r\n"
            waited_s += _LOOK_AGAIN_S
            await asyncio.sleep(_LOOK_AGAIN_S)
    finally:
        preview.look_away(name)
