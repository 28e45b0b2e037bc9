"""Errors written for the user: one sentence that says what is wrong with which file and what to do.

Each class owns its exit status, so the command line never has to interpret a message.
"""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit statuses of the command line."""

    DONE = 0
    SOME_FAILED = 1
    """Some recordings failed; the others are done."""
    USAGE = 2
    """Wrong use or unreadable input."""
    INTERRUPTED = 130


class FerBatchError(Exception):
    """Base of every error that fer-batch raises on purpose. ``str(error)`` is fit to show to a user."""

    status: ExitStatus = ExitStatus.USAGE


class InputError(FerBatchError):
    """A recording, data set or argument cannot be used as given."""


class OutputError(FerBatchError):
    """Results cannot be written where they should go."""


class ModelError(FerBatchError):
    """A model is unknown, missing, altered or not usable."""
