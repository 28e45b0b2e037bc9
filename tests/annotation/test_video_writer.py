"""What users may rely on in annotated copies, proved on files written and read back."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from helpers.paths import EXAMPLE

from fer_batch.annotation.annotator import AnnotatedPhoto
from fer_batch.annotation.video_writer import AnnotatedVideo, EncoderOptions
from fer_batch.emotions import EMOTIONS
from fer_batch.errors import OutputError
from fer_batch.types import Faces, Observation
from fer_batch.video.frame import Display, Frame

FLASHES = "color=black:s={size}:r=25:d=4,format=yuv420p,geq=lum='if(lt(mod(T,1),0.039),235,16)':cb=128:cr=128"
BEEPS = "aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),0)':s=48000:d=4"


def ffmpeg(*arguments: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-nostdin", *map(str, arguments)]
    subprocess.run(command, check=True)


def flashes_and_beeps(path: Path, *options: str, size: str = "160x120") -> Path:
    """Four seconds with a flash and a beep at each full second."""
    ffmpeg("-f", "lavfi", "-i", FLASHES.format(size=size), "-f", "lavfi", "-i", BEEPS, *options, path)
    return path


def variable_rate(path: Path) -> Path:
    """A clip whose frames follow each other in 1/30 to 1/10 of a second."""
    uneven = "select='not(mod(n,3))+not(mod(n,7))'"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=30:d=4", "-vf", uneven, "-fps_mode", "passthrough", path)
    return path


def frames(path: Path) -> Iterator[Frame]:
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        assert stream is not None
        for index, picture in enumerate(container.decode(stream)):
            assert isinstance(picture, av.VideoFrame)
            assert picture.pts is not None
            assert stream.time_base is not None
            time_s = float((picture.pts - (stream.start_time or 0)) * stream.time_base)
            yield Frame(index, time_s, picture, Display(picture.width, picture.height))


def observe(box: tuple[float, float, float, float]) -> Observation:
    probabilities = np.full((1, 7), 0.05, np.float32)
    probabilities[0, EMOTIONS.index("happy")] = 0.7
    ones = np.ones(1, np.float32)
    faces = Faces(np.array([box], np.float32), np.zeros((1, 6, 2), np.float32), ones, np.ones(1, np.int32))
    return Observation(0, 0.0, faces, probabilities)


def annotate(source: Path, target: Path, *, start_s: float = 0.0, end_s: float | None = None) -> Path:
    observation = observe((50, 30, 60, 60))
    with AnnotatedVideo(target, source, start_s=start_s, end_s=end_s) as video:
        for frame in frames(source):
            if start_s <= frame.time_s < (end_s or 1e9):
                video.write(frame, observation)
    return target


def picture_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [picture.time for picture in container.decode(video=0) if picture.time is not None]


def flash_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [p.time or 0.0 for p in container.decode(video=0) if p.to_ndarray(format="gray").mean() > 128]


def beep_times(path: Path) -> list[float]:
    times: list[float] = []
    last = -1.0
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", 48000)
        for sound in container.decode(audio=0):
            for part in resampler.resample(sound):
                for i in np.flatnonzero(np.abs(part.to_ndarray()[0]) > 0.2):
                    time_s = (part.time or 0.0) + int(i) / 48000
                    if time_s - last > 0.3:
                        times.append(time_s)
                    last = time_s
    return times


def audio_bytes(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_the_example_keeps_every_frame_and_its_sound(tmp_path: Path) -> None:
    target = annotate(EXAMPLE, tmp_path / "out" / "example.mp4")
    assert picture_times(target) == picture_times(EXAMPLE)
    assert audio_bytes(target) == audio_bytes(EXAMPLE)
    with av.open(str(target)) as new, av.open(str(EXAMPLE)) as old:
        assert new.streams.video[0].codec_context.name == "h264"
        assert new.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert new.duration is not None
        assert old.duration is not None
        assert abs(new.duration - old.duration) < 1_000_000 / 24
    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert left_over(target.parent) == ["example.mp4"]


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv", "uneven.ts"])
def test_frames_of_a_variable_rate_keep_their_own_times(tmp_path: Path, name: str) -> None:
    source = variable_rate(tmp_path / name)
    target = annotate(source, tmp_path / "annotated.mp4")
    expected = picture_times(source)
    assert len({round(b - a, 3) for a, b in pairwise(expected)}) > 2
    # A transport stream's clock starts anywhere; only what follows its start is content.
    start = expected[0] if name.endswith("ts") else 0.0
    assert picture_times(target) == pytest.approx([time_s - start for time_s in expected], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "codec", "kept"),
    [
        ("a.mp4", "aac", "aac"),
        ("a.mkv", "libmp3lame", "mp3"),
        ("a.mkv", "libopus", "opus"),
        ("a.mkv", "flac", "flac"),
        ("a.ts", "ac3", "ac3"),
        ("a.mov", "alac", "alac"),
        ("a.mov", "pcm_s16le", "aac"),
        ("a.mkv", "libvorbis", "aac"),
    ],
)
def test_sound_stays_in_sync_and_in_its_codec_where_mp4_can_hold_it(
    tmp_path: Path, name: str, codec: str, kept: str
) -> None:
    source = flashes_and_beeps(tmp_path / name, "-c:v", "mpeg2video" if name.endswith("ts") else "mpeg4", "-c:a", codec)
    target = annotate(source, tmp_path / "annotated.mp4")
    assert flash_times(target) == pytest.approx([0, 1, 2, 3], abs=0.001)
    assert beep_times(target) == pytest.approx([0, 1, 2, 3], abs=0.002)
    with av.open(str(target)) as container:
        assert container.streams.audio[0].codec.canonical_name == kept


@pytest.mark.parametrize("late", ["picture", "sound"])
def test_picture_and_sound_that_start_apart_stay_apart(tmp_path: Path, late: str) -> None:
    together = flashes_and_beeps(tmp_path / "together.mp4", "-c:v", "mpeg4", "-c:a", "aac")
    source = tmp_path / "apart.mp4"
    first, second = ("0.6", "0") if late == "picture" else ("0", "0.6")
    ffmpeg("-itsoffset", first, "-i", together, "-itsoffset", second, "-i", together, "-map", "0:v", "-map", "1:a",
           "-c", "copy", source)  # fmt: skip
    target = annotate(source, tmp_path / "annotated.mp4")
    assert flash_times(target) == pytest.approx([float(first) + i for i in range(4)], abs=0.001)
    assert beep_times(target) == pytest.approx([float(second) + i for i in range(4)], abs=0.002)


def test_a_range_of_time_starts_at_zero_with_its_own_sound(tmp_path: Path) -> None:
    source = flashes_and_beeps(tmp_path / "whole.mp4", "-c:v", "mpeg4", "-c:a", "aac")
    target = annotate(source, tmp_path / "annotated.mp4", start_s=1.48, end_s=3.1)
    assert flash_times(target) == pytest.approx([0.52, 1.52], abs=0.001)
    assert beep_times(target) == pytest.approx([0.52, 1.52], abs=0.002)
    with av.open(str(target)) as container:
        assert container.duration == pytest.approx(1_640_000, abs=40_000)


def test_sound_that_outlasts_the_pictures_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:d=1", "-f", "lavfi", "-i", BEEPS, source)
    assert beep_times(annotate(source, tmp_path / "annotated.mp4")) == pytest.approx([0, 1, 2, 3], abs=0.002)


def test_finishing_early_gives_a_whole_shorter_video(tmp_path: Path) -> None:
    target = tmp_path / "annotated.mp4"
    with AnnotatedVideo(target, EXAMPLE) as video:
        for frame in frames(EXAMPLE):
            if frame.index == 100:
                break
            video.write(frame, None)
    assert picture_times(target) == picture_times(EXAMPLE)[:100]
    with av.open(str(target)) as container:
        assert container.duration == pytest.approx(1e6 * 100 * 1001 / 24000, abs=45_000)


def test_odd_sizes_gain_a_repeated_pixel(tmp_path: Path) -> None:
    source = tmp_path / "odd.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=161x121:d=0.4", "-c:v", "ffv1", "-pix_fmt", "yuv444p", source)
    target = tmp_path / "annotated.mp4"
    with AnnotatedVideo(target, source, encoding=EncoderOptions(crf=1)) as video:
        for frame in frames(source):
            video.write(frame, None)
    new = next(frames(target)).picture.to_ndarray(format="gray").astype(int)
    old = next(frames(source)).picture.to_ndarray(format="gray").astype(int)
    assert new.shape == (122, 162)
    assert np.abs(new[:121, :161] - old).mean() < 3
    assert np.abs(new[:, 161] - new[:, 160]).mean() < 3


def test_turned_pictures_are_written_upright_and_other_sizes_scaled(tmp_path: Path) -> None:
    small = np.zeros((120, 160, 3), np.uint8)
    small[:, 80:] = 255
    with AnnotatedVideo(tmp_path / "a.mp4", None, frame_rate=Fraction(10)) as video:
        for i, pixels in enumerate([small, np.asarray(cv2.resize(small, (320, 240)), np.uint8)]):
            height, width = pixels.shape[:2]
            stored = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            video.write(Frame(i, i / 10, stored, Display(height, width, turns=1)), None)
    written = [frame.picture.to_ndarray(format="gray") for frame in frames(tmp_path / "a.mp4")]
    for picture in written:
        assert picture.shape == (160, 120)
        # Turned counter-clockwise, the right half comes to the top.
        assert picture[:70].mean() > 225
        assert picture[90:].mean() < 25


def test_faces_are_drawn_where_they_are_and_nothing_else_changes(tmp_path: Path) -> None:
    source = tmp_path / "gray.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=640x360:d=0.4", "-c:v", "ffv1", source)
    target = tmp_path / "annotated.mp4"
    with AnnotatedVideo(target, source) as video:
        for frame in frames(source):
            video.write(frame, observe((100, 100, 120, 120)))
    picture = list(frames(target))[-1].rgb().astype(int)
    edge = picture[100:106, 160]
    assert (edge[:, 0] - edge[:, 2]).max() > 60, "the box's upper side is yellow"
    assert np.abs(picture[110:210, 112:208] - picture[300, 300]).max() < 12, "the face itself is free"
    assert np.abs(picture[:, 400:] - picture[300, 300]).max() < 12


def test_an_exception_leaves_no_file_and_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "annotated.mp4"
    target.write_bytes(b"from before")

    def fail() -> None:
        with AnnotatedVideo(target, EXAMPLE) as video:
            for frame in frames(EXAMPLE):
                video.write(frame, None)
                if frame.index == 20:
                    assert len(left_over(tmp_path)) == 2
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert left_over(tmp_path) == ["annotated.mp4"]
    assert target.read_bytes() == b"from before"


def _write_all(video: AnnotatedVideo, at: int, then: Callable[[], None]) -> None:
    with video:
        for frame in frames(EXAMPLE):
            if frame.index == at:
                then()
            video.write(frame, None)


def test_an_encoder_that_dies_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    video = AnnotatedVideo(tmp_path / "annotated.mp4", EXAMPLE)

    def kill() -> None:
        assert video.encoder_pid is not None
        os.kill(video.encoder_pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    with pytest.raises(
        OutputError,
        match=r"annotated\.mp4: the annotated video cannot be written .*video=False",
    ):
        _write_all(video, 50, kill)
    assert left_over(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="limits of file sizes are POSIX")
def test_a_file_that_cannot_grow_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    video = AnnotatedVideo(tmp_path / "annotated.mp4", EXAMPLE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError):
            _write_all(video, -1, lambda: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_over(tmp_path) == []


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(OutputError, match="taken"), AnnotatedVideo(tmp_path / "taken" / "a.mp4", None) as video:
        video.write(next(frames(EXAMPLE)), None)


@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")
def test_the_terminals_interrupt_does_not_reach_the_encoder(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "a.mp4", None) as video:
        video.write(next(frames(EXAMPLE)), None)
        assert video.encoder_pid is not None
        assert os.getpgid(video.encoder_pid) != os.getpgrp()


def test_no_frame_makes_no_file(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "a.mp4", EXAMPLE):
        pass
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("suffix", [".jpg", ".PNG", ".webp"])
def test_a_photograph_is_written_in_its_own_format(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"photo{suffix}"
    frame = next(frames(EXAMPLE))
    with AnnotatedPhoto(target) as photo:
        photo.write(frame, observe((100, 100, 120, 120)))
    assert left_over(tmp_path) == [target.name]
    written = next(frames(target)).rgb()
    assert written.shape == (360, 640, 3)
    away = np.abs(written[:, 400:].astype(int) - frame.rgb()[:, 400:])
    assert away.mean() < 2


def test_a_photograph_in_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.png"):
        AnnotatedPhoto(tmp_path / "photo.gif")
