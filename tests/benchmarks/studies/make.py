"""Makes a small study such as a laboratory has: many formats, odd names, and files that are not what they say.

PYTHONPATH=tests python -m benchmarks.studies.make FOLDER [--files 60] [--json]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from helpers.clips import cut, ffmpeg
from helpers.paths import ASTRONAUT, EXAMPLE
from PIL import Image

Expected = Literal["good", "damaged", "failed", "ignored"]


_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
_HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "log-level=error:pools=none")
_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p", "-an")
_MPEG4 = ("-c:v", "mpeg4", "-q:v", "4")
_MPEG2 = ("-c:v", "mpeg2video", "-q:v", "4")
_MJPEG = ("-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p")
_PRORES = ("-c:v", "prores_ks", "-profile:v", "0", "-pix_fmt", "yuv422p10le")

_CLIPS: dict[str, tuple[tuple[str, ...], str, int, float]] = {
    "h264.mp4": (_H264, "640:360", 25, 2),
    "h264.mov": (_H264, "320:180", 30, 2),
    "h264.mkv": (_H264, "480:270", 24, 2),
    "hevc.mp4": (_HEVC, "320:180", 15, 1),
    "vp9.webm": (_VP9, "320:180", 15, 1),
    "odd size.webm": (_VP9, "321:181", 10, 1),
    "mpeg4.avi": (_MPEG4, "320:180", 25, 2),
    "mpeg2.ts": (_MPEG2, "320:180", 25, 2),
    "mjpeg.avi": (_MJPEG, "320:180", 12, 1),
    "prores.mov": (_PRORES, "320:180", 10, 1),
    "full hd.mp4": (_H264, "1920:1080", 10, 1),
    "fast.mp4": (_H264, "320:180", 60, 1),
    "longer.mp4": (_H264, "320:180", 10, 4),
    "a/x.mp4": (_H264, "320:180", 10, 1),
    "b/x.mp4": (_H264, "320:180", 10, 1.5),
    "x.mov": (_H264, "320:180", 10, 2),
    "x.mp4": (_H264, "320:180", 10, 2.5),
    "two  spaces .mp4": (_MPEG4, "320:180", 10, 1),
    "Ärger 面接 😀.mp4": (_MPEG4, "320:180", 10, 1),
    "100% %41.mp4": (_MPEG4, "320:180", 10, 1),
    "recording=1/a=b&c.mp4": (_MPEG4, "320:180", 10, 1),
    "-dash.mp4": (_MPEG4, "320:180", 10, 1),
    # The longest that a file system's 255 bytes allow with what fer-batch adds is about this.
    "n" * 236 + ".mp4": (_MPEG4, "320:180", 10, 1),
}
"""Codec, size, frames/s and seconds of the plain clips by name."""


@dataclass(frozen=True, slots=True)
class StudyFile:
    """A file of the study."""

    name: str
    """Path below the study's folder, with ``/``."""
    expected: Expected
    """"good": done. "damaged": it opens or not, but is never passed over in silence: partial, failed, or done with
    counted damage. "failed": it is no recording. "ignored": not looked at in a folder."""


def make_study(folder: Path, files: int = 60) -> list[StudyFile]:
    """Writes the study; the same files with the same bytes every time.

    Args:
        folder: is made if missing.
        files: how many in all; those beyond the kinds that there always are (41) are plain clips in ``session<n>/``.

    Returns:
        The files in the order of their names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Expected] = {}
    for number, (name, (codec, size, rate, seconds)) in enumerate(_CLIPS.items()):
        _clip(folder / name, codec, size, rate, seconds, start_s=number % 15)
        made[name] = "good"
    _special_clips(folder, made)
    _photos(folder, made)
    _damaged(folder, made)
    _no_recordings(folder, made)
    for number in range(max(0, files - len(made))):
        name = f"session{number % 4 + 1}/{number // 4 + 1:02}.mp4"
        _clip(folder / name, _MPEG4, "320:180", 10, 1, start_s=number % 18)
        made[name] = "good"
    return [StudyFile(name, expected) for name, expected in sorted(made.items())]


def _clip(path: Path, codec: tuple[str, ...], size: str, rate: int, seconds: float, start_s: float) -> None:
    """A piece of the example."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _encode(path, start_s, seconds, "-vf", f"scale={size},fps={rate}", *codec)


