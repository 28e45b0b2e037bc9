"""What users may rely on when recordings are read, proved on clips made by ffmpeg."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.clips import clip, clip_with_sound, cut, ffmpeg
from helpers.paths import EXAMPLE
from numpy.typing import NDArray

from fer_batch.errors import InputError
from fer_batch.video.frame import Frame
from fer_batch.video.open import open_source
from fer_batch.video.probe import Probe
from fer_batch.video.source import ReadCounts
from fer_batch.video.video_reader import VideoFile

Picture = NDArray[np.uint8]

X264 = ("-c:v", "libx264", "-preset", "ultrafast")
"""Without B-frames."""
B_FRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")


@dataclass(frozen=True)
class Read:
    """All that reading a recording gave."""

    probe: Probe
    counts: ReadCounts
    times: list[float]
    sizes: list[tuple[int, int]]


def read(path: Path) -> Read:
    with open_source(path) as source:
        seen = []
        for number, frame in enumerate(source.frames()):
            assert frame.index == number
            assert frame.luma().shape == (frame.height, frame.width)
            seen.append((frame.time_s, (frame.width, frame.height)))
        return Read(source.probe, source.counts, [time for time, _ in seen], [size for _, size in seen])


def first_frame(path: Path) -> Frame:
    with open_source(path) as source:
        return next(iter(source.frames()))


def refusal(path: Path) -> str:
    """The one sentence with which a recording is refused."""
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.endswith(".")
    assert "\n" not in message
    assert "Errno" not in message
    return message


def difference(one: Picture, other: Picture) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def damaged(path: Path, target: Path, begin: float = 0.5, end: float = 0.53) -> Path:
    """The file with noise between two shares of its length."""
    data = bytearray(path.read_bytes())
    first, last = int(len(data) * begin), int(len(data) * end)
    data[first:last] = np.random.default_rng(1).bytes(last - first)
    target.write_bytes(data)
    return target


class TestContainersAndCodecs:
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("h264.mp4", X264),
            ("h264 with B-frames.mp4", B_FRAMES),
            ("h264 with B-frames.mov", B_FRAMES),
            ("h264 with B-frames.mkv", B_FRAMES),
            ("h264 with B-frames.avi", B_FRAMES),
            ("h264 without B-frames.avi", X264),
            ("h264 with B-frames.ts", B_FRAMES),
            ("h264 with B-frames.flv", B_FRAMES),
            ("fragmented.mp4", (*B_FRAMES, "-g", "10", "-movflags", "frag_keyframe+empty_moov")),
            ("hevc.mp4", X265),
            ("hevc.mkv", X265),
            ("vp8.webm", VP8),
            ("vp9.webm", VP9),
            ("vp9.mp4", VP9),
            ("mpeg4.mp4", ("-c:v", "mpeg4", "-bf", "2")),
            ("mpeg4.avi", ("-c:v", "mpeg4", "-bf", "2")),
            ("mpeg2.mpg", ("-c:v", "mpeg2video", "-bf", "2")),
            ("mjpeg.avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")),
            ("mjpeg.mov", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")),
            ("ffv1.mkv", ("-c:v", "ffv1")),
            ("prores.mov", ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le")),
            ("wmv2.wmv", ("-c:v", "wmv2")),
            ("theora.ogv", ("-c:v", "libtheora")),
            ("animation.gif", ("-pix_fmt", "rgb8")),
            ("raw.h264", X264),
            ("raw.h265", X265),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_gives_every_frame_at_its_time(self, tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
        found = read(clip(tmp_path / name, *options))
        assert found.times == pytest.approx([i / 25 for i in range(25)], abs=1e-9)
        assert set(found.sizes) == {(96, 64)}
        assert (found.probe.width, found.probe.height, found.probe.frame_rate) == (96, 64, 25)
        assert found.probe.frames in {25, None, 27}, "the container's own count, which FLV gets wrong"
        assert found.counts.damaged_packets == found.counts.damaged_frames == 0
        assert found.counts.ended_early is None

    def test_a_stream_without_any_times_says_that_they_are_estimated(self, tmp_path: Path) -> None:
        assert read(clip(tmp_path / "raw.h264", *X264)).counts.repaired_times == 25
        assert read(clip(tmp_path / "timed.mp4", *X264)).counts.repaired_times == 0


class TestTimes:
    @pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts", ".webm"])
    def test_of_a_variable_rate_are_the_containers(self, tmp_path: Path, suffix: str) -> None:
        kept = [n for n in range(50) if n % 3 == 0 or n % 7 == 0]
        uneven = ("-vf", "select='not(mod(n,3))+not(mod(n,7))'", "-fps_mode", "vfr")
        options = VP8 if suffix == ".webm" else B_FRAMES
        path = clip(tmp_path / f"uneven{suffix}", *options, *uneven, seconds=2)
        assert read(path).times == pytest.approx([n / 25 for n in kept], abs=1e-9)

    def test_start_at_zero_where_the_stream_starts_later(self, tmp_path: Path) -> None:
        late = clip(tmp_path / "late.ts", *B_FRAMES, "-output_ts_offset", "100")
        assert read(late).times == pytest.approx([i / 25 for i in range(25)], abs=1e-9)

    def test_are_those_of_the_example(self) -> None:
        found = read(EXAMPLE)
        assert found.times == pytest.approx([i * 1001 / 24000 for i in range(472)], abs=1e-9)
        assert set(found.sizes) == {(640, 360)}
        assert found.counts == ReadCounts(frames=472)

    def test_go_on_where_a_recorder_started_anew_with_another_picture_size(self, tmp_path: Path) -> None:
        small = clip(tmp_path / "small.ts", *X264)
        large = clip(tmp_path / "large.ts", *X264, size="128x96", rate="10")
        both = tmp_path / "both.ts"
        both.write_bytes(small.read_bytes() + large.read_bytes())
        found = read(both)
        assert found.sizes == [(96, 64)] * 25 + [(128, 96)] * 10
        steps = [after - before for before, after in pairwise(found.times)]
        assert steps == pytest.approx([0.04] * 25 + [0.1] * 9, abs=1e-9)

    def test_and_counts_leave_out_what_an_edit_list_cuts_off(self, tmp_path: Path) -> None:
        whole = clip(tmp_path / "whole.mp4", *X264, "-g", "100", seconds=2)
        trimmed = tmp_path / "trimmed.mp4"
        ffmpeg("-ss", "1.2", "-i", whole, "-c", "copy", trimmed)
        found = read(trimmed)
        assert found.times == pytest.approx([i / 25 for i in range(20)], abs=1e-9)
        assert found.probe.frames == 20

    def test_and_duration_are_the_videos_where_sound_lasts_longer(self, tmp_path: Path) -> None:
        for suffix in (".mp4", ".mkv"):
            path = clip_with_sound(tmp_path / f"sound{suffix}", *X264, seconds=1, sound_s=3)
            found = read(path)
            assert found.probe.duration_s == pytest.approx(1, abs=0.002)
            assert found.probe.frames == 25
            assert len(found.times) == 25


class TestPictures:
    @pytest.mark.parametrize("degrees", [90, 180, 270])
    def test_are_turned_as_the_container_says(self, tmp_path: Path, degrees: int) -> None:
        stored = clip(tmp_path / "stored.mp4", *X264, "-qp", "1")
        turned = tmp_path / "turned.mp4"
        ffmpeg("-display_rotation", str(degrees), "-i", stored, "-c", "copy", turned)
        upright, shown = first_frame(stored), first_frame(turned)
        turns = degrees // 90
        assert np.array_equal(shown.luma(), np.rot90(upright.luma(), turns))
        assert np.array_equal(shown.rgb(), np.rot90(upright.rgb(), turns))
        assert difference(shown.small(48), np.ascontiguousarray(np.rot90(upright.small(48), turns))) < 1
        assert (shown.width, shown.height) == ((64, 96) if turns % 2 else (96, 64))
        assert read(turned).probe.rotation == degrees

    @pytest.mark.parametrize("flip", ["-display_hflip", "-display_vflip"])
    @pytest.mark.parametrize("degrees", [0, 90, 270])
    def test_that_are_to_be_mirrored_are_upright_at_least(self, tmp_path: Path, flip: str, degrees: int) -> None:
        stored = clip(tmp_path / "stored.mp4", *X264, "-qp", "1")
        mirrored, as_ffmpeg_shows = tmp_path / "mirrored.mp4", tmp_path / "shown.mkv"
        ffmpeg("-display_rotation", str(degrees), flip, "-i", stored, "-c", "copy", mirrored)
        ffmpeg("-i", mirrored, "-c:v", "ffv1", as_ffmpeg_shows)
        assert np.array_equal(first_frame(mirrored).luma(), first_frame(as_ffmpeg_shows).luma()[:, ::-1])

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("4:4:4.mp4", (*X264, "-qp", "1", "-pix_fmt", "yuv444p")),
            ("4:2:2 with 10 bits.mov", ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le")),
            ("10 bits.mp4", (*X264, "-qp", "1", "-pix_fmt", "yuv420p10le")),
            ("full range.mp4", (*X264, "-qp", "1", "-vf", "scale=out_range=full", "-color_range", "pc")),
            ("RGB.mp4", ("-c:v", "libx264rgb", "-preset", "ultrafast", "-qp", "1", "-pix_fmt", "rgb24")),
            ("PNG.mov", ("-c:v", "png", "-pix_fmt", "rgb24")),
            ("transparent PNG.mov", ("-c:v", "png", "-pix_fmt", "rgba")),
            ("palette.gif", ("-pix_fmt", "rgb8")),
            ("gray.mkv", ("-c:v", "ffv1", "-pix_fmt", "gray")),
            ("gray with 10 bits.mkv", ("-c:v", "ffv1", "-pix_fmt", "gray10le")),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_look_alike_in_every_pixel_format(self, tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
        reference = first_frame(clip(tmp_path / "reference.mkv", "-c:v", "ffv1", "-pix_fmt", "bgr0")).rgb()
        frame = first_frame(clip(tmp_path / name, *options))
        if "gray" in name:
            reference = np.repeat(cv2.cvtColor(reference, cv2.COLOR_RGB2GRAY)[:, :, None], 3, 2).astype(np.uint8)
        assert difference(frame.rgb(), reference) < 14
        gray = cv2.cvtColor(frame.rgb(), cv2.COLOR_RGB2GRAY).ravel().astype(float)
        assert np.corrcoef(frame.luma().ravel(), gray)[0, 1] > 0.98, "luma is the same picture"

    def test_of_odd_size_keep_it(self, tmp_path: Path) -> None:
        path = clip(tmp_path / "odd.mkv", "-vf", "crop=321:179:0:0:exact=1", "-c:v", "ffv1", size="340x200")
        frame = first_frame(path)
        assert frame.luma().shape == (179, 321)
        assert frame.rgb().shape == (179, 321, 3)

    def test_with_oblong_pixels_are_shown_with_square_ones(self, tmp_path: Path) -> None:
        upright = first_frame(clip(tmp_path / "square.mp4", *X264, "-qp", "1"))
        frame = first_frame(clip(tmp_path / "oblong.mp4", *X264, "-qp", "1", "-vf", "setsar=2"))
        assert frame.luma().shape == (64, 192)
        assert frame.rgb().shape == (64, 192, 3)
        assert difference(frame.luma()[:, ::2], upright.luma()) < 5

    def test_with_pixels_oblong_by_rounding_are_not_resized(self, tmp_path: Path) -> None:
        frame = first_frame(clip(tmp_path / "nearly.mp4", *X264, "-qp", "1", "-vf", "setsar=447/448", size="960x540"))
        assert frame.luma().shape == (540, 960)
        assert frame.rgb().shape == (540, 960, 3)


class TestWhatIsNoRecording:
    def test_is_told_from_what_is_damaged(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty.mp4"
        empty.touch()
        assert "empty (0 bytes)" in refusal(empty)
        text = tmp_path / "text.mp4"
        text.write_text("This is no video.\n" * 50)
        assert "damaged or not a video" in refusal(text)
        noise = tmp_path / "noise.mp4"
        noise.write_bytes(np.random.default_rng(1).bytes(50_000))
        assert "damaged or not a video" in refusal(noise)

    def test_as_text_is_not_drawn_as_a_picture(self, tmp_path: Path) -> None:
        notes = tmp_path / "notes.txt"
        notes.write_text("FFmpeg would show this as a video.\n" * 50)
        assert "is not a video" in refusal(notes)

    def test_as_a_list_leads_to_no_other_file(self, tmp_path: Path) -> None:
        clip(tmp_path / "other.mp4", *X264)
        entries = tmp_path / "list.mp4"
        entries.write_text("ffconcat version 1.0\nfile other.mp4\n")
        assert "is not a video" in refusal(entries)

    @pytest.mark.parametrize("name", ["sound.m4a", "sound.mp3", "sound.mp4", "sound.wav"])
    def test_as_sound_says_so(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        ffmpeg("-f", "lavfi", "-i", "sine=d=1", path)
        assert "holds only audio" in refusal(path)

    @pytest.mark.parametrize("suffix", [".mp3", ".m4a"])
    def test_as_sound_with_a_cover_says_so_too(self, tmp_path: Path, suffix: str) -> None:
        sound, cover, both = tmp_path / f"sound{suffix}", tmp_path / "cover.jpg", tmp_path / f"both{suffix}"
        ffmpeg("-f", "lavfi", "-i", "sine=d=1", sound)
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", cover)
        streams = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic")
        ffmpeg("-i", sound, "-i", cover, *streams, both)
        assert "holds only audio" in refusal(both)

    def test_as_a_folder_pipe_or_nothing_at_all_says_so(self, tmp_path: Path) -> None:
        assert "is a folder" in refusal(tmp_path)
        assert "no such file" in refusal(tmp_path / "missing.mp4")
        if hasattr(os, "mkfifo"):
            pipe = tmp_path / "pipe.mp4"
            os.mkfifo(pipe)
            assert "is a pipe or device" in refusal(pipe)

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
    def test_that_may_not_be_read_says_so(self, tmp_path: Path) -> None:
        path = clip(tmp_path / "secret.mp4", *X264)
        path.chmod(0)
        assert "Permission denied" in refusal(path)


class TestACutFile:
    def test_whose_index_was_at_its_end_cannot_be_read(self, tmp_path: Path) -> None:
        whole = clip(tmp_path / "whole.mp4", *X264)
        assert "is cut short" in refusal(cut(whole, tmp_path / "cut.mp4", 0.6))

    @pytest.mark.parametrize(
        ("suffix", "options"),
        [
            (".mp4", (*X264, "-movflags", "+faststart")),
            (".mov", (*B_FRAMES, "-movflags", "+faststart")),
            (".mp4", (*X264, "-g", "10", "-movflags", "frag_keyframe+empty_moov")),
            (".mkv", X264),
            (".webm", VP8),
            (".avi", X264),
            (".flv", X264),
            (".wmv", ("-c:v", "wmv2")),
        ],
    )
    @pytest.mark.parametrize("share", [0.6, 0.95])
    def test_is_read_as_far_as_it_goes_and_says_so(
        self, tmp_path: Path, suffix: str, options: tuple[str, ...], share: float
    ) -> None:
        whole = clip(tmp_path / f"whole{suffix}", *options, seconds=2)
        path = cut(whole, tmp_path / f"cut{suffix}", share)
        found = read(path)
        assert 50 * share / 2 < len(found.times) < 50
        places = [round(time * 25) for time in found.times]
        assert found.times == pytest.approx([place / 25 for place in places], abs=1e-9)
        # The last picture may be one whose neighbours, which come later in the file, are lost.
        assert places[:-1] == list(range(len(places) - 1))
        assert 0 < places[-1] - places[-2] <= 5
        message = str(found.counts.ended_early)
        assert message is not None
        assert message.startswith(f"{path}: is cut short after ")
        assert message.endswith(".")
        assert read(whole).counts.ended_early is None

    @pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".flv", ".avi"])
    def test_is_none_whose_last_frame_is_shown_for_long(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"slides{suffix}"
        sources = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=1", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=1/5:d=10")
        options = (*(VP8 if suffix == ".webm" else X264), "-pix_fmt", "yuv420p")
        rate = ("-fps_mode", "cfr") if suffix == ".avi" else ("-fps_mode", "passthrough")
        ffmpeg(*sources, "-filter_complex", "[0][1]concat,settb=1/1000", *rate, *options, path)
        assert read(path).counts.ended_early is None

    @pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts"])
    def test_is_none_whose_sound_or_subtitles_last_longer(self, tmp_path: Path, suffix: str) -> None:
        video = clip_with_sound(tmp_path / "video.mp4", *X264, seconds=1, sound_s=2)
        subtitles = tmp_path / "subtitles.srt"
        subtitles.write_text("1\n00:00:00,000 --> 00:00:09,000\nhello\n")
        path = tmp_path / f"longer{suffix}"
        streams = ["-map", "0", "-map", "1"] + (["-map", "2"] if suffix == ".mkv" else [])
        sources = ("-i", video, "-f", "lavfi", "-i", "sine=d=6", "-i", subtitles)
        ffmpeg(*sources, *streams, "-c:v", "copy", path)
        assert read(path).counts.ended_early is None


class TestADamagedFile:
    @pytest.mark.parametrize(
        ("suffix", "options"),
        [
            (".mp4", (*X264, "-g", "10")),
            (".mp4", (*X265, "-g", "10")),
            (".mp4", ("-c:v", "mpeg4", "-g", "10")),
            (".ts", (*B_FRAMES, "-g", "10")),
            (".mkv", (*X264, "-g", "10", "-cluster_time_limit", "200")),
            (".avi", (*B_FRAMES, "-g", "10")),
        ],
    )
    def test_is_read_but_for_the_damage_which_is_counted(
        self, tmp_path: Path, suffix: str, options: tuple[str, ...]
    ) -> None:
        whole = clip(tmp_path / f"whole{suffix}", *options, seconds=4, size="160x120")
        found = read(damaged(whole, tmp_path / f"damaged{suffix}"))
        assert found.counts.damaged_packets + found.counts.damaged_frames > 0
        assert 60 < len(found.times) <= 100
        assert found.times[-1] == pytest.approx(99 / 25, abs=0.5), "what follows the damage keeps its times"
        assert all(after > before for before, after in pairwise(found.times))

    def test_of_which_the_rest_cannot_be_found_again_says_so(self, tmp_path: Path) -> None:
        whole = clip(tmp_path / "one cluster.mkv", *X264, seconds=4)
        message = str(read(damaged(whole, tmp_path / "damaged.mkv")).counts.ended_early)
        assert message is not None
        assert "is damaged and could be read only for" in message

    def test_without_one_frame_that_decodes_is_refused(self, tmp_path: Path) -> None:
        whole = clip(tmp_path / "whole.mp4", *X264)
        path = damaged(whole, tmp_path / "damaged.mp4", 0.005, 0.9)
        assert "not one frame" in refusal(path)

    @pytest.mark.parametrize("codec", [(*X264, "-bf", "0"), ("-c:v", "mpeg4")])
    def test_gives_the_same_pictures_each_time(self, tmp_path: Path, codec: tuple[str, ...]) -> None:
        whole = clip(tmp_path / "whole.mp4", *codec, "-g", "30", seconds=4, size="320x240")
        data = bytearray(whole.read_bytes())
        for place in range(len(data) // 4, len(data) * 9 // 10, len(data) // 10):
            data[place : place + 40] = bytes(range(40))
        path = tmp_path / "damaged.mp4"
        path.write_bytes(data)
        seen = []
        for _ in range(6):
            with VideoFile(path) as source:
                seen.append([frame.luma().tobytes() for frame in source.frames()])
        assert all(one == seen[0] for one in seen)

    def test_gives_the_same_times_with_any_number_of_threads(self, tmp_path: Path) -> None:
        whole = clip(tmp_path / "whole.mp4", *B_FRAMES, "-g", "10", seconds=4, size="160x120")
        path = damaged(whole, tmp_path / "damaged.mp4")
        times = []
        for threads in (1, 2, 5):
            with VideoFile(path, threads) as source:
                times.append([frame.time_s for frame in source.frames()])
        assert times[0] == times[1] == times[2]


def save(picture: Picture, path: Path) -> Path:
    assert cv2.imwrite(str(path), picture)
    return path


def with_orientation(jpeg: Path, orientation: int) -> Path:
    """Puts an EXIF block with one entry behind a JPEG's first marker."""
    entry = bytes.fromhex("0112 0003 00000001") + orientation.to_bytes(2) + bytes(2)
    block = b"Exif\0\0MM\0*" + (8).to_bytes(4) + (1).to_bytes(2) + entry + bytes(4)
    data = jpeg.read_bytes()
    jpeg.write_bytes(data[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block + data[2:])
    return jpeg


@pytest.fixture(name="picture")
def a_picture(tmp_path: Path) -> Picture:
    """A colourful picture, BGR."""
    path = tmp_path / "pattern.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64", "-frames:v", "1", path)
    return np.asarray(cv2.imread(str(path)), np.uint8)


