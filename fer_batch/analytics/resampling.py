"""Timelines in windows of equal length."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd

from fer_batch.analytics.summary import is_live, lasting
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InputError
from fer_batch.results.reader import load

_NEEDED = ["recording", "frame", "time_s", "track", *EMOTIONS]


def resample(source: str | os.PathLike[str] | pd.DataFrame, seconds: float) -> pd.DataFrame:
    """Mean probabilities of each track in windows of some seconds, which begin at multiples of that from the start.

    One row a recording, track and window in which the track has rows, ordered by these: recording, track, start_s (of
    the window), the means of the seven emotions (of the rows in it), rows (their number), share (of the window in which
    the face was seen, 0 to 1, by the definition of :func:`fer_batch.summary`: a row counts in the window it begins in).

    Args:
        source: the folder that ``fer-batch analyze`` wrote, or a timeline that :func:`fer_batch.load` or
            :func:`fer_batch.analyze` gave (with at least recording, frame, time_s, track and the seven emotions).
        seconds: length of a window.

    Raises:
        InputError: when there are no timelines or columns are missing, or for a length that is not positive.
    """
    if not 0 < seconds < np.inf:
        raise InputError(f"{seconds!r} is no length of a window; give seconds above 0.")
    rows = source if isinstance(source, pd.DataFrame) else load(source, [*_NEEDED, "captured_at"])
    if missing := [name for name in _NEEDED if name not in rows]:
        raise InputError(f"The timeline has no column {missing[0]!r}, which is needed for windows.")
    key_columns = [name for name in ("recording", "frame", "time_s", "captured_at") if name in rows]
    moments = rows[key_columns].drop_duplicates(["recording", "frame"])
    moments = moments.sort_values(["recording", "frame"])
    lasts = [
        lasting(part["frame"].to_numpy(), part["time_s"].to_numpy(), is_live(part))
        for _, part in moments.groupby("recording", observed=True)
    ]
    moments["share"] = np.concatenate(lasts) if lasts else 0.0
    rows = rows[_NEEDED].merge(moments[["recording", "frame", "share"]], on=["recording", "frame"])
    # Times such as 0.3 are a hair below three times 0.1; no frame is that near to the one before.
    rows["start_s"] = np.floor(rows["time_s"] / seconds + 1e-9) * seconds
    groups = rows.groupby(["recording", "track", "start_s"], observed=True)
    table = groups[list(EMOTIONS)].mean()
    table["rows"] = groups.size()
    table["share"] = (groups["share"].sum() / seconds).clip(upper=1.0)
    return table.reset_index()
