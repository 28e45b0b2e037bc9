"""Training the emotion network: one recipe, reproducible by seed, resumable from its last epoch."""

from __future__ import annotations

import copy
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fer_batch.emotions import EMOTIONS
from fer_batch.errors import FerBatchWarning, InputError, InvalidOptionError, OptionHint
from fer_batch.evaluation.datasets import LabelledFaces
from fer_batch.faces.alignment import CropGeometry
from fer_batch.training.alignment_cache import alignments, cached_alignments
from fer_batch.training.augmentation import Augmentation, degrade, mix, warp
from fer_batch.training.emotion_net import EmotionNet
from fer_batch.training.recognition_net import RecognitionNet


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a training's result."""

    epochs: int = 40
    batch: int = 128
    learning_rate: float = 2e-3
    """Peak of the one-cycle schedule (Smith 2018)."""
    weight_decay: float = 0.02
    auxiliary: float = 0.3
    """Weight of the loss on FER2013's own labels."""
    smoothing: float = 0.05
    """Share of FER2013's label spread over all classes."""
    average: float = 0.999
    """Decay a step of the exponentially averaged weights that are evaluated and exported."""
    patience: int = 12
    """Epochs without a better validation loss before training ends early."""
    calm: int = 0
    """Last epochs without mixup and with disturbances half as frequent, so that training ends on faces as they are."""
    teacher: float = 0.0
    """Share of a teacher's probabilities in the targets, the rest is people's votes (Hinton et al. 2015)."""
    seed: int = 7
    widths: tuple[int, ...] = (32, 64, 128)
    depths: tuple[int, ...] = (2, 2, 2)
    stem: int = 16
    dropout: float = 0.2
    network: str = "compact"
    """``compact``: the network that ships; ``recognition``: a teacher that starts from face recognition."""
    trunk_rate: float = 0.3
    """Share of the learning rate for weights that were trained before."""
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave; accuracies in percent."""

    number: int
    loss: float
    valid_loss: float
    valid_accuracy: float
    valid_registered: float
    """Accuracy with the faces brought to the registered framing, as they come from video."""
    valid_auxiliary: float
    """Accuracy of the auxiliary head on FER2013's own labels; NaN without them."""
    seconds: float


