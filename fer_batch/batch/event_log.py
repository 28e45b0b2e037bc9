"""The events of a run as log records."""

from __future__ import annotations

from fer_batch.batch.messages import Event, Finished, LogMessage, Probed, Progressed, Started, Watch, WorkerLost
from fer_batch.utils.logs import get_logger
from fer_batch.utils.text import counted, faults

_LOG = get_logger(__name__)


def logged(watch: Watch) -> Watch:
    """Return a watcher that logs each event before ``watch`` is called with it."""

    def both(event: Event) -> None:
        log_event(event)
        watch(event)

    return both


def log_event(event: Event) -> None:
    """Log what has happened."""
    match event:
        case Probed(probes) if probes:
            _LOG.info("%s can be opened", counted(len(probes), "video"))
        case Started(worker, task, process):
            _LOG.info("worker %d: %s: begins (%s; process %d)", worker, task.recording.id, task.reason, process)
        case WorkerLost(worker, _, error, again):
            next_step = "It is tried once more." if again else "It is given up."
            _LOG.warning("worker %d: %s %s", worker, error, next_step)
        case Finished():
            _log_end(event)
        case LogMessage(worker, text):
            for line in text.splitlines():
                _LOG.debug("worker %d: | %s", worker, line)
        case Progressed() | Probed():
            pass


def _log_end(event: Finished) -> None:
    record, counts = event.outcome.record, event.outcome.record.counts
    took_s = (record.finished_at - record.started_at).total_seconds()
    done = f", {counted(counts['frames_analysed'], 'frame')}, {counted(counts['rows'], 'face')}" if counts else ""
    place = f"worker {event.worker}: {record.id}"
    _LOG.info("%s: %s in %.1f s%s", place, record.status, took_s, done)
    if record.error is not None:
        (_LOG.error if record.status == "failed" else _LOG.warning)("worker %d: %s", event.worker, record.worded())
    if damage := faults(counts):
        _LOG.warning("%s: %s", place, damage)
