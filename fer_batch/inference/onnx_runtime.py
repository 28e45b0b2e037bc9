"""Sessions of ONNX Runtime on the processor, or on a graphics card that it can use."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from fer_batch.config import Device
from fer_batch.errors import ModelError, OptionHint
from fer_batch.inference.lazy_imports import import_onnxruntime
from fer_batch.inference.registry import model_path

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"

_ON_CUDA: Final = {"use_tf32": "0"}
"""All 24 bits of a number count, as on a processor."""
_AUTO: Final = OptionHint("device", "auto", "give {}")
_NO_CUDA: Final = "install onnxruntime-gpu in place of onnxruntime, with a driver, CUDA and cuDNN that fit it."

Provider = str | tuple[str, dict[str, Any]]


def providers(device: str, available: Collection[str], *, eight_bit: bool) -> list[Provider]:
    """What ONNX Runtime is asked for, the first choice first.

    Left to itself (``auto``) it is a graphics card where there is one, but not for networks of 8 bits: cards have no
    such operations in ONNX Runtime, and would hand every layer back to the processor.

    Args:
        device: one of :class:`Device`.
        available: what this installation of ONNX Runtime has.
        eight_bit: whether the model is quantised.

    Raises:
        ModelError: when CUDA is asked for and not there.
    """
    if device == Device.cuda and CUDA not in available:
        raise ModelError(f"ONNX Runtime has no CUDA here; {_NO_CUDA}", remedies=[_AUTO])
    on_card = device == Device.cuda or (device == Device.auto and CUDA in available and not eight_bit)
    return [(CUDA, _ON_CUDA), CPU] if on_card else [CPU]


def used(device: str, active: Collection[str]) -> Device:
    """What a session runs on, by its active providers: it goes without a card whose libraries cannot be loaded.

    Raises:
        ModelError: when CUDA was asked for.
    """
    if CUDA in active:
        return Device.cuda
    if device == Device.cuda:
        raise ModelError(f"ONNX Runtime cannot use the graphics card; {_NO_CUDA}", remedies=[_AUTO])
    return Device.cpu


def is_eight_bit(model: bytes) -> bool:
    """Whether an ONNX file is a quantised network, by the names of its operations."""
    return b"DequantizeLinear" in model or b"QLinearConv" in model or b"ConvInteger" in model


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
