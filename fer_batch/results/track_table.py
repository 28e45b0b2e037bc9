"""One row a track: when it was seen, where, and what it expressed on the whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fer_batch.emotions import EMOTIONS
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.results.schema import TRACKS, Provenance, emotion_array
from fer_batch.types import Observation

_MEANS: Final = 5 + len(EMOTIONS)
"""Box, score, probabilities."""


class TrackSummary:
    """Sums over each track, kept up to date observation by observation in some 200 bytes a track."""

    def __init__(self) -> None:
        self._persons: Mapping[int, int] = {}
        self._rows: dict[int, int] = {}
        self._sums = np.zeros((16, _MEANS))
        self._votes = np.zeros((16, len(EMOTIONS)), np.int64)
        self._times = np.full((16, 2), (np.inf, -np.inf))

    def __len__(self) -> int:
        """Number of tracks."""
        return len(self._rows)

    def get_state(self) -> dict[str, Any]:
        """The sums, as arrays."""
        count = len(self._rows)
        arrays = {"sums": self._sums[:count], "votes": self._votes[:count], "times": self._times[:count]}
        return {"tracks": np.array(list(self._rows), np.int32), **arrays}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state` gave."""
        for track in state["tracks"].tolist():
            self._row(track)
        count = len(self._rows)
        self._sums[:count], self._votes[:count], self._times[:count] = state["sums"], state["votes"], state["times"]

    def seen_before(self, time_s: float) -> list[int]:
        """The tracks that were last seen before this time."""
        return [track for track, row in self._rows.items() if self._times[row, 1] < time_s]

    def take(self, tracks: Collection[int]) -> TrackSummary:
        """Hands over some tracks, which are forgotten here."""
        state = self.get_state()
        rows = np.isin(state["tracks"], list(tracks))
        # Copies: what is asked for by truth values is none of the arrays that are cleared.
        theirs = {name: values[rows] for name, values in state.items()}
        ours = {name: values[~rows] for name, values in state.items()}
        other = TrackSummary()
        other.set_state(theirs)
        self._rows.clear()
        self._sums[:], self._votes[:], self._times[:] = 0.0, 0, (np.inf, -np.inf)
        self.set_state(ours)
        return other

    def write(self, observation: Observation) -> None:
        """Counts every face of a frame in its track.

        Raises:
            ValueError: when a face has no probabilities.
        """
        faces = observation.detected
        if not len(faces):
            return
        # As the timeline holds them, so that table and timeline never disagree about a tie.
        probabilities = np.asarray(observation.probabilities, np.float32)
        values = np.column_stack([faces.boxes, faces.scores, probabilities])
        rows = np.array([self._row(int(track)) for track in faces.tracks])
        np.add.at(self._sums, rows, values)
        np.add.at(self._votes, (rows, probabilities.argmax(1)), 1)
        self._times[rows, 0] = np.minimum(self._times[rows, 0], observation.time_s)
        self._times[rows, 1] = np.maximum(self._times[rows, 1], observation.time_s)

    def join(self, persons: Mapping[int, int]) -> None:
        """Says whose the tracks are: the person of each track; without this the column is null."""
        self._persons = persons

    def table(self) -> pa.Table:
        """The columns of ``TRACKS``, ordered by track; ``to_pylist()`` gives a dict for each track."""
        order = np.array([self._rows[track] for track in sorted(self._rows)], np.intp)
        votes = self._votes[order]
        frames = votes.sum(1)
        means = self._sums[order] / frames[:, None]
        emotion = _dominant(votes, means[:, 5:])
        share = votes[np.arange(len(order)), emotion] / frames
        columns = [
            pa.array(sorted(self._rows), pa.int32()),
            *(pa.array(times) for times in self._times[order].T.copy()),
            pa.array(frames),
            *(pa.array(mean) for mean in means.T.astype(np.float32)),
            emotion_array(emotion.astype(np.int8)),
            pa.array(share.astype(np.float32)),
            pa.array([self._persons.get(track) for track in sorted(self._rows)], pa.int32()),
        ]
        return pa.Table.from_arrays(columns, schema=TRACKS)

    def save(self, path: Path, provenance: Provenance) -> None:
        """Writes the table as a Parquet file, atomically.

        Raises:
            OutputError: when it cannot be written.
        """
        with self.saved(path, provenance):
            pass

    @contextmanager
    def saved(self, path: Path, provenance: Provenance) -> Iterator[None]:
        """As :meth:`save`, but the file, written already, takes its place when the block ends well."""
        table = self.table().replace_schema_metadata(provenance.metadata())
        with whole(path) as temporary:
            with explained(path):
                pq.write_table(table, temporary, compression="zstd")
            yield

    def _row(self, track: int) -> int:
        row = self._rows.setdefault(track, len(self._rows))
        if row == len(self._sums):
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
            self._votes = np.concatenate([self._votes, np.zeros_like(self._votes)])
            self._times = np.concatenate([self._times, np.full_like(self._times, (np.inf, -np.inf))])
        return row


def _dominant(votes: NDArray[np.int64], means: NDArray[np.float64]) -> NDArray[np.intp]:
    """The most voted emotion of each row (N,), ties by the higher mean probability."""
    tied = votes == votes.max(axis=1, keepdims=True, initial=0)
    winners: NDArray[np.intp] = np.where(tied, means, -1.0).argmax(axis=1)
    return winners
