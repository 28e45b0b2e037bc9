"""Reading on in the middle of a recording gives the very frames, times and counts of reading it from its beginning."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.clips import clip, clip_with_sound, ffmpeg

from fer_batch.pipeline.checkpoint.resume import FrameFingerprint, mark, rewound
from fer_batch.pipeline.checkpoint.store import CannotResume
from fer_batch.video.frame import Frame
from fer_batch.video.source import SeekPoint
from fer_batch.video.video_reader import VideoFile

KEYS = ("-g", "25")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", *KEYS)
OPEN = (*X264[:6], "-x264-params", "keyint=25:open-gop=1:scenecut=0")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25")


class Noted(VideoFile):
    """Notes from where it is read."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        super().__init__(path, threads)
        self.starts: list[int] = []

    def frames(self, start: SeekPoint | None = None) -> Generator[Frame]:
        self.starts.append(0 if start is None else start.frame)
        return super().frames(start)


def _seen(frame: Frame) -> tuple[int, float, bytes]:
    return frame.index, frame.time_s, frame.luma().tobytes()


def _marks(path: Path, *indices: int) -> tuple[list[Any], dict[int, FrameFingerprint], tuple[Any, ...]]:
    """Everything that is read, marks of some of its frames, and what was counted."""
    with VideoFile(path) as source:
        seen, marks = [], {}
        for frame in source.frames():
            seen.append(_seen(frame))
            if frame.index in indices:
                marks[frame.index] = mark(frame, source)
        assert len(marks) == len(indices)
        return seen, marks, astuple(source.counts)


def decoded_from(path: Path, *indices: int, threads: int = 1) -> list[int]:
    """Checks that one can go on after these frames; where decoding began for each."""
    seen, marks, counts = _marks(path, *indices)
    began = []
    for index in indices:
        with Noted(path, threads) as source:
            found = rewound(source, marks[index], index - 4, None)
            assert found is not None
            kept, frames = found
            assert [_seen(frame) for frame in kept] == seen[index - 4 : index + 1]
            began.append(source.starts[-1])
            assert [_seen(frame) for frame in frames] == seen[index + 1 :]
            assert astuple(source.counts) == counts
    return began


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h264.mp4", X264),
        ("h264.mkv", X264),
        ("h264.avi", X264),
        ("h264.ts", X264),
        ("h264.flv", X264),
        ("fragmented.mp4", (*X264, "-movflags", "frag_keyframe+empty_moov")),
        ("open GOPs.mp4", OPEN),
        ("open GOPs.avi", OPEN),
        ("open GOPs.ts", OPEN),
        ("hevc.mp4", X265),
        ("vp8.webm", ("-c:v", "libvpx", "-deadline", "realtime", *KEYS)),
        ("vp9.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", *KEYS)),
        ("mpeg4.avi", ("-c:v", "mpeg4", "-bf", "2", *KEYS)),
        ("mpeg2.ts", ("-c:v", "mpeg2video", "-bf", "2")),
        ("mjpeg.avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")),
        ("wmv2.wmv", ("-c:v", "wmv2", *KEYS)),
        ("theora.ogv", ("-c:v", "libtheora", *KEYS)),
        ("variable.mkv", (*X264, "-vf", "select='not(mod(floor(n*n/7),3))'", "-fps_mode", "vfr")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_goes_on_from_a_key_frame(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    path = clip(tmp_path / name, *options, seconds=20 if name.startswith("variable") else 6)
    began = decoded_from(path, 70, 112)
    assert 0 < began[0] <= began[1], "not from its beginning"
    assert began[1] > 40
    decoded_from(path, 112, threads=3)


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv", "cut.ts"])
def test_a_part_that_was_cut_out_without_coding_it_anew(tmp_path: Path, name: str) -> None:
    """Which an edit list begins, or times that are not zero; with sound."""
    whole = clip_with_sound(tmp_path / "whole.mp4", *X264, seconds=7, sound_s=7)
    ffmpeg("-ss", "1.3", "-i", whole, "-c", "copy", tmp_path / name)
    assert decoded_from(tmp_path / name, 100)[0] > 0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("raw.h264", X264),
        ("one key frame.mp4", (*X264[:6], "-g", "9999")),
        ("intra refresh.mkv", (*X264[:4], "-x264-params", "keyint=25:intra-refresh=1")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_is_read_from_the_beginning_where_nothing_else_leads_there(
    tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    assert decoded_from(clip(tmp_path / name, *options, seconds=5), 100) == [0]


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv", ".avi"])
def test_of_a_damaged_recording_every_fault_is_counted_once(tmp_path: Path, suffix: str) -> None:
    whole = clip(tmp_path / f"whole{suffix}", *X264, seconds=8)
    data = bytearray(whole.read_bytes())
    first, last = len(data) * 30 // 100, len(data) * 33 // 100
    data[first:last] = np.random.default_rng(1).bytes(last - first)
    (tmp_path / f"damaged{suffix}").write_bytes(data)
    decoded_from(tmp_path / f"damaged{suffix}", 30, 60, 140)


def test_a_recording_whose_clock_begins_anew_is_not_taken_for_what_it_was_before(tmp_path: Path) -> None:
    """The same pictures with the same times twice, one after the other."""
    once = clip(tmp_path / "once.ts", *X264, seconds=4)
    (tmp_path / "twice.ts").write_bytes(2 * once.read_bytes())
    decoded_from(tmp_path / "twice.ts", 60, 160)


def test_another_recording_is_refused(tmp_path: Path) -> None:
    _, marks, _ = _marks(clip(tmp_path / "one.mp4", *X264, seconds=3), 60)
    other = clip(tmp_path / "other.mp4", *X264, "-vf", "negate", seconds=3)
    with VideoFile(other) as source, pytest.raises(CannotResume, match="has changed"):
        rewound(source, marks[60], 60, None)
