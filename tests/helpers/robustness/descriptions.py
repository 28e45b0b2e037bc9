"""Model descriptions (JSON) and settings (TOML) as nobody should write them."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final

from fer_batch.emotions import EMOTIONS

_NUMBERS: Final = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1",
    "0",
    "1e-320",
    "1000000000",
    "9" * 5000,
    "true",
    "0.5",
)
_OTHERS: Final = ('"text"', '"\\ud800"', '"\\u0000"', "null", "[]", "{}", "[[1]]", '{"a": [null]}', '["1"]', '[""]')
_KEYS: Final = ("labels", "colour", "mean", "std", "layout", "output", "mirror", "temperature", "heads", "geometry")
_GEOMETRY: Final = ("size", "right_eye", "left_eye", "mouth", "other")


def descriptions(rng: Random, count: int) -> list[tuple[str, bytes]]:
    """Model descriptions and what is wrong with each, whole ones with a wrong value and texts that are none."""
    texts = [
        ("deeply nested", b"[" * 200_000),
        ("deeply nested labels", b'{"labels": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
        ("deeply nested objects", b'{"labels":' * 5_000 + b"1" + b"}" * 5_000),
        ("empty", b""),
        ("NUL", b"\0" * 100),
        ("Latin-1", '{"labels": ["fröhlich"]}'.encode("latin-1")),
        ("UTF-16", json.dumps({"labels": EMOTIONS}).encode("utf-16")),
        ("a byte order mark", b"\xef\xbb\xbf" + json.dumps({"labels": EMOTIONS}).encode()),
        ("many labels", json.dumps({"labels": [*EMOTIONS] * 20_000}).encode()),
        ("many heads", json.dumps({"labels": EMOTIONS, "heads": {str(n): {} for n in range(20_000)}}).encode()),
        ("cut short", json.dumps({"labels": EMOTIONS}).encode()[:-9]),
        ("no object", b"12"),
    ]
    values = [*_NUMBERS, *(f"[{number}]" for number in _NUMBERS), *_OTHERS]
    places = [(key,) for key in _KEYS] + [("geometry", key) for key in _GEOMETRY] + [("heads", "logits", "temperature")]
    wrong = [(f"{'.'.join(place)} = {value[:40]}", _described(place, value)) for place in places for value in values]
    return _drawn(texts, wrong, rng, count)


def _described(place: tuple[str, ...], value: str) -> bytes:
    """A description that is right but for one value."""
    whole: dict[str, Any] = {"labels": list(EMOTIONS)}
    inner = whole
    for key in place[:-1]:
        inner = inner.setdefault(key, {})
    inner[place[-1]] = "@"
    return json.dumps(whole).replace('"@"', value).encode()


_SETTINGS: Final = (
    *("inputs", "output", "format", "video", "overwrite", "detector", "model", "every", "fps", "start", "end"),
    *("min-score", "batch-size", "persons", "device", "workers", "stall-limit", "report", "log-file", "json", "from"),
)
_TOML_VALUES: Final = (
    *("nan", "inf", "-inf", "1e999", "-1", "0", "1" * 400, "99999999999999999999", "true", "0.5", "0x7fffffffffffffff"),
    *(
        '""',
        '"text"',
        r'"\u0000"',
        r'"\u202e\u001b[31m"',
        '"1:99:99"',
        '"-0:01"',
        '"1e400"',
        '"nan"',
        '"' + "x" * 5000 + '"',
    ),
    *("[]", "[[]]", "[1, 2]", '[""]', r'["\u0000"]', "{}", "{a = {b = 1}}", "1979-05-27T07:32:00Z", "07:32:00"),
    *('"~"', '"/"', '"/dev/null/x"', '"http://127.0.0.1:9/a"', "'''\n\n'''", '"**/*"', '"[" '),
)


def settings(rng: Random, count: int) -> list[tuple[str, bytes]]:
    """Settings and what is wrong with each; they all name a recording that is not there."""
    recording = b"inputs = ['missing.mp4']\n"
    texts = [
        ("deeply nested", b"inputs = " + b"[" * 100_000),
        ("deeply nested lists", b"inputs = " + b"[" * 2_000 + b"]" * 2_000),
        ("deeply nested tables", b"inputs = " + b"{a = " * 2_000 + b"1" + b"}" * 2_000),
        ("a long dotted key", b".".join([b"a"] * 5_000) + b" = 1"),
        ("many tables", b"".join(b"[a%d]\n" % number for number in range(20_000))),
        ("many digits", recording + b"every = " + b"9" * 10_000),
        ("empty", b""),
        ("NUL", recording + b"\0"),
        ("Latin-1", recording + "report = 'für.csv'".encode("latin-1")),
        ("UTF-16", recording.decode().encode("utf-16")),
        ("cut short", recording[:-4]),
        ("a key twice", recording * 2),
        ("noise", rng.randbytes(2_000)),
    ]
    wrong = [
        (f"{key} = {value[:40]}", (b"" if key == "inputs" else recording) + f"{key} = {value}".encode())
        for key in _SETTINGS
        for value in _TOML_VALUES
    ]
    return _drawn(texts, wrong, rng, count)


def _drawn(
    texts: list[tuple[str, bytes]], wrong: list[tuple[str, bytes]], rng: Random, count: int
) -> list[tuple[str, bytes]]:
    return [*texts, *rng.sample(wrong, min(len(wrong), max(0, count - len(texts))))][:count]
