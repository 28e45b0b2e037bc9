"""Who looks at live recordings in a browser: the newest pictures and numbers, for any server that gives them out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from threading import Condition
from typing import Any, Final

from fer_batch.emotions import EMOTIONS, hex_colour
from fer_batch.live.events import Counts, LiveMessage
from fer_batch.live.metrics import LiveStatistics
from fer_batch.utils.concurrency import Closeable

_MOST_VIEWERS: Final = 16
"""Pictures that are sent at a time, each by a thread."""
STUCK_S: Final = 5.0
"""A viewer who takes nothing for so long is sent nothing more."""
BOUNDARY: Final = "picture"
"""Between two pictures of an answer."""
FILES: Final = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
}
"""Of the page, by address: name in the folder ``page``, and kind."""


class PreviewHub(Closeable):
    """The newest picture and the numbers of each live recording, for those who look.

    Pictures are asked for only while somebody looks, and each viewer gets the newest when it has taken the one before,
    so that nobody slows anybody.

    Args:
        sources: what each recording is watched at, without secrets.
        counts: of each recording.
        on_watched: called with a recording's name when its first viewer comes (True) and its last one goes (False).
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        counts: Mapping[str, Counts],
        on_watched: Callable[[str, bool], None],
    ) -> None:
        self._names: Sequence[str] = list(sources)
        self._sources, self._counts, self._on_watched = sources, counts, on_watched
        self._changed = Condition()
        self._pictures: dict[str, tuple[int, bytes]] = {}
        self._viewers: Counter[str] = Counter()
        self._statistics = {name: LiveStatistics(time.monotonic()) for name in sources}
        self._over = False

    def show(self, name: str, jpeg: bytes) -> None:
        """Takes a picture; waits for nobody."""
        with self._changed:
            number = self._pictures.get(name, (0, b""))[0]
            self._pictures[name] = number + 1, jpeg
            self._changed.notify_all()

    def tell(self, name: str, message: LiveMessage) -> None:
        """Takes note of what happens."""
        with self._changed:
            self._statistics[name].tell(message, time.monotonic())

    def close(self) -> None:
        """Nobody is given anything more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def look(self, number: int) -> str | None:
        """Begins to look at a recording, which :meth:`look_away` ends; None when it is not there or too many look."""
        with self._changed:
            if not 0 <= number < len(self._names) or self._viewers.total() >= _MOST_VIEWERS:
                return None
            name = self._names[number]
            self._viewers[name] += 1
            # Told while nobody else comes or goes: were it told later, the last who goes could be told after the next.
            if self._viewers[name] == 1:
                self._on_watched(name, True)
        return name

    def look_away(self, name: str) -> None:
        """Nobody looks here any more."""
        with self._changed:
            self._viewers[name] -= 1
            if not self._viewers[name]:
                self._on_watched(name, False)

    def next_picture(self, name: str, after: int) -> tuple[int, bytes] | None:
        """The newest picture and its number, waited for until it is another one; None when all is over.

        When none comes for a while it is the last one again, by which a viewer who has gone is noticed.
        """
        with self._changed:
            while not self._over:
                self._changed.wait_for(
                    lambda: self._over or self._pictures.get(name, (0, b""))[0] > after, timeout=STUCK_S
                )
                if name in self._pictures and not self._over:
                    return self._pictures[name]
            return None

    def newest(self, name: str) -> tuple[int, bytes] | None:
        """The newest picture and its number, 0 and nothing before the first one; None when all is over."""
        with self._changed:
            return None if self._over else self._pictures.get(name, (0, b""))

    def state(self) -> dict[str, Any]:
        """What the page shows besides pictures."""
        emotions = [{"name": name, "colour": hex_colour(name)} for name in EMOTIONS]
        with self._changed:
            return {"emotions": emotions, "recordings": [self._state_of(name) for name in self._names]}

    def _state_of(self, name: str) -> dict[str, Any]:
        now_s, one = time.monotonic(), self._statistics[name]
        rates, latency = one.rates(now_s, self._counts.get(name) or Counts()), one.latency(now_s)
        faces = [
            {
                "track": face.track,
                "emotion": EMOTIONS[max(range(len(EMOTIONS)), key=face.probabilities.__getitem__)],
                "probabilities": [round(value, 3) for value in face.probabilities],
                "strip": face.strip(now_s),
            }
            for face in one.faces(now_s)
        ]
        return {
            "name": name,
            "source": self._sources[name],
            "state": one.state,
            "reason": "" if one.error is None else one.error.problem,
            "retry_in_s": None if one.retry_s is None else max(0.0, one.retry_s - now_s),
            "arrived": rates.arrived,
            "analysed": rates.analysed,
            "dropped": rates.dropped,
            "latency_s": None if latency is None else latency[0],
            "faces": faces,
        }
