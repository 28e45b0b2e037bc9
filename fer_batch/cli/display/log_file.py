"""Handlers of log records: a file (``--log-file``), and the terminal (``--verbose``)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from fer_batch.cli.wording import sentence_of
from fer_batch.errors import OptionHint, OutputError
from fer_batch.utils.logs import ROOT, SecretFilter, get_logger
from fer_batch.utils.text import shown
from fer_batch.version import __version__

_LOG = get_logger(__name__)


class _LineFormatter(logging.Formatter):
    """Local time, level and logger before each line; lines hold no control characters."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="seconds")
        text = f"{record.getMessage()}\n{record.exc_text or ''}".rstrip()
        return "\n".join(f"{at} {record.levelname} {record.name}: {shown(line)}" for line in text.splitlines())


class _TextFormatter(logging.Formatter):
    """Logger and text, without control characters; time and level have columns of their own."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.getMessage()}\n{record.exc_text or ''}".rstrip()
        return "\n".join(f"{record.name}: {shown(line)}" for line in text.splitlines())


class LogFileHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Adds records to a file, so that the log of a study in several runs is in one file.

    Args:
        path: created with its folder when it is missing.
        on_failure: given a sentence when the file cannot be written any more, as on a full disk; then the run goes on.

    Raises:
        OutputError: when the file cannot be written.
    """

    def __init__(self, path: Path, on_failure: Callable[[str], None]) -> None:
        self._path, self._on_failure = path, on_failure
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
            # By this first line later runs know the file for a log.
            file.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')} fer-batch {__version__}\n")
        except OSError as error:
            hint = OptionHint("log_file", advice="give another file with {}")
            raise OutputError(f"{path}: cannot be written ({error.strerror}).", remedies=[hint]) from error
        super().__init__(file)
        self.setFormatter(_LineFormatter())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Stop logging after an error of the file."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        # A night's work does not end for want of its log.
        self.setLevel(logging.CRITICAL + 1)
        with suppress(OSError):
            self.stream.close()
        self._on_failure(
            f"{self._path}: cannot be written any more ({error.strerror}); the run goes on without its log."
        )

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self.stream.close()
        super().close()


@contextmanager
def log_file(path: Path | None, on_failure: Callable[[str], None]) -> Iterator[None]:
    """Add all records of a block to a file; without a path nothing is added. Raises as :class:`LogFileHandler`."""
    if path is None:
        yield
        return
    handler = LogFileHandler(path, on_failure)
    with handled(handler, logging.DEBUG):
        try:
            yield
        except BaseException as error:
            _LOG.error("ended by %s: %s", type(error).__name__, sentence_of(error))
            raise


@contextmanager
def handled(handler: logging.Handler, level: int) -> Iterator[None]:
    """Have a handler handle fer-batch's records from a level on while a block runs."""
    root = logging.getLogger(ROOT)
    before = root.level
    handler.setLevel(level)
    handler.addFilter(SecretFilter())
    root.addHandler(handler)
    root.setLevel(min(level, before or level))
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()


@contextmanager
def terminal_log(level: int) -> Iterator[None]:
    """Show records from a level on on stderr while a block runs: in columns on a terminal, else in whole lines."""
    from fer_batch.cli.display.terminal import stderr_console

    console = stderr_console()
    handler: logging.Handler
    if console.is_terminal:
        from rich.logging import RichHandler

        handler = RichHandler(console=console, show_path=False, markup=False, log_time_format="%H:%M:%S")
        handler.setFormatter(_TextFormatter())
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(_LineFormatter())
    with handled(handler, level):
        yield
