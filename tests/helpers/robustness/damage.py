"""What happens to files on disks, cards and lines: bytes are lost, changed, repeated, or come from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from helpers.robustness.containers import Change


def damages(files: Mapping[str, bytes]) -> dict[str, Change]:
    """Every kind of damage by name; splicing takes its other half from ``files``."""

    def spliced(data: bytes, rng: Random) -> bytes:
        other = rng.choice(sorted(files.values()))
        return data[: rng.randrange(1, len(data))] + other[rng.randrange(len(other)) :]

    return {
        "cut": _cut,
        "one bit flipped": lambda data, rng: _flipped(data, rng, 1),
        "bits flipped": lambda data, rng: _flipped(data, rng, max(2, len(data) // 500)),
        "head flipped": _head_flipped,
        "block zeroed": _block_zeroed,
        "block lost": _block_lost,
        "block doubled": _block_doubled,
        "blocks exchanged": _blocks_exchanged,
        "bytes swapped": _bytes_swapped,
        "noise inside": _noise_inside,
        "garbage before": lambda data, rng: rng.randbytes(rng.randrange(1, 5_000)) + data,
        "garbage behind": lambda data, rng: data + rng.randbytes(rng.randrange(1, 5_000)),
        "spliced": spliced,
    }


def _block(data: bytes, rng: Random) -> tuple[int, int]:
    """Where a block of at most a quarter of the file begins and ends."""
    size = rng.randrange(1, max(2, len(data) // 4))
    begin = rng.randrange(max(1, len(data) - size))
    return begin, begin + size


def _cut(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(1, len(data))]


def _flipped(data: bytes, rng: Random, count: int, within: int | None = None) -> bytes:
    changed = bytearray(data)
    for _ in range(count):
        changed[rng.randrange(min(within or len(data), len(data)))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _head_flipped(data: bytes, rng: Random) -> bytes:
    return _flipped(data, rng, rng.randrange(1, 9), within=600)


def _block_zeroed(data: bytes, rng: Random) -> bytes:
    begin, end = _block(data, rng)
    return data[:begin] + bytes(end - begin) + data[end:]


def _block_lost(data: bytes, rng: Random) -> bytes:
    begin, end = _block(data, rng)
    return data[:begin] + data[end:]


def _block_doubled(data: bytes, rng: Random) -> bytes:
    begin, end = _block(data, rng)
    return data[:end] + data[begin:]


def _blocks_exchanged(data: bytes, rng: Random) -> bytes:
    first, second, third = sorted(rng.randrange(len(data)) for _ in range(3))
    return data[:first] + data[second:third] + data[first:second] + data[third:]


def _bytes_swapped(data: bytes, rng: Random) -> bytes:
    begin, end = _block(data, rng)
    even = begin + (end - begin) // 2 * 2
    swapped = bytearray(data)
    swapped[begin:even:2], swapped[begin + 1 : even : 2] = data[begin + 1 : even : 2], data[begin:even:2]
    return bytes(swapped)


def _noise_inside(data: bytes, rng: Random) -> bytes:
    begin, end = _block(data, rng)
    return data[:begin] + rng.randbytes(end - begin) + data[end:]
