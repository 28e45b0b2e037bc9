"""Pictures handed on at their own speed, where a source has many of them at once."""

from __future__ import annotations

import time
from typing import Final

_BEHIND_S: Final = 0.5
"""From so far behind on, what is late is not hurried after: it would come all at once."""


class Pace:
    """Waits until it is time for a picture."""

    def __init__(self) -> None:
        self._offset_s: float | None = None

    def wait(self, own_s: float) -> None:
        """Returns when the picture of this time is due, by the distances of the source's own clock."""
        now = time.monotonic()
        if self._offset_s is None or not -_BEHIND_S <= own_s + self._offset_s - now <= _LONGEST_S:
            self._offset_s = now - own_s
        time.sleep(max(0.0, own_s + self._offset_s - now))


_LONGEST_S: Final = 60.0
"""A longer wait than any segment of a playlist is a clock that jumped."""
