"""MediaPipe as it is called here."""

from __future__ import annotations

import cv2
import numpy as np
from people import ASTRONAUT

from fer_batch.faces.detector import MediaPipeDetector


def test_a_detection_is_made_by_the_thread_that_asks() -> None:
    rgb = np.asarray(cv2.cvtColor(cv2.imread(str(ASTRONAUT)), cv2.COLOR_BGR2RGB), np.uint8)
    with MediaPipeDetector() as detector:
        found = detector.detect(rgb)
        # Another version of MediaPipe may be made differently; then this no longer saves a tenth of a detection.
        detector._task._lib._executor.shutdown()
        again = detector.detect(rgb)
    assert len(found) == 1
    np.testing.assert_array_equal(found.boxes, again.boxes)
    np.testing.assert_array_equal(found.keypoints, again.keypoints)
