"""Addresses of live sources, and the names without secrets under which logs and outputs know them."""

from __future__ import annotations

import ipaddress
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from fer_batch.errors import InputError
from fer_batch.utils.logs import IN_PATH

Kind = Literal["stream", "camera", "file"]

_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_.\-]+")
_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "udp", "rtp", "tcp", "mms", "mmsh"})


@dataclass(frozen=True, slots=True)
class Address:
    """A live source."""

    kind: Kind
    secret: str = field(repr=False)
    """What is opened: it may hold a password, so it goes nowhere but to the library that opens it."""
    shown: str
    """What users, logs, files and pages get to see: without user, password and query."""
    id: str
    """Of the recording, unless another one is given."""


def parse_address(text: str) -> Address:
    """A stream's address, a webcam's number or device, or a file that is played at its own speed.

    Raises:
        InputError: when it is none of these.
    """
    stripped = text.strip()
    if stripped.isdecimal():
        return Address("camera", stripped, f"camera {int(stripped)}", f"camera-{int(stripped)}")
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]+://", stripped):
        return _stream(stripped)
    path = Path(text)
    if path.is_char_device() or (sys.platform != "win32" and stripped.startswith("/dev/")):
        return Address("camera", text, text, _id(path.name))
    if path.is_file():
        return Address("file", text, text, path.name)
    # It may be an address whose beginning is missing, with a password.
    masked = "..." + text.rpartition("@")[2] if "@" in text else text
    raise InputError(
        f"{masked}: no such camera or file; give an address such as rtsp://camera/stream, a webcam's number such as 0, "
        "or a file to rehearse with."
    )


def server_of(address: Address) -> str:
    """A stream's scheme, host and port alone: where something is sent to, the path often is the secret."""
    parts = urlsplit(address.shown)
    return f"{parts.scheme}://{parts.netloc}"


def _stream(text: str) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # The port may be the beginning of a password with a slash in it, which nobody must see.
        raise InputError(
            "The address of the stream has no valid host and port; write @, /, ? and # of a user or password as %40, "
            "%2F, %3F and %23."
        ) from None
    if parts.scheme.lower() not in _SCHEMES:
        raise InputError(f"{parts.scheme}: streams of this kind are not known; give {', '.join(sorted(_SCHEMES))}.")
    if not host:
        raise InputError(f"{parts.scheme}://: names no host; give an address such as rtsp://camera/stream.")
    if "@" in parts.path + parts.query + parts.fragment:
        # Or it is the rest of a password with a slash, question or number sign in it, which nobody must see.
        raise InputError(
            f"{parts.scheme}: its address has an @ after the host; write @, /, ? and # of a user, password "
            "or path as %40, %2F, %3F and %23."
        )
    place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    named = f"{host}{f'-{port}' if port else ''}{IN_PATH.sub('', parts.path)}"
    path = IN_PATH.sub(r"\1...", parts.path)
    return Address("stream", text, f"{parts.scheme}://{place}{path}", _id(named))


def _id(text: str) -> str:
    return _NOT_IN_ID.sub("-", text).strip("-.") or "stream"


_SHORTEST = 3
"""Letters of a secret that is looked for by itself: shorter ones are part of half of all words."""


def scrubbed(text: str, address: Address) -> str:
    """The text with the address as it may be shown, and dots in place of its password and query."""
    if address.kind != "stream":
        return text
    parts = urlsplit(address.secret)
    user = parts.netloc.rpartition("@")[0]
    secrets = {user, parts.password or "", unquote(parts.password or ""), parts.query}
    secrets |= {match[2] for match in IN_PATH.finditer(parts.path)}
    text = text.replace(address.secret, address.shown)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "...")
    return text


def is_loopback(host: str) -> bool:
    """Whether a host's name or address reaches this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
