"""Background jobs of a visitor: an analysis, a camera that is watched, an evaluation."""

from __future__ import annotations

import json
import subprocess
import sys
from abc import abstractmethod
from pathlib import Path
from threading import Event, Thread
from typing import Any

from fer_batch.app.camera_feed import CameraFeed
from fer_batch.app.wording import page_sentence, page_words
from fer_batch.batch.messages import Begin
from fer_batch.batch.plan import delete_checkpoints, plan
from fer_batch.batch.progress import RunProgress
from fer_batch.batch.runner import run_parallel
from fer_batch.batch.worker_pool import PoolOptions
from fer_batch.config import Outputs, Selection, Settings
from fer_batch.errors import FerBatchError
from fer_batch.filesystem.lock import only_run
from fer_batch.live.events import Connected, LiveMessage, Noticed
from fer_batch.live.options import LiveJob
from fer_batch.live.preview.hub import PreviewHub
from fer_batch.live.supervisor import Cameras
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.concurrency import Closeable
from fer_batch.utils.logs import get_logger
from fer_batch.utils.resources import threads_each

_LOG = get_logger(__name__)

_PATIENCE_S = 30.0
"""How long work that is stopped may take to put its files in order: a part is written in less than a second."""


class Job(Closeable):
    """Something that takes a while, in a thread; close it to stop it.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self.error: str | None = None
        """The sentence that says what went wrong, once it is over."""
        self.stopped = False
        """Whether it was stopped before its end."""
        self._thread = Thread(target=self._guarded, name=f"fer-batch {name}", daemon=True)

    def start(self) -> None:
        """Begins; called once everything else is made."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stops it and waits until it has put its files in order; nothing happens when it is over already."""
        if self.running:
            self.stopped = True
            self._stop()
            self._thread.join(_PATIENCE_S)

    @abstractmethod
    def _run(self) -> None:
        """What it does, in the thread."""

    @abstractmethod
    def _stop(self) -> None:
        """Asks it to end soon."""

    def _guarded(self) -> None:
        try:
            self._run()
        except FerBatchError as error:
            self.error = page_sentence(error)
        except Exception as error:
            _LOG.exception("a job of the page failed")
            self.error = f"{type(error).__name__}: {' '.join(str(error).split())} (this should not happen)."


class Analysis(Job):
    """The analysis of a video or photo.

    Its worker process dies with this one, however that ends.

    Args:
        recording: the file.
        outputs: where results go.
        settings: models and parameters.
        selection: which frames.

    Raises:
        FerBatchError: when it cannot be begun: no such file, no such model, a folder that cannot be written.
    """

    def __init__(
        self, recording: Path, outputs: Outputs, settings: Settings, selection: Selection | None = None
    ) -> None:
        super().__init__("analysis")
        self.recording, self.out = recording, outputs.folder
        self._settings, self._selection = settings, selection or Selection()
        self._plan = plan([recording], outputs, self._settings, self._selection)
        self.progress = RunProgress(self._plan.tasks, self._selection)
        """How far it is."""
        self.record: RecordingRecord | None = self._plan.kept_records[0] if self._plan.kept_records else None
        """What became of the recording, once that is known."""
        self._wish = Event()

    @property
    def sentence(self) -> str | None:
        """What went wrong, without the folder that the recording was put into; None if it is well."""
        reason = self.error or (self.record.worded(page_words) if self.record is not None else None)
        return None if reason is None else reason.replace(f"{self.recording.parent}/", "")

    @property
    def succeeded(self) -> bool:
        """Whether there are results: also of a recording that is cut short."""
        return self.error is None and self.record is not None and self.record.status != "failed"

    def _run(self) -> None:
        with only_run(self.out) as lock:
            delete_checkpoints(self._plan)
            for outcome in run_parallel(
                self._plan,
                Begin(self._settings, self._selection, threads_each(1)),
                PoolOptions(lock=lock),
                self.progress.tell,
                self._wish,
            ):
                self.record = outcome.record

    def _stop(self) -> None:
        self._wish.set()


class LiveWatch(Job):
    """A source that is watched until it is stopped or ends.

    Args:
        job: the source, and what is kept of it.
        feed: what sends the source's pictures, if that is not elsewhere; closed with this.
    """

    def __init__(self, job: LiveJob, feed: CameraFeed | None = None) -> None:
        super().__init__("live page")
        self.job = job
        self.connected = False
        """Whether anything has come."""
        self.notice: str | None = None
        """The last sentence about something beside the source."""
        self._wish, self._feed = Event(), feed
        self._cameras = Cameras([job], self._tell, on_picture=self._show)
        self.preview = PreviewHub({job.name: job.address.shown}, self._cameras.counts, self._cameras.show)
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
            self.preview.close()
            if self._feed is not None:
                self._feed.close()
        if error is not None and not self._wish.is_set():
            raise error

    def _stop(self) -> None:
        self._wish.set()

    def _tell(self, name: str, message: LiveMessage) -> None:
        if isinstance(message, Connected):
            self.connected = True
        if isinstance(message, Noticed):
            notice = message.notice
            self.notice = notice if isinstance(notice, str) else page_sentence(notice)
        self.preview.tell(name, message)

    def _show(self, name: str, jpeg: bytes) -> None:
        self.preview.show(name, jpeg)


class Measuring(Job):
    """``fer-batch evaluate``.

    Args:
        dataset: a folder or table.
        model: name or path.
        way: "photos" or "crops".
        max_pixels: larger pictures are left out.
    """

    def __init__(self, dataset: str, model: str, way: str, max_pixels: int) -> None:
        super().__init__("measuring")
        self.values: dict[str, Any] | None = None
        """Every figure, once it is over."""
        command = [
            sys.executable,
            "-m",
            "fer_batch",
            "evaluate",
            "--json",
            "--as",
            way,
            "--model",
            model,
            "--max-pixels",
            str(max_pixels),
            "--",
            dataset,
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _run(self) -> None:
        output, errors = self._process.communicate()
        if self._process.returncode == 0:
            self.values = json.loads(output)
            return
        sentences = [line.removeprefix("Error: ") for line in errors.splitlines() if line.startswith("Error: ")]
        raise FerBatchError(sentences[0] if sentences else "It was stopped.")

    def _stop(self) -> None:
        self._process.kill()
