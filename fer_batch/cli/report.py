"""What ``analyze`` tells its user: progress while it runs, and a closing table."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from fer_batch.batch import Plan
from fer_batch.cli.progress import interactive
from fer_batch.cli.timecode import clock
from fer_batch.emotion.labels import EMOTIONS
from fer_batch.emotion.palette import hex_colour
from fer_batch.inputs import Recording
from fer_batch.pipeline import Outcome
from fer_batch.pipeline import Progress as Reached

_LINE_SECONDS = 10.0
"""Seconds between two plain lines."""
_REDRAW_SECONDS = 0.1
_MOST_TRACKS = 20
"""Rows of the closing table for one recording; the rest is in the tracks table."""


class Reporter:
    """Progress on stderr: a bar on a terminal, else a plain line now and then; nothing with ``quiet``.

    Args:
        plan: what will be done.
        quiet: show no progress.
        as_json: stdout belongs to a program; progress is still shown on a terminal.
    """

    def __init__(self, plan: Plan, *, quiet: bool, as_json: bool) -> None:
        self._plan = plan
        self._quiet = quiet
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)
        if not quiet and interactive():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[numbers]}"),
                TimeRemainingColumn(compact=True),
            )
            self._bars = Progress(*columns, console=self._errors, transient=True, expand=True)
        self._plain = not quiet and not as_json and self._bars is None
        self._recording: Recording | None = None
        self._began = self._said = self._drawn = 0.0

    def __enter__(self) -> Self:
        for recording in self._plan.kept if not self._quiet else []:
            self._say(f"{recording.id}: done already, kept (--overwrite does it again).")
        if self._bars is not None:
            self._bars.start()
            self._task = self._bars.add_task("starting", total=None, numbers="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def start(self, recording: Recording) -> None:
        """A recording begins."""
        self._recording = recording
        self._began = self._said = time.monotonic()
        if self._bars is not None and self._task is not None:
            place = self._plan.recordings.index(recording) + 1
            many = f"[{place}/{len(self._plan.recordings)}] " if len(self._plan.recordings) > 1 else ""
            self._bars.reset(self._task, total=None, description=many + _short(recording.id, 30), numbers="")

    def progress(self, reached: Reached) -> None:
        """A frame has been analysed."""
        now = time.monotonic()
        if self._bars is not None and self._task is not None:
            if now - self._drawn >= _REDRAW_SECONDS:
                self._drawn = now
                total = reached.frames_total
                shown = max(total, reached.frames) if total else None
                self._bars.update(
                    self._task, completed=reached.frames, total=shown, numbers=self._numbers(reached, now)
                )
        elif self._plain and now - self._said >= _LINE_SECONDS:
            self._said = now
            assert self._recording is not None
            self._say(f"{self._recording.id}: {self._numbers(reached, now)}")

    def _numbers(self, reached: Reached, now: float) -> str:
        elapsed = max(now - self._began, 1e-3)
        of = f"/{reached.frames_total}" if reached.frames_total else ""
        return (
            f"{reached.frames}{of} frames, {reached.frames / elapsed:.0f}/s, "
            f"{reached.time_s / elapsed:.1f}x real time, {reached.faces} faces"
        )

    def finish(self, outcome: Outcome) -> None:
        """A recording is over; faults are told at once, even when quiet."""
        record = outcome.record
        if record.error is not None:
            self._say(f"{'Error' if record.status == 'failed' else 'Warning'}: {record.error}")
        if faults := _faults(record.counts):
            self._say(f"Warning: {record.id}: {faults}.")
        if self._plain and record.status != "failed":
            self._say(f"{record.id}: {record.counts['frames_analysed']} frames, {record.counts['rows']} faces, done.")

    def _say(self, text: str) -> None:
        self._errors.print(Text(text))

    def summary(self, outcomes: list[Outcome]) -> None:
        """The closing table on stdout: each track with the time it was seen and its emotions, and the files."""
        # A pipe has no width: rows stay whole there.
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, justify in (("recording", "left"), ("track", "right"), ("seen", "left"), ("frames", "right")):
            table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
        table.add_column("mostly")
        table.add_column("mean probabilities")
        for outcome in outcomes:
            _add_rows(table, outcome)
        if table.row_count:
            console.print(table)
        files = [path for outcome in outcomes for path in outcome.files]
        folder = self._plan.outputs.folder
        if len(outcomes) == 1:
            for path in files:
                console.print(Text(str(path)), soft_wrap=True)
        elif files:
            kinds = sorted({path.relative_to(folder).parts[0] for path in files})
            done = sum(outcome.record.status == "done" for outcome in outcomes)
            console.print(
                Text(f"{done} of {len(outcomes)} recordings done; results in {folder}: {', '.join(kinds)}"),
                soft_wrap=True,
            )


def _add_rows(table: Table, outcome: Outcome) -> None:
    name = _short(outcome.record.id, 40)
    if outcome.record.status == "failed":
        table.add_row(name, "", Text("failed", style="red"))
        return
    if not outcome.tracks:
        table.add_row(name, "", "no face found")
    tracks = sorted(outcome.tracks, key=lambda track: (-track["frames"], track["track"]))
    for number, track in enumerate(tracks[:_MOST_TRACKS]):
        table.add_row(
            name if number == 0 else "",
            str(track["track"]),
            f"{clock(track['first_time_s'])} to {clock(track['last_time_s'])}",
            str(track["frames"]),
            Text(f"{track['emotion']} {track['emotion_share']:.0%}", style=hex_colour(track["emotion"])),
            _leading(track),
        )
    if len(tracks) > _MOST_TRACKS:
        table.add_row("", "", f"and {len(tracks) - _MOST_TRACKS} more tracks")


def _leading(track: dict[str, Any], count: int = 3) -> Text:
    """The emotions with the highest mean probability."""
    text = Text()
    for emotion in sorted(EMOTIONS, key=lambda emotion: -track[emotion])[:count]:
        if text:
            text.append(", ")
        text.append(f"{emotion} {track[emotion]:.2f}", style=hex_colour(emotion))
    return text


def _faults(counts: dict[str, int]) -> str:
    said = [
        f"{counts[name]} {words}"
        for name, words in (
            ("damaged_packets", "damaged packets skipped"),
            ("damaged_frames", "frames decoded with damage"),
            ("repaired_times", "frames without a usable time, estimated"),
        )
        if counts.get(name)
    ]
    return ", ".join(said)


def _short(name: str, width: int) -> str:
    return name if len(name) <= width else "…" + name[1 - width :]
