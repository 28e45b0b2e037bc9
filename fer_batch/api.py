"""The Python side of the command line: the same engine, results as objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from fer_batch.batch import plan, run
from fer_batch.engine import Engine
from fer_batch.errors import InputError
from fer_batch.inputs import find_recordings
from fer_batch.options import Options, split_options
from fer_batch.pipeline import Outputs
from fer_batch.timeline.memory import TimelineTable
from fer_batch.timeline.reading import data_frame, load
from fer_batch.types import Observation
from fer_batch.video.opening import open_source

if TYPE_CHECKING:
    import pandas as pd


def stream(source: str | Path, **options: Unpack[Options]) -> Iterator[Observation]:
    """The analysed frames of a recording one by one, in constant memory; nothing is written.

    Args:
        source: a video or photo.
        **options: see :class:`fer_batch.options.Options`.

    Yields:
        An observation for each analysed frame, also for those without a face.

    Raises:
        InputError: when the recording cannot be read or an option makes no sense.
        ModelError: when a model cannot be used.
    """
    settings, selection = split_options(options)
    with open_source(Path(source)) as opened, Engine(settings) as engine:
        for _, observation in engine.observe(opened, selection):
            if observation is not None:
                yield observation


def analyze(
    *inputs: str | Path,
    output: str | Path | None = None,
    video: bool = False,
    timeline: Literal["parquet", "both"] = "parquet",
    overwrite: bool = False,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Analyses recordings and returns their timelines, one row a face and analysed frame.

    Without ``output`` nothing is written.

    Args:
        *inputs: files, folders or patterns.
        output: a folder for what ``fer-batch analyze`` writes.
        video: also write annotated video there.
        timeline: format of the timelines there, "both" for CSV beside Parquet.
        overwrite: replace results that the folder holds; otherwise those are kept and returned.
        **options: see :class:`fer_batch.options.Options`.

    Returns:
        The columns of the timeline, ``recording`` first, as :func:`fer_batch.load` gives them.

    Raises:
        InputError: when an input cannot be read. With ``output``, the others are analysed and written before.
        ModelError: when a model cannot be used.
        OutputError: when the output cannot be written.
    """
    settings, selection = split_options(options)
    if output is None:
        if video or timeline != "parquet":
            raise InputError("Annotated video and CSV need a folder to go to; give output=.")
        tables = {}
        with Engine(settings) as engine:
            for recording in find_recordings(inputs):
                table = TimelineTable()
                with open_source(recording.path) as source:
                    for _, observation in engine.observe(source, selection):
                        if observation is not None:
                            table.write(observation)
                tables[recording.id] = table.table()
        return data_frame(tables)
    planned = plan(inputs, Outputs(Path(output), timeline, video), overwrite)
    errors = [
        outcome.record.error for outcome in run(planned, settings, selection) if outcome.record.status == "failed"
    ]
    if errors:
        raise InputError(str(errors[0]))
    return load(output, recordings=[recording.id for recording in planned.kept + planned.recordings])