class TestPhotos:
    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".JPG", ".webp", ".bmp", ".tif"])
    def test_are_recordings_of_one_frame(self, tmp_path: Path, picture: Picture, suffix: str) -> None:
        path = save(picture, tmp_path / f"photo{suffix}")
        found = read(path)
        assert (found.times, found.sizes) == ([0.0], [(96, 64)])
        assert (found.probe.kind, found.probe.frames) == ("photo", 1)
        assert difference(first_frame(path).rgb()[:, :, ::-1], picture) < 12

    @pytest.mark.parametrize(
        ("orientation", "upright"),
        [
            (2, lambda p: p[:, ::-1]),
            (3, lambda p: np.rot90(p, 2)),
            (6, lambda p: np.rot90(p, -1)),
            (8, lambda p: np.rot90(p, 1)),
        ],
    )
    def test_are_turned_as_their_exif_says(
        self, tmp_path: Path, picture: Picture, orientation: int, upright: Callable[[Picture], Picture]
    ) -> None:
        plain = first_frame(save(picture, tmp_path / "plain.jpg"))
        frame = first_frame(with_orientation(save(picture, tmp_path / "photo.jpg"), orientation))
        assert np.array_equal(frame.rgb(), upright(plain.rgb()))
        assert np.array_equal(frame.luma(), upright(plain.luma()))

    def test_with_16_bits_alpha_or_gray_look_the_same(self, tmp_path: Path, picture: Picture) -> None:
        deep = cv2.imwrite(str(tmp_path / "deep.png"), picture.astype(np.uint16) * 257)
        clear = cv2.imwrite(str(tmp_path / "clear.png"), cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA))
        assert deep
        assert clear
        for name in ("deep.png", "clear.png"):
            assert np.array_equal(first_frame(tmp_path / name).rgb()[:, :, ::-1], picture)
        gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        assert difference(first_frame(save(gray, tmp_path / "gray.png")).luma(), gray) < 1

    def test_in_print_colours_look_the_same(self, tmp_path: Path, picture: Picture) -> None:
        image = pytest.importorskip("PIL.Image")
        image.fromarray(np.ascontiguousarray(picture[:, :, ::-1])).convert("CMYK").save(tmp_path / "print.jpg")
        assert difference(first_frame(tmp_path / "print.jpg").rgb()[:, :, ::-1], picture) < 12

    @pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
    def test_that_are_cut_or_no_picture_are_refused(self, tmp_path: Path, picture: Picture, suffix: str) -> None:
        whole = save(picture, tmp_path / f"whole{suffix}")
        assert "cannot be read as a photo" in refusal(cut(whole, tmp_path / f"cut{suffix}", 0.5))
        text = tmp_path / f"text{suffix}"
        text.write_text("This is no picture.")
        assert "cannot be read as a photo" in refusal(text)

    def test_that_move_give_their_first_picture_as_webp_and_all_as_gif(self, tmp_path: Path) -> None:
        assert len(read(clip(tmp_path / "moving.webp", "-c:v", "libwebp_anim")).times) == 1
        assert len(read(clip(tmp_path / "moving.gif", "-pix_fmt", "rgb8")).times) == 25


def test_a_file_damaged_at_its_start_is_read_from_where_it_can_be(tmp_path: Path) -> None:
    data = bytearray(EXAMPLE.read_bytes())
    with av.open(str(EXAMPLE)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size][:70]
    for packet in packets:
        assert packet.pos is not None
        data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)

    with open_source(path) as source:
        frames = sum(1 for _ in source.frames())

    assert frames >= 390
    assert source.counts.damaged_packets >= 60
