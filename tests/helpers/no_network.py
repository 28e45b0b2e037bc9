"""Processes that the kernel kills as soon as they touch a network.

A seccomp filter sees the system calls of native code, of every thread and of every child process, needs no rights and
no tool, and cannot be taken off again.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

KILLED: Final = -int(getattr(signal, "SIGSYS", 31))
"""Exit status of a process that the filter ended."""
AF_UNIX: Final = 1

_ARCHITECTURES: Final = {
    # AUDIT_ARCH, socket, then connect, bind, listen, sendto, sendmsg, sendmmsg
    "x86_64": (0xC000003E, 41, (42, 49, 50, 44, 46, 307)),
    "aarch64": (0xC00000B7, 198, (203, 200, 201, 206, 211, 269)),
}
_IO_URING_SETUP: Final = 425
"""The same everywhere. Requests in its ring are no system calls, so the ring is refused; its users can do without."""

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_KILL, _ALLOW, _NOT_PERMITTED = 0x80000000, 0x7FFF0000, 0x00050001
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_NO_NEW_PRIVS, _SECCOMP, _FILTER = 38, 22, 2


def _program() -> bytes:
    """The filter: a socket other than a Unix one, and anything that would reach beyond the process through one, kills.

    A Unix socket by itself is allowed (Python makes pairs of them), connecting it is not: name look-ups go that way.
    """
    audit, socket, others = _ARCHITECTURES[platform.machine()]
    steps = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER)]
    # System calls of the x32 variant carry this bit.
    steps += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    for number in others:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _KILL)]
    steps += [(_EQUAL, 0, 1, _IO_URING_SETUP), (_RETURN, 0, 0, _NOT_PERMITTED)]
    steps += [(_EQUAL, 0, 3, socket), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_EQUAL, 1, 0, AF_UNIX), (_RETURN, 0, 0, _KILL)]
    steps += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_char_p))


def run(
    command: Sequence[str | Path], env: dict[str, str], cwd: Path, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Runs a command, with nothing but ``env`` for an environment, under the filter."""
    program = _program()
    definition = _Filter(len(program) // 8, program)
    libc = ctypes.CDLL(None)

    def seal() -> None:
        if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _FILTER, ctypes.byref(definition), 0, 0):
            os._exit(99)

    return subprocess.run(
        command, preexec_fn=seal, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=timeout_s
    )


def unavailable() -> str | None:
    """Why there is no such filter here; None where there is."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return f"seccomp filters are known for Linux on {' and '.join(_ARCHITECTURES)} only"
    if run(["true"], {"PATH": os.defpath}, Path("/")).returncode == 99:
        return "this kernel or sandbox refuses seccomp filters"
    return None
