"""Models by name or path; the manifest of those that ship has source, licence, card and checksum of each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from fer_batch.errors import ModelError


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the manifest."""

    name: str
    task: str
    """"emotion", "face detection", "face keypoints" or "face recognition"."""
    file: str
    sha256: str
    licence: str
    source: str
    card: str
    summary: str


def models_folder() -> Path:
    """Where the weights lie: inside the installed package, or beside it in a checkout."""
    package = Path(str(files("fer_batch")))
    installed = package / "_models"
    return installed if installed.is_dir() else package.parent / "models"


@cache
def manifest() -> dict[str, Model]:
    """Every model that ships, by name.

    Raises:
        ModelError: when the manifest is missing or unreadable.
    """
    path = models_folder() / "manifest.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["models"]
        return {entry["name"]: Model(**entry) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: the model manifest is missing or damaged; install fer-batch again.") from error


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, computed anew when the file has changed."""
    now = path.stat()
    return _sha256_of(path, now.st_mtime_ns, now.st_size)


@cache
def _sha256_of(path: Path, _modified_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_path(name: str) -> Path:
    """The checked file of a model that ships.

    Raises:
        ModelError: when no model has this name, or its file is missing or not the one the manifest names.
    """
    models = manifest()
    if name not in models:
        raise ModelError(f"No model is named {name!r}; there are {', '.join(sorted(models))}.")
    path = models_folder() / models[name].file
    if not path.is_file():
        raise ModelError(f"{path}: the model's file is missing; install fer-batch again.")
    if sha256_of(path) != models[name].sha256:
        raise ModelError(
            f"{path}: the model's file is not the one that shipped (checksum differs); install fer-batch again."
        )
    return path


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
