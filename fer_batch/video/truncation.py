"""Whether a file ends before its own structure says it should."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_MATROSKA_HEADER = bytes.fromhex("1a45dfa3")
_MATROSKA_SEGMENT = bytes.fromhex("18538067")
_MP4_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx"})
_FLV_TAGS = frozenset({8, 9, 18})


def is_cut_short(path: Path) -> bool:
    """Whether the end of a file is missing, as after a broken copy or a recorder that lost power.

    MP4, MOV, Matroska, WebM, AVI, ASF and FLV say how long they are. False for what does not, such as MPEG-TS.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(16)
        if start[4:8] in _MP4_ATOMS:
            return _mp4_cut(file, size)
        if start[:4] == _MATROSKA_HEADER:
            return _matroska_cut(file, size)
        if start[:4] == b"RIFF":
            return _riff_cut(file, size)
        if start == _ASF_HEADER:
            return _asf_cut(file, size)
        if start[:3] == b"FLV":
            return _flv_cut(file, size)
    return False


def _mp4_cut(file: BinaryIO, size: int) -> bool:
    """An atom reaches beyond the end, or there is no index at all."""
    position, indexed = 0, False
    while position + 8 <= size:
        file.seek(position)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4]), head[4:8]
        indexed = indexed or kind == b"moov"
        if length == 0:  # to the end of the file
            break
        if length == 1:
            length = int.from_bytes(head[8:16])
        if length < 8:  # not an atom: something was appended
            break
        position += length
    return position > size or not indexed


def _matroska_cut(file: BinaryIO, size: int) -> bool:
    """The segment reaches beyond the end; live recordings leave its length open."""
    file.seek(4)
    header = _matroska_length(file)
    if header is None:
        return False
    file.seek(header, 1)
    if file.read(4) != _MATROSKA_SEGMENT:
        return False
    length = _matroska_length(file)
    return length is not None and file.tell() + length > size


def _matroska_length(file: BinaryIO) -> int | None:
    """A number whose leading zero bits say how many bytes it has; None when it is left open."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    extra = 8 - first[0].bit_length()
    value = int.from_bytes(first + file.read(extra)) & ((1 << (7 * (extra + 1))) - 1)
    return None if value == (1 << (7 * (extra + 1))) - 1 else value


def _riff_cut(file: BinaryIO, size: int) -> bool:
    """A chunk at top level reaches beyond the end; recorders that were interrupted leave a length of 0."""
    position = 0
    while position + 12 <= size:
        file.seek(position)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or not length:
            return False
        position += 8 + length
    return position > size


def _asf_cut(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    header = file.read(1 << 16)
    place = header.find(_ASF_FILE_PROPERTIES)
    return place >= 0 and int.from_bytes(header[place + 40 : place + 48], "little") > size


def _flv_cut(file: BinaryIO, size: int) -> bool:
    """Every tag is followed by its length, so a whole file ends with the length of a tag that can be found."""
    file.seek(max(0, size - 4))
    length = int.from_bytes(file.read(4))
    if not 11 <= length <= size - 4:
        return True
    file.seek(size - 4 - length)
    tag = file.read(4)
    return tag[0] & 0x1F not in _FLV_TAGS or int.from_bytes(tag[1:]) != length - 11
