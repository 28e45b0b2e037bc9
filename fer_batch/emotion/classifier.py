"""Seven probabilities for each registered face, by ONNX Runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_batch.discreet import import_onnxruntime
from fer_batch.emotion.labels import EMOTIONS
from fer_batch.errors import ModelError
from fer_batch.faces.alignment import CropGeometry
from fer_batch.models import manifest, model_path, sha256_of
from fer_batch.settings import DEFAULT_MODEL

METADATA_KEY = "fer_batch"
"""Key of the ONNX file's metadata that holds a JSON object: ``labels``, ``geometry`` (a :class:`CropGeometry`),
``temperature`` and free fields about the training."""


class EmotionClassifier:
    """A network that turns registered gray faces into calibrated probabilities.

    Args:
        model: a name in the manifest, or the path of an ONNX file exported by fer-batch.
        threads: ONNX Runtime's threads inside one operation.

    Raises:
        ModelError: when there is no such model, or it lacks the metadata to use it.
    """

    def __init__(self, model: str = DEFAULT_MODEL, threads: int = 1) -> None:
        onnxruntime = import_onnxruntime()
        path = find_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Sleeping workers leave the processor to the decoder and the detector.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise ModelError(f"{path}: not a usable ONNX model; give one exported by fer-batch train.") from error
        self.name = path.stem if Path(model).suffix == ".onnx" else model
        self.sha256 = sha256_of(path)
        metadata = _metadata(self._session.get_modelmeta().custom_metadata_map, path)
        self.geometry = CropGeometry.from_dict(metadata["geometry"])
        self.temperature = float(metadata["temperature"])
        labels = list(metadata["labels"])
        if sorted(labels) != sorted(EMOTIONS):
            raise ModelError(f"{path}: its labels are {', '.join(map(str, labels))}; expected {', '.join(EMOTIONS)}.")
        self._order: NDArray[np.intp] = np.array([labels.index(emotion) for emotion in EMOTIONS], np.intp)
        self._input = self._session.get_inputs()[0].name

    def logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Uncalibrated logits (N, 7) in the order of ``EMOTIONS`` for (N, size, size) gray faces."""
        if not len(crops):
            return np.zeros((0, len(EMOTIONS)), np.float32)
        batch = crops[:, None].astype(np.float32)
        output: NDArray[np.float32] = np.asarray(self._session.run(None, {self._input: batch})[0], np.float32)
        return output[:, self._order]

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated probabilities (N, 7) in the order of ``EMOTIONS``; each row sums to 1.

        Args:
            crops: (N, size, size) registered gray faces, ``size`` the geometry's.
        """
        return softmax(self.logits(crops) / self.temperature)


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Probabilities (N, C) float32 of logits (N, C), computed in double precision."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(1, keepdims=True)
    exponents = np.exp(shifted)
    return np.asarray(exponents / exponents.sum(1, keepdims=True), np.float32)


def find_model(model: str) -> Path:
    """The file of an emotion model by name or path.

    Raises:
        ModelError: when there is none.
    """
    if Path(model).suffix.lower() == ".onnx":
        if not Path(model).is_file():
            raise ModelError(f"{model}: no such model file; check the path.")
        return Path(model)
    names = sorted(name for name, entry in manifest().items() if entry.task == "emotion")
    if model not in names:
        raise ModelError(
            f"No emotion model is named {model!r}; give {' or '.join(names)}, or the path of an .onnx file."
        )
    return model_path(model)


def _metadata(fields: dict[str, str], path: Path) -> dict[str, Any]:
    try:
        metadata: dict[str, Any] = json.loads(fields[METADATA_KEY])
        if {"labels", "geometry", "temperature"} <= metadata.keys():
            return metadata
    except (KeyError, ValueError):
        pass
    raise ModelError(f"{path}: does not say its labels, crop geometry and temperature; export it with fer-batch train.")
