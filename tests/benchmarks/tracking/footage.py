"""Scenes as recordings: as a source of frames in memory, or as a file."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from benchmarks.tracking.composition import Scene, SceneFrame, TrueFace
from benchmarks.tracking.photographs import Picture

from fer_batch.utils.concurrency import Closeable
from fer_batch.video.frame import Display, Frame
from fer_batch.video.probe import Probe
from fer_batch.video.source import ReadCounts, SeekPoint

Truth = list[tuple[TrueFace, ...]]
"""The faces of frame after frame."""

_QUALITY = 20
"""x264's constant rate factor: what a camera or a video site makes."""


class SceneSource(Closeable):
    """A scene that is read as a recording would be, without a codec."""

    def __init__(self, scene: Scene) -> None:
        width, height = scene.size
        self.name = "scene"
        self.probe = Probe(
            "video",
            "scene",
            "rawvideo",
            "rgb24",
            width,
            height,
            0,
            scene.fps,
            scene.seconds,
            scene.frame_count,
            None,
            0,
        )
        self.counts = ReadCounts()
        self.truth: Truth = []
        """Of the frames drawn so far."""
        self._scene = scene

    def frames(self, start: SeekPoint | None = None) -> Generator[Frame]:
        """Every frame in order."""
        assert start is None
        display = Display(*self._scene.size)
        for frame in self._scene.frames():
            self.truth.append(frame.faces)
            self.counts.frames += 1
            yield Frame(frame.index, frame.time_s, av.VideoFrame.from_ndarray(frame.rgb, format="rgb24"), display)

    def places(self) -> Sequence[SeekPoint]:
        """None."""
        return ()

    def close(self) -> None:
        """Nothing is held."""


def write_scene(scene: Scene, path: Path) -> Truth:
    """Writes the scene as MP4, and beside it the truth as CSV, one row for each face of each frame.

    Args:
        scene: to be drawn.
        path: of the video; the truth has its name with the suffix .csv.

    Returns:
        The truth.
    """
    truth: Truth = []
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["frame", "time_s", "identity", "x", "y", "width", "height", "visible"])

        def noted(frames: Iterable[SceneFrame]) -> Iterator[Picture]:
            for frame in frames:
                truth.append(frame.faces)
                for face in frame.faces:
                    numbers = [round(value, 2) for value in face.box]
                    table.writerow(
                        [frame.index, round(frame.time_s, 6), face.identity, *numbers, round(face.visible, 3)]
                    )
                yield frame.rgb

        write_video(path, noted(scene.frames()), scene.fps)
    return truth


def write_video(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    """Writes pictures of one size as H.264 in MP4."""
    rest = iter(pictures)
    first = next(rest)
    if "libx264" in av.codecs_available:
        _write_with_av(
            path, chain([first], rest), (first.shape[1], first.shape[0]), Fraction(fps).limit_denominator(1001)
        )
        return
    writer = imageio_ffmpeg.write_frames(
        str(path), (first.shape[1], first.shape[0]), fps=fps, codec="libx264", quality=None, macro_block_size=1,
        output_params=["-crf", str(_QUALITY)],
    )  # fmt: skip
    writer.send(None)
    for picture in chain([first], rest):
        writer.send(np.ascontiguousarray(picture))
    writer.close()


def _write_with_av(path: Path, pictures: Iterable[Picture], size: tuple[int, int], rate: Fraction) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(_QUALITY), "preset": "veryfast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