def _encode(path: Path, start_s: float, seconds: float, *options: str) -> None:
    # One thread and no names of encoders or times of day: the bytes depend on nothing else.
    exact = ("-threads", "1", "-flags", "+bitexact", "-fflags", "+bitexact", "-map_metadata", "-1")
    ffmpeg("-ss", str(start_s), "-t", str(seconds), "-i", EXAMPLE, *options, *exact, path)


def _special_clips(folder: Path, made: dict[str, Expected]) -> None:
    upright = folder / ".upright.mp4"
    _encode(upright, 12, 2, "-vf", "crop=270:360:307:0,transpose=1,fps=15", *_H264, "-an")
    ffmpeg("-display_rotation", "90", "-i", upright, "-c", "copy", "-fflags", "+bitexact", folder / "portrait.mp4")
    upright.unlink()
    uneven = "scale=320:180,select='not(mod(n\\,3))+not(mod(n\\,4))'"
    _encode(folder / "variable.mp4", 5, 3, "-vf", uneven, "-fps_mode", "vfr", *_H264, "-an")
    made |= {"portrait.mp4": "good", "variable.mp4": "good"}


def _photos(folder: Path, made: dict[str, Expected]) -> None:
    with Image.open(ASTRONAUT) as opened:
        picture = opened.convert("RGB").resize((320, 320))
    (folder / "photos").mkdir(exist_ok=True)
    for suffix in ("jpg", "png", "webp", "bmp"):
        picture.save(folder / "photos" / f"astronaut.{suffix}")
        made[f"photos/astronaut.{suffix}"] = "good"
    exif = Image.Exif()
    # Tag "Orientation": to be turned by a quarter clockwise.
    exif[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(folder / "photos" / "turned.jpg", exif=exif)
    made["photos/turned.jpg"] = "good"


def _damaged(folder: Path, made: dict[str, Expected]) -> None:
    (folder / "damaged").mkdir(exist_ok=True)
    cut(folder / "h264.mp4", folder / "damaged" / "no index.mp4", 0.6)
    cut(folder / "h264.mkv", folder / "damaged" / "cut.mkv", 0.6)
    cut(folder / "photos" / "astronaut.jpg", folder / "damaged" / "cut.jpg", 0.5)
    noise = np.random.default_rng(0).bytes(4_000)
    whole = bytearray((folder / "h264.mp4").read_bytes())
    middle = len(whole) // 2
    (folder / "damaged" / "overwritten.mp4").write_bytes(whole[:middle] + noise + whole[middle + len(noise) :])
    (folder / "damaged" / "header.mp4").write_bytes(noise + whole[len(noise) :])
    made |= {f"damaged/{name}": "damaged" for name in ("cut.mkv", "cut.jpg", "overwritten.mp4", "header.mp4")}
    made["damaged/no index.mp4"] = "failed"


def _no_recordings(folder: Path, made: dict[str, Expected]) -> None:
    ffmpeg("-t", "1", "-i", EXAMPLE, "-vn", "-c:a", "aac", "-fflags", "+bitexact", folder / "sound alone.mp4")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("This is no video.\n" * 20, encoding="utf-8")
    made |= {"sound alone.mp4": "failed", "empty.mp4": "failed", "text.mp4": "failed"}
    (folder / "notes.txt").write_text("Participant 7 came late.\n", encoding="utf-8")
    (folder / ".hidden.mp4").write_bytes((folder / "x.mp4").read_bytes())
    # What macOS leaves beside a file on foreign disks.
    (folder / "._x.mp4").write_bytes(b"\x00\x05\x16\x07" + bytes(100))
    made |= {"notes.txt": "ignored", ".hidden.mp4": "ignored", "._x.mp4": "ignored"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=60, help="how many in all (60)")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    arguments = parser.parse_args()
    made = make_study(arguments.folder, arguments.files)
    if arguments.json:
        print(json.dumps([asdict(each) for each in made], ensure_ascii=False, indent=2))
    else:
        print("\n".join(f"{each.expected:<8}  {each.name}" for each in made))


if __name__ == "__main__":
    main()
