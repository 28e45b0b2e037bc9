"""Readers, receivers and encoders that fail: none of them holds up or ends what is watched, nor learns a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from fer_batch.annotation.encoder import Encoder
from fer_batch.live.notifications import Webhook
from fer_batch.live.source_url import parse_address, scrubbed
from fer_batch.live.video_segments import VideoSegments
from fer_batch.video.frame import Display, Frame

pytestmark = pytest.mark.network

PASSWORD = "s3cretword"  # noqa: S105 - nobody's

TELL = """
import time
from fer_batch.cli.display.machine_output import EventLines
from fer_batch.live.runner import Reported
import sys
with EventLines() as lines:
    began = time.monotonic()
    for number in range(5000):
        lines("door", Reported({"number": number, "what": "\\u00fc" * 100}))
    print(time.monotonic() - began, file=sys.stderr)
"""


def test_lines_that_nobody_reads_hold_up_nobody() -> None:
    reader, writer = os.pipe()
    try:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", TELL], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=30, check=True
        )
        assert float(done.stderr) < 2
        assert time.monotonic() - began < 15
        first, _, _ = os.read(reader, 1000).partition(b"\n")
        assert json.loads(first)["number"] == 0
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no disk that is always full")
def test_lines_that_a_disk_does_not_take_end_nothing() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", TELL], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False
        )
    assert done.returncode == 0, done.stderr
    assert float(done.stderr) < 2


def test_all_lines_are_read_by_who_reads() -> None:
    done = subprocess.run([sys.executable, "-c", TELL], capture_output=True, timeout=30, check=True)
    assert [json.loads(line)["number"] for line in done.stdout.splitlines()] == list(range(5000))


def test_a_webhook_with_letters_of_any_language_is_posted_to() -> None:
    asked: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with Webhook(f"http://127.0.0.1:{server.server_address[1]}/tür/a%20b?x=1&y=%C3%BC") as webhook:
            webhook.post({"event": "episode"})
        server.shutdown()
    assert asked == ["/t%C3%BCr/a%20b?x=1&y=%C3%BC"]


def test_an_encoder_that_dies_is_not_started_again_for_every_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    class Counted(Encoder):
        def __init__(self, command: list[str]) -> None:
            started.append(command)
            super().__init__([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(tmp_path / "none"), "x.mp4"])

    monkeypatch.setattr("fer_batch.annotation.encoder_stream.Encoder", Counted)
    planes = np.zeros((720 * 3 // 2, 1280), np.uint8)
    with VideoSegments() as segments:
        for part in range(2):
            for index in range(30):
                picture = av.VideoFrame.from_ndarray(planes, "yuv420p")
                frame = Frame(index, index / 25, picture, Display(1280, 720))
                segments.write(tmp_path / f"part-{part:08d}.mp4", frame, None)
            assert segments.fault is not None
            segments.cut()
    assert len(started) == 2, "once a part"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"user=admin&password={PASSWORD}&channel=1&stream=0.sdp", "user=...&password=...&channel=1&stream=0.sdp"),
        (f"user=admin_password={PASSWORD}_channel=2", "user=..._password=..._channel=2"),
        (f"live/token={PASSWORD}/main", "live/token=.../main"),
        ("Streaming/Channels/101", "Streaming/Channels/101"),
    ],
)
def test_passwords_that_recorders_want_in_the_path_are_not_shown(path: str, shown: str) -> None:
    address = parse_address(f"rtsp://cam:554/{path}")
    assert address.shown == f"rtsp://cam:554/{shown}"
    assert PASSWORD not in address.id
    assert PASSWORD not in scrubbed(f"cannot open {address.secret}; {path}", address)
    assert address.secret.endswith(path)
