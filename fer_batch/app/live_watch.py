"""A camera watched as ``fer-batch live`` does it, by a process of its own, for one visitor's browser."""

from __future__ import annotations

from threading import Event

from fer_batch.app.camera_feed import Feed
from fer_batch.app.jobs import Work
from fer_batch.live.events import Connected
from fer_batch.live.preview.hub import Onlookers
from fer_batch.live.runner import LiveJob, Noticed, Told
from fer_batch.live.supervisor import Cameras


class LiveWatch(Work):
    """A source that is watched until it is stopped or ends.

    Args:
        job: the source, and what is kept of it.
        feed: what sends the source's pictures, if that is not elsewhere; closed with this.
    """

    def __init__(self, job: LiveJob, feed: Feed | None = None) -> None:
        super().__init__("live page")
        self.job = job
        self.connected = False
        """Whether anything has come."""
        self.notice: str | None = None
        """The last sentence about something beside the source."""
        self._wish, self._feed = Event(), feed
        self._cameras = Cameras([job], self._tell, on_picture=self._show)
        self.onlookers = Onlookers({job.name: job.address.shown}, self._cameras.counts, self._cameras.show)
        """What the page about it is given."""

    @property
    def is_fed(self) -> bool:
        """Whether its pictures come from the visitor's own browser."""
        return self._feed is not None

    def _run(self) -> None:
        if self._feed is not None:
            self._feed.open(lambda: self._cameras.process_ids().get(self.job.name))
        try:
            with self._cameras:
                error = self._cameras.run(self._wish)[self.job.name]
        finally:
            self.onlookers.close()
            if self._feed is not None:
                self._feed.close()
        if error is not None and not self._wish.is_set():
            raise error

    def _stop(self) -> None:
        self._wish.set()

    def _tell(self, name: str, told: Told) -> None:
        if isinstance(told, Connected):
            self.connected = True
        if isinstance(told, Noticed):
            self.notice = told.text
        self.onlookers.tell(name, told)

    def _show(self, name: str, jpeg: bytes) -> None:
        self.onlookers.show(name, jpeg)
