"""Draws an observation: a box round each face, its track and emotion, and a chart of the seven probabilities.

Text and marks stand on dark translucent ground and coloured lines between dark ones, so that they can be read on any
background; all sizes follow the picture's, so that they can be read at any resolution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2

from fer_batch.annotation.canvas import Patch, Pixels, Rect, lay_onto_rgb
from fer_batch.annotation.sprites import SMALLEST_TEXT, chart, chart_size, outline, tag
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import AnnotationError, OptionHint, OutputError
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.types import Face, Note, Observation
from fer_batch.utils.concurrency import AtomicOutput
from fer_batch.video.frame import Frame


class Annotator:
    """Draws the observations of one recording, one after the other.

    It remembers on which side of a face its chart stood, so that charts do not jump about while faces move.
    """

    def __init__(self) -> None:
        self._sides: dict[int, str] = {}

    @property
    def sides(self) -> dict[int, str]:
        """The side of each track in view, remembered from one observation to the next."""
        return self._sides

    @sides.setter
    def sides(self, sides: dict[int, str]) -> None:
        self._sides = sides

    def annotate(self, observation: Observation, width: int, height: int) -> list[Patch]:
        """What to lay onto a picture of ``width`` x ``height`` pixels, in this order.

        The observation's positions must be pixels of that picture. A chart stands right or left of its face, else
        below or above it, where it covers no other face, label or chart; a face that leaves no room gets it inside when
        it is large, and none when it is small: its label still names the emotion.
        """
        em = text_size(width, height)
        placed = [(face, box) for face in observation if (box := _visible_box(face, width, height)) is not None]
        boxes = [box for _, box in placed]
        patches: list[Patch] = []
        tags: list[Patch] = []
        for face, box in placed:
            patches += outline(box, face.emotion, em)
            tags.append(_tag_patch(face, box, (width, height), em, [_area(tag) for tag in tags], boxes))
        taken = boxes + [_area(tag) for tag in tags]
        sides: dict[int, str] = {}
        for face, box in placed:
            if face.probabilities is None:
                continue
            others = [area for area in taken if area is not box]
            position = _chart_place(box, others, (width, height), em, self._sides.get(face.track))
            if position is not None:
                sides[face.track], area = position
                taken.append(area)
                patches.append(Patch(area.x, area.y, chart(face.probabilities, em)))
        self._sides = sides
        return patches + tags


def text_size(width: int, height: int) -> int:
    """Height of the text in pixels for a picture of that size; every other size is a multiple of it."""
    return max(SMALLEST_TEXT, round(min(width, height) / 32))


def _area(patch: Patch) -> Rect:
    h, w = patch.rgba.shape[:2]
    return Rect(patch.x, patch.y, w, h)


def _visible_box(face: Face, width: int, height: int) -> Rect | None:
    """The part of the face's box inside the picture; None when there is nothing to see."""
    x, y, w, h = face.box
    left, top = max(0, round(x)), max(0, round(y))
    right, bottom = min(width, round(x + w)), min(height, round(y + h))
    return Rect(left, top, right - left, bottom - top) if right - left > 2 and bottom - top > 2 else None


def _chart_place(
    box: Rect, others: Sequence[Rect], picture: tuple[int, int], em: int, before: str | None
) -> tuple[str, Rect] | None:
    """Where the chart goes and the name of that place: the first that is free, the one it had before first of all."""
    places = _chart_places(box, chart_size(em), picture, em)
    if before in places:
        # It stays while it touches nothing; a new place must have some air, or it would soon be left again.
        places = {before: places[before], **places}
    for name, area in places.items():
        air = 0 if name == before else em // 2
        spread = Rect(area.x - air, area.y, area.width + 2 * air, area.height)
        if area.within(*picture) and not any(spread.meets(other) for other in others):
            return name, area
    return None


def _chart_places(box: Rect, size: tuple[int, int], picture: tuple[int, int], em: int) -> dict[str, Rect]:
    """Places beside the box, best first; they may lie outside the picture."""
    w, h = size
    gap = em // 2
    lowest, rightmost = picture[1] - h, picture[0] - w
    top, bottom = min(box.y, lowest), max(0, min(box.bottom - h, lowest))
    left, right = min(box.x, rightmost), max(0, min(box.right - w, rightmost))
    after, before = box.right + gap, box.x - gap - w
    places = {
        "right": Rect(after, top, w, h),
        "left": Rect(before, top, w, h),
        "right, low": Rect(after, bottom, w, h),
        "left, low": Rect(before, bottom, w, h),
        "below": Rect(left, box.bottom + gap, w, h),
        "below, right": Rect(right, box.bottom + gap, w, h),
        "above": Rect(right, box.y - gap - h, w, h),
    }
    if w * h * 5 <= box.width * box.height:
        # A face that fills the picture: a lower corner hides the least of it.
        places["inside"] = Rect(box.right - w - gap, box.bottom - h - gap, w, h)
    return places


def _tag_patch(
    face: Face, box: Rect, picture: tuple[int, int], em: int, tags: Sequence[Rect], boxes: Sequence[Rect]
) -> Patch:
    """The face's label: above its box, else below, else inside.

    Where it would cover another face or label the probability is left out; it covers another face rather than a label,
    and a label only when nothing else is left.
    """
    words = _tag_words(face)
    whole = tag(words, face.emotion, em, picture[0])
    others = [other for other in boxes if other is not box]
    choices = [
        (whole, [*tags, *others]),
        (tag(words[:2], face.emotion, em, picture[0]), [*tags, *others]),
        (whole, tags),
    ]
    for rgba, obstacles in choices:
        for area in _tag_places(box, rgba, picture, em):
            if not any(area.meets(obstacle) for obstacle in obstacles):
                return Patch(area.x, area.y, rgba)
    area = next(_tag_places(box, whole, picture, em))
    return Patch(area.x, area.y, whole)


def _tag_places(box: Rect, rgba: Pixels, picture: tuple[int, int], em: int) -> Iterator[Rect]:
    """Places inside the picture, best first, at least one."""
    h, w = rgba.shape[:2]
    lowest, rightmost = picture[1] - h, picture[0] - w
    for top in (box.y - h - 1, box.bottom + 1, box.y + em // 3, box.bottom - h - em // 3):
        for left in (box.x, box.right - w):
            if 0 <= top <= lowest:
                yield Rect(max(0, min(left, rightmost)), top, w, h)
    yield Rect(max(0, min(box.x, rightmost)), max(0, min(box.y, lowest)), w, h)


def _tag_words(face: Face) -> tuple[str, ...]:
    number = f"#{face.track}" if face.track else "face"
    if face.probabilities is None:
        return (number,)
    return (number, EMOTIONS[int(face.probabilities.argmax())], f"{round(100 * float(face.probabilities.max()))}%")


_QUALITY: Final[dict[str, list[int]]] = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".png": [],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}
"""Suffixes that can be written, with OpenCV's parameters."""


class AnnotatedPhoto(AtomicOutput):
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
                "photograph to PNG.",
                remedies=[OptionHint("video", False, "leave the annotated copy out with {}")],
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
