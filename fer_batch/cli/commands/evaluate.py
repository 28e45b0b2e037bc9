"""``fer-batch evaluate``: how good a model is on labelled faces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_batch.cli.options import MaxPixels
from fer_batch.config import DEFAULT_MODEL, MAX_PIXELS, Detector
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import ExitStatus, InvalidOptionError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from fer_batch.classification.classifier import EmotionClassifier
    from fer_batch.evaluation.datasets import LabelledFaces
    from fer_batch.evaluation.metrics import Result


class Way(StrEnum):
    """How pictures are taken."""

    crops = "crops"
    photos = "photos"


class Labels(StrEnum):
    """Whose labels are taken for the truth."""

    main = "main"
    fer2013 = "fer2013"


EXAMPLES = (
    "fer-batch evaluate faces/ --as photos",
    "fer-batch evaluate fer2013.csv --split test --plots plots",
)


def evaluate(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="Folder with one subfolder per emotion, FER2013 CSV file, or Parquet table.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="Name of a shipped model, or path of an .onnx file.")
    ] = DEFAULT_MODEL,
    way: Annotated[
        Way, typer.Option("--as", help="crops: already registered faces; photos: find and register them first.")
    ] = Way.crops,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="SPLIT",
            help="Split to measure on: train, valid or test; by default test, else valid, else all faces.",
            show_default=False,
        ),
    ] = None,
    detector: Annotated[Detector, typer.Option(help="Detector for --as photos.")] = Detector.auto,
    labels: Annotated[
        Labels,
        typer.Option(
            help="main: labels or votes of the data set; fer2013: FER2013's own labels where a data set has both, "
            "compared with the model's FER2013 head if it has one."
        ),
    ] = Labels.main,
    conditions: Annotated[
        bool,
        typer.Option(
            "--conditions",
            help="Measure again with the faces made small, blurred, compressed, noisy, dark, tilted and shifted.",
        ),
    ] = False,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write confusion matrix and reliability diagram as PNG.", show_default=False
        ),
    ] = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a model on labelled faces.

    A face with votes counts if one of the seven emotions has more than half of them.
    """
    from rich.console import Console

    if plots is not None:
        from fer_batch.evaluation.plots import check_plots

        check_plots(plots)
    faces, split_name, classifier = _ready(dataset, model, split, labels, max_pixels)
    if way is Way.crops and faces.look_like_photos():
        typer.echo("Note: these pictures look like photos, not like registered faces; use --as photos.", err=True)
    result = _measured(faces, classifier, way, detector, conditions=conditions, quiet=as_json)
    values = {
        "dataset": str(dataset),
        "split": split_name,
        "as": way.value,
        "model": classifier.name,
        "model_sha256": classifier.sha256,
        "labels_from": labels.value,
        "head": classifier.head,
        **result.to_dict(),
    }
    if plots is not None:
        _plot(result, plots)
    if as_json:
        typer.echo(json.dumps(values, indent=2, ensure_ascii=False))
    else:
        _show(Console(), values)


def _ready(
    dataset: Path, model: str, split: str | None, labels: Labels, max_pixels: int
) -> tuple[LabelledFaces, str | None, EmotionClassifier]:
    """The faces to measure on, the split that they are of, and the model with the head for their labels."""
    from fer_batch.classification.classifier import EmotionClassifier
    from fer_batch.classification.model_spec import FER2013_HEAD
    from fer_batch.evaluation.datasets import read_faces

    classifier = EmotionClassifier(model)
    faces = read_faces(dataset, max_pixels)
    if labels is Labels.fer2013:
        faces = faces.by_fer2013()
        if FER2013_HEAD in classifier.heads:
            classifier = EmotionClassifier(model, head=FER2013_HEAD)
    present = set(faces.split)
    name = split or next((name for name in ("test", "valid") if name in present), None)
    if name is None:
        return faces, None, classifier
    faces = faces.of_split(name)
    if not len(faces):
        splits = ", ".join(sorted(present - {""})) or "none"
        raise InvalidOptionError("split", name, f"{dataset} has no such split; there are {splits}")
    return faces, name, classifier


