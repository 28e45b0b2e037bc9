"""Small intact recordings and photos of many containers and codecs, each with a face, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Change: TypeAlias = Callable[[bytes, Random], bytes | None]
"""Makes another file of a file's bytes; None where the file has nothing of the kind to change."""

TEXT: Final = "This text stands wherever a container has room for one."
"""Title, name of a stream or a chapter, comment of a photo: to be overwritten by other text of the same length."""

_H264: Final = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "8")
MJPEG: Final = ("-c:v", "mjpeg", "-q:v", "6", "-pix_fmt", "yuvj420p")
MPEG2: Final = ("-c:v", "mpeg2video", "-q:v", "5", "-r", "25")
_VP8: Final = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "6")
_VP9: Final = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "6")

VIDEOS: Final[dict[str, tuple[str, ...]]] = {
    "h264.mp4": (*_H264, "-c:a", "aac"),
    "mjpeg.mov": (*MJPEG, "-c:a", "pcm_s16le"),
    "h264.mkv": (*_H264, "-c:a", "flac"),
    "ffv1.mkv": ("-c:v", "ffv1", "-an"),
    "vp8.webm": (*_VP8, "-c:a", "libvorbis"),
    "vp9.webm": (*_VP9, "-c:a", "libopus"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame"),
    "mjpeg.avi": (*MJPEG, "-c:a", "pcm_s16le"),
    "mpeg2.ts": (*MPEG2, "-c:a", "mp2"),
    "h264.ts": (*_H264, "-c:a", "aac"),
    "h264.flv": (*_H264, "-c:a", "aac", "-ar", "44100"),
    "wmv2.asf": ("-c:v", "wmv2", "-q:v", "5", "-c:a", "wmav2"),
    "anim.gif": ("-an",),
}
"""Encoders by the name of the file, whose suffix says the container."""

PHOTOS: Final = ("exif.jpg", "photo.png", "lossy.webp", "lossless.webp", "photo.bmp", "photo.tiff")

_SIZE: Final = "256:144"
_FRAMES: Final = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """A file that is tried on fer-batch."""

    name: str
    """Of the file; its suffix says what the file claims to be."""
    data: bytes = field(repr=False)
    change: str
    """What was done to it, for people."""


def intact_files(folder: Path) -> dict[str, bytes]:
    """Every intact file by name, made in ``folder``."""
    texts = folder / "texts.ffmetadata"
    texts.write_text(
        f";FFMETADATA1\ntitle={TEXT}\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=600\ntitle={TEXT}\n", encoding="utf-8"
    )
    for name, options in VIDEOS.items():
        encode(folder / name, *options, texts=texts)
    _photos(folder)
    return {name: (folder / name).read_bytes() for name in (*VIDEOS, *PHOTOS)}


def encode(path: Path, *options: str, size: str = _SIZE, frames: int = _FRAMES, texts: Path | None = None) -> None:
    """Encodes a piece of the example, a laughing face; the same bytes every time.

    Args:
        path: the file, whose suffix says the container.
        options: encoders and whatever else ffmpeg takes for an output.
        size: width and height, with a colon between.
        frames: how many, at 12 a second.
        texts: an ffmetadata file with title and chapters.
    """
    described = () if texts is None else ("-f", "ffmetadata", "-i", texts, "-map_metadata", "1", "-map_chapters", "1")
    ffmpeg(
        *("-ss", "14", "-t", str(frames / 12), "-i", EXAMPLE, *described, "-map", "0:v", "-map", "0:a"),
        *("-vf", f"scale={size},fps=12", *options, "-metadata:s:v", f"handler_name={TEXT}"),
        *("-threads", "1", "-flags", "+bitexact", "-fflags", "+bitexact", path),
    )


def _photos(folder: Path) -> None:
    with Image.open(EXAMPLE.parent / "astronaut.png") as opened:
        picture = opened.convert("RGB").crop((120, 0, 376, 256)).resize((160, 160))
    exif, comment = Image.Exif(), PngInfo()
    exif[0x010E], exif[0x0112] = TEXT, 1  # ImageDescription, Orientation
    comment.add_text("Comment", TEXT)
    picture.save(folder / "exif.jpg", exif=exif, quality=85)
    picture.save(folder / "photo.png", pnginfo=comment)
    picture.save(folder / "lossy.webp", exif=exif)
    picture.save(folder / "lossless.webp", lossless=True)
    picture.save(folder / "photo.bmp")
    picture.save(folder / "photo.tiff", description=TEXT)


def drawn(
    files: Mapping[str, bytes], changes: Mapping[str, Change], crafted: Mapping[str, bytes], seed: int, count: int
) -> list[Sample]:
    """Draws samples: every kind of change in turn, each time to another file that allows it, crafted files among them.

    Args:
        files: intact files by name.
        changes: what can be done to them, by name.
        crafted: whole files by name, each of them drawn once, as far as ``count`` allows.
        seed: the same one draws the same samples.
        count: how many.
    """
    rng = Random(seed)
    samples = [Sample(name, data, "crafted") for name, data in rng.sample(list(crafted.items()), len(crafted))]
    places = {change: rng.sample(list(files), len(files)) for change in changes}
    spent = set[str]()
    while len(samples) < count and len(spent) < len(changes):
        for change, make in changes.items():
            for _ in range(len(files)):
                places[change].append(name := places[change].pop(0))
                if (data := make(files[name], rng)) is not None and data != files[name]:
                    samples.append(Sample(name, data, change))
                    break
            else:
                spent.add(change)
    return [
        Sample(f"{number:04} {sample.change} {sample.name}", sample.data, sample.change)
        for number, sample in enumerate(samples[:count])
    ]
