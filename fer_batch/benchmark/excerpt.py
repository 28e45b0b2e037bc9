"""How much of a recording is measured, so that measuring ends in bounded time whatever the recording."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from fer_batch.annotation.video_writer import EncoderOptions
from fer_batch.config import Selection, Settings
from fer_batch.errors import InputError
from fer_batch.pipeline.engine import Engine
from fer_batch.video.open import open_source

LOOPS = 10
"""How many times longer the recording is that shows whether memory grows."""
_MOST_S = 13.0
"""Analysing the stretch takes about so long. Three rounds make five analyses of it, each in a process that takes up to
five seconds to start and end on slow cores, and three times decoding alone, which takes up to a third of an analysis.
"""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A recording from its start to a time."""

    path: Path
    end_s: float | None = None
    """Exclusive; None for the recording's end."""

    @property
    def selection(self) -> Selection:
        """Every frame of it."""
        return Selection(end_s=self.end_s)

    @property
    def options(self) -> list[str]:
        """The same for ``fer-batch analyze``."""
        return [] if self.end_s is None else ["--end", f"{self.end_s:.3f}"]


def first_stretch(path: Path) -> Excerpt:
    """As much of a recording as can be analysed in a given time on this machine, found by doing it.

    Raises:
        InputError: when the recording cannot be read.
    """
    with Engine(Settings()) as engine, open_source(path) as source:
        began = time.perf_counter()
        with closing(engine.observe(source, Selection())) as observations:
            for _, observation in observations:
                reached_s = 0.0 if observation is None else round(observation.time_s, 3)
                if reached_s > 0 and time.perf_counter() - began > _MOST_S:
                    return Excerpt(path, reached_s)
    return Excerpt(path)


def ten_times(stretch: Excerpt, folder: Path) -> Excerpt:
    """Ten times as much: of the recording itself where it is that long, else of the recording repeated.

    Args:
        stretch: what was measured.
        folder: gets the file with the repetitions.

    Raises:
        InputError: when the recording cannot be repeated.
    """
    if stretch.end_s is None:
        return Excerpt(looped(stretch.path, folder))
    duration_s = LOOPS * stretch.end_s
    with open_source(stretch.path) as source:
        is_long = (source.probe.duration_s or 0.0) >= duration_s
    return Excerpt(stretch.path if is_long else looped(stretch.path, folder, duration_s), duration_s)


def looped(path: Path, folder: Path, duration_s: float | None = None) -> Path:
    """The recording ten times over, copied packet by packet; encoded anew if its packets cannot be copied.

    Args:
        path: the recording.
        folder: where the file goes.
        duration_s: its length, seconds; all ten repetitions unless given.

    Raises:
        InputError: when neither can be done.
    """
    source = ffmpeg.input(str(path), stream_loop=LOOPS - 1)
    limit = {} if duration_s is None else {"t": duration_s}
    copy = folder / f"looped{path.suffix}"
    try:
        run_ffmpeg(source.output(str(copy), c="copy", **limit), "")
    except InputError:
        copy.unlink(missing_ok=True)
        copy = folder / "looped.mkv"
        anew = source.output(str(copy), **PICTURES_ALONE, **limit)
        run_ffmpeg(anew, f"{path}: cannot be repeated to ten times its length")
    return copy


PICTURES_ALONE: dict[str, Any] = {
    "c:v": "libx264",
    **EncoderOptions().to_dict(),
    "pix_fmt": "yuv420p",
    "fps_mode": "passthrough",
    "an": None,
    "sn": None,
    "dn": None,
}
"""ffmpeg's options that encode as annotated video is encoded, without sound."""


def run_ffmpeg(stream: Any, failure: str) -> None:
    """Runs the ffmpeg that fer-batch ships with.

    Args:
        stream: as the ``ffmpeg`` package describes it.
        failure: how the error's message begins.

    Raises:
        InputError: when ffmpeg fails.
    """
    # It would take keys typed in the terminal for commands.
    quiet = stream.global_args("-nostdin", "-loglevel", "error")
    try:
        quiet.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True, overwrite_output=True)
    except ffmpeg.Error as error:
        reason = " ".join((error.stderr or b"").decode(errors="replace").split())[:160]
        raise InputError(f"{failure} ({reason}); give another video.") from None
