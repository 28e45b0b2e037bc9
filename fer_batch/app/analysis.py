"""One recording analysed as ``fer-batch analyze`` does it: the same plan, and a worker process for the work."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from fer_batch.app.jobs import Work
from fer_batch.batch import runner as together
from fer_batch.batch.plan import forget_unfinished, plan
from fer_batch.batch.progress import RunProgress
from fer_batch.batch.scheduling import threads_each
from fer_batch.config import Settings
from fer_batch.filesystem.lock import only_run
from fer_batch.pipeline.result import Outputs
from fer_batch.results.record import RecordingRecord
from fer_batch.selection import Selection


class Analysis(Work):
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
        self.record: RecordingRecord | None = self._plan.kept[0] if self._plan.kept else None
        """What became of the recording, once that is known."""
        self._wish = Event()

    @property
    def sentence(self) -> str | None:
        """What went wrong, without the folder that the recording was put into; None if it is well."""
        said = self.error or (self.record.error if self.record is not None else None)
        return None if said is None else said.replace(f"{self.recording.parent}/", "")

    @property
    def succeeded(self) -> bool:
        """Whether there are results: also of a recording that is cut short."""
        return self.error is None and self.record is not None and self.record.status != "failed"

    def _run(self) -> None:
        with only_run(self.out) as lock:
            forget_unfinished(self._plan)
            for outcome in together.run(
                self._plan,
                self._settings,
                self._selection,
                workers=1,
                threads=threads_each(1),
                watch=self.progress.tell,
                stop=self._wish,
                lock=lock,
            ):
                self.record = outcome.record

    def _stop(self) -> None:
        self._wish.set()
