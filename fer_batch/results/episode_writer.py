"""The episodes of a recording as a Parquet file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fer_batch.results.base_writer import TableWriter
from fer_batch.results.schema import EPISODES, Provenance, emotion_array
from fer_batch.results.timeline_writers import row_groups
from fer_batch.segmentation.episode_finder import EpisodeFinder
from fer_batch.segmentation.hysteresis import Episode, EpisodeRules
from fer_batch.types import Observation

_BATCH: Final = 4096
"""Episodes of a row group: some 1 MB in memory, and more than nearly all recordings have, which so are one in order."""


class EpisodeWriter(TableWriter):
    """Finds the episodes in the observations and writes them when they have ended, zstd.

    The rules are in the file's metadata as JSON, under ``fer_batch.episodes``.
    """

    def __init__(self, path: Path, provenance: Provenance, rules: EpisodeRules | None = None) -> None:
        super().__init__(path)
        rules = EpisodeRules() if rules is None else rules
        rules_json = json.dumps(rules.to_dict(), sort_keys=True).encode()
        self._schema = EPISODES.with_metadata({**provenance.metadata(), b"fer_batch.episodes": rules_json})
        self._finder = EpisodeFinder(rules)
        self._waiting: list[Episode] = []

    @contextmanager
    def _writing(self, path: Path) -> Iterator[Callable[[pa.RecordBatch], None]]:
        with pq.ParquetWriter(path, self._schema, compression="zstd", use_dictionary=["emotion", "track"]) as writer:
            yield writer.write_batch

    def _join(self, parts: list[Path], path: Path) -> None:
        # Every part consists of full row groups: what waits for its row group to be full is in the state.
        with self._writing(path) as add:
            for batch in row_groups(parts):
                add(batch.replace_schema_metadata(None))

    def get_state(self) -> dict[str, Any]:
        """With the episodes that go on, and those that wait to be written; see :class:`TableWriter`."""
        waiting = [asdict(episode) for episode in self._waiting]
        return {**super().get_state(), "finder": self._finder.get_state(), "waiting": waiting}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state` gave; see :class:`TableWriter`."""
        super().set_state(state)
        self._finder.set_state(state["finder"])
        self._waiting = [Episode(**episode) for episode in state["waiting"]]

    def write(self, observation: Observation) -> None:
        """Goes on by a frame; errors as of every writer."""
        self.add(self._finder.write(observation))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def finish(self) -> None:
        """Ends the episodes that still go on and completes the file, which waits beside its place."""
        self.add(self._finder.finish())
        super().finish()

    def add(self, episodes: Iterable[Episode]) -> None:
        """Adds episodes that were found elsewhere."""
        batch = list(episodes)
        self._waiting += batch
        self.rows += len(batch)

    def _take(self) -> pa.RecordBatch:
        waiting, self._waiting = self._waiting, []
        return episode_batch(waiting)


def write_episodes(
    path: Path, episodes: Iterable[Episode], provenance: Provenance, rules: EpisodeRules | None = None
) -> None:
    """Episodes that are known already as a file like that of an :class:`EpisodeWriter`.

    Raises:
        OutputError: when it cannot be written.
    """
    with EpisodeWriter(path, provenance, rules) as writer:
        writer.add(episodes)


def episode_batch(episodes: Iterable[Episode]) -> pa.RecordBatch:
    """Episodes in the columns of ``EPISODES``, ordered by track and start."""
    ordered = sorted(episodes, key=lambda episode: (episode.track, episode.start_s))
    starts, ends = (np.array([getattr(each, name) for each in ordered], np.float64) for name in ("start_s", "end_s"))
    columns = {
        "track": [each.track for each in ordered],
        "emotion": emotion_array([each.emotion for each in ordered]),
        "start_s": starts,
        "end_s": ends,
        "duration_s": ends - starts,
        "peak_s": [each.peak_s for each in ordered],
        "peak": [each.peak for each in ordered],
        "mean_probability": [each.mean_probability for each in ordered],
        "frames": [each.frames for each in ordered],
    }
    return pa.RecordBatch.from_pydict(columns, schema=EPISODES)
