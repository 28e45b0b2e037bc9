"""Frames with detections in, frames with tracked faces out: what is decided a moment later is waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.boxes import overlaps
from fer_batch.tracking.appearance import View
from fer_batch.tracking.track import WAIT_S, Identity, Track
from fer_batch.tracking.tracker import Tracker
from fer_batch.types import Faces

_WAITING = 6
"""Most analysed frames that are kept waiting, the last one among them: each holds its picture. (Where all frames are
drawn, those between them wait too.) Above 25 frames a second this comes before the time."""
_LEAVE_S = 1e-6
"""Times are sums of fractions: so much more than the wait is still the wait."""
_HIDES = 0.3
"""Overlap with a found face from which on a missed one is hidden by it."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A face of a frame, in the frame's pixels."""

    track: Track
    box: NDArray[np.float32]
    keypoints: NDArray[np.float32]
    score: float
    interpolated: bool = False


@dataclass(frozen=True, slots=True)
class _Last:
    """Where a track was last found."""

    sighting: _Sighting
    serial: int
    time_s: float
    unit: float


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item]):
    item: Item
    time_s: float
    sightings: list[_Sighting] | None
    """None for a frame that is not analysed."""
    serial: int = 0
    """Counts the analysed frames."""


class FixedLagTracker(Generic[Item]):
    """Gives every frame's faces their tracks, as soon as it is certain which these are.

    A frame waits while a new face in it is not yet believed in, and while a face is missing in it that may be found
    again: then the gap is filled by interpolation, if it was a blink of the detector. A track that is believed in has
    all of its rows from the first, one that is not has none. What is decided depends on the analysed frames alone.

    Args:
        tracker: a fresh one.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._waiting: deque[_Waiting[Item]] = deque()
        self._last: dict[Identity, _Last] = {}
        self._serial = 0

    def get_state(self) -> tuple[Any, ...]:
        """All that it remembers, the tracker's too, between two calls; the items that wait are in it."""
        return self._waiting, self._last, self._serial, self._tracker.get_state()

    def set_state(self, state: tuple[Any, ...]) -> None:
        """Continues another one."""
        self._waiting, self._last, self._serial, tracker = state
        self._tracker.set_state(tracker)

    @property
    def waiting(self) -> Item | None:
        """The first that waits."""
        return self._waiting[0].item if self._waiting else None

    def add(
        self, item: Item, time_s: float, faces: Faces, unit: float = 1.0, view: View | None = None
    ) -> Iterator[tuple[Item, Faces | None]]:
        """Takes a frame's detections; gives the frames that need not wait any longer, in order.

        Args:
            item: the frame, handed back as it is.
            time_s: its time in seconds; never less than the last one's.
            faces: detections in its pixels; their tracks are ignored.
            unit: its width in pixels.
            view: its picture; see :class:`Tracker`.
        """
        yield from self._overdue(time_s)
        self._serial += 1
        sightings: list[_Sighting] = []
        for row, track in enumerate(self._tracker.update(time_s, faces, unit, view)):
            if track is not None:
                sighting = _Sighting(track, faces.boxes[row], faces.keypoints[row], float(faces.scores[row]))
                now = _Last(sighting, self._serial, time_s, unit)
                if track.who in self._last:
                    self._fill_gap(self._last[track.who], now)
                self._last[track.who] = now
                sightings.append(sighting)
        self._waiting.append(_Waiting(item, time_s, sightings, self._serial))
        if len(self._last) > len(self._tracker.tracks):
            alive = {track.who for track in self._tracker.tracks}
            self._last = {who: last for who, last in self._last.items() if who in alive}
        yield from self._settled()

    def pass_on(self, item: Item, time_s: float) -> Iterator[tuple[Item, Faces | None]]:
        """Takes a frame that is not analysed; it keeps its place, with None for its faces."""
        yield from self._overdue(time_s)
        self._waiting.append(_Waiting(item, time_s, None))
        yield from self._settled()

    def finish(self) -> Iterator[tuple[Item, Faces | None]]:
        """Gives all frames that wait, and ends all tracks: nothing follows, or after a cut something else."""
        while self._waiting:
            yield self._release()
        self._tracker.end()
        self._last.clear()

    def _overdue(self, time_s: float) -> Iterator[tuple[Item, Faces | None]]:
        """Frames that have waited as long as any may, were they decided or not."""
        while self._waiting and (
            time_s - self._waiting[0].time_s > WAIT_S + _LEAVE_S
            or sum(one.sightings is not None for one in self._waiting) >= _WAITING
        ):
            yield self._release()

    def _settled(self) -> Iterator[tuple[Item, Faces | None]]:
        missing = [track.seen_s for track in self._tracker.tracks if track.number and 0 < track.missed < _WAITING]
        certain_s = min(missing, default=np.inf)
        while self._waiting and self._waiting[0].time_s <= certain_s:
            if any(one.track.is_new for one in self._waiting[0].sightings or ()):
                break
            yield self._release()

    def _release(self) -> tuple[Item, Faces | None]:
        """The first frame that waits, with what is known by now."""
        frame = self._waiting.popleft()
        if frame.sightings is None:
            return frame.item, None
        for one in frame.sightings:
            if one.track.is_new:
                self._tracker.decide(one.track)
        return frame.item, _faces([one for one in frame.sightings if one.track.number])

    def _fill_gap(self, before: _Last, now: _Last) -> None:
        """Adds a face to the frames in which it was missed, if all of them still wait."""
        since = [one for one in self._waiting if one.serial > before.serial]
        if len(since) != now.serial - before.serial - 1 or before.unit != now.unit:
            return
        gap: list[_Waiting[Item]] = []
        after, after_s = now.sighting, now.time_s
        for frame in since:
            assert frame.sightings is not None
            # One that was new until now has been found since.
            own = next((one for one in frame.sightings if one.track is now.sighting.track), None)
            if own is not None:
                after, after_s = own, frame.time_s
                break
            gap.append(frame)
        for frame in gap:
            share = np.float32((frame.time_s - before.time_s) / (after_s - before.time_s))
            face = _between(before.sighting, after, share)
            assert frame.sightings is not None
            if not _is_hidden(face, frame.sightings):
                frame.sightings.append(face)


def _between(a: _Sighting, b: _Sighting, share: np.float32) -> _Sighting:
    return _Sighting(
        b.track,
        a.box + share * (b.box - a.box),
        a.keypoints + share * (b.keypoints - a.keypoints),
        float(a.score + share * (b.score - a.score)),
        interpolated=True,
    )


def _is_hidden(face: _Sighting, others: list[_Sighting]) -> bool:
    """Whether it was missed because somebody else is before it: then nothing of it is to be seen there."""
    if not others:
        return False
    return float(overlaps(face.box[None], np.stack([one.box for one in others])).max()) > _HIDES


def _faces(sightings: list[_Sighting]) -> Faces:
    """Ordered by track."""
    if not sightings:
        return Faces.none()
    ordered = sorted(sightings, key=lambda one: one.track.number)
    numbers = [one.track.number for one in ordered]
    return Faces(
        np.array([one.box for one in ordered]),
        np.array([one.keypoints for one in ordered]),
        np.array([one.score for one in ordered], np.float32),
        np.array(numbers, np.int32),
        np.array([one.interpolated for one in ordered], np.bool_),
    )
