"""Emotion models by name or path."""

from __future__ import annotations

from pathlib import Path

from fer_batch.errors import ModelError
from fer_batch.inference.registry import manifest, model_path


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
