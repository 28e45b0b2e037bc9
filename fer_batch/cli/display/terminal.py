"""What stderr shows: bars on a terminal, plain lines in a pipe or under CI, warnings, nothing when quiet."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from rich.console import Console
from rich.text import Text

from fer_batch.batch.messages import Event, Finished, WorkerLost
from fer_batch.cli.wording import command_line_words, sentence_of
from fer_batch.utils.text import faults, shown

LINE_SECONDS = 10.0
"""Seconds between two plain lines."""


@cache
def stderr_console() -> Console:
    """Return the console of stderr that bars, sentences and log records share."""
    return Console(stderr=True, highlight=False)


def interactive() -> bool:
    """Whether stderr is a terminal whose user wants bars."""
    return (
        sys.stderr.isatty()
        and os.environ.get("CI", "").lower() not in {"1", "true"}
        and os.environ.get("TERM") != "dumb"
    )


@contextmanager
def bar(title: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A display to be called with what is done and what there is to do."""
    if quiet:
        yield lambda done, total: None  # noqa: ARG005 - called by position
        return
    if not interactive():
        yield _plain(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _plain(title: str) -> Callable[[int, int], None]:
    last_s = time.monotonic()

    def advance(done: int, total: int) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= LINE_SECONDS or done == total:
            last_s = time.monotonic()
            print(f"{title}: {done} of {total}", file=sys.stderr)

    return advance


class Notices:
    """Sentences on stderr, also when quiet."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        """Says what there is to say about an event."""
        match event:
            case WorkerLost(_, _, error, True):
                self.say(f"Warning: {sentence_of(error)} It is tried once more.")
            case Finished(_, _, outcome):
                record = outcome.record
                if record.error is not None:
                    self.say(
                        f"{'Error' if record.status == 'failed' else 'Warning'}: {record.worded(command_line_words)}"
                    )
                if fault_words := faults(record.counts):
                    self.say(f"Warning: {record.id}: {fault_words}.")

    def say(self, text: str) -> None:
        """One line, however long."""
        self._console.print(Text(shown(text)), soft_wrap=True)
