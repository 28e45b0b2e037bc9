"""Errors written for the user: one sentence that says what is wrong with which file and what to do.

Each class owns its exit status, so the command line never has to interpret a message.
"""

from __future__ import annotations

from enum import IntEnum

from fer_batch.utils.text import shown


class ExitStatus(IntEnum):
    """Exit statuses of the command line."""

    DONE = 0
    SOME_FAILED = 1
    """Some recordings failed; the others are done."""
    USAGE = 2
    """Wrong use or unreadable input."""
    INTERRUPTED = 130


def summarized(error: BaseException) -> str:
    """One line about an error of any library: its kind and what it says."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


class FerBatchWarning(UserWarning):
    """Something that a recording lacks or that was not analysed, while everything else went on."""


class FerBatchError(Exception):
    """Base of every error that fer-batch raises on purpose. ``str(error)`` is fit to show to a user: one line."""

    status: ExitStatus = ExitStatus.USAGE

    def __str__(self) -> str:
        # Here, so that no sentence has to think of what a file may be called.
        return shown(super().__str__())


class InputError(FerBatchError):
    """A recording, data set or argument cannot be used as given."""


class OutputError(FerBatchError):
    """Results cannot be written where they should go."""


class AnnotationError(InputError, OutputError):
    """The annotated copy of one recording cannot be made, for what its pictures are; others can."""


class ModelError(FerBatchError):
    """A model is unknown, missing, altered or not usable."""


SYSTEM_LIBRARIES = (
    "a system library is missing; on Debian and Ubuntu: apt-get install libgles2 libegl1 libgl1 libglib2.0-0."
)
"""What to tell when a library cannot be loaded: slim images lack some that MediaPipe and OpenCV link to."""
