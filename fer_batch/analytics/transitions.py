"""Which emotion followed which: pairs of episodes."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InputError

PAUSE_S: Final = 2.0
"""Episodes further apart than this do not follow each other: of such a pause it is not known what lay in it. Between
most that do, one emotion fades while the next comes up, for half a second to a second."""

_NEEDED: Final = ("recording", "track", "emotion", "start_s", "end_s")


def transitions(episodes: pd.DataFrame, pause_s: float = PAUSE_S) -> pd.DataFrame:
    """How often an episode of one emotion was followed by one of another, in the same track.

    Args:
        episodes: as :func:`fer_batch.episodes` gives them.
        pause_s: the longest time between the end of one and the start of the next, in seconds.

    Returns:
        Counts, seven rows (the first emotion) by seven columns (the next one), in the order of ``EMOTIONS``.

    Raises:
        InputError: when a column is missing.
    """
    if missing := [name for name in _NEEDED if name not in episodes]:
        raise InputError(f"The episodes have no column {missing[0]!r}, which transitions are counted by.")
    ordered = episodes.sort_values(["recording", "track", "start_s"])
    emotions = pd.Categorical(ordered["emotion"], categories=list(EMOTIONS)).codes
    same = np.ones(max(0, len(ordered) - 1), np.bool_)
    for name in ("recording", "track"):
        values = ordered[name].to_numpy()
        same &= values[1:] == values[:-1]
    starts, ends = ordered["start_s"].to_numpy(), ordered["end_s"].to_numpy()
    follows = same & (starts[1:] - ends[:-1] <= pause_s)
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS)), np.int64)
    np.add.at(counts, (emotions[:-1][follows], emotions[1:][follows]), 1)
    names = list(EMOTIONS)
    return pd.DataFrame(counts, index=pd.Index(names, name="from"), columns=pd.Index(names, name="to"))
