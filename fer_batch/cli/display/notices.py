"""What the user is told at once, whatever else is shown: errors, warnings, lost workers."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from fer_batch.batch.events import Event, Finished, Lost
from fer_batch.utils.formatting import faults
from fer_batch.utils.text import shown


class Notices:
    """Sentences on stderr, also when quiet."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        """Says what there is to say about an event."""
        match event:
            case Lost(_, _, reason, True):
                self.say(f"Warning: {reason} It is tried once more.")
            case Finished(_, _, outcome):
                record = outcome.record
                if record.error is not None:
                    self.say(f"{'Error' if record.status == 'failed' else 'Warning'}: {record.error}")
                if found := faults(record.counts):
                    self.say(f"Warning: {record.id}: {found}.")

    def say(self, text: str) -> None:
        """One line, however long."""
        self._console.print(Text(shown(text)), soft_wrap=True)
