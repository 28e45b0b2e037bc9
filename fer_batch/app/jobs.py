"""What goes on in the background of a page."""

from __future__ import annotations

from abc import abstractmethod
from threading import Thread

from fer_batch.errors import FerBatchError
from fer_batch.utils.closing import Closing

_PATIENCE_S = 30.0
"""How long work that is stopped may take to put its files in order: a part is written in less than a second."""


class Work(Closing):
    """Something that takes a while, in a thread; close it to stop it.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self.error: str | None = None
        """The sentence that says what went wrong, once it is over."""
        self.stopped = False
        """Whether it was stopped before its end."""
        self._thread = Thread(target=self._guarded, name=f"fer-batch {name}", daemon=True)

    def start(self) -> None:
        """Begins; called once everything else is made."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stops it and waits until it has put its files in order; nothing happens when it is over already."""
        if self.running:
            self.stopped = True
            self._stop()
            self._thread.join(_PATIENCE_S)

    @abstractmethod
    def _run(self) -> None:
        """What it does, in the thread."""

    @abstractmethod
    def _stop(self) -> None:
        """Asks it to end soon."""

    def _guarded(self) -> None:
        try:
            self._run()
        except FerBatchError as error:
            self.error = str(error)
        except Exception as error:
            self.error = f"{type(error).__name__}: {' '.join(str(error).split())} (this should not happen)."
