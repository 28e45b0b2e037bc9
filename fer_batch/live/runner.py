"""One source watched to its end, whether alone in its process or as one of several cameras."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from threading import Event, Lock, Thread, Timer
from types import TracebackType
from typing import Final

from fer_batch.errors import FerBatchError, OutputError
from fer_batch.live.events import Connected, Counts, FrameAnalyzed, LiveEvent, Noticed, Reported, Tell, Written
from fer_batch.live.notifications import Notifier
from fer_batch.live.options import LiveJob, PartOptions, SessionOptions
from fer_batch.live.preview.encoder import Pictures, PreviewEncoder
from fer_batch.live.publishing.publisher import Publisher
from fer_batch.live.recorder import LiveRecorder, RecordedSource
from fer_batch.live.session import Session
from fer_batch.pipeline.engine import Engine
from fer_batch.results.schema import Provenance

_TICK_S: Final = 1.0


def watch(job: LiveJob, stop: Event, tell: Tell, pictures: Pictures) -> None:
    """Analyses a source until it ends or ``stop`` is set, and writes what was asked for.

    Args:
        job: the source and its options.
        stop: once set, what was analysed is written and the function returns.
        tell: told what happens.
        pictures: asked and given pictures for a preview.

    Raises:
        FerBatchError: when the source cannot be watched at all; a lost connection is told and tried again instead.
    """
    with Engine(job.options.settings, job.threads) as engine, ExitStack() as stack:
        _Watching(job, engine, stop, tell, pictures, stack).run()


class _Watching:
    """One source, from its first frame to its last."""

    def __init__(
        self, job: LiveJob, engine: Engine, stop: Event, tell: Tell, pictures: Pictures, stack: ExitStack
    ) -> None:
        self._job, self._engine, self._stop, self._tell = job, engine, stop, tell
        options = job.options
        self._counts = Counts()
        # Everything that takes turns with the once-a-second look: analysis holds it only while it writes.
        self._writing = Lock()
        self._recording = LiveRecorder(
            options.outputs,
            RecordedSource(job.name, job.address.shown, options.fps),
            Provenance(options.settings.to_dict(), engine.classifier.name, engine.classifier.sha256),
            self._counts,
            PartOptions(options.part_s, max_age_s=options.max_age_s),
        )
        stack.push(self._end_recording)
        self._reports = None if options.reports is None else Notifier(job.name, options.reports)
        self._drawers: list[PreviewEncoder | Publisher] = []
        if options.preview:
            self._drawers.append(stack.enter_context(PreviewEncoder(pictures)))
        self._publisher = None
        if options.publish is not None:
            self._publisher = stack.enter_context(Publisher(options.publish, options.fps))
            self._drawers.append(self._publisher)
        self._every_frame = bool(self._drawers) or options.outputs.video
        self._parts = self._recording.parts
        self._over = Event()
        self._fault: FerBatchError | None = None
        self._failure: Exception | None = None

    def run(self) -> None:
        """Watches."""
        job = self._job
        session = Session(
            self._engine,
            job.address,
            SessionOptions(job.options.reading, job.options.fps, self._every_frame),
            beginning=self._recording.beginning,
            stop=self._stop,
            counts=self._counts,
        )
        if job.options.duration_s is not None:
            # The end too of a source that is not reached for all that time.
            self._after(job.options.duration_s, self._end_unreached)
        ticks = Thread(target=self._look_about, name="fer-batch parts", daemon=True)
        ticks.start()
        try:
            with closing(session.events()) as events:
                for event in events:
                    self._take(event)
        finally:
            self._over.set()
            ticks.join()
        if self._failure is not None:
            raise self._failure
        if self._reports is not None:
            for report in self._reports.finish():
                self._tell(Reported(report), self._counts)

    def _take(self, event: LiveEvent) -> None:
        with self._writing:
            self._recording.take(event)
        duration_s = self._job.options.duration_s
        if isinstance(event, Connected) and duration_s is not None and self._counts.connections == 1:
            # From the first frame on, however often the connection is lost.
            self._after(duration_s, self._stop.set)
        self._tell(event, self._counts)
        if isinstance(event, FrameAnalyzed):
            for drawer in self._drawers:
                drawer.take(event)
        if self._reports is not None:
            for report in self._reports.take(event):
                self._tell(Reported(report), self._counts)

    def _end_unreached(self) -> None:
        if not self._counts.connections:
            self._stop.set()

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        timer = Timer(seconds, do)
        timer.daemon = True
        timer.start()

    def _look_about(self) -> None:
        """Once a second what is due is done, also while no frame comes."""
        while not self._over.wait(_TICK_S):
            try:
                with self._writing:
                    self._recording.tick()
                    parts, next_in_s, fault = self._recording.parts, self._recording.next_in_s, self._recording.fault
            except Exception as error:  # comes out of the thread that watches
                self._failure = error
                self._stop.set()
                return
            if parts != self._parts:
                self._parts = parts
                self._tell(Written(parts, next_in_s), self._counts)
            if fault is not None and fault is not self._fault:
                self._fault = fault
                self._tell(Noticed(fault), self._counts)
            for sentence in [] if self._publisher is None else self._publisher.notices():
                self._tell(Noticed(sentence), self._counts)

    def _end_recording(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, trace
        if isinstance(error, OutputError):
            self._recording.abort()
        else:
            self._recording.close()
