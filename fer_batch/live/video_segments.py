"""Annotated video of a live recording in segments, each playable on its own."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final

from fer_batch.annotation.video_writer import AnnotatedVideo
from fer_batch.errors import OutputError
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.types import Observation
from fer_batch.utils.concurrency import Closeable
from fer_batch.video.frame import Frame

_MAX_CLOSING: Final = 2
"""Segments that may be finished at once; an encoder takes a fraction of a second for that."""


class VideoSegments(Closeable):
    """Writes one segment after another; what one is finished with goes on while the next one is written.

    A failing segment does not end a recording: it is left out, and :attr:`fault` says why.
    """

    def __init__(self) -> None:
        self.fault: OutputError | None = None
        """Why the last segment that failed did."""
        self._abandoned = False
        """Until the next cut: each attempt starts an encoder."""
        self._open: tuple[AnnotatedVideo, Frame] | None = None
        self._last: Frame | None = None
        self._finishing: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="fer-batch segments")
        self._latest: Observation | None = None

    def write(self, path: Path, frame: Frame, observation: Observation | None) -> None:
        """Adds a frame to the open segment, or to a new one that will be at ``path``.

        Args:
            path: where a segment that begins with this frame goes.
            frame: the next one.
            observation: of this frame; without one it shows the faces of the last that had one.
        """
        self._latest = observation or self._latest
        if self._abandoned:
            return
        try:
            if self._open is None:
                video = AnnotatedVideo(path, None, start_s=frame.time_s)
                self._open = video.__enter__(), frame
            self._open[0].write(frame, self._latest)
            self._last = frame
        except OutputError as error:
            self.fault, self._open, self._abandoned = error, None, True

    def gap(self) -> None:
        """What was seen last is not seen any more."""
        self._latest = None

    def cut(self) -> bool:
        """Finishes the open segment; whether there was one."""
        self._abandoned = False
        if self._open is None or self._last is None:
            return False
        (video, first), last, self._open = self._open, self._last, None
        about: dict[str, object] = {
            "start_s": first.time_s,
            "last_s": last.time_s,
            "captured_at": _utc(first.captured_at),
            "first_frame": first.index,
            "last_frame": last.index,
        }
        self._last = None
        self._finishing = [each for each in self._finishing if not each.done()]
        if len(self._finishing) >= _MAX_CLOSING:
            self._finishing.pop(0).result()
        self._finishing.append(self._pool.submit(self._finish, video, about))
        return True

    def _finish(self, video: AnnotatedVideo, about: dict[str, object]) -> None:
        try:
            document = video.path.with_suffix(".json")
            with whole(document) as temporary, explained(document):
                temporary.write_text(json.dumps(about) + "\n", encoding="utf-8")
            video.close()
        except OutputError as error:
            video.abort()
            self.fault = error

    def close(self) -> None:
        """Finishes the last segment, and waits for all."""
        self.cut()
        self._pool.shutdown()


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
