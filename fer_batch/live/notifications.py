"""What other programs are told of a live source: each episode when it has ended, or what each second showed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_batch.emotions import EMOTIONS
from fer_batch.live.events import Connected, Happening, Interrupted, Seen
from fer_batch.segmentation.episode_finder import EpisodeFinder
from fer_batch.segmentation.hysteresis import Episode
from fer_batch.segmentation.rules import EpisodeRules
from fer_batch.types import Observation

Granularity = Literal["episode", "second"]


class Reports:
    """Makes plain values for JSON of what happens; each says ``event``, ``recording``, ``at`` (UTC) and ``time_s``.

    ``connected`` and ``interrupted`` come with both granularities, besides ``episode`` (the columns of the episodes
    table, when it has ended) or ``second`` (for each track seen in it: number of frames and mean probabilities).

    Args:
        recording: its id.
        granularity: what is told.
    """

    def __init__(self, recording: str, granularity: Granularity) -> None:
        self._recording, self._granularity = recording, granularity
        self._finder = EpisodeFinder(EpisodeRules())
        self._started_at: datetime | None = None
        self._second: int | None = None
        self._sums: dict[int, tuple[int, NDArray[np.float64]]] = {}

    def take(self, happening: Happening) -> Iterator[dict[str, Any]]:
        """What there is to tell now."""
        match happening:
            case Connected(at, time_s, probe):
                self._started_at = at - timedelta(seconds=time_s)
                yield self._event("connected", time_s, at, width=probe.width, height=probe.height)
            case Interrupted(at, time_s, reason, retry_in_s):
                yield from self.finish()
                yield self._event("interrupted", time_s, at, reason=reason, retry_in_s=retry_in_s)
            case Seen(observation):
                if observation is not None:
                    yield from self._see(observation)

    def finish(self) -> Iterator[dict[str, Any]]:
        """What there is still to tell at an end."""
        if self._granularity == "episode":
            yield from map(self._episode, self._finder.finish())
        else:
            yield from self._end_second()

    def _see(self, observation: Observation) -> Iterator[dict[str, Any]]:
        if self._granularity == "episode":
            yield from map(self._episode, self._finder.write(observation))
            return
        second = math.floor(observation.time_s)
        if second != self._second:
            yield from self._end_second()
            self._second = second
        for track, probabilities in zip(observation.detected.tracks.tolist(), observation.probabilities, strict=True):
            frames, total = self._sums.get(track, (0, np.zeros(len(EMOTIONS))))
            self._sums[track] = frames + 1, total + probabilities

    def _end_second(self) -> Iterator[dict[str, Any]]:
        sums, self._sums = self._sums, {}
        if self._second is not None and sums:
            faces = [
                {
                    "track": track,
                    "frames": frames,
                    "emotion": EMOTIONS[int(total.argmax())],
                    **{name: round(float(value) / frames, 4) for name, value in zip(EMOTIONS, total, strict=True)},
                }
                for track, (frames, total) in sorted(sums.items())
            ]
            yield self._event("second", float(self._second), faces=faces)

    def _episode(self, episode: Episode) -> dict[str, Any]:
        return self._event(
            "episode",
            episode.end_s,
            track=episode.track,
            emotion=EMOTIONS[episode.emotion],
            start_s=round(episode.start_s, 3),
            end_s=round(episode.end_s, 3),
            duration_s=round(episode.end_s - episode.start_s, 3),
            peak=round(episode.peak, 4),
            mean_probability=round(episode.mean_probability, 4),
            frames=episode.frames,
        )

    def _event(self, event: str, time_s: float, at: datetime | None = None, **values: Any) -> dict[str, Any]:
        at = at or (self._started_at or datetime.now(UTC)) + timedelta(seconds=time_s)
        said = at.isoformat(timespec="milliseconds")
        return {"event": event, "recording": self._recording, "at": said, "time_s": round(time_s, 3), **values}
