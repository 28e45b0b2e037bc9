"""Notifications for other programs: an event an episode or a second, posted to a webhook if asked for."""

from __future__ import annotations

import base64
import http.client
import json
import math
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Condition, Event, Thread
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InvalidOptionError
from fer_batch.live.events import Connected, FrameAnalyzed, Interrupted, LiveEvent
from fer_batch.live.options import Granularity
from fer_batch.live.source_url import parse_address, server_of
from fer_batch.segmentation.episode_finder import EpisodeFinder
from fer_batch.segmentation.hysteresis import Episode, EpisodeRules
from fer_batch.types import Observation
from fer_batch.utils.concurrency import Closeable


class Notifier:
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

    def take(self, event: LiveEvent) -> Iterator[dict[str, Any]]:
        """What there is to tell now."""
        match event:
            case Connected(at, time_s, probe):
                self._started_at = at - timedelta(seconds=time_s)
                yield self._event("connected", time_s, at, width=probe.width, height=probe.height)
            case Interrupted(at, time_s, error, retry_in_s):
                yield from self.finish()
                yield self._event("interrupted", time_s, at, reason=error.problem, retry_in_s=retry_in_s)
            case FrameAnalyzed(observation):
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
        timestamp = at.isoformat(timespec="milliseconds")
        return {"event": event, "recording": self._recording, "at": timestamp, "time_s": round(time_s, 3), **values}


_MOST_WAITING: Final = 1000
"""Events that wait for a receiver that does not answer; the oldest of more are dropped."""
_MOST_AT_ONCE: Final = 100
_TIMEOUT_S: Final = 10.0
_MOST_READ: Final = 1 << 16
"""Bytes of an answer, of which nothing but the status matters."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_AS_THEY_ARE: Final = "/%?&=+:;,@!$'()*~-._[]"
"""Characters of an address that are not to be coded, or are already."""
_LAST_TRY_S: Final = 3.0
"""What is left at the end of a run is waited for so long."""


class Webhook(Closeable):
    """Posts events as a JSON array, from a thread of its own, again until they are taken; redirects are not followed.

    Args:
        url: http or https; user and password in it become basic authentication.

    Raises:
        InputError: when it is no such address.
    """

    def __init__(self, url: str) -> None:
        self._parts = refuse_unknown(url)
        self.shown = server_of(parse_address(url))
        self._changed = Condition()
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._over, self._closing = Event(), False
        self._dropped = 0
        self._notices: list[str] = []
        self._thread = Thread(target=self._run, name="fer-batch webhook", daemon=True)
        self._thread.start()

    def post(self, event: Mapping[str, Any]) -> None:
        """Takes an event to be posted soon; waits for nobody."""
        with self._changed:
            self._waiting.append(event)
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popleft()
                self._dropped += 1
                if self._dropped == 1:
                    self._notices.append(f"{self.shown}: takes no events; the oldest of more than 1,000 are dropped.")
            self._changed.notify()

    def notices(self) -> list[str]:
        """Sentences about what went wrong and is right again, since the last call."""
        with self._changed:
            notices, self._notices = self._notices, []
        return notices

    def close(self) -> None:
        """Posts what is left, if that does not take long."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_LAST_TRY_S)
        self._over.set()

    def _run(self) -> None:
        wait_s, failing = _FIRST_WAIT_S, False
        while (events := self._next()) is not None:
            problem = self._send(events)
            if problem is None:
                with self._changed:
                    # Those that were dropped meanwhile were the first.
                    sent = {id(event) for event in events}
                    while self._waiting and id(self._waiting[0]) in sent:
                        self._waiting.popleft()
                    if failing:
                        self._notices.append(f"{self.shown}: takes events again ({self._dropped} were dropped).")
                wait_s, failing = _FIRST_WAIT_S, False
                continue
            if not failing:
                with self._changed:
                    self._notices.append(f"{self.shown}: does not take events ({problem}); tried again until it does.")
            failing = True
            if self._closing or self._over.wait(wait_s):
                return
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _next(self) -> list[Mapping[str, Any]] | None:
        """Events to post, waited for; None when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return None if not self._waiting else list(self._waiting)[:_MOST_AT_ONCE]

    def _send(self, events: list[Mapping[str, Any]]) -> str | None:
        """Posts; why that failed, in a few words."""
        parts, kinds = self._parts, {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        connection = kinds[parts.scheme.lower()](parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        headers = {"Content-Type": "application/json", "User-Agent": "fer-batch"}
        if parts.username is not None:
            both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = "Basic " + base64.b64encode(both.encode()).decode()
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_AS_THEY_ARE)
        try:
            connection.request("POST", target, json.dumps(events, ensure_ascii=False).encode(), headers)
            answer = connection.getresponse()
            answer.read(_MOST_READ)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return getattr(error, "strerror", None) or type(error).__name__
        finally:
            connection.close()
        return None if answer.status < 300 else f"it answers {answer.status}"


def refuse_unknown(url: str) -> SplitResult:
    """The parts of a web address.

    Raises:
        InputError: when it is none.
    """
    if urlsplit(url).scheme.lower() not in ("http", "https"):
        raise InvalidOptionError("webhook", None, "give an address that begins with http:// or https://")
    parse_address(url)
    return urlsplit(url)
