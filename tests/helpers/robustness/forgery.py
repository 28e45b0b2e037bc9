"""Headers that claim what is not so: sizes, counts, lengths, times, codecs and texts, in the places of each format."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from helpers.robustness.containers import TEXT, Change

_CLAIMS: Final = (
    (65535, 65535),
    (65535, 1),
    (1, 65535),
    (30000, 30000),
    (16383, 16383),
    (12000, 9000),
    (0, 0),
    (3840, 2160),
)
"""Widths and heights: what is refused, what is just refused, nonsense, and the most that memory is promised for."""
_HUGE: Final = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_DOUBLES: Final = (float("nan"), float("inf"), -1.0, 1e300, 0.0)
_CHANNELS: Final = (0, 9, 255, 65535)


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a format keeps a number."""

    mark: bytes
    """Regular expression for the bytes from whose beginning the place counts."""
    offset: int
    layout: str
    """As :mod:`struct` has it."""
    values: Sequence[object]
    """Numbers, or tuples of them where the layout has several."""
    every: bool = False
    """Whether each occurrence is forged, or one of them."""


_SOF: Final = rb"\xff[\xc0\xc2]\0\x11\x08"
_MP4: Final = rb".{4}ftyp"
_MATROSKA: Final = rb"\x1a\x45\xdf\xa3"
_AVI: Final = rb"RIFF.{4}AVI "
_WEBP: Final = rb"RIFF.{4}WEBP"

