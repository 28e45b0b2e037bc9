"""Logging: a logger for each module, secrets masked before any handler, records sent from worker processes.

A program that embeds fer_batch sees its records below the logger ``fer_batch`` and handles them by the usual means;
without a handler nothing is printed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Final

ROOT: Final = "fer_batch"
# Records go where a program that uses fer-batch sends them, and nowhere by themselves.
logging.getLogger(ROOT).addHandler(logging.NullHandler())

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+://)(?:(?P<user>[^/\n]*@|[^\s@]*@))?(?P<place>[^\s<>]*)")
IN_PATH: Final = re.compile(r"((?:user|usr|pass|pwd|token|key|auth)[a-z]*=)(.*?)(?=[&;/'\"]|_[a-z]+=|$)", re.IGNORECASE)
"""Credentials in a path, as many recorders want them: ``/user=admin&password=x&channel=1`` or with ``_`` for ``&``."""


def masked(text: str) -> str:
    """The text without users, passwords and queries of addresses.

    Example:
        >>> masked("rtsp://me:secret@camera/1?key=2 is lost")
        'rtsp://...@camera/1?... is lost'
    """
    return _ADDRESS.sub(_masked_address, text)


def _masked_address(match: re.Match[str]) -> str:
    # An @ that late may end a password with a slash in it.
    _, at, place = match["place"].rpartition("@")
    host, question, _ = IN_PATH.sub(r"\1...", place).partition("?")
    return f"{match['scheme']}{'...@' if at or match['user'] else ''}{host}{'?...' if question else ''}"


class SecretFilter(logging.Filter):
    """Masks secrets in a record's message and traceback, before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record, its text complete and masked."""
        try:
            text = record.getMessage()
        except Exception:  # a wrong argument of a record must not end what is logged
            text = str(record.msg)
        record.msg, record.args = masked(text), None
        if record.exc_info:
            record.exc_text = masked(logging.Formatter().formatException(record.exc_info))
            # A traceback of its own would be formatted with the secrets in it, and cannot be sent to another process.
            record.exc_info = None
        return True


_FILTER = SecretFilter()


def get_logger(name: str) -> logging.Logger:
    """Return a module's logger, whose records hold no secrets.

    Args:
        name: ``__name__`` of the module.
    """
    logger = logging.getLogger(name)
    logger.addFilter(_FILTER)
    return logger


class RecordSender(logging.Handler):
    """Hands records to the process that supervises this one.

    Args:
        send: given each record, which can be pickled.
    """

    def __init__(self, send: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._send = send
        # A record with everything in its text can be sent, whatever it was made of.
        self.addFilter(_FILTER)

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        try:
            self._send(record)
        except Exception:
            self.handleError(record)


def send_records(send: Callable[[logging.LogRecord], None], level: int) -> None:
    """Send this process's records from a level on, and handle them nowhere else."""
    root = logging.getLogger(ROOT)
    root.setLevel(level)
    root.propagate = False
    root.addHandler(RecordSender(send))


def wanted_level() -> int:
    """Return the lowest level that this process handles, for the processes that it starts."""
    return logging.getLogger(ROOT).getEffectiveLevel()


def handle(record: logging.LogRecord) -> None:
    """Handle a record of another process as if it came from this one."""
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
