"""What tells people's faces apart: a point in 128 dimensions for each, near for one person and far for two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_batch.faces.alignment import CropGeometry, register
from fer_batch.faces.sharpness import sharpness_of_faces
from fer_batch.inference.onnx_runtime import shipped_session

MODEL = "face-recognition"
"""Its name in the manifest."""

GEOMETRY = CropGeometry(size=150, right_eye=(0.325, 0.315), left_eye=(0.675, 0.315), mouth=(0.5, 0.69))
"""Where the eyes and the mouth are in the pictures that the network was trained on, as MediaPipe sees them: of nine
framings tried, the one in which it tells people apart best."""

DIMENSIONS = 128
_BLURRED = 0.2
"""Sharpness below which faces look like one another: of photographs blurred so by 2.7 % of the side of the crop, 18 %
of the pairs of tracks that are joined are two people's, of sharp ones 0.1 %; one sharp photograph in 1,000 is below."""


class FaceEmbedder:
    """dlib's face recognition network, on luma.

    Raises:
        ModelError: when its file is missing, altered or cannot be used.
    """

    def __init__(self) -> None:
        self._session = shipped_session(MODEL)

    def embed(self, luma: NDArray[np.uint8], keypoints: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """(128,) of one face: the mean of its own and of its mirror image's; None if it is blurred.

        Args:
            luma: (H, W) of the frame.
            keypoints: (6, 2) in its pixels, MediaPipe's order, eyes and mouth apart.
        """
        if not sharpness_of_faces(luma, keypoints[None])[0] >= _BLURRED:
            return None
        embedding: NDArray[np.float32] = self.embed_crops(register(luma, keypoints, GEOMETRY)[None])[0]
        return embedding

    def embed_crops(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 128) of registered faces (N, 150, 150), gray.

        One by one, so that a face's embedding does not depend on those beside it.
        """
        embeddings = np.zeros((len(crops), DIMENSIONS), np.float32)
        for i, crop in enumerate(crops):
            for face in (crop, crop[:, ::-1]):
                embeddings[i] += self._session.run(None, {"faces": face[None, None].astype(np.float32)})[0][0] / 2
        return embeddings