_FIELDS: Final[dict[bytes, dict[str, _Field]]] = {
    _MP4: {
        "size in tkhd": _Field(b"tkhd", 80, ">HxxHxx", _CLAIMS),
        "size in stsd": _Field(b"avc1|jpeg", 28, ">HH", _CLAIMS),
        "time scale of MP4": _Field(b"mvhd|mdhd", 16, ">II", [(0, 1), (1, 0xFFFFFFFF), (0xFFFFFFFF, 1)]),
        "duration in tkhd": _Field(b"tkhd", 24, ">I", _HUGE),
        "matrix in tkhd": _Field(
            b"tkhd", 44, ">9I", [(0,) * 9, (0x7FFFFFFF,) * 9, (0, 65536, 0, 65536, 0, 0, 0, 0, 1)]
        ),
        "count in a sample table": _Field(b"stts|ctts|stsc|stco|elst|stss", 8, ">I", _HUGE),
        "entry in a sample table": _Field(
            b"stts|ctts|stsc|stco|elst", 12, ">II", [(a, b) for a in _HUGE for b in _HUGE]
        ),
        "counts in stsz": _Field(b"stsz", 8, ">II", [(0, 0xFFFFFFFF), (0xFFFFFFFF, 3), (1, 0x7FFFFFFF)]),
        "length of a box": _Field(rb".{4}(moov|trak|mdia|minf|stbl|stsd|udta|mdat|avcC)", 0, ">I", _HUGE),
        "channels in MP4": _Field(b"mp4a|sowt", 20, ">HH", [(channels, 16) for channels in _CHANNELS]),
        "sound's rate in MP4": _Field(b"mp4a|sowt", 28, ">I", _HUGE),
        "picture codec of MP4": _Field(b"avc1|jpeg", 0, "4s", [b"ZZZZ"]),
        "sound codec of MP4": _Field(b"mp4a|sowt", 0, "4s", [b"zz9a"]),
    },
    _MATROSKA: {
        "width in Matroska": _Field(rb"\xb0\x82", 2, ">H", [width for width, _ in _CLAIMS]),
        "height in Matroska": _Field(rb"\xba\x81", 1, ">H", [0x81FF, 0x8100]),
        "duration in Matroska": _Field(rb"\x44\x89\x88", 3, ">d", _DOUBLES),
        "time scale in Matroska": _Field(rb"\x2a\xd7\xb1\x83", 4, ">3s", [b"\0\0\0", b"\xff\xff\xff", b"\0\0\x01"]),
        "length of an element": _Field(rb"\x16\x54\xae\x6b|\x1f\x43\xb6\x75", 4, ">B", [0x01, 0xFF, 0x10]),
        "channels in Matroska": _Field(rb"\x9f\x81", 2, ">B", [0, 9, 64, 255]),
        "sound's rate in Matroska": _Field(rb"\xb5\x88", 2, ">d", _DOUBLES),
        "picture codec of Matroska": _Field(rb"V_MPEG4|V_FFV1|V_VP8|V_VP9", 0, "4s", [b"V_ZZ"]),
        "sound codec of Matroska": _Field(rb"A_FLAC|A_VORBIS|A_OPUS", 0, "4s", [b"A_ZZ"]),
    },
    _AVI: {
        "size in avih": _Field(b"avih", 40, "<II", _CLAIMS),
        "counts in avih": _Field(b"avih", 8, "<II8xII", [(0, 0, 0xFFFFFFFF, 0), (0xFFFFFFFF,) * 4]),
        "rate in strh": _Field(b"strh", 28, "<4I", [(0,) * 4, (0xFFFFFFFF, 1, 0, 1), (1, 0xFFFFFFFF, 7, 0xFFFFFFFF)]),
        "index of an AVI": _Field(b"idx1", 4, "<I4xIII", [(0xFFFFFFFF,) * 4, (16, 0, 0, 0xFFFFFFFF), (0, 0, 0, 0)]),
        "length of a chunk": _Field(b"LIST|strl|strf|00dc|01wb", 4, "<I", _HUGE),
        "channels in AVI": _Field(rb"auds.{52}strf", 66, "<H", _CHANNELS),
        "sound's rate in AVI": _Field(rb"auds.{52}strf", 68, "<II", [(0, 0), (1, 1), (0xFFFFFFFF, 1)]),
        "sound codec of AVI": _Field(rb"auds.{52}strf", 64, "<H", [0x7777, 0, 0xFFFE]),
        "picture codec of AVI": _Field(b"FMP4|MJPG", 0, "4s", [b"ZZZZ"], every=True),
    },
    rb"\x30\x26\xb2\x75": {
        "length of an object": _Field(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 16, "<Q", [0, 24, 2**63, 2**64 - 1]),
        "play time in ASF": _Field(rb"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11", 64, "<3Q", [(2**64 - 1,) * 3, (0, 0, 2**63)]),
        "picture codec of ASF": _Field(b"WMV2", 0, "4s", [b"ZZZZ"], every=True),
    },
    b"FLV": {
        "size in FLV": _Field(rb"\0\x05width\0", 8, ">d", _DOUBLES),
        "duration in FLV": _Field(rb"\0\x08duration\0", 11, ">d", _DOUBLES),
        "length of a tag": _Field(rb"\x09\0.{2}\0\0.", 1, ">3s", [b"\xff\xff\xff", b"\0\0\0"]),
        "codecs of FLV": _Field(rb"[\x08\x09]\0.{2}.{7}", 11, "B", [0xFF, 0x1F, 0x00], every=True),
    },
    b"G": {
        "size in MPEG-2": _Field(rb"\0\0\x01\xb3", 4, ">BH", [(0xFF, 0xFFFF), (0, 0), (0xFF, 0xF001)]),
        "times in TS": _Field(
            rb"\0\0\x01\xe0..[\x80-\xbf][\x80-\xff].", 9, ">5s", [b"\x3f" + b"\xff" * 4, b"\x21\0\x01\0\x01"]
        ),
    },
    b"GIF": {
        "size in a GIF": _Field(b"GIF89a", 6, "<HH", _CLAIMS),
        "size in a frame of a GIF": _Field(rb"\x21\xf9\x04.{4}\0\x2c", 9, "<4H", [(0, 0, *claim) for claim in _CLAIMS]),
        "delay in a GIF": _Field(rb"\x21\xf9\x04", 4, "<H", [65535, 0], every=True),
    },
    b"BM": {
        "size in a BMP": _Field(b"BM", 18, "<ii", [*_CLAIMS, (160, -2147483648), (-160, 160)]),
        "bits of a BMP": _Field(b"BM", 28, "<HI", [(0, 0), (1, 3), (32, 99), (64, 0), (8, 1)]),
        "colours of a BMP": _Field(b"BM", 46, "<II", [(0xFFFFFFFF, 0), (0, 0xFFFFFFFF)]),
    },
    _WEBP: {
        "size in VP8X": _Field(b"VP8X", 12, "<HxHx", _CLAIMS),
        "size in VP8L": _Field(b"VP8L", 9, "<I", [0x0FFFFFFF, 0x0FFFC000, 0x00003FFF, 5000 | 4999 << 14]),
        "length of a WebP's chunk": _Field(b"VP8[LX ]|EXIF", 4, "<I", _HUGE),
    },
    rb"II\*\0": {
        "size in TIFF": _Field(
            rb"\0\x01[\x03\x04]\0\x01\0\0\0", 2, "<HII2xHII", [(4, 1, w, 4, 1, h) for w, h in _CLAIMS]
        ),
        "offset of a TIFF's directory": _Field(rb"II\*\0", 4, "<I", [0, 4, 8, 0xFFFFFFFF]),
        "strips of a TIFF": _Field(rb"\x11\x01[\x03\x04]\0", 2, "<HII", [(4, 0xFFFFFFFF, 0), (4, 1, 0xFFFFFFFF)]),
    },
    rb"\xff\xd8": {
        "length of EXIF": _Field(rb"\xff\xe1..Exif", 2, ">H", [0, 2, 8, 0xFFFF]),
        "entries of EXIF": _Field(rb"Exif\0\0(II|MM)", 14, "<H", [0xFFFF, 0]),
    },
    rb"\xff\xd8|" + _MP4 + b"|" + _AVI: {
        "size in a JPEG": _Field(_SOF, 5, ">HH", _CLAIMS),
        "size in every JPEG": _Field(_SOF, 5, ">HH", _CLAIMS, every=True),
    },
    rb"\xff\xd8|" + _WEBP: {
        "orientation": _Field(rb"\x01\x12\0\x03|\x12\x01\x03\0", 4, "<IH", [(1, 9), (0xFFFFFFFF, 6), (1, 0xFFFF)]),
    },
    _MATROSKA + b"|" + _WEBP: {
        "size in VP8": _Field(rb"\x9d\x01\x2a", 3, "<HH", [(w & 0x3FFF, h & 0x3FFF) for w, h in _CLAIMS]),
    },
    _AVI + rb"|\x30\x26\xb2\x75": {
        "size in BITMAPINFOHEADER": _Field(rb".\0\0\0.{8}\x01\0\x18\0(FMP4|MJPG|WMV2)", 4, "<ii", _CLAIMS),
    },
}
"""Fields by the beginning of the files that have them, a regular expression, and by name."""


