"""Confusion matrix and reliability diagram as pictures."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from fer_batch.errors import OutputError
from fer_batch.evaluation.metrics import Result
from fer_batch.filesystem.atomic import whole
from fer_batch.filesystem.overwriting import names_us, refuse_overwriting
from fer_batch.report.figures import CREATOR

_DPI = 150


def write_plots(result: Result, folder: Path) -> None:
    """Writes ``confusion.png`` and ``reliability.png``.

    Raises:
        OutputError: when the folder cannot be written.
    """
    check_plots(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, draw in (("confusion", _confusion), ("reliability", _reliability)):
            with whole(folder / f"{name}.png") as path:
                draw(result).savefig(path, dpi=_DPI, metadata={"Creator": CREATOR})
    except OSError as error:
        raise OutputError(f"{folder}: plots cannot be written ({error.strerror}); choose another folder.") from error


def check_plots(folder: Path) -> None:
    """Makes sure that the plots replace no pictures but earlier plots.

    Raises:
        OutputError: when they would.
    """
    for name in ("confusion", "reliability"):
        refuse_overwriting(folder / f"{name}.png", "plots", names_us)


def _confusion(result: Result) -> Figure:
    values = result.to_dict()
    counts = np.array(values["confusion"], float)
    shares = (
        counts / np.maximum(np.array([values["per_class"][label]["support"] for label in result.labels]), 1)[:, None]
    )
    figure = Figure(figsize=(6, 5.4), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(counts)):
        for column in range(len(counts)):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(
                column,
                row,
                f"{shares[row, column]:.0%}\n{counts[row, column]:.0f}",
                ha="center",
                va="center",
                color=colour,
                fontsize=8,
            )
    ticks = range(len(result.labels))
    axes.set_xticks(ticks, result.labels, rotation=30)
    axes.set_yticks(ticks, result.labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"Accuracy {values['accuracy']:.1%}, balanced {values['balanced_accuracy']:.1%}, n = {values['n']}")
    figure.colorbar(image, label="share of the true class")
    return figure


def _reliability(result: Result) -> Figure:
    bins = result.reliability()
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="perfectly calibrated")
    total = sum(count for _, _, count in bins) or 1
    axes.bar(
        [sure for sure, _, _ in bins],
        [count / total for _, _, count in bins],
        width=0.03,
        color=mpl.colormaps["Blues"](0.4),
        label="share of faces",
    )
    axes.plot(
        [sure for sure, _, _ in bins],
        [right for _, right, _ in bins],
        marker="o",
        color="#0072b2",
        label="measured",
        clip_on=False,
    )
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that is right")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_title(f"Expected calibration error {result.to_dict()['ece']:.3f}")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure
