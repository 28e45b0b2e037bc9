"""Errors written for the user: one sentence that says what is wrong with which file, and what to do.

::

    FerBatchError
    ├── InputError                  one recording, data set or argument cannot be used; others can
    │   ├── InvalidOptionError      an option's value makes no sense
    │   ├── UnreadableMediaError    a file is no video or photo that can be read
    │   ├── CameraUnreachableError  a camera or stream cannot be reached
    │   └── AnnotationError         the annotated copy of one recording cannot be made (also an OutputError)
    ├── OutputError                 results cannot be written where they should go
    └── ModelError                  a model is unknown, missing, altered or not usable

Each class owns its exit status. What an option can do about an error is data, :class:`OptionHint`: each side (the
command line, Python, the page) words it with the names that its users know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import groupby
from typing import Any, Final, NamedTuple, Self, TypeVar

from fer_batch.utils.text import joined, shown


class ExitStatus(IntEnum):
    """Exit statuses of the command line."""

    DONE = 0
    SOME_FAILED = 1
    """Some recordings failed; the others are done."""
    USAGE = 2
    """Wrong use or unreadable input."""
    INTERRUPTED = 130


OptionWords = Callable[[str, Any], str | None]
"""Words an option and its value, such as ``batch_size`` and 8; None where users have no such option."""


class OptionHint(NamedTuple):
    """What an option can do about an error.

    Example:
        >>> worded("a.mp4: cannot be encoded.", [OptionHint("video", False, "leave the video out with {}")])
        'a.mp4: cannot be encoded; leave the video out with video=False.'
    """

    option: str
    """Name as in ``fer_batch.Options``, such as ``batch_size``."""
    value: str | float | bool | None = None
    """What to give it; None where the user chooses."""
    advice: str = "use {}"
    """In the imperative; ``{}`` stands for the option as each side writes it."""


ANOTHER_FOLDER: Final = OptionHint("output", advice="choose another output folder with {}")
OVERWRITE: Final = OptionHint("overwrite", True, "analyse again with {}")

_COMMAND_LINE_ONLY = frozenset({"debug", "name", "listen", "publish", "webhook"})
"""Options without which Python is better off than with a name that it does not know."""


def python_words(option: str, value: object) -> str | None:
    """Words an option as a Python argument: ``batch_size=8``, or ``batch_size`` without a value."""
    if option in _COMMAND_LINE_ONLY:
        return None
    return option if value is None else f"{option}={value!r}"


def worded(problem: str, remedies: Sequence[OptionHint], words: OptionWords = python_words) -> str:
    """The sentence about a problem and its remedies, in the words of one side."""
    advices = []
    for advice, hints in groupby(remedies, lambda hint: hint.advice):
        options = [option for hint in hints if (option := words(hint.option, hint.value)) is not None]
        if options:
            # Not format: a document of another folder may hold any text.
            advices.append(advice.replace("{}", joined(options, "and")))
    if not advices:
        return problem
    # After a first remedy in the sentence itself, these are others.
    between = ", or " if ";" in problem else "; "
    return f"{problem.removesuffix('.')}{between}{joined(advices, 'or')}."


def summarized(error: BaseException) -> str:
    """One line about an error of any library: its kind and what it says."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


class FerBatchWarning(UserWarning):
    """Something that a recording lacks or that was not analysed, while everything else went on."""


class FerBatchError(Exception):
    """Base of every error that fer-batch raises on purpose. ``str(error)`` is fit to show to a user: one line.

    Args:
        problem: what is wrong with which file, and what to do about it besides options.
        remedies: what options can do.
    """

    status: ExitStatus = ExitStatus.USAGE

    def __init__(self, problem: str = "", *, remedies: Sequence[OptionHint] = ()) -> None:
        super().__init__(problem)
        self.remedies = tuple(remedies)

    @property
    def problem(self) -> str:
        """The sentence without what options can do."""
        return shown(self._problem(python_words))

    def worded(self, words: OptionWords) -> str:
        """The whole sentence in the words of one side."""
        # Here, so that no sentence has to think of what a file may be called.
        return shown(worded(self._problem(words), self.remedies, words))

    def rewritten(self, rewrite: Callable[[str], str]) -> Self:
        """The same error with its texts rewritten, such as without a password."""
        texts = {name: rewrite(value) if isinstance(value, str) else value for name, value in vars(self).items()}
        texts["remedies"] = tuple(
            OptionHint(option, rewrite(value) if isinstance(value, str) else value, rewrite(advice))
            for option, value, advice in self.remedies
        )
        return _restored(type(self), tuple(rewrite(one) if isinstance(one, str) else one for one in self.args), texts)

    def within(self, place: str) -> Self:
        """The same error with the place where it comes from before its sentence."""
        attributes = {**vars(self), "place": f"{place}: {vars(self).get('place', '')}"}
        return _restored(type(self), self.args, attributes)

    def _problem(self, words: OptionWords) -> str:  # noqa: ARG002 - for classes that name an option
        place: str = vars(self).get("place", "")
        return place + str(self.args[0] if self.args else "")

    def __str__(self) -> str:
        return self.worded(python_words)

    def __reduce__(self) -> tuple[Any, ...]:
        # By default an exception is made anew with its message alone, which other constructors do not take.
        return _restored, (type(self), self.args, vars(self))


E = TypeVar("E", bound=FerBatchError)


def _restored(kind: type[E], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> E:
    error: E = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


class InputError(FerBatchError):
    """A recording, data set or argument cannot be used as given."""


class InvalidOptionError(InputError):
    """An option's value makes no sense.

    Args:
        name: of the option, as in :class:`OptionHint`.
        value: what was given; None to leave it out of the sentence, such as a secret.
        expected: what to give, in the imperative: "give a whole number from 1".
    """

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(expected)
        self.name = name
        self.value = value
        self.expected = expected

    def _problem(self, words: OptionWords) -> str:
        option = words(self.name, self.value) or (self.name if self.value is None else f"{self.name} {self.value}")
        return f"{vars(self).get('place', '')}{option}: {self.expected}."


class UnreadableMediaError(InputError):
    """A file is no video or photo that can be read.

    Args:
        path: of the file.
        reason: what is wrong with it, and what to do.
        remedies: what options can do.
    """

    def __init__(self, path: object, reason: str, *, remedies: Sequence[OptionHint] = ()) -> None:
        super().__init__(f"{path}: {reason}.", remedies=remedies)
        self.path = str(path)
        self.reason = reason


class CameraUnreachableError(InputError):
    """A camera or stream cannot be reached, or not any more.

    Args:
        source: the camera or the stream's address, without user and password.
        reason: what is wrong, and what to do.
        remedies: what options can do.
    """

    def __init__(self, source: str, reason: str, *, remedies: Sequence[OptionHint] = ()) -> None:
        super().__init__(f"{source}: {reason}.", remedies=remedies)
        self.source = source
        self.reason = reason


def failed_analysis(path: object, error: Exception) -> InputError:
    """Return the error about a recording whose analysis failed for a reason that is not the user's."""
    hint = OptionHint("debug", True, "run it alone with {} to see where")
    return InputError(f"{path}: could not be analysed ({summarized(error)}).", remedies=[hint])


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
