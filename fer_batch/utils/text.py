"""Names of files as text that can be written and shown, whatever bytes they are made of."""

from __future__ import annotations

import re

# How Python keeps what is no Unicode in a name: bytes 80 to FF on POSIX, halves of surrogate pairs on Windows.
_NO_UNICODE = re.compile("[\ud800-\udfff]")
# Control characters, breaks of lines, and what turns the direction of writing: they would act instead of being seen.
_ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def valid(text: str) -> str:
    """The text with the bytes that are no Unicode as ``%E9``: what JSON, tables and every terminal can hold."""
    return _NO_UNICODE.sub(_percent, text)


def shown(text: str) -> str:
    r"""The text as one line for people: also with control characters as ``\n`` or ``\x1b``."""
    return _ACTING.sub(lambda match: match[0].encode("unicode_escape").decode(), valid(text))


def _percent(match: re.Match[str]) -> str:
    code = ord(match[0])
    kept = bytes([code - 0xDC00]) if 0xDC80 <= code <= 0xDCFF else match[0].encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in kept)
