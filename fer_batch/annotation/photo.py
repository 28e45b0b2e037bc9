"""The annotated copy of a photograph."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2

from fer_batch.annotation.annotator import Annotator
from fer_batch.annotation.canvas import lay_onto_rgb
from fer_batch.errors import AnnotationError, OutputError
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.types import Note, Observation
from fer_batch.utils.closing import WholeOrNothing
from fer_batch.video.frame import Frame

_QUALITY: Final[dict[str, list[int]]] = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".png": [],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}
"""Suffixes that can be written, with OpenCV's parameters."""


class AnnotatedPhoto(WholeOrNothing):
    """Writes the frame of a one-frame recording with its faces drawn in, in the format that the suffix names.

    Used like :class:`~fer_batch.annotation.video_writer.AnnotatedVideo`: nothing is left when the context is left by an
    exception. Of several frames the last one stays.
    """

    def __init__(self, path: Path) -> None:
        """Prepares to write ``path``, whose folder is made.

        Raises:
            OutputError: when the suffix is not one that can be written.
        """
        if path.suffix.lower() not in _QUALITY:
            raise OutputError(
                f"{path}: annotated photographs are written as {', '.join(_QUALITY)}; choose one of these."
            )
        self.path = path
        self.notes: list[Note] = []
        self._encoded: bytes | None = None

    def write(self, frame: Frame, observation: Observation | None) -> None:
        """Draws the observation's faces, if any, onto the frame's picture.

        Raises:
            AnnotationError: when the format cannot hold the picture, as WebP beyond 16383 pixels.
        """
        picture = frame.rgb()
        if observation is not None:
            if not picture.flags.writeable:
                picture = picture.copy()
            lay_onto_rgb(picture, Annotator().annotate(observation, frame.width, frame.height))
        suffix = self.path.suffix.lower()
        try:
            done, encoded = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _QUALITY[suffix])
        except cv2.error:
            done = False
        if not done:
            raise AnnotationError(
                f"{self.path}: a picture of {frame.width}x{frame.height} cannot be written in this format; convert the "
                "photograph to PNG, or leave the annotated copy out with --no-video."
            )
        self._encoded = encoded.tobytes()

    def close(self) -> None:
        """Puts the picture in its place, if one was written.

        Raises:
            OutputError: when the file cannot be written. Nothing is left of it.
        """
        if self._encoded is None:
            return
        with whole(self.path) as temporary, explained(self.path):
            temporary.write_bytes(self._encoded)
        self._encoded = None

    def abort(self) -> None:
        """Forgets the picture and leaves no file."""
        self._encoded = None
