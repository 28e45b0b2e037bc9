"""Sessions of ONNX Runtime for the networks that ship."""

from __future__ import annotations

from typing import Any

from fer_batch.errors import ModelError
from fer_batch.inference.lazy_imports import import_onnxruntime
from fer_batch.inference.registry import model_path


def shipped_session(name: str) -> Any:
    """Return an ``InferenceSession`` of a network in the manifest, on one thread of the processor.

    Raises:
        ModelError: when the network's file is missing, altered or unusable.
    """
    runtime, path = import_onnxruntime(), model_path(name)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise ModelError(f"{path}: not a usable ONNX model; install fer-batch again.") from error
