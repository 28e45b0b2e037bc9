"""What a header claims is checked before memory is taken for it, wherever pictures are read."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.clips import clip
from helpers.paths import ASTRONAUT

import fer_batch
from fer_batch.evaluation.datasets import read_faces


def jpeg(path: Path) -> Path:
    """A JPEG of 16 by 16 pixels whose frame header says 30000 by 30000."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 16, 16, "yuvj420p"
    encoder.time_base = 1  # type: ignore[assignment]
    picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24").reformat(format="yuvj420p")
    data = bytearray(bytes(encoder.encode(picture)[0]))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = (30_000).to_bytes(2) * 2
    path.write_bytes(data)
    return path


def png(path: Path) -> Path:
    data = bytearray(ASTRONAUT.read_bytes())
    data[16:24] = (60_000).to_bytes(4) * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
    path.write_bytes(data)
    return path


def gif(path: Path) -> Path:
    """35 bytes."""
    size = (60_000).to_bytes(2, "little") * 2
    path.write_bytes(b"GIF89a" + size + b"\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;")
    return path


def wide_pixels(path: Path) -> Path:
    """Pixels a hundred times as wide as high: a small picture that would be shown as a huge one."""
    return clip(path, "-c:v", "mpeg4", "-vf", "scale=1280:960,setsar=100/1")


def joined(folder: Path, *sizes: str) -> Path:
    """Motion JPEG whose size changes every 25 frames."""
    options = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-f", "mjpeg")
    parts = [clip(folder / f"{number}.part", *options, size=size) for number, size in enumerate(sizes)]
    whole = folder / "joined.mjpeg"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole


FORGED = {"a.jpg": jpeg, "a.png": png, "a.gif": gif, "a.mkv": wide_pixels}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORGED)
def test_forged_sizes_are_refused_in_one_sentence_and_take_no_memory(tmp_path: Path, name: str) -> None:
    path = FORGED[name](tmp_path / name)
    program = (
        "import resource, sys, fer_batch\n"
        "fer_batch.analyze(sys.argv[2])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: fer_batch.analyze(sys.argv[1])\n"
        "except fer_batch.InputError as error: print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, path, ASTRONAUT], capture_output=True, text=True, check=True, timeout=120
    )

    sentence, grown = done.stdout.splitlines()
    assert sentence.startswith(f"{path}: its pictures")
    assert "more than the 100 million pixels that are allowed; allow more with max_pixels" in sentence
    assert int(grown) / 1024 < 60, "MiB"