@dataclass(slots=True)
class TrainingFaces:
    """A data set in memory, ready for batches."""

    faces: Tensor
    """(N, 1, S, S) uint8."""
    votes: Tensor
    """(N, 7) float32; zero rows take part only in the auxiliary loss."""
    label: Tensor
    """(N,) int64, -1 where no emotion has the majority."""
    auxiliary: Tensor
    """(N,) int64 or -1."""
    alignments: Tensor
    """(N, 2, 3) float32."""
    taught: Tensor | None = None
    """(N, 7) float32, a teacher's probabilities."""

    @classmethod
    def read(cls, data: LabelledFaces, geometry: CropGeometry, cache: Path | None = None) -> TrainingFaces:
        """Decodes and registers; unreadable pictures are left out.

        Args:
            data: what to read.
            geometry: the crop.
            cache: an .npz file for the registrations, which take minutes; see
                :func:`fer_batch.training.alignment_cache.cached_alignments`.
        """
        crops = [data.crop(index, geometry.size) for index in range(len(data))]
        keep = [i for i, crop in enumerate(crops) if crop is not None]
        if unread := [i for i, crop in enumerate(crops) if crop is None and data.label[i] >= 0]:
            first = data.problem(unread[0])
            warnings.warn(f"{data.name}: {len(unread)} pictures are left out: {first}.", FerBatchWarning, stacklevel=2)
        if not keep:
            raise InputError(f"{data.name}: no picture could be read.")
        pictures = np.stack([crop for crop in crops if crop is not None])
        matrices = alignments(pictures, geometry) if cache is None else cached_alignments(pictures, geometry, cache)
        return cls(
            torch.from_numpy(pictures)[:, None],
            torch.from_numpy(data.votes[keep]),
            torch.from_numpy(data.label[keep]),
            torch.from_numpy(data.auxiliary[keep]),
            torch.from_numpy(matrices),
        )

    def views(self) -> Iterator[Tensor]:
        """The faces as they are and registered, each also mirrored: (N, 1, S, S) float32 each."""
        for faces in (self.faces.float(), self.registered()):
            yield faces
            yield faces.flip(3)

    def sample(self, count: int) -> NDArray[np.float32]:
        """About ``count`` faces spread over the data set, half as they are and half registered: (n, 1, S, S)."""
        indices = torch.linspace(0, len(self.faces) - 1, min(len(self.faces), max(1, count // 2))).long()
        faces = self.faces[indices].float()
        return torch.cat([faces, _registered(faces, self.alignments[indices])]).numpy()

    def registered(self) -> Tensor:
        """The faces in the registered framing, undisturbed, (N, 1, S, S) float32."""
        parts = zip(self.faces.split(512), self.alignments.split(512), strict=True)
        return torch.cat([_registered(faces.float(), matrices) for faces, matrices in parts])


def _registered(faces: Tensor, matrices: Tensor) -> Tensor:
    still = Augmentation(registered=1, rotation=0, scale=0, stretch=0, shift=0)
    return warp(faces, matrices, still, torch.Generator().manual_seed(0), mirror=False)


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy against distributions; rows of zeros do not count."""
    total = -(targets * torch.log_softmax(logits, 1)).sum()
    return total / targets.sum().clamp(min=1)


def _compact(recipe: Recipe) -> EmotionNet:
    return EmotionNet(recipe.widths, recipe.depths, recipe.stem, len(EMOTIONS), recipe.dropout)


def _recognition(recipe: Recipe) -> RecognitionNet:
    return RecognitionNet(len(EMOTIONS), recipe.dropout)


NETWORKS: dict[str, Callable[[Recipe], EmotionNet | RecognitionNet]] = {
    "compact": _compact,
    "recognition": _recognition,
}
"""What ``Recipe.network`` names."""


def optimiser(network: EmotionNet | RecognitionNet, recipe: Recipe) -> tuple[torch.optim.Optimizer, list[float]]:
    """AdamW (Loshchilov and Hutter 2019) and each parameter group's peak learning rate.

    Biases and normalisations do not decay; weights that were trained before learn more slowly.
    """
    trunk = {id(p) for p in network.trunk()} if isinstance(network, RecognitionNet) else set()
    groups: list[dict[str, Any]] = []
    for before in (False, True):
        for decays in (True, False):
            rates = [
                p
                for p in network.parameters()
                if p.requires_grad and (id(p) in trunk) is before and (p.ndim > 1) is decays
            ]
            if rates:
                rate = recipe.learning_rate * (recipe.trunk_rate if before else 1)
                groups.append({"params": rates, "lr": rate, "weight_decay": recipe.weight_decay * decays})
    return torch.optim.AdamW(groups), [group["lr"] for group in groups]


class Trainer:
    """Trains a network and keeps its state on disk after every epoch.

    Args:
        recipe: what to do.
        train: faces to learn from.
        valid: faces to judge by.
        folder: where checkpoints go.
        device: "cpu" or "cuda".
    """

    def __init__(
        self, recipe: Recipe, train: TrainingFaces, valid: TrainingFaces, folder: Path, device: str = "cpu"
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.train, self.valid, self.folder = recipe, train, valid, folder
        self.device = torch.device(device)
        network = NETWORKS[recipe.network](recipe)
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.network).eval()
        self.steps = math.ceil(len(train.faces) / recipe.batch)
        if self.steps > 1 and len(train.faces) % recipe.batch == 1:
            # A batch of one face has no variance to normalise by.
            self.steps -= 1
        self.optimiser, rates = optimiser(self.network, recipe)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            rates,
            total_steps=self.steps * recipe.epochs,
            pct_start=0.2,
            div_factor=20,
            final_div_factor=200,
        )
        self.history: list[Epoch] = []
        self._valid_registered = valid.registered()

    @property
    def best(self) -> Epoch | None:
        """The epoch with the lowest validation loss."""
        return min(self.history, key=lambda epoch: epoch.valid_loss, default=None)

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, or nothing has improved for as many as the recipe's patience."""
        best = self.best
        idle = 0 if best is None else len(self.history) - 1 - best.number
        return len(self.history) >= self.recipe.epochs or idle >= self.recipe.patience

    def run(
        self, on_epoch: Callable[[Epoch], None], on_step: Callable[[int, int], None] | None = None
    ) -> EmotionNet | RecognitionNet:
        """Trains from where it stands to the end, or until nothing improves; the best averaged network."""
        if self.recipe.teacher and self.train.taught is None and not self.is_over:
            raise InputError(
                "The recipe asks for a teacher, and the training faces have none.",
                remedies=[OptionHint("teacher", advice="name one with {}")],
            )
        while not self.is_over:
            number = len(self.history)
            began = time.monotonic()
            loss = self._epoch(number, on_step)
            epoch = self._judge(number, loss, began)
            self.history.append(epoch)
            self._save(best=self.best is epoch)
            on_epoch(epoch)
        state = torch.load(self.folder / "best.pt", weights_only=True, map_location=self.device)
        self.averaged.load_state_dict(state["averaged"])
        return self.averaged

    def _epoch(self, number: int, on_step: Callable[[int, int], None] | None) -> float:
        recipe, data = self.recipe, self.train
        augmentation = recipe.augmentation
        if number >= recipe.epochs - recipe.calm:
            augmentation = augmentation.calmed()
        # Each epoch has its own generator, so that a resumed training sees what an undisturbed one would have seen.
        random = torch.Generator().manual_seed(recipe.seed * 100_003 + number)
        torch.manual_seed(recipe.seed * 100_003 + number)
        order = torch.randperm(len(data.faces), generator=random)
        self.network.train()
        total = 0.0
        classes = len(EMOTIONS)
        for step in range(self.steps):
            index = order[step * recipe.batch : (step + 1) * recipe.batch]
            faces = data.faces[index].to(self.device).float()
            faces = warp(faces, data.alignments[index], augmentation, random)
            faces = degrade(faces, augmentation, random)
            auxiliary = data.auxiliary[index]
            labelled = (auxiliary >= 0).float()[:, None]
            other = torch.nn.functional.one_hot(auxiliary.clamp(min=0), classes).float()
            other = (other * (1 - recipe.smoothing) + recipe.smoothing / classes) * labelled
            votes = data.votes[index]
            if data.taught is not None:
                votes = (1 - recipe.teacher) * votes + recipe.teacher * data.taught[index]
            targets = (votes.to(self.device), other.to(self.device))
            faces, targets = mix(faces, targets, augmentation, random)
            logits, second = self.network.both_heads(faces.to(memory_format=torch.channels_last))
            loss = soft_cross_entropy(logits, targets[0])
            loss = loss + recipe.auxiliary * soft_cross_entropy(second, targets[1])
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            self.optimiser.step()
            self.schedule.step()
            self._average(number * self.steps + step)
            total += float(loss.detach())
            if on_step is not None:
                on_step(step + 1, self.steps)
        return total / self.steps

    @torch.no_grad()
    def _average(self, step: int) -> None:
        decay = min(self.recipe.average, (1 + step) / (10 + step))
        for mean, value in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        for mean, value in zip(self.averaged.buffers(), self.network.buffers(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def _judge(self, number: int, loss: float, began: float) -> Epoch:
        valid = self.valid
        plain, second = self._predict(valid.faces)
        registered, _ = self._predict(self._valid_registered)
        labelled = valid.label >= 0
        other = valid.auxiliary >= 0
        return Epoch(
            number,
            loss,
            float(soft_cross_entropy(plain, valid.votes)),
            _accuracy(plain[labelled], valid.label[labelled]),
            _accuracy(registered[labelled], valid.label[labelled]),
            _accuracy(second[other], valid.auxiliary[other]),
            time.monotonic() - began,
        )

    @torch.no_grad()
    def _predict(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        parts = [self.averaged.both_heads(part.to(self.device).float()) for part in faces.split(512)]
        return torch.cat([p[0].cpu() for p in parts]), torch.cat([p[1].cpu() for p in parts])

    def _save(self, best: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "recipe": asdict(self.recipe),
            "history": [asdict(epoch) for epoch in self.history],
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        }
        # The best first: without it a later epoch would be exported in its name.
        for name in ["best.pt", "last.pt"] if best else ["last.pt"]:
            temporary = self.folder / f".{name}.part"
            torch.save(state, temporary)
            temporary.replace(self.folder / name)
        (self.folder / "history.json").write_text(json.dumps(state["history"], indent=1), encoding="utf-8")

    def start_from(self, path: Path) -> None:
        """Takes over the weights of another training's checkpoint instead of random ones.

        Raises:
            InputError: when it cannot be read or holds another network.
        """
        try:
            state = torch.load(path, weights_only=True, map_location=self.device)
            self.network.load_state_dict(state["averaged"])
            self.averaged.load_state_dict(state["averaged"])
        except (OSError, RuntimeError, KeyError, UnpicklingError) as error:
            raise InputError(f"{path}: not a checkpoint of this network; give a best.pt of fer-batch train.") from error

    def start_from_recognition(self, folder: Path) -> None:
        """Takes over a face recognition network's weights.

        Raises:
            InputError: when the folder does not hold them, or the recipe's network has no place for them.
        """
        if not isinstance(self.network, RecognitionNet) or not isinstance(self.averaged, RecognitionNet):
            raise InvalidOptionError("pretrained", folder, "is for the network recognition; give both or neither")
        self.network.load_recognition(folder)
        self.averaged.load_recognition(folder)

    def resume(self) -> bool:
        """Goes back to the last epoch in the folder; False when there is none.

        Raises:
            InputError: when the checkpoint was made by another recipe.
        """
        path = self.folder / "last.pt"
        if not path.is_file():
            return False
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=self.device)
        if state["recipe"] != asdict(self.recipe):
            raise InputError(
                f"{path}: made with other settings; train into another folder.",
                remedies=[OptionHint("resume", True, "leave {} out")],
            )
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.history = [Epoch(**values) for values in state["history"]]
        return True


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    if not len(labels):
        return float("nan")
    return float((logits.argmax(1) == labels).float().mean() * 100)
