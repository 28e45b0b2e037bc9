"""``fer-batch models``: the models that ship."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

EXAMPLES = (
    "fer-batch models",
    "fer-batch models emotion-gray48",
)


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Print this model's card.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the shipped models, or print the card of one.

    The files are verified by their checksums.
    """
    from fer_batch.errors import InvalidOptionError, ModelError
    from fer_batch.inference.registry import manifest, model_path, models_folder

    if name is not None and as_json:
        raise InvalidOptionError("json", None, "lists models; leave it out to print a card")
    shipped = manifest()
    if name is not None:
        if name not in shipped:
            raise ModelError(f"No model is named {name!r}; there are {', '.join(sorted(shipped))}.")
        card = models_folder() / shipped[name].card
        if not card.is_file():
            raise ModelError(f"{card}: the model's card is missing; install fer-batch again.")
        typer.echo(card.read_text(encoding="utf-8"))
        return
    rows = [{**asdict(model), "size_bytes": model_path(key).stat().st_size} for key, model in shipped.items()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for number, row in enumerate(rows):
        if number:
            typer.echo()
        typer.echo(f"{row['name']} - {row['summary']}")
        for key in ("task", "file", "size_bytes", "sha256", "licence", "source"):
            typer.echo(f"  {key:<10}  {row[key]}")
