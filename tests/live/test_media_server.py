"""Annotated video to a media server: one that takes it, one that goes away, and one that never says a word."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Event, Thread

import av
import numpy as np
import psutil
import pytest
from helpers.rtsp import free_port
from helpers.waiting import wait_until

from fer_batch.live.events import FrameAnalyzed
from fer_batch.live.publishing.publisher import Publisher
from fer_batch.video.frame import Display, Frame

pytestmark = pytest.mark.network

PASSWORD, KEY = "s3cretword", "hiddenkey"


@contextmanager
def published(address: str) -> Iterator[tuple[Publisher, list[float]]]:
    """A publisher that is given 25 pictures a second, and how long each time between two was."""
    pauses: list[float] = []
    over = Event()
    with Publisher(address, 25) as publisher:

        def feed() -> None:
            began = last = time.monotonic()
            while not over.wait(0.04):
                planes = np.full((360 * 3 // 2, 640), len(pauses) % 200, np.uint8)
                frame = Frame(
                    len(pauses), last - began, av.VideoFrame.from_ndarray(planes, "yuv420p"), Display(640, 360)
                )
                publisher.take(FrameAnalyzed(None, 0.0, frame))
                now = time.monotonic()
                pauses.append(now - last)
                last = now

        thread = Thread(target=feed)
        thread.start()
        try:
            yield publisher, pauses
        finally:
            over.set()
            thread.join()


def received(port: int, count: int) -> list[av.VideoFrame]:
    """The first pictures that somebody sends here, who may have been waiting to."""
    with av.open(f"tcp://127.0.0.1:{port}?listen=1", format="mpegts", timeout=20) as container:
        return list(islice(container.decode(video=0), count))


def test_a_server_gets_the_pictures_again_after_it_was_away() -> None:
    port = free_port()
    with published(f"tcp://127.0.0.1:{port}") as (publisher, _):
        for _ in range(2):
            pictures = received(port, 40)
            assert [(one.width, one.height) for one in pictures] == [(640, 360)] * 40
            times = [one.time for one in pictures]
            assert 1.0 < times[-1] - times[0] < 4.0
        said = wait_until(publisher.notices)
    assert f"tcp://127.0.0.1:{port}: does not take the video" in said[0]


def test_a_silent_server_holds_up_nobody_and_no_process_shows_or_says_the_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtmp://me:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/live/{KEY}"
        with published(address) as (publisher, pauses):
            accepted, _ = silent.accept()
            wait_until(lambda: sum(pauses) > 3)
            assert max(pauses) < 1
            (child,) = [
                one
                for one in psutil.Process().children()
                if "fer_batch.live.publishing.worker" in " ".join(one.cmdline())
            ]
            for shown in (child.cmdline(), list(child.environ().values())):
                assert not any(PASSWORD in text or KEY in text for text in shown)
            # Nobody else is left to end it: it does so itself.
            said = wait_until(publisher.notices)
            began = time.monotonic()
        assert time.monotonic() - began < 3
        assert not child.is_running()
        accepted.close()
    assert len(said) == 1
    assert "it takes nothing for 10 s" in said[0]
    assert KEY not in said[0]
    assert PASSWORD not in said[0]
