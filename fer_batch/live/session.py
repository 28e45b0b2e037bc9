"""A live source from its first connection to its last frame, lost connections made again."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from threading import Event
from typing import Final

from fer_batch.config import Selection
from fer_batch.errors import CameraUnreachableError
from fer_batch.live.events import Connected, Counts, FrameAnalyzed, Interrupted, LiveEvent, ResumePoint
from fer_batch.live.frame_source import ConnectionSource, FrameOrigin, LiveClock
from fer_batch.live.options import CaptureTarget, SessionOptions
from fer_batch.live.source_url import Address
from fer_batch.pipeline.engine import Engine
from fer_batch.utils.logs import get_logger

_LOG = get_logger(__name__)

_FIRST_WAIT_S: Final = 1.0
"""Before the first attempt to connect again; doubled after each that fails."""
_LONGEST_WAIT_S: Final = 30.0
"""A camera that has started again is found within half a minute, and one that is off is asked twice a minute."""
_STEADY_S: Final = 10.0
"""A connection that lasted so long was a good one: the next attempt comes soon."""


class Session:
    """A live source that is watched.

    Args:
        engine: the loaded models.
        address: the source.
        options: how it is read, and what is given.
        beginning: where its numbers begin.
        stop: once set, it ends, with all that was seen.
        counts: kept up to date.
    """

    def __init__(
        self,
        engine: Engine,
        address: Address,
        options: SessionOptions | None = None,
        *,
        beginning: ResumePoint | None = None,
        stop: Event | None = None,
        counts: Counts | None = None,
    ) -> None:
        self._engine, self._address = engine, address
        options = options or SessionOptions()
        self._reading, self._selection = options.reading, Selection(fps=options.fps)
        self._every_frame = options.every_frame
        self._stop = stop or Event()
        self.counts = Counts() if counts is None else counts
        beginning = beginning or ResumePoint()
        self._clock = LiveClock(beginning.time_s)
        elapsed_s = max(beginning.time_s, (datetime.now(UTC) - beginning.started_at).total_seconds())
        self._zero_s = time.monotonic() - elapsed_s
        self._frame, self._track = beginning.frame, beginning.track

    def events(self) -> Generator[LiveEvent]:
        """What happens, as it happens, until the session is stopped, a file ends or attempts are used up.

        Raises:
            CameraUnreachableError: when the source was never reached; after that, or while it is still tried, that is
                only an interruption.
        """
        attempts, wait_s = 0, _FIRST_WAIT_S
        reading, lost = self._reading, None
        is_file = self._address.kind == "file"
        patient = not is_file and (reading.patient or reading.retries is not None)
        self._engine.warm_up()
        while not self._stop.is_set():
            began_s = time.monotonic()
            connections = self.counts.connections
            reason = yield from self._stretch()
            if reason is None:
                break
            lost = reason
            if self.counts.connections > connections:
                attempts = 0
                if time.monotonic() - began_s > _STEADY_S:
                    wait_s = _FIRST_WAIT_S
            last = reading.retries is not None and attempts >= reading.retries
            if not self.counts.connections and (last or not patient):
                break
            at_s = max(self._clock.last_s, 0.0)
            _LOG.warning("%s", lost)
            yield Interrupted(datetime.now(UTC), at_s, lost, None if last else wait_s)
            if last:
                return
            attempts += 1
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        if lost is not None and not self.counts.connections:
            raise lost from None

    def _stretch(self) -> Generator[LiveEvent, None, CameraUnreachableError | None]:
        """One connection; returns why it was lost, None when it was not."""
        origin = FrameOrigin(self._zero_s, self._frame)
        stretch = ConnectionSource(
            CaptureTarget(self._address, self._reading, self._engine.settings.max_pixels),
            self._clock,
            origin,
            self.counts,
            self._selection,
            self._stop,
        )
        with stretch:
            try:
                if not stretch.connect():
                    return None
            except CameraUnreachableError as error:
                return error
            self.counts.connections += 1
            _LOG.info("%s: connected, %dx%d", self._address.shown, stretch.probe.width, stretch.probe.height)
            yield Connected(*stretch.began, stretch.probe)
            yield from self._analyzed_frames(stretch)
            self._frame = stretch.frame
            return stretch.lost

    def _analyzed_frames(self, stretch: ConnectionSource) -> Generator[FrameAnalyzed]:
        observations = self._engine.observe(
            stretch, self._selection, self._every_frame, self._stop, at_once=True, first_track=self._track
        )
        with closing(observations):
            for frame, observation in observations:
                if observation is None:
                    assert frame is not None
                    yield FrameAnalyzed(None, stretch.latency_s(frame.index), frame)
                    continue
                self.counts.analysed += 1
                if len(observation):
                    self._track = max(self._track, int(observation.detected.tracks.max()) + 1)
                yield FrameAnalyzed(observation, stretch.latency_s(observation.frame), frame)
