"""8-bit weights and activations for an exported network: about a quarter of its size, and half of its time with VNNI.

Static quantisation after training (Jacob et al. 2018) by ONNX Runtime's tools. Weights take seven bits of their eight:
pairs of products then fit the 16 bits in which processors without VNNI add them, so that nothing saturates anywhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from fer_batch.filesystem.atomic import whole
from fer_batch.inference.lazy_imports import import_onnxruntime

_OPERATIONS = ["Conv", "Add", "Relu", "MaxPool", "AveragePool", "Concat", "Gemm"]
_BATCH = 32


def quantise(source: Path, target: Path, faces: NDArray[np.float32]) -> None:
    """Writes the 8-bit form of an exported network, without a description.

    Args:
        source: the .onnx file in float32.
        target: the file to write.
        faces: (N, 1, S, S), gray levels 0 to 255, on which the ranges of the activations are found; a few hundred.
    """
    # First, so that the library starts as discreet as everywhere.
    import_onnxruntime()
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    name = onnx.load(str(source)).graph.input[0].name
    batches: Iterator[NDArray[np.float32]] = iter(np.array_split(faces, max(1, len(faces) // _BATCH)))

    class Faces(CalibrationDataReader):
        """Faces whose activations set the scales."""

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            batch = next(batches, None)
            return None if batch is None else {name: batch}

    with tempfile.TemporaryDirectory() as folder, whole(target) as temporary:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared))
        quantize_static(
            str(prepared),
            str(temporary),
            Faces(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=_OPERATIONS,
            nodes_to_exclude=_exact(prepared),
        )


def _exact(path: Path) -> list[str]:
    """The nodes that stay in float32.

    These are the ones before the first convolution, where faces of any exposure come in, and those whose outputs are
    the logits, which would be rounded to few values; neither costs anything.
    """
    graph = onnx.load(str(path)).graph
    first = next((i for i, node in enumerate(graph.node) if node.op_type == "Conv"), 0)
    logits = {output.name for output in graph.output}
    return [node.name for i, node in enumerate(graph.node) if i < first or logits & set(node.output)]
