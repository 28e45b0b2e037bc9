"""The commands in one application."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import click
import typer

from fer_batch.cli import analyze, evaluate, models, probe, train
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


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fer-batch {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


app.command("analyze")(analyze.analyze)
app.command("probe")(probe.probe)
app.command("models")(models.models)
app.command("evaluate")(evaluate.evaluate)
app.command("train")(train.train)


def run(arguments: list[str]) -> int:
    """Runs a command line.

    Returns:
        The exit status (:class:`fer_batch.errors.ExitStatus`).
    """
    debug = "--debug" in arguments
    try:
        status = app([a for a in arguments if a != "--debug"], standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitStatus.USAGE
    except (KeyboardInterrupt, click.Abort):
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
        _say(
            f"Error: {type(error).__name__}: {error}. This should not happen; run again with --debug for the traceback."
        )
        return ExitStatus.SOME_FAILED
    return int(status) if isinstance(status, int) else ExitStatus.DONE


def _say(text: str) -> None:
    print(" ".join(text.split()), file=sys.stderr)
