"""A training from a data set on disk to an ONNX file with its card."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from fer_batch.classification.classifier import EmotionClassifier
from fer_batch.classification.model_spec import FER2013_HEAD, MAIN_HEAD, Head, ModelSpec
from fer_batch.config import MAX_PIXELS
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import InputError, InvalidOptionError, OptionHint
from fer_batch.evaluation.datasets import LabelledFaces, read_faces
from fer_batch.evaluation.metrics import Result, evaluate, require_two_emotions
from fer_batch.faces.alignment import CropGeometry
from fer_batch.filesystem.atomic import whole
from fer_batch.training.calibration import balance_head, fitted_temperature
from fer_batch.training.emotion_net import EmotionNet
from fer_batch.training.onnx_export import describe, export, quantise
from fer_batch.training.recognition_net import RecognitionNet
from fer_batch.training.trainer import Epoch, Recipe, Trainer, TrainingFaces
from fer_batch.version import __version__

_CALIBRATION_FACES = 512


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Everything a training needs.

    Checkpoints (``last.pt``, ``best.pt``), ``history.json``, ``model.onnx``, ``model_int8.onnx`` and ``model.md`` go to
    ``folder``.
    """

    dataset: Path
    folder: Path
    recipe: Recipe
    device: str = "cpu"
    start: Path | None = None
    """A checkpoint whose weights training starts from."""
    teachers: tuple[str, ...] = ()
    """Emotion models whose mean probabilities are learnt beside the votes, as ``recipe.teacher`` says."""
    pretrained: Path | None = None
    """Folder of the face recognition weights that the network ``recognition`` starts from."""
    mirror: bool = True
    """Whether the exported model classifies a face together with its mirror image."""
    max_pixels: int = MAX_PIXELS
    """Larger pictures are left out."""
    balance: float = 0.0
    """How much of the training faces' frequencies is taken out of the exported model's answers, 0 to 1."""

    def run(
        self, on_epoch: Callable[[Epoch], None], on_step: Callable[[int, int], None] | None = None, resume: bool = False
    ) -> dict[Path, float]:
        """Trains, calibrates, exports, measures.

        Returns:
            The ONNX file in float32 and its 8-bit form, with their accuracy on the validation faces, 0 to 1.

        Raises:
            InputError: when the data set has no usable train or valid split, or a training lies in the folder already.
        """
        if not resume and (self.folder / "last.pt").exists():
            raise InputError(
                f"{self.folder}: holds a training; give another folder.",
                remedies=[OptionHint("resume", True, "go on with it by {}")],
            )
        data = read_faces(self.dataset, self.max_pixels)
        train, valid = data.of_split("train"), data.of_split("valid")
        for name, part in (("train", train), ("valid", valid)):
            if not (part.votes.sum(1) > 0).any():
                raise InputError(f"{self.dataset}: has no labelled faces in its {name} split.")
        # What would fail at the end, when the trained network is measured.
        require_two_emotions(f"{self.dataset}, split valid", valid.label)
        geometry = CropGeometry()
        teachers = self._load_teachers(geometry)
        faces = TrainingFaces.read(train, geometry, self.folder / "train.npz")
        judges = TrainingFaces.read(valid, geometry, self.folder / "valid.npz")
        trainer = Trainer(self.recipe, faces, judges, self.folder, self.device)
        if not (resume and trainer.resume()):
            self._begin(trainer)
        if teachers and not trainer.is_over:
            faces.taught = torch.stack([_taught(faces, teacher) for teacher in teachers]).mean(0)
        network = trainer.run(on_epoch, on_step)
        best = trainer.best
        assert best is not None
        return self._publish(network, best, faces, self._judged(train, valid), geometry)

    def _load_teachers(self, geometry: CropGeometry) -> list[EmotionClassifier]:
        """The teachers, which must want the very crops that are trained on."""
        teachers = [EmotionClassifier(path, torch.get_num_threads()) for path in self.teachers]
        for path, teacher in zip(self.teachers, teachers, strict=True):
            if not teacher.gray or teacher.geometry != geometry:
                raise InputError(
                    f"{path}: cannot teach: it does not take gray faces of {geometry.size} pixels in this framing; "
                    "give a model that fer-batch train exported."
                )
        return teachers

    def _begin(self, trainer: Trainer) -> None:
        """Gives a training that begins the weights that it is to start from."""
        if self.pretrained is not None and self.start is not None:
            raise InvalidOptionError("pretrained", self.pretrained, "excludes start; give one of the two")
        if self.pretrained is not None:
            trainer.start_from_recognition(self.pretrained)
        elif self.start is not None:
            trainer.start_from(self.start)
        elif self.recipe.network == "recognition":
            raise InvalidOptionError(
                "network", "recognition", "needs pretrained, the folder of the weights that it starts from"
            )

    def _publish(
        self,
        network: EmotionNet | RecognitionNet,
        best: Epoch,
        faces: TrainingFaces,
        judged: dict[str, LabelledFaces],
        geometry: CropGeometry,
    ) -> dict[Path, float]:
        """Exports, calibrates and measures; the files appear together, once the last of them is whole."""
        spec = ModelSpec(
            EMOTIONS,
            geometry,
            mirror=self.mirror,
            heads=tuple(Head(name) for name in judged if name != MAIN_HEAD),
        )
        facts = {
            "training": {
                "recipe": asdict(self.recipe),
                "balance": self.balance,
                "epoch": best.number + 1,
                "fer_batch": __version__,
            }
        }
        exact, small, card = (self.folder / name for name in ("model.onnx", "model_int8.onnx", "model.md"))
        with whole(card) as text, whole(small) as quantised, whole(exact) as exported:
            export(network, exported, spec, facts)
            spec = _calibrated(exported, spec, judged)
            # After the temperatures, so that it is as strong as it says and the same in both files.
            balance_head(network, faces.votes, self.balance, spec.temperature)
            export(network, exported, spec, facts)
            quantise(exported, quantised, faces.sample(_CALIBRATION_FACES))
            describe(quantised, spec, facts)
            results = {
                name: {head: evaluate(part, EmotionClassifier(str(path), head=head)) for head, part in judged.items()}
                for name, path in ((exact.name, exported), (small.name, quantised))
            }
            text.write_text(self._card(results, best), encoding="utf-8")
        return {path: results[path.name][MAIN_HEAD].to_dict()["accuracy_all_labels"] for path in (exact, small)}

    def _judged(self, train: LabelledFaces, valid: LabelledFaces) -> dict[str, LabelledFaces]:
        """What each head of the exported model is calibrated and measured on.

        A second head is exported only when it has learnt from something and can be judged by something: one that
        answers at random, or with confidences that mean nothing, helps nobody.
        """
        judged = {MAIN_HEAD: valid}
        learnt = self.recipe.auxiliary > 0 and (train.auxiliary >= 0).any()
        if learnt and len(set(valid.auxiliary.tolist()) - {-1}) > 1:
            judged[FER2013_HEAD] = valid.by_fer2013()
        return judged

    def _card(self, results: dict[str, dict[str, Result]], best: Epoch) -> str:
        rows = "\n".join(
            f"| {label} | {one['precision']:.3f} | {one['recall']:.3f} | {one['support']} |"
            for label, one in results["model.onnx"][MAIN_HEAD].to_dict()["per_class"].items()
        )
        figures = "".join(
            f"- `{file}`, {_LABELS[head]}: {_figures(result)}\n"
            for file, heads in results.items()
            for head, result in heads.items()
        )
        command = shlex.join(["fer-batch", *sys.argv[1:]])
        return f"""# Emotion network trained with fer-batch {__version__}

Seven emotions ({", ".join(EMOTIONS)}) from registered 48x48 gray faces.
`model_int8.onnx` is `model.onnx` in 8 bits: smaller and faster.

- Data: {self.dataset.name}; PyTorch {torch.__version__}; best epoch {best.number + 1} of {self.recipe.epochs}
- Command: `{command}`
{figures}
`model.onnx`:

| emotion | precision | recall | faces |
| --- | --- | --- | --- |
{rows}

The network tells what a face shows to people who look at it, not what a person feels. It must not be used to decide
about anybody.
"""


