"""What files hold beside their pictures, text, sound, side data, streams that begin late, costs no picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.clips import clip, clip_with_sound, ffmpeg
from helpers.paths import EXAMPLE

import fer_batch
from fer_batch.video.open import open_source
from fer_batch.video.video_reader import VideoFile

_ASCII, _LATIN1 = b"Qxqxq", "Ärger".encode("latin-1")


def counted(path: Path) -> int:
    with open_source(path) as source:
        return sum(1 for _ in source.frames())


def record(out: Path) -> dict[str, Any]:
    (path,) = (out / "recordings").glob("*.json")
    values: dict[str, Any] = json.loads(path.read_text())
    return values


def streams(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [stream.type for stream in container.streams]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".ts"])
def test_text_that_is_not_utf8_is_no_fault(tmp_path: Path, suffix: str) -> None:
    """Title, comment, names of streams and of chapters."""
    chapters = tmp_path / "chapters.txt"
    chapters.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=5\ntitle=Qxqxq\n")
    texts = ("title=Qxqxq", "comment=Qxqxq", "artist=Qxqxq", "service_name=Qxqxq", "service_provider=Qxqxq")
    options = [option for text in texts for option in ("-metadata", text)]
    options += ["-metadata:s:v", "title=Qxqxq", "-metadata:s:a", "title=Qxqxq", "-metadata:s:v", "handler_name=Qxqxq"]
    made = tmp_path / f"made{suffix}"
    plain = clip_with_sound(tmp_path / "plain.avi", "-c:v", "mpeg4", "-c:a", "mp2")
    ffmpeg("-i", plain, "-i", chapters, "-map", "0", "-map_chapters", "1", "-c", "copy", *options, made)
    stored = made.read_bytes()
    assert _ASCII in stored
    made.write_bytes(stored.replace(_ASCII, _LATIN1))

    fer_batch.analyze(made, output=tmp_path / "out", video=True)

    written = record(tmp_path / "out")
    assert (written["status"], written["notes"]) == ("done", [])
    assert streams(tmp_path / "out" / "annotated" / "made.mp4") == ["video", "audio"]


def test_side_data_of_an_unknown_kind_is_no_fault(tmp_path: Path) -> None:
    """FFmpeg hands out the EXIF of each Motion JPEG picture; PyAV has no name for that."""
    plain, exif = clip(tmp_path / "plain.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), tmp_path / "exif.avi"
    tiff = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x02\0\0\0\0\0\0\0"  # orientation 2, mirrored
    segment = b"\xff\xe1" + (len(tiff) + 2).to_bytes(2) + tiff
    with av.open(str(plain)) as source, av.open(str(exif), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                stored = bytes(packet)
                changed = av.Packet(stored[:2] + segment + stored[2:])
                changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
                changed.stream, changed.is_keyframe = stream, True
                target.mux(changed)

    with VideoFile(plain) as one, VideoFile(exif) as other:
        pairs = [(a.rgb(), b.rgb()) for a, b in zip(one.frames(), other.frames(), strict=True)]

    assert len(pairs) == 25
    assert all(np.array_equal(a, b) for a, b in pairs), "as recorded: left stays left"


@pytest.mark.parametrize(
    ("sound", "code"),
    [
        (("aevalsrc=0|0|0|0|0|0|0|0|sin(900*t):d=1:s=8000", "pcm_s16le"), "sound_mixed_down"),
        (("sine=d=1:r=44100", "mp2"), None),
    ],
)
def test_sound_of_any_kind_is_kept(tmp_path: Path, sound: tuple[str, str], code: str | None) -> None:
    source, codec = sound
    made = tmp_path / "made.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=1", "-f", "lavfi", "-i", source, "-c:a", codec, made)

    fer_batch.analyze(made, output=tmp_path / "out", video=True)

    written = record(tmp_path / "out")
    assert written["status"] == "done"
    assert [note["code"] for note in written["notes"]] == ([] if code is None else [code])
    with av.open(str(tmp_path / "out" / "annotated" / "made.mp4")) as container:
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
        assert np.abs(samples).max() > 0.01, "it is heard"


@pytest.mark.parametrize("damage", ["unknown codec", "no packet can be decoded"])
def test_sound_that_cannot_be_used_is_left_out_with_a_note(tmp_path: Path, damage: str) -> None:
    made = clip_with_sound(tmp_path / "made.mkv", "-c:v", "libx264", "-c:a", "vorbis", "-strict", "-2", "-ac", "2")
    stored = made.read_bytes()
    if damage == "unknown codec":
        made.write_bytes(stored.replace(b"A_VORBIS", b"A_VORBIQ"))
    else:
        with av.open(str(made)) as container:
            packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size > 8]
        for packet in packets:
            stored = stored.replace(packet, b"\xff" * len(packet))
        made.write_bytes(stored)

    fer_batch.analyze(made, output=tmp_path / "out", video=True)

    written = record(tmp_path / "out")
    assert written["status"] == "done"
    (note,) = written["notes"]
    assert note["code"] == "sound_left_out"
    assert str(made) in note["text"]
    assert streams(tmp_path / "out" / "annotated" / "made.mp4") == ["video"]
    assert fer_batch.recordings(tmp_path / "out")["notes"].to_list() == [f"sound_left_out: {note['text']}"]


def test_damaged_packets_in_copied_sound_cost_only_themselves(tmp_path: Path) -> None:
    made = clip_with_sound(tmp_path / "made.mkv", "-c:v", "libx264", "-c:a", "ac3")
    stored = bytearray(made.read_bytes())
    with av.open(str(made)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    for packet in packets[5:8]:
        place = stored.index(packet)
        stored[place : place + len(packet)] = b"\0" * len(packet)
    made.write_bytes(stored)

    fer_batch.analyze(made, output=tmp_path / "out", video=True)

    assert record(tmp_path / "out")["status"] == "done"
    with av.open(str(tmp_path / "out" / "annotated" / "made.mp4")) as container:
        heard_s = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert heard_s > 0.7


def test_a_stream_that_begins_in_mid_file_ends_nothing(tmp_path: Path) -> None:
    """A transport stream whose tables are lost, and in which another stream begins later for a while."""
    options = ("-c:v", "mpeg2video", "-mpegts_start_pid")
    parts = [
        clip(tmp_path / f"{start}.ts", *options, pid, "-output_ts_offset", str(start), seconds=seconds)
        for start, seconds, pid in ((0, 6, "0x100"), (6, 1, "0x200"), (7, 2, "0x100"))
    ]
    packets = b"".join(part.read_bytes() for part in parts)
    pictures = [packets[i : i + 188] for i in range(0, len(packets), 188)]
    pictures = [packet for packet in pictures if int.from_bytes(packet[1:3]) & 0x1FFF in {0x100, 0x200}]
    whole = tmp_path / "whole.ts"
    whole.write_bytes(b"".join(pictures))

    with open_source(whole) as source:
        frames = sum(1 for _ in source.frames())

    assert frames >= 8 * 25 - 3, "but for those that a cut between two parts costs"
    assert source.counts.damaged_packets == 0


def test_a_duration_that_is_not_credible_is_not_known(tmp_path: Path) -> None:
    made = clip(tmp_path / "made.mkv")
    stored = made.read_bytes()
    assert b"00:00:01.000000000" in stored
    for claimed in (b"99999999999:00:00.0", b"999999:99:99.000000"):
        made.write_bytes(stored.replace(b"00:00:01.000000000", claimed[:18].ljust(18, b"0")))
        with open_source(made) as source:
            assert (source.probe.duration_s or 0) < 10
            assert sum(1 for _ in source.frames()) == 25


def test_the_example_has_nothing_to_note(tmp_path: Path) -> None:
    fer_batch.analyze(EXAMPLE, output=tmp_path, video=True, end=0.5)
    assert record(tmp_path)["notes"] == []
    assert fer_batch.recordings(tmp_path)["notes"].isna().all()
