"""The Python side of the command line: the same engine, results as objects."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Unpack

from fer_batch.batch.messages import Begin
from fer_batch.batch.plan import Plan, delete_checkpoints, plan
from fer_batch.batch.runner import run_parallel, run_serial
from fer_batch.batch.worker_pool import PoolOptions
from fer_batch.config import Options, Outputs, Selection, Settings, split_options, with_today_names
from fer_batch.errors import (
    FerBatchError,
    FerBatchWarning,
    InputError,
    InvalidOptionError,
    UnreadableMediaError,
    summarized,
)
from fer_batch.filesystem.atomic import private_files
from fer_batch.filesystem.lock import only_run
from fer_batch.inference.registry import find_model
from fer_batch.inputs.discovery import find_recordings
from fer_batch.live.events import FrameAnalyzed, Interrupted
from fer_batch.live.options import CaptureOptions, SessionOptions
from fer_batch.live.session import Session
from fer_batch.live.source_url import Address, parse_address
from fer_batch.pipeline.engine import Engine
from fer_batch.pipeline.recording import empty_selection
from fer_batch.pipeline.result import RecordingResult
from fer_batch.results.reader import data_frame, load
from fer_batch.results.timeline_writers import TimelineTable
from fer_batch.types import Observation
from fer_batch.utils.resources import threads_each
from fer_batch.video.open import open_source

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


_CAPTURE_FIELDS: Final = {
    "transport": "transport",
    "connect_timeout": "connect_timeout_s",
    "read_timeout": "read_timeout_s",
    "retries": "retries",
    "follow_redirects": "follow_redirects",
}
"""Of :class:`CaptureOptions`, by option."""


class StreamOptions(Options, total=False):
    """Options of :func:`stream`: those of an analysis, and of how a live source is read."""

    transport: Literal["tcp", "udp"]
    connect_timeout: float
    read_timeout: float
    retries: int | None
    follow_redirects: bool


def stream(
    source: str | Path | int, *, realtime: bool = False, **options: Unpack[StreamOptions]
) -> Iterator[Observation]:
    """The analysed frames of a recording or of a live source one by one, in constant memory; nothing is written.

    A recording gives every frame, as fast as it can be read; one that ends before its header says so gives a warning at
    its end. A live source gives what comes as it comes, with ``captured_at``: the newest frame first when that is too
    much for the machine. A lost connection is a warning and is made again; times, frames and tracks count on.

    Args:
        source: a video or photo; or the address of a stream (``rtsp://...``), or a webcam's number or device.
        realtime: play a video at its own speed, as if it were a camera.
        **options: see :class:`fer_batch.Options`; of those that select frames, live sources know ``fps``. And for live
            sources: ``transport`` of RTSP ("tcp" or "udp"), ``connect_timeout`` (10 seconds in which a source must give
            its first picture), ``read_timeout`` (10 seconds without a picture after which a connection counts as lost),
            ``retries`` (attempts to connect again after a loss; any number unless given) and ``follow_redirects``
            (whether a source over HTTP or HLS may lead on to another host).

    Returns:
        An observation for each analysed frame, also for those without a face.

    Raises:
        InputError: when the source cannot be read, or a live one not be reached at first, or an option makes no sense.
        ModelError: when a model cannot be used.
    """
    named = with_today_names(options)
    _check_flag("realtime", realtime)
    _check_flag("follow_redirects", named.get("follow_redirects", False))
    live = {field: named.pop(name) for name, field in _CAPTURE_FIELDS.items() if name in named}
    reading, (settings, selection) = CaptureOptions(**live), split_options(named)
    find_model(settings.model)
    if realtime or _is_live(source):
        address = parse_address(str(source))
        if address.kind == "file" and not realtime:
            raise InputError(f"{address.shown}: is a file; give realtime=True to play it as a camera would.")
        if selection != Selection(fps=selection.fps):
            raise InputError("Of a live source, frames can be chosen by fps alone.")
        return _stream_live(address, reading, settings, selection)
    # Tried now, where the mistake is made, and not when the first frame is drawn; until then nothing stays open.
    with open_source(Path(str(source)), settings.max_pixels):
        pass
    return _stream(Path(str(source)), settings, selection)


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidOptionError(name, value, "give True or False")


def _check_workers(workers: object) -> None:
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
        raise InvalidOptionError("workers", workers, "give a whole number from 1")


def _is_live(source: str | Path | int) -> bool:
    """Whether it is an address, a camera's number or a device, and no file of that name."""
    text = str(source)
    if isinstance(source, Path) or os.path.lexists(text):
        return text.startswith("/dev/")
    return isinstance(source, int) or "://" in text or text.isdecimal()


def _stream(path: Path, settings: Settings, selection: Selection) -> Iterator[Observation]:
    with open_source(path, settings.max_pixels) as source, Engine(settings) as engine:
        with closing(engine.observe(source, selection)) as observations:
            for _, observation in observations:
                if observation is not None:
                    yield observation
        if source.counts.ended_early is not None:
            _warn(str(source.counts.ended_early))


def _stream_live(
    address: Address, reading: CaptureOptions, settings: Settings, selection: Selection
) -> Iterator[Observation]:
    with Engine(settings, threads=1) as engine:
        session = Session(engine, address, SessionOptions(reading, selection.fps))
        with closing(session.events()) as events:
            for event in events:
                if isinstance(event, Interrupted):
                    _warn(str(event.error))
                elif isinstance(event, FrameAnalyzed) and event.observation is not None:
                    yield event.observation


def analyze(
    *inputs: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    video: bool = False,
    format: Literal["parquet", "both"] = "parquet",  # noqa: A002 - as the command line has it
    overwrite: bool = False,
    workers: int = 1,
    private: bool = False,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Analyses recordings and returns their timelines, one row a face and analysed frame.

    Without ``output`` nothing is written, and a recording that cannot be analysed, or not to its end, costs its own
    rows alone: there is a :class:`FerBatchWarning` for each such one, and an error only if none is left. With
    ``output``, recordings whose results the folder holds already, from the same file and with the same options, are not
    analysed again. What is not as it should be but no error, such as a recording that ends before its header says so or
    results of other options that are replaced, is a :class:`FerBatchWarning`.

    Args:
        *inputs: files, folders or patterns, one by one or in lists.
        output: a folder for what ``fer-batch analyze`` writes.
        video: also write annotated video there.
        format: of the timelines there, "both" for CSV beside Parquet.
        overwrite: analyse everything again.
        workers: processes that share the recordings, with ``output``; 1 works in this process.
        private: make what is written readable for its owner alone: files 0600, folders 0700, where the system has that.
            The process's mask for new files is another one meanwhile.
        **options: see :class:`fer_batch.Options`.

    Returns:
        The columns and the order of rows that :func:`fer_batch.load` gives, ``recording`` first.

    Raises:
        InputError: when no input can be analysed. With ``output``, when one cannot; the others are analysed and written
            before.
        ModelError: when a model cannot be used.
        OutputError: when the output cannot be written.
    """
    named = with_today_names(options)
    formats = named.pop("format", format)
    settings, selection = split_options(named)
    # A list of paths is what many have at hand.
    paths: list[str | Path] = []
    for each in inputs:
        paths.extend(each if isinstance(each, list | tuple) else [each])  # type: ignore[list-item]
    for name, value in (("video", video), ("overwrite", overwrite), ("private", private)):
        _check_flag(name, value)
    _check_workers(workers)
    if formats not in ("parquet", "both"):
        raise InvalidOptionError("format", formats, "give 'parquet' or 'both'")
    if output is None:
        if video or formats != "parquet":
            raise InputError("Annotated video and CSV need a folder to go to; give output=.")
        tables, messages = _in_memory(paths, settings, selection)
        for sentence in messages:
            _warn(sentence)
        return data_frame(tables)
    planned = plan(paths, Outputs(Path(output), formats, video), settings, selection, overwrite)
    messages = [] if planned.changes is None else [planned.changes]
    with private_files(planned.outputs.folder, wanted=private):
        outcomes = _into_folder(planned, settings, selection, workers)
    messages += [text for one in outcomes if one.record.status != "failed" and (text := one.record.worded())]
    for sentence in messages:
        _warn(sentence)
    failed = [one for one in outcomes if one.record.status == "failed"]
    if failed:
        error = failed[0].error or InputError(failed[0].record.worded() or "")
        if len(failed) > 1:
            error = error.within(f"{len(failed)} recordings failed (see fer_batch.recordings); the first")
        raise error from failed[0].cause
    names = [record.id for record in planned.kept_records] + [recording.id for recording in planned.recordings]
    return load(output, recordings=names)


def _into_folder(planned: Plan, settings: Settings, selection: Selection, workers: int) -> list[RecordingResult]:
    """What became of the recordings, by one process or several."""
    with only_run(planned.outputs.folder) as lock:
        delete_checkpoints(planned)
        if workers == 1:
            return list(run_serial(planned, settings, selection))
        begin = Begin(settings, selection, threads_each(workers))
        return list(run_parallel(planned, begin, PoolOptions(workers, lock=lock)))


def _in_memory(
    inputs: Iterable[str | Path], settings: Settings, selection: Selection
) -> tuple[dict[str, pa.Table], list[str]]:
    """Timelines by id, in the order of ids as in an output folder, and what there is to say about them.

    Raises:
        InputError: when no recording gives any.
    """
    tables: dict[str, pa.Table] = {}
    faults: list[FerBatchError] = []
    recordings = sorted(find_recordings(inputs), key=lambda recording: recording.id)
    with Engine(settings) as engine:
        for recording in recordings:
            table, fault = _timeline(engine, recording.path, selection)
            if table is not None:
                tables[recording.id] = table
            if fault is not None:
                faults.append(fault)
    if not tables:
        several = f"None of {len(recordings)} recordings can be analysed; the first"
        raise faults[0] if len(recordings) == 1 else faults[0].within(several)
    return tables, [str(fault) for fault in faults]


def _timeline(engine: Engine, path: Path, selection: Selection) -> tuple[pa.Table | None, FerBatchError | None]:
    """A recording's rows, if there are any, and what is wrong with it, if anything is."""
    table, analysed = TimelineTable(), False
    try:
        with (
            open_source(path, engine.settings.max_pixels) as source,
            closing(engine.observe(source, selection)) as observations,
        ):
            for _, observation in observations:
                if observation is not None:
                    analysed = True
                    table.write(observation)
        fault: FerBatchError | None = source.counts.ended_early if analysed else empty_selection(path, source)
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, FerBatchError) and not isinstance(error, InputError):
            raise
        fault = (
            error
            if isinstance(error, InputError)
            else UnreadableMediaError(path, f"cannot be analysed ({summarized(error)})")
        )
    return (table.table() if analysed else None), fault


def _warn(sentence: str) -> None:
    """Warns at the place in the user's program that has called :func:`analyze` or draws from :func:`stream`."""
    warnings.warn(sentence, FerBatchWarning, stacklevel=3)