def _measured(
    faces: LabelledFaces, classifier: EmotionClassifier, way: Way, detector: Detector, *, conditions: bool, quiet: bool
) -> Result:
    from fer_batch.cli.display.terminal import bar
    from fer_batch.evaluation.corruptions import CONDITIONS
    from fer_batch.evaluation.metrics import evaluate as measure

    with _interruption_notice(), bar("Evaluating", quiet=quiet) as advance:
        return measure(
            faces,
            classifier,
            way.value,
            detector=detector.value,
            conditions=CONDITIONS if conditions else None,
            on_progress=advance,
        )


def _plot(result: Result, folder: Path) -> None:
    from fer_batch.evaluation.plots import write_plots

    write_plots(result, folder)
    typer.echo(f"Plots are in {folder}.", err=True)


@contextmanager
def _interruption_notice() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("Interrupted; nothing was measured to the end.", err=True)
        raise typer.Exit(ExitStatus.INTERRUPTED) from None


def _show(console: Console, values: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    split = f", {values['split']}" if values["split"] else ""
    # Not by markup, which names of models and folders may hold.
    console.print(Text.assemble((values["model"], "bold"), f" on {values['dataset']}{split}, as {values['as']}"))
    if values["labels_from"] == Labels.fer2013:
        console.print(f"Labels: FER2013's own; answers: the model's {values['head']} head")
    summary = Table(box=None, show_header=False, pad_edge=False)
    for name, text in (
        ("faces", f"{values['n']}"),
        ("accuracy", f"{values['accuracy']:.2%}"),
        ("accuracy, any of the seven", f"{values['accuracy_all_labels']:.2%}"),
        ("balanced accuracy", f"{values['balanced_accuracy']:.2%}"),
        ("macro F1", f"{values['macro_f1']:.4f}"),
        ("calibration error", f"{values['ece']:.4f}"),
        ("negative log-likelihood", f"{values['nll']:.4f}"),
        *([("not found (counted wrong)", f"{values['not_found']}")] if values["as"] == "photos" else []),
        ("faces a second", f"{values['faces_per_second']:.0f}"),
    ):
        summary.add_row(name, text)
    console.print(summary)
    labels = values["labels"]
    classes = Table(title="Each emotion", title_justify="left", box=None, pad_edge=False)
    confusion = Table(title="Rows: true, columns: predicted", title_justify="left", box=None, pad_edge=False)
    for table, names in ((classes, ("", "precision", "recall", "F1", "faces")), (confusion, ("", *labels))):
        for name in names:
            table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for label, row in zip(labels, values["confusion"], strict=True):
        one = values["per_class"][label]
        shares = (f"{one[name]:.3f}" for name in ("precision", "recall", "f1"))
        classes.add_row(label, *shares, str(one["support"]))
        confusion.add_row(label, *(str(count) for count in row))
    if len(labels) < len(EMOTIONS):
        console.print(f"The data set has {len(labels)} of the {len(EMOTIONS)} emotions; answers are limited to these.")
    for table in (classes, confusion, *([_conditions(values)] if values["conditions"] else [])):
        console.print()
        console.print(table)
    for problem, count in values["left_out"].items():
        console.print(f"left out: {count} x {problem}", highlight=False, markup=False)


def _conditions(values: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table(title="The same faces disturbed", title_justify="left", box=None, pad_edge=False)
    for name in ("condition", "accuracy", "balanced accuracy", "calibration error", "points lost"):
        table.add_column(name, justify="left" if name == "condition" else "right", no_wrap=True)
    for name, one in {"undisturbed": {**values, "points_lost": 0.0}, **values["conditions"]}.items():
        shares = (f"{one[key]:.2%}" for key in ("accuracy", "balanced_accuracy"))
        table.add_row(name, *shares, f"{one['ece']:.4f}", f"{one['points_lost']:.2f}")
    return table