_LABELS = {MAIN_HEAD: "validation", FER2013_HEAD: "validation, head `fer2013` by FER2013's own labels"}


def _calibrated(path: Path, spec: ModelSpec, judged: dict[str, LabelledFaces]) -> ModelSpec:
    """The description with the temperature of each head, fitted on what it is judged by."""
    fitted = {head: fitted_temperature(part, EmotionClassifier(str(path), head=head)) for head, part in judged.items()}
    heads = tuple(Head(head.name, fitted[head.name]) for head in spec.heads)
    return replace(spec, temperature=fitted[MAIN_HEAD], heads=heads)


def _figures(result: Result) -> str:
    values = result.to_dict()
    return (
        f"accuracy {values['accuracy_all_labels']:.2%}, balanced {values['balanced_accuracy']:.2%}, macro F1\n"
        f"  {values['macro_f1']:.3f}, calibration error {values['ece']:.3f} over {values['n']} faces"
    )


def _taught(faces: TrainingFaces, teacher: EmotionClassifier) -> torch.Tensor:
    """The teacher's probabilities (N, 7), averaged over the views of each face."""
    total = torch.zeros(len(faces.faces), len(EMOTIONS))
    count = 0
    for view in faces.views():
        pictures = view[:, 0].clamp(0, 255).round().byte().numpy()
        parts = [teacher.classify(pictures[i : i + 256]) for i in range(0, len(pictures), 256)]
        total += torch.from_numpy(np.concatenate(parts))
        count += 1
    return total / count