def forgeries() -> dict[str, Change]:
    """Every kind of forgery by name."""
    texts = {
        "Latin-1 text": b"Caf\xe9 \xfcber Stra\xdfe \xff\xfe ",
        "control characters": bytes(range(1, 32)),
        "no text": b"\0",
    }
    return {
        **{name: _forging(magic, field) for magic, fields in _FIELDS.items() for name, field in fields.items()},
        **{name: _retelling(text) for name, text in texts.items()},
        "size in a PNG": _png_size,
        "length of a PNG's chunk": _png_length,
    }


def _forging(magic: bytes, field: _Field) -> Change:
    file, mark = re.compile(magic, re.DOTALL), re.compile(field.mark, re.DOTALL)
    size = struct.calcsize(field.layout)

    def forge(data: bytes, rng: Random) -> bytes | None:
        found = [place.start() + field.offset for place in mark.finditer(data)] if file.match(data) else []
        found = [place for place in found if place + size <= len(data)]
        if not found:
            return None
        value, forged = rng.choice(field.values), bytearray(data)
        for place in found if field.every else [rng.choice(found)]:
            # What lies between the numbers stays.
            for at, number in _numbers(field.layout, value):
                forged[place + at : place + at + len(number)] = number
        return bytes(forged)

    return forge


def _numbers(layout: str, value: object) -> list[tuple[int, bytes]]:
    """The packed numbers and where each begins."""
    values = list(value) if isinstance(value, tuple) else [value]
    order = layout[0] if layout[0] in "<>" else ">"
    parts, at = [], 0
    for count, kind in re.findall(r"(\d*)([a-zA-Z])", layout):
        if kind == "x":
            at += int(count or 1)
            continue
        for _ in range(1 if kind == "s" else int(count or 1)):
            packed = struct.pack(order + (count if kind == "s" else "") + kind, values.pop(0))
            parts.append((at, packed))
            at += len(packed)
    return parts


def _retelling(text: bytes) -> Change:
    def retell(data: bytes, _: Random) -> bytes | None:
        told = (text * len(TEXT))[: len(TEXT)]
        return data.replace(TEXT.encode(), told) if TEXT.encode() in data else None

    return retell


def _png_size(data: bytes, rng: Random) -> bytes | None:
    if not data.startswith(b"\x89PNG"):
        return None
    header = b"IHDR" + struct.pack(">II", *rng.choice(_CLAIMS)) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def _png_length(data: bytes, rng: Random) -> bytes | None:
    if not data.startswith(b"\x89PNG"):
        return None
    place = data.index(rng.choice([b"IHDR", b"tEXt", b"IDAT", b"IEND"])) - 4
    return data[:place] + struct.pack(">I", rng.choice(_HUGE)) + data[place + 4 :]