@pytest.mark.slow
def test_every_command_that_decodes_refuses_what_is_too_large(tmp_path: Path) -> None:
    video, photo = clip(tmp_path / "a.mp4"), tmp_path / "still.png"
    photo.write_bytes(ASTRONAUT.read_bytes())
    commands = [
        ["analyze", video, "-o", tmp_path / "out", "--max-pixels", "6000"],
        ["analyze", photo, "-o", tmp_path / "out", "--max-pixels", "6000"],
        ["live", video, "--realtime", "-o", tmp_path / "live", "--max-pixels", "6000"],
        ["probe", video, "--max-pixels", "6000"],
        ["probe", photo, "--max-pixels", "6000"],
    ]
    for arguments in commands:
        done = subprocess.run(
            [sys.executable, "-m", "fer_batch", *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, arguments
        assert "--max-pixels" in done.stderr, arguments
    with pytest.raises(fer_batch.InputError, match="allow more with max_pixels"):
        fer_batch.stream(video, max_pixels=6000)
    with pytest.raises(fer_batch.InputError, match="give a whole number"):
        fer_batch.analyze(video, max_pixels=0)


def test_pictures_that_become_too_large_in_mid_stream_end_a_recording_there(tmp_path: Path) -> None:
    both = joined(tmp_path, "96x64", "480x320")

    sentence = "after 25 frames its pictures have more than the 0.01 million pixels"
    with pytest.warns(fer_batch.FerBatchWarning, match=sentence):
        assert len(list(fer_batch.stream(both, max_pixels=10_000))) == 25


def test_another_limit_makes_no_finished_recording_be_done_again(tmp_path: Path) -> None:
    fer_batch.analyze(ASTRONAUT, output=tmp_path)
    document = tmp_path / "recordings" / f"{ASTRONAUT.name}.json"
    before = document.read_bytes()

    fer_batch.analyze(ASTRONAUT, output=tmp_path, max_pixels=1_000_000)

    assert document.read_bytes() == before


def test_a_data_sets_picture_that_is_too_large_is_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "happy").mkdir()
    png(tmp_path / "happy" / "huge.png")
    (tmp_path / "happy" / "still.png").write_bytes(ASTRONAUT.read_bytes())

    faces = read_faces(tmp_path)

    assert [faces.gray(0) is None, faces.gray(1) is None] == [True, False]
    assert "larger than the limit" in faces.problem(0)


def test_a_png_that_claims_more_than_its_file_holds_is_refused(tmp_path: Path) -> None:
    data = bytearray(ASTRONAUT.read_bytes())
    place = data.index(b"IDAT") - 4
    data[place : place + 4] = (1_853_096_020).to_bytes(4)
    (tmp_path / "a.png").write_bytes(data)

    with pytest.raises(fer_batch.InputError, match=r"a\.png: cannot be read as a photo"):
        fer_batch.analyze(tmp_path / "a.png")


def test_photos_with_odd_but_harmless_headers_are_analysed(tmp_path: Path) -> None:
    """A text of megabytes, as image generators write it; a wrong checksum of a part that is not needed."""
    data = ASTRONAUT.read_bytes()
    text = b"zTXtparameters\0\0" + zlib.compress(b"a" * 3_000_000)
    for name, chunk, checksum in (("a.png", text, zlib.crc32(text)), ("b.png", b"tEXta\0b", 1)):
        part = (len(chunk) - 4).to_bytes(4) + chunk + checksum.to_bytes(4)
        (tmp_path / name).write_bytes(data[:33] + part + data[33:])
    plain = fer_batch.analyze(ASTRONAUT)

    rows = fer_batch.analyze(tmp_path)

    assert rows["happy"].to_list() == 2 * plain["happy"].to_list()


def test_a_format_that_is_none_of_a_photos_is_refused(tmp_path: Path) -> None:
    """OpenCV would decode it, and its decoder is known to crash on some."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    (tmp_path / "a.jpg").write_bytes(cv2.imencode(".jp2", pixels)[1].tobytes())

    with pytest.raises(fer_batch.InputError, match=r"a\.jpg: cannot be read as a photo"):
        fer_batch.analyze(tmp_path / "a.jpg")


def test_a_tiff_with_huge_tiles_is_refused(tmp_path: Path) -> None:
    tags = [(256, 64), (257, 64), (258, 8), (259, 1), (262, 1), (322, 16_000), (323, 16_000), (324, 8), (325, 8)]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    header = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    (tmp_path / "a.tif").write_bytes(header + directory + bytes(4))

    with pytest.raises(fer_batch.InputError, match="16000x16000"):
        fer_batch.analyze(tmp_path / "a.tif")


def test_a_raised_limit_reads_what_a_lower_one_did_not(tmp_path: Path) -> None:
    both = joined(tmp_path, "96x64", "480x320")
    with pytest.warns(fer_batch.FerBatchWarning, match="after 25 frames"):
        fer_batch.analyze(both, output=tmp_path / "out", max_pixels=10_000)

    fer_batch.analyze(both, output=tmp_path / "out")

    found = fer_batch.recordings(tmp_path / "out").iloc[0]
    assert (found["status"], found["frames_decoded"]) == ("done", 50)


def test_one_picture_of_a_damaged_size_costs_itself_alone(tmp_path: Path) -> None:
    both = joined(tmp_path, "96x64", "480x320", "96x64")

    assert len(list(fer_batch.stream(both, max_pixels=10_000))) == 50, "the 25 in the middle are passed over"


def test_a_strip_has_no_faces(tmp_path: Path) -> None:
    """A picture two pixels wide and 30,000 high: shrunk, it is less than one pixel wide."""
    strip = av.VideoFrame.from_ndarray(np.zeros((30_000, 2, 3), np.uint8), format="rgb24")
    strip.save(str(tmp_path / "strip.png"))

    assert fer_batch.analyze(tmp_path / "strip.png").empty
