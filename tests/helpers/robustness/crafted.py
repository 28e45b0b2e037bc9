"""Whole files that no small change makes: odd sound, long texts, changing sizes, pictures that unpack to gigabytes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE
from helpers.robustness.containers import MJPEG, MPEG2, TEXT, encode
from PIL import Image

_QUICK = ("-c:v", "mpeg4", "-q:v", "6")


def crafted_files(folder: Path) -> dict[str, bytes]:
    """The files by name, made in ``folder``."""
    for make in (_sounds, _texts, _changing_sizes, _pixel_formats, _exif_in_mjpeg, _large_pictures):
        make(folder)
    made = {path.name.removeprefix("crafted "): path.read_bytes() for path in sorted(folder.glob("crafted *"))}
    return {**made, **_claims(folder), **_no_media()}


def _sounds(folder: Path) -> None:
    for name, channels, codec in (("mkv", 9, "pcm_s16le"), ("mov", 16, "pcm_s24le"), ("avi", 12, "pcm_s16le")):
        tones = "aevalsrc=exprs=" + "|".join(["0.1*sin(800*t)"] * channels)
        ffmpeg(
            *(
                "-ss",
                "14",
                "-t",
                "1",
                "-i",
                EXAMPLE,
                "-f",
                "lavfi",
                "-t",
                "1",
                "-i",
                tones,
                "-map",
                "0:v",
                "-map",
                "1:a",
            ),
            *("-vf", "scale=256:144,fps=12", *_QUICK, "-c:a", codec, folder / f"crafted {channels} channels.{name}"),
        )
    encode(folder / "crafted 32 soundtracks.mkv", *_QUICK, *("-map", "0:a") * 31, "-c:a", "mp2")
    encode(folder / "crafted sound of 384 kHz.mkv", *_QUICK, "-c:a", "pcm_f64le", "-ar", "384000")


def _texts(folder: Path) -> None:
    long = TEXT * 1_800
    for suffix in ("mp4", "mkv", "avi", "asf"):
        encode(folder / f"crafted long text.{suffix}", *_QUICK, "-an", "-metadata", f"title={long}")


def _changing_sizes(folder: Path) -> None:
    """Recordings put one behind the other, as recorders do when a source changes."""
    for joined, options in (("crafted size changes.ts", (*MPEG2, "-c:a", "mp2")), ("joined.mjpeg", (*MJPEG, "-an"))):
        for number, size in enumerate(("256:144", "640:64", "128:240")):
            part = folder / f"part{number}{Path(joined).suffix}"
            encode(part, *options, size=size, frames=8)
            with (folder / joined).open("ab") as file:
                file.write(part.read_bytes())
    ffmpeg("-f", "mjpeg", "-i", folder / "joined.mjpeg", "-c", "copy", folder / "crafted size changes.avi")


def _pixel_formats(folder: Path) -> None:
    for pixels in ("gray16le", "bgra", "yuva420p", "yuv444p12le", "gbrp10le"):
        encode(folder / f"crafted {pixels}.mkv", "-c:v", "ffv1", "-pix_fmt", pixels, "-an", frames=4)


def _exif_in_mjpeg(folder: Path) -> None:
    """Each frame with an EXIF of its own, as some cameras write them."""
    encode(folder / "plain.mjpeg", *MJPEG, "-an")
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0"
    segment = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    frames = (folder / "plain.mjpeg").read_bytes().replace(b"\xff\xd8\xff", segment + b"\xff")
    (folder / "exif.mjpeg").write_bytes(frames)
    ffmpeg("-f", "mjpeg", "-i", folder / "exif.mjpeg", "-c", "copy", folder / "crafted exif.avi")


def _large_pictures(folder: Path) -> None:
    Image.new("L", (5000, 5000), 99).save(folder / "crafted 25 megapixels.jpg")
    Image.new("RGB", (5000, 5000), "gray").save(folder / "crafted 25 megapixels.webp", method=0)
    Image.new("1", (20_000, 20_000)).save(folder / "crafted 400 megapixels.png")
    Image.new("1", (20_000, 20_000)).save(folder / "crafted 400 megapixels.tiff", compression="group4")
    Image.new("P", (12_000, 12_000)).save(folder / "crafted 144 megapixels.gif")
    Image.new("L", (65_000, 2), 99).save(folder / "crafted flat.jpg")
    Image.new("L", (2, 30_000), 99).save(folder / "crafted narrow.png")


def _claims(folder: Path) -> dict[str, bytes]:
    encode(folder / "plain.h264", "-c:v", "libx264", "-profile:v", "baseline", "-x264-params", "bframes=0", "-an")
    stream = (folder / "plain.h264").read_bytes()
    slices = stream[stream.index(b"\0\0\0\x01\x68") :]
    photo = Image.new("L", (64, 64))
    photo.save(folder / "plain.png")
    png = (folder / "plain.png").read_bytes()
    text = b"zTXtComment\0\0" + zlib.compress(bytes(200_000_000), 9)
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return {
        "256 megapixels.h264": _sequence(16_000, 16_000) + slices,
        "other size.h264": _sequence(640, 368) + slices,
        "text of 200 MB.png": png[:33] + chunk + png[33:],
    }


def _sequence(width: int, height: int) -> bytes:
    """A sequence parameter set of H.264's baseline profile."""
    numbers = (0, 0, 2, 1)  # id, length of frame numbers, kind of picture order, reference frames
    bits = "".join(map(_golomb, numbers)) + "0" + _golomb(width // 16 - 1) + _golomb(height // 16 - 1) + "11001"
    bits += "0" * (-len(bits) % 8)
    return b"\0\0\0\x01\x67\x42\0\x34" + int(bits, 2).to_bytes(len(bits) // 8, "big")


def _golomb(number: int) -> str:
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits


def _no_media() -> dict[str, bytes]:
    return {
        "empty.mkv": b"",
        "zeros.mp4": bytes(10_000),
        "page.mp4": b"<!DOCTYPE html><title>404</title>",
        "list.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        "join.avi": b"ffconcat version 1.0\nfile '0 good.mp4'\n",
        "session.mov": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg' width='99999' height='99999'/>",
    }
