"""``fer-batch train``: a network of one's own, or the shipped one again."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fer_batch.cli.options import MaxPixels
from fer_batch.config import MAX_PIXELS

if TYPE_CHECKING:
    from fer_batch.training.job import TrainingJob
    from fer_batch.training.trainer import Epoch

EXAMPLES = (
    "fer-batch train faces.parquet -o training --epochs 60",
    "fer-batch train faces/ --teacher teacher.onnx --device cuda",
)


def train(
    context: typer.Context,
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="Parquet table with splits (FER+ votes or labels), FER2013 CSV, or folder train/CLASS, valid/CLASS.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder for checkpoints, the .onnx file and its card."),
    ] = Path("fer-training"),
    epochs: Annotated[int, typer.Option(metavar="N", min=1, help="Passes over the training faces.")] = 40,
    batch: Annotated[int, typer.Option(metavar="N", min=2, help="Faces per step.")] = 128,
    learning_rate: Annotated[float, typer.Option(metavar="X", min=1e-6, help="Peak of the one-cycle schedule.")] = 2e-3,
    patience: Annotated[
        int, typer.Option(metavar="N", min=1, help="Epochs without a better validation loss after which training ends.")
    ] = 12,
    calm: Annotated[
        int, typer.Option(metavar="N", min=0, help="Number of last epochs with weaker augmentation and without mixup.")
    ] = 0,
    registered: Annotated[
        float,
        typer.Option(
            metavar="X", min=0, max=1, help="Share of training faces that are registered as faces in video are."
        ),
    ] = 0.5,
    start: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Checkpoint with the initial weights.", show_default=False),
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="Emotion model whose probabilities are learnt besides the labels; repeat it to average several.",
            show_default=False,
        ),
    ] = None,
    teacher_share: Annotated[
        float, typer.Option(metavar="X", min=0, max=1, help="Weight of the teachers in the targets.")
    ] = 0.5,
    network: Annotated[
        Literal["compact", "recognition"],
        typer.Option(help="compact: small and fast; recognition: a teacher that starts from face recognition."),
    ] = "compact",
    pretrained: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder model of npm's @vladmandic/face-api: face recognition weights for --network recognition.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of all random numbers.")] = 7,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Hardware to train on.")] = "cpu",
    threads: Annotated[int, typer.Option(metavar="N", min=0, help="Processor threads; 0 for all.")] = 0,
    mirror: Annotated[
        bool,
        typer.Option("--mirror/--no-mirror", help="Average over each face and its mirror image, at twice the cost."),
    ] = True,
    balance: Annotated[
        float,
        typer.Option(
            metavar="X", min=0, max=1, help="Prior correction: 0 for none, 1 as if all emotions were equally frequent."
        ),
    ] = 0.0,
    max_pixels: MaxPixels = MAX_PIXELS,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue after the last epoch in the output folder.")
    ] = False,
) -> None:
    """Train an emotion network on labelled faces.

    Exports the network to ONNX, in float32 and in 8 bits, and writes its model card.

    Needs the extra "train": PyTorch and onnx.
    """
    from fer_batch.errors import ExitStatus

    _check_pytorch(device, threads)
    from fer_batch.cli.display.terminal import bar

    job = _job(context.params)
    try:
        with bar("Epoch") as advance:
            exported = job.run(partial(_show, epochs=epochs), advance, resume=resume)
    except KeyboardInterrupt:
        hint = "--resume goes on after the last whole epoch" if (output / "last.pt").exists() else "nothing is kept"
        typer.echo(f"Interrupted; {hint}.", err=True)
        raise typer.Exit(ExitStatus.INTERRUPTED) from None
    for path, accuracy in exported.items():
        typer.echo(f"{path}: {accuracy:.2%} right on the validation faces")


def _check_pytorch(device: str, threads: int) -> None:
    from fer_batch.errors import InputError, InvalidOptionError

    try:
        import onnx  # noqa: F401
        import torch
    except ImportError:
        raise InputError(
            "Training needs PyTorch and onnx; install fer-batch with its extra train, or: pip install torch onnx."
        ) from None
    if device != "cpu" and not torch.cuda.is_available():
        raise InvalidOptionError("device", device, "PyTorch finds no such device here; give cpu")
    if threads:
        torch.set_num_threads(threads)


def _job(given: dict[str, Any]) -> TrainingJob:
    """The training that a command line's parameters ask for."""
    from fer_batch.training.augmentation import Augmentation
    from fer_batch.training.job import TrainingJob
    from fer_batch.training.trainer import Recipe

    named = ("epochs", "batch", "learning_rate", "patience", "calm", "network", "seed")
    recipe = Recipe(
        **{name: given[name] for name in named},
        teacher=given["teacher_share"] if given["teacher"] else 0.0,
        dropout=0.3 if given["network"] == "recognition" else Recipe().dropout,
        augmentation=Augmentation(registered=given["registered"]),
    )
    return TrainingJob(
        given["dataset"],
        given["output"],
        recipe,
        given["device"],
        given["start"],
        teachers=tuple(given["teacher"] or ()),
        **{name: given[name] for name in ("pretrained", "mirror", "balance", "max_pixels")},
    )


def _show(epoch: Epoch, epochs: int) -> None:
    print(
        f"epoch {epoch.number + 1}/{epochs}: loss {epoch.loss:.3f}, valid loss {epoch.valid_loss:.3f}, "
        f"accuracy {epoch.valid_accuracy:.2f} % (registered {epoch.valid_registered:.2f} %), {epoch.seconds:.0f} s",
        file=sys.stderr,
    )
