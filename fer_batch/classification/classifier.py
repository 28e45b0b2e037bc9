"""Seven probabilities for each registered face, by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_batch.classification.model_spec import MAIN_HEAD, ModelSpec, read_spec
from fer_batch.config import DEFAULT_MODEL, Device
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import ModelError
from fer_batch.faces.alignment import CropGeometry
from fer_batch.inference.lazy_imports import import_onnxruntime
from fer_batch.inference.onnx_runtime import is_eight_bit, providers, used
from fer_batch.inference.registry import find_model, sha256_of
from fer_batch.utils.logs import get_logger

_LOG = get_logger(__name__)

_INPUT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


class EmotionClassifier:
    """A network that turns registered faces into calibrated probabilities.

    Args:
        model: a name in the manifest, or the path of an ONNX file that describes itself or has a sidecar
            (:mod:`fer_batch.classification.model_spec`).
        threads: ONNX Runtime's threads inside one operation.
        head: which of the model's answers to give, one of :attr:`heads`.
        device: what it runs on, one of :class:`~fer_batch.config.Device`.

    Raises:
        ModelError: when there is no such model, head or device, or it cannot be used as described.
    """

    def __init__(
        self, model: str = DEFAULT_MODEL, threads: int = 1, head: str = MAIN_HEAD, device: str = Device.auto
    ) -> None:
        onnxruntime = import_onnxruntime()
        path = find_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Sleeping workers leave the processor to the decoder and the detector.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        requested = providers(device, onnxruntime.get_available_providers(), eight_bit=is_eight_bit(path.read_bytes()))
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=requested)
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise ModelError(f"{path}: not a usable ONNX model; give another or export it again.") from error
        self.device = used(device, self._session.get_providers())
        """What it runs on: the processor or CUDA."""
        self.name = path.stem if Path(model).suffix.lower() == ".onnx" else model
        self.sha256 = sha256_of(path)
        self.spec = read_spec(path, self._session.get_modelmeta().custom_metadata_map)
        if head not in self.heads:
            raise ModelError(f"{path}: has no head {head!r}; give {' or '.join(self.heads)}.")
        self.head = head
        self._temperature = self.spec.temperatures[head]
        self._output = _output(self.spec, head, [output.name for output in self._session.get_outputs()], path)
        self._order = self.spec.order
        first = self._session.get_inputs()[0]
        self._input, self._type = first.name, _INPUT_TYPES.get(first.type, np.float32)
        # Many published files take one face at a time.
        self._most = 1 if first.shape and first.shape[0] == 1 else None
        self._try(path)
        _LOG.info("emotion model %s on %s", self.name, self.device)

    @property
    def geometry(self) -> CropGeometry:
        """The crop that the model wants."""
        return self.spec.geometry

    @property
    def gray(self) -> bool:
        """Whether it wants luma, (N, size, size), and not RGB, (N, size, size, 3)."""
        return self.spec.colour == "gray"

    @property
    def heads(self) -> tuple[str, ...]:
        """The answers that the model can give, its main one first."""
        return tuple(self.spec.temperatures)

    def _try(self, path: Path) -> None:
        """Two flat faces through the model: a wrong description shows here and not in the middle of a recording."""
        size = self.geometry.size
        faces = np.zeros((2, size, size) if self.gray else (2, size, size, 3), np.uint8)
        try:
            output = self._run(faces)
        except Exception as error:  # onnxruntime's exceptions share no base class
            reason = " ".join(str(error).split())[:160]
            raise ModelError(f"{path}: does not take the input it is described to take ({reason}).") from error
        if output.shape != (2, len(self.spec.labels)):
            raise ModelError(
                f"{path}: gives {output.shape[1:]} numbers a face, its description names {len(self.spec.labels)}."
            )
        if not np.isfinite(output).all():
            raise ModelError(f"{path}: gives numbers that are not finite; the file or its description is wrong.")

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        spec = self.spec
        batch: NDArray[Any] = crops[..., None] if self.gray else crops[..., ::-1] if spec.colour == "bgr" else crops
        if self._type != np.uint8:
            batch = (batch.astype(np.float32) - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
        if spec.layout == "nchw":
            batch = batch.transpose(0, 3, 1, 2)
        batch = np.ascontiguousarray(batch, self._type)
        size = self._most or len(batch)
        names = [self._output]
        parts = [self._session.run(names, {self._input: batch[i : i + size]})[0] for i in range(0, len(batch), size)]
        return np.concatenate(parts).astype(np.float32, copy=False)

    def logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Uncalibrated logits (N, 7) in the order of ``EMOTIONS``; logarithms of what a model gives as probabilities.

        Args:
            crops: registered faces, uint8, (N, size, size) or RGB (N, size, size, 3).
        """
        output = self.plain_logits(crops)
        if self.spec.mirror and len(crops):
            output = (output + self.plain_logits(crops[:, :, ::-1])) / np.float32(2)
        return output

    def plain_logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The same without mirror images."""
        if not len(crops):
            return np.zeros((0, len(EMOTIONS)), np.float32)
        output = self._run(crops)
        output = np.log(np.maximum(output, 1e-12)) if self.spec.output == "probabilities" else output
        return output[:, self._order]

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities (N, 7) of logits (N, 7)."""
        return softmax(logits / self._temperature)

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated probabilities (N, 7) in the order of ``EMOTIONS``; each row sums to 1.

        Args:
            crops: registered faces, uint8, (N, size, size) or RGB (N, size, size, 3).
        """
        return self.probabilities(self.logits(crops))


def _output(spec: ModelSpec, head: str, outputs: list[str], path: Path) -> str:
    """The name of the ONNX output that a head stands for."""
    further = [other.name for other in spec.heads]
    missing = [name for name in further if name not in outputs]
    if missing:
        raise ModelError(f"{path}: is described to have the output {missing[0]!r} and has {', '.join(outputs)}.")
    main = [name for name in outputs if name not in further]
    if not main:
        raise ModelError(f"{path}: has no output beside the described heads {', '.join(further)}; leave one out.")
    return main[0] if head == MAIN_HEAD else head


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Probabilities (N, C) float32 of logits (N, C), computed in double precision."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(1, keepdims=True)
    exponents = np.exp(shifted)
    return np.asarray(exponents / exponents.sum(1, keepdims=True), np.float32)
