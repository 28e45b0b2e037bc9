"""What holds a run together: threads that end, signals that stay ignored, streams that are closed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from threading import Thread

import pytest

from fer_batch.utils.concurrency import Prefetcher
from fer_batch.utils.native_output import native_stderr_muted
from fer_batch.utils.signals import stop_on_interrupt


class FailsToClose(Iterator[int]):
    """Two items, then an error on closing."""

    def __init__(self) -> None:
        self.left = 2

    def __next__(self) -> int:
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return self.left

    def close(self) -> None:
        raise OSError("closing failed")


# Left to pytest, the error in the thread would be a warning and the consumer would wait for ever.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_in_closing_reaches_the_consumer() -> None:
    seen: list[object] = []

    def consume() -> None:
        try:
            seen.extend(Prefetcher(FailsToClose(), 1, "test"))
        except OSError as error:
            seen.append(str(error))

    consumer = Thread(target=consume, daemon=True)
    consumer.start()
    consumer.join(10)
    assert not consumer.is_alive()
    assert seen[-1] == "closing failed"


def test_an_ignored_signal_stays_ignored_and_the_other_one_stops() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        with stop_on_interrupt() as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop.is_set()
            signal.raise_signal(signal.SIGTERM)
            assert stop.is_set()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        # The process is about to end; one more must not spoil its report.
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, terminate)


def test_without_stderr_there_is_nothing_to_mute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    saved = os.dup(2)
    os.close(2)
    try:
        with native_stderr_muted():
            done = True
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    assert done
