"""Makes the two pictures in README out of an analysis of the example.

fer-batch analyze examples/WolfgangLanger_Pexels.mp4
python examples/readme_pictures.py fer-output
"""

import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
TIMES_S = (2.6, 8.9, 16.5)


def frame_at(video: Path, time_s: float) -> np.ndarray:
    """The first frame at or after a time, (H, W, 3) BGR."""
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= time_s:
                return frame.to_ndarray(format="bgr24")
    raise SystemExit(f"{video} ends before {time_s} s")


def main() -> None:
    output = Path(sys.argv[1])
    PICTURES.mkdir(exist_ok=True)
    video = output / "annotated" / "WolfgangLanger_Pexels.mp4"
    strip = np.hstack([frame_at(video, time_s) for time_s in TIMES_S])
    cv2.imwrite(str(PICTURES / "annotated.jpg"), strip, [cv2.IMWRITE_JPEG_QUALITY, 88])
    plot = [sys.executable, str(HERE / "plot_timeline.py"), str(output), str(PICTURES / "timeline.png")]
    subprocess.run(plot, check=True)


if __name__ == "__main__":
    main()
