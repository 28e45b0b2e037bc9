"""``fer-batch probe``: what a recording is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fer_batch.cli.options import MaxPixels
from fer_batch.cli.wording import sentence_of
from fer_batch.config import MAX_PIXELS
from fer_batch.options.table import OPTIONS
from fer_batch.utils.text import shown, valid

EXAMPLES = (
    "fer-batch probe interview.mp4",
    "fer-batch probe recordings/*.mp4 --json",
)


def probe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Videos or photos.", show_default=False)],
    max_pixels: MaxPixels = MAX_PIXELS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per file and line.")] = False,
) -> None:
    """Print size, frame rate, duration, codecs and rotation of recordings.

    Only the header and the first frame are read: damage further on is not detected.
    """
    from fer_batch.errors import ExitStatus, InputError
    from fer_batch.video.open import open_source

    OPTIONS["max_pixels"].check(max_pixels)
    faults = 0
    for number, path in enumerate(files):
        try:
            with open_source(path, max_pixels) as source:
                values = {"file": valid(str(path)), **source.probe.to_dict()}
        except InputError as error:
            faults += 1
            typer.echo(f"Error: {sentence_of(error)}", err=True)
            continue
        if as_json:
            typer.echo(json.dumps(values, ensure_ascii=False))
        else:
            _show(values, first=number == faults)
    if faults:
        raise typer.Exit(ExitStatus.USAGE if faults == len(files) else ExitStatus.SOME_FAILED)


def _show(values: dict[str, Any], *, first: bool) -> None:
    if not first:
        typer.echo()
    width = max(map(len, values))
    for name, value in values.items():
        typer.echo(shown(f"{name:<{width}}  {_text(name, value, photo=values['kind'] == 'photo')}"))


def _text(name: str, value: object, *, photo: bool) -> str:
    if value is None:
        return "none" if photo or name == "audio_codec" else "unknown"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value} degrees counter-clockwise to be upright" if name == "rotation" and value else str(value)
