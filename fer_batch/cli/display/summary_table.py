"""The closing table of ``analyze``: what became of each recording."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fer_batch.batch.plan import Plan
from fer_batch.cli.wording import command_line_words
from fer_batch.emotions import EMOTIONS, hex_colour
from fer_batch.pipeline.result import RecordingResult
from fer_batch.results.record import RecordingRecord
from fer_batch.utils.text import counted, faults, shown, timecode

_MOST_RECORDINGS = 12
"""Of more, only those that are not done are listed one by one: ``fer-batch summary`` shows all."""
_MOST_TRACKS = 20
"""Rows of the closing table for one recording; the rest is in the tracks table."""
_MOST_EPISODES = 20
"""As many; the rest is in the episodes table."""


def print_closing_table(plan: Plan, outcomes: Sequence[RecordingResult]) -> None:
    """Prints to stdout: each track, when it was seen, its emotions, what is not done and why, and where the files are.

    Episodes are shown one by one for a single recording, and counted for several.
    """
    # A pipe has no width: rows stay whole there.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    outcomes = sorted(outcomes, key=lambda outcome: outcome.record.id)
    single = len(plan.tasks) == 1 and len(outcomes) == 1 and not plan.kept_records
    not_begun = len(plan.tasks) - len(outcomes)
    if len(outcomes) <= _MOST_RECORDINGS:
        for outcome in outcomes:
            console.print(_title(outcome, counting=not single), soft_wrap=True)
            console.print(_tracks(outcome))
        if any(outcome.tracks for outcome in outcomes):
            console.print(Text("(mean probabilities of the three leading emotions)", style="dim"))
    if single:
        if outcomes[0].record.counts.get("episodes"):
            console.print(_episodes(outcomes[0]))
        for path in outcomes[0].files:
            console.print(Text(shown(str(path))), soft_wrap=True)
        _print_list(console, "Notes:", _notes(outcomes[0].record))
        return
    records = sorted([*plan.kept_records, *(outcome.record for outcome in outcomes)], key=lambda record: record.id)
    _print_faults(console, records)
    incomplete = sum(record.status != "done" for record in records)
    done, earlier = len(records) - incomplete, len(plan.kept_records)
    before = f" ({earlier} of them before)" if earlier else ""
    folder = plan.outputs.folder
    kinds = sorted({path.relative_to(folder).parts[0] for one in outcomes for path in one.files} | {"recordings"})
    results = f"; results in {folder}: {', '.join(kinds)}" if outcomes else f"; results in {folder}"
    rest = f", {not_begun} not begun (run the same command to go on)" if not_begun else ""
    total = counted(len(records) + not_begun, "recording")
    console.print(Text(shown(f"{done} of {total} done{before}{rest}{results}")), soft_wrap=True)


def _print_faults(console: Console, records: Sequence[RecordingRecord]) -> None:
    """What a person should look into."""
    lists = {
        "Damaged, but read to the end:": [
            f"  {record.id}: {faults(record.counts)}"
            for record in records
            if record.status == "done" and faults(record.counts)
        ],
        "Not complete:": [
            f"  {record.status:<8}{record.id}: {_unnamed(record, record.worded(command_line_words) or '')}"
            for record in records
            if record.status != "done"
        ],
        "Notes:": [line for record in records for line in _notes(record)],
    }
    for title, lines in lists.items():
        _print_list(console, title, lines)


def _print_list(console: Console, title: str, lines: list[str]) -> None:
    if lines:
        console.print(Text(title, style="bold"))
    for line in lines:
        console.print(Text(shown(line)), soft_wrap=True)


def _notes(record: RecordingRecord) -> list[str]:
    return [f"  {record.id}: {_unnamed(record, note['text'])}" for note in record.notes]


def _unnamed(record: RecordingRecord, sentence: str) -> str:
    """A sentence without the file's name in front, which stands there already."""
    sentence = shown(sentence)
    for name in (shown(record.source), shown(record.id)):
        sentence = sentence.removeprefix(f"{name}: ")
    return sentence


def _tracks(outcome: RecordingResult) -> Table | Text:
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
            "" if photo else f"{timecode(track['first_time_s'])}-{timecode(track['last_time_s'])}",
            "" if photo else counted(track["frames"], "frame"),
            _leading(track),
        )
    if len(tracks) > _MOST_TRACKS:
        table.add_row("", "", f"and {len(tracks) - _MOST_TRACKS} more")
    return table


def _title(outcome: RecordingResult, *, counting: bool) -> Text:
    """The recording's name, with the number of its episodes where they are only counted."""
    title = Text(shown(outcome.record.id), style="bold")
    if counting and (episodes := outcome.record.counts.get("episodes")):
        title.append(f"  {counted(episodes, 'episode')}", style="not bold dim")
    return title


def _episodes(outcome: RecordingResult) -> Table:
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
            f"{timecode(episode['start_s'])}-{timecode(episode['end_s'])}",
            Text(episode["emotion"], style=hex_colour(episode["emotion"])),
            f"peak {episode['peak']:.2f} at {timecode(episode['peak_s'])}",
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
