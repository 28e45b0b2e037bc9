"""Entry point: the commands in one application, and the exit status that an error becomes."""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import TextIOWrapper
from itertools import takewhile
from typing import Annotated, Any

import typer

from fer_batch.cli.commands.analyze import analyze
from fer_batch.cli.commands.app import app_page
from fer_batch.cli.commands.bench import bench
from fer_batch.cli.commands.evaluate import evaluate
from fer_batch.cli.commands.live import live
from fer_batch.cli.commands.models import models
from fer_batch.cli.commands.probe import probe
from fer_batch.cli.commands.report import report
from fer_batch.cli.commands.summary import summary
from fer_batch.cli.commands.train import train
from fer_batch.cli.options import with_examples
from fer_batch.cli.wording import sentence_of
from fer_batch.errors import SYSTEM_LIBRARIES, ExitStatus, FerBatchError, FerBatchWarning, InputError
from fer_batch.utils.text import shown
from fer_batch.version import __version__

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""Base of what Typer raises for a wrong command line; older versions have it from Click, newer ones bring their own."""

_NUMBERS = (
    (r"Input should be a valid integer, .*", "give a whole number"),
    (r"Input should be a valid number, .*", "give a number"),
    (r"Input should be greater than or equal to (\S+)", r"give a number from \1 on"),
    (r"Input should be less than or equal to (\S+)", r"give a number up to \1"),
)
"""What the library that Typer checks numbers by says of them, and what to say instead."""

_STDOUT_ERRORS = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO}
"""What standard output fails with; such an error has no file's name."""

app = typer.Typer(
    name="fer-batch",
    help="Recordings of faces in, per-face emotion timelines out. Nothing leaves this machine.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for module, name in (
    (analyze, "analyze"),
    (live, "live"),
    (summary, "summary"),
    (report, "report"),
    (probe, "probe"),
    (models, "models"),
    (evaluate, "evaluate"),
    (train, "train"),
    (bench, "bench"),
    (app_page, "app"),
):
    examples = sys.modules[module.__module__].EXAMPLES
    app.command(name, cls=with_examples(*examples))(module)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fer-batch {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show log lines; --verbose may stand anywhere.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show all log lines, and tracebacks; may stand anywhere.")
    ] = False,
) -> None:
    """Options before the command."""


def run(arguments: list[str]) -> int:
    """Runs a command line.

    Returns:
        The exit status (:class:`fer_batch.errors.ExitStatus`).
    """
    debug, verbose, arguments = _without_logging(arguments)
    try:
        with _warnings_as_sentences(), _log(debug, verbose):
            # Without a command there is only help to give, but nothing was done.
            status = _call(arguments, debug) if arguments else _call(["--help"]) or ExitStatus.USAGE
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read our output has had enough; that is no failure.
        _drop_stdout()
        return ExitStatus.DONE
    except (KeyboardInterrupt, typer.Abort):
        _say("Interrupted.")
        return ExitStatus.INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _explain(error)


def _without_logging(arguments: list[str]) -> tuple[bool, bool, list[str]]:
    """Whether ``--debug`` and ``--verbose`` are given, and the arguments without them.

    They may stand anywhere before ``--``; ``-v`` only before the command, since it may be a value behind it.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    head, tail = arguments[:end], arguments[end:]
    leading = list(takewhile(lambda argument: argument.startswith("-"), head))
    debug, verbose = "--debug" in head, "--verbose" in head or "-v" in leading
    kept = [one for one in leading if one != "-v"] + head[len(leading) :]
    return debug, verbose, [one for one in kept if one not in ("--debug", "--verbose")] + tail


def _log(debug: bool, verbose: bool) -> AbstractContextManager[None]:
    """Log records on stderr, if any are asked for."""
    if not (debug or verbose):
        return nullcontext()
    import logging

    from fer_batch.cli.display.log_file import terminal_log

    return terminal_log(logging.DEBUG if debug else logging.INFO)


@contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    """Shows our own warnings without the place in the code that they come from."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, FerBatchWarning):
                _say(f"Warning: {message}")
            else:
                usual(message, category, *place, **more)

        warnings.showwarning = show
        yield


def _explain(error: Exception) -> int:
    """Says what went wrong; the exit status for it."""
    if isinstance(error, FerBatchError):
        _say(f"Error: {sentence_of(error)}")
        return error.status
    if isinstance(error, ImportError) and ".so" in str(error):
        _say(f"Error: {error}: {SYSTEM_LIBRARIES}")
        return ExitStatus.USAGE
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _STDOUT_ERRORS):
        if error.filename is None:
            _drop_stdout()
        _say(f"Error: {error.filename or 'output'}: {error.strerror or error}; --debug shows where.")
        return ExitStatus.USAGE
    _say(
        f"Error: {type(error).__name__}: {' '.join(str(error).split())} (this should not happen; --debug shows where)."
    )
    return ExitStatus.SOME_FAILED


def _call(arguments: list[str], debug: bool = False) -> int:
    """The exit status that the command ends with; errors come out as exceptions. ``debug`` is the context's object.

    Raises:
        InputError: when the command line makes no sense.
        BrokenPipeError: when stdout is read no longer.
    """
    try:
        return app(arguments, standalone_mode=False, obj=debug) or ExitStatus.DONE
    except _UsageError as error:
        command = getattr(getattr(error, "ctx", None), "command_path", None) or "fer-batch"
        problem = " ".join(error.format_message().split())  # type: ignore[attr-defined]
        # As Typer's validation of choices puts it before the sentence.
        problem = problem.replace(": Value error, ", ": ")
        for pattern, expected in _NUMBERS:
            problem = re.sub(pattern, expected, problem)
        raise InputError(f"{problem.rstrip('.')} ({command} --help shows what there is).") from error
    except SystemExit as end:
        # What Typer and Rich make of a broken pipe; no command of ours ends like this.
        raise BrokenPipeError from end


def _drop_stdout() -> None:
    """Keeps the interpreter from flushing again, at its end, what cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _say(text: str) -> None:
    print(shown(text), file=sys.stderr)


def main() -> None:
    """The console script ``fer-batch``."""
    _open_closed_streams()

    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks must not end a run.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def _open_closed_streams() -> None:
    """Standard streams that the caller closed go nowhere.

    In the order of their descriptors: each gets the lowest one that is free, its own, before a result could.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - open to the end
