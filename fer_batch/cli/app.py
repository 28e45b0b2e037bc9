"""The commands in one application."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from fer_batch.cli.analyze import analyze
from fer_batch.cli.bench import bench
from fer_batch.cli.evaluate import evaluate
from fer_batch.cli.models import models
from fer_batch.cli.probe import probe
from fer_batch.cli.train import train
from fer_batch.errors import ExitStatus, FerBatchError
from fer_batch.version import __version__

app = typer.Typer(
    name="fer-batch",
    help="Recordings of faces in, per-face emotion timelines out. Nothing leaves this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for command in (analyze, probe, models, evaluate, train, bench):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fer-batch {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback with every error; may stand anywhere.")
    ] = False,
) -> None:
    """Options before the command."""


def run(arguments: list[str]) -> int:
    """Runs a command line.

    Returns:
        The exit status (:class:`fer_batch.errors.ExitStatus`).
    """
    debug = "--debug" in arguments
    try:
        app([argument for argument in arguments if argument != "--debug"])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitStatus.DONE
    except KeyboardInterrupt:
        _say("Interrupted.")
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; that is no failure, and the interpreter must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.DONE
    except FerBatchError as error:
        if debug:
            raise
        _say(f"Error: {error}")
        return error.status
    except Exception as error:
        if debug:
            raise
        _say(f"Error: {type(error).__name__}: {error} (this should not happen; --debug shows where).")
        return ExitStatus.SOME_FAILED
    return ExitStatus.DONE


def _say(text: str) -> None:
    print(" ".join(text.split()), file=sys.stderr)
