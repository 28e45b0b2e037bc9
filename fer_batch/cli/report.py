"""What ``analyze`` tells its user: progress while it runs, and a closing table."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from fer_batch.batch import Plan
from fer_batch.cli.progress import LINE_SECONDS, interactive
from fer_batch.cli.timecode import clock
from fer_batch.emotion.labels import EMOTIONS
from fer_batch.emotion.palette import hex_colour
from fer_batch.inputs import Recording
from fer_batch.names import shown
from fer_batch.pipeline import Outcome
from fer_batch.pipeline import Progress as Reached

_REDRAW_SECONDS = 0.1
_MOST_TRACKS = 20
"""Rows of the closing table for one recording; the rest is in the tracks table."""
_MOST_EPISODES = 20
"""As many; the rest is in the episodes table."""


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
                # A recording's id is no markup.
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None, table_column=Column(min_width=6, ratio=1)),
                TextColumn("{task.fields[numbers]}", table_column=Column(no_wrap=True)),
                TimeRemainingColumn(compact=True),
            )
            self._bars = Progress(*columns, console=self._errors, transient=True, expand=True)
        self._plain = not quiet and not as_json and self._bars is None
        self._recording: Recording | None = None
        self._place = 0
        self._began = self._said = self._drawn = 0.0

    def __enter__(self) -> Self:
        if self._plan.differences is not None:
            self._say(f"Warning: {self._plan.differences}")
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
        self._place += 1
        self._began = self._said = time.monotonic()
        if self._bars is not None and self._task is not None:
            many = f"[{self._place}/{len(self._plan.recordings)}] " if len(self._plan.recordings) > 1 else ""
            self._bars.reset(self._task, total=None, description=many + _short(shown(recording.id), 20), numbers="")

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
        elif self._plain and now - self._said >= LINE_SECONDS:
            self._said = now
            assert self._recording is not None
            self._say(f"{self._recording.id}: {self._numbers(reached, now)}")

    def _numbers(self, reached: Reached, now: float) -> str:
        elapsed = max(now - self._began, 1e-3)
        of = f"/{reached.frames_total}" if reached.frames_total else ""
        return (
            f"{reached.frames}{of} frames, {reached.frames / elapsed:.0f}/s, "
            f"{reached.time_s / elapsed:.1f}x, {_counted(reached.faces, 'face')}"
        )

    def finish(self, outcome: Outcome) -> None:
        """A recording is over; faults are told at once, even when quiet."""
        record = outcome.record
        if record.error is not None:
            self._say(f"{'Error' if record.status == 'failed' else 'Warning'}: {record.error}")
        if faults := _faults(record.counts):
            self._say(f"Warning: {record.id}: {faults}.")
        if self._plain and record.status != "failed":
            counts = record.counts
            done = f"{_counted(counts['frames_analysed'], 'frame')}, {_counted(counts['rows'], 'face')}"
            self._say(f"{record.id}: {record.status}, {done}.")

    def _say(self, text: str) -> None:
        self._errors.print(Text(shown(text)))

    def summary(self, outcomes: list[Outcome]) -> None:
        """The closing tables on stdout: each track, when it was seen, its emotions, and where the files are.

        Episodes are shown one by one for a single recording, and counted for several.
        """
        # A pipe has no width: rows stay whole there.
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
        for outcome in outcomes:
            console.print(_title(outcome, counting=len(outcomes) > 1), soft_wrap=True)
            console.print(_tracks(outcome))
        files = [path for outcome in outcomes for path in outcome.files]
        folder = self._plan.outputs.folder
        if any(outcome.tracks for outcome in outcomes):
            console.print(Text("(mean probabilities of the three leading emotions)", style="dim"))
        if len(outcomes) == 1:
            if outcomes[0].record.counts.get("episodes"):
                console.print(_episodes(outcomes[0]))
            for path in files:
                console.print(Text(shown(str(path))), soft_wrap=True)
        elif files:
            kinds = sorted({path.relative_to(folder).parts[0] for path in files} | {"recordings"})
            done = sum(outcome.record.status == "done" for outcome in outcomes)
            console.print(
                Text(shown(f"{done} of {len(outcomes)} recordings done; results in {folder}: {', '.join(kinds)}")),
                soft_wrap=True,
            )


def _tracks(outcome: Outcome) -> Table | Text:
    """The longest tracks of a recording."""
    if outcome.record.status == "failed":
        return Text("  failed", style="red")
    if not outcome.tracks:
        return Text("  no face found")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(min_width=9)
    table.add_column(min_width=13)
    table.add_column(justify="right", min_width=10)
    table.add_column()
    photo = outcome.record.probe.get("kind") == "photo"
    tracks = sorted(outcome.tracks, key=lambda track: (-track["frames"], track["track"]))
    # Who is who is worth a word only where several tracks are one person's.
    persons = [track["person"] for track in tracks if track.get("person") is not None]
    joined = len(set(persons)) < len(persons)
    for track in tracks[:_MOST_TRACKS]:
        table.add_row(
            f"  track {track['track']}" + (f", person {track['person']}" if joined else ""),
            "" if photo else f"{clock(track['first_time_s'])}-{clock(track['last_time_s'])}",
            "" if photo else _counted(track["frames"], "frame"),
            _leading(track),
        )
    if len(tracks) > _MOST_TRACKS:
        table.add_row("", "", f"and {len(tracks) - _MOST_TRACKS} more")
    return table


def _title(outcome: Outcome, *, counting: bool) -> Text:
    """The recording's name, with the number of its episodes where they are only counted."""
    title = Text(shown(outcome.record.id), style="bold")
    if counting and (episodes := outcome.record.counts.get("episodes")):
        title.append(f"  {_counted(episodes, 'episode')}", style="not bold dim")
    return title


def _episodes(outcome: Outcome) -> Table:
    """The first episodes of a recording, as they begin."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(min_width=9)
    table.add_column(min_width=13)
    table.add_column(min_width=10)
    table.add_column()
    episodes = sorted(outcome.episodes, key=lambda episode: (episode["start_s"], episode["track"]))
    for episode in episodes[:_MOST_EPISODES]:
        table.add_row(
            f"  track {episode['track']}",
            f"{clock(episode['start_s'])}-{clock(episode['end_s'])}",
            Text(episode["emotion"], style=hex_colour(episode["emotion"])),
            f"peak {episode['peak']:.2f} at {clock(episode['peak_s'])}",
        )
    if len(episodes) > _MOST_EPISODES:
        table.add_row("", "", f"and {len(episodes) - _MOST_EPISODES} more", "in episodes/")
    return table


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
        f"{_counted(counts[name], thing)} {what}"
        for name, thing, what in (
            ("damaged_packets", "damaged packet", "skipped"),
            ("damaged_frames", "frame", "decoded with damage"),
            ("repaired_times", "frame", "without a usable time, which was estimated"),
        )
        if counts.get(name)
    ]
    return ", ".join(said)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _short(name: str, width: int) -> str:
    return name if len(name) <= width else "…" + name[1 - width :]
