"""Messages between a process and its children, as pickles through pipes."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from fer_batch.errors import FerBatchError


@dataclass(frozen=True, slots=True)
class Stop:
    """To a worker: end the recording in progress with what was analysed until now."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From a worker: an error that ends the whole run."""

    error: FerBatchError
    traceback: str | None = None


def send(pipe: IO[bytes], message: Any) -> None:
    """Writes one message.

    Raises:
        OSError: when the other side is gone.
    """
    pipe.write(pickle.dumps(message))
    pipe.flush()


def received(pipe: IO[bytes]) -> Iterator[Any]:
    """The messages until the other side closes its end, dies in the middle of one, or says what is none."""
    while True:
        try:
            message = pickle.load(pipe)  # noqa: S301 - from our own process
        except Exception:  # bytes that are no message may raise anything
            return
        yield message
