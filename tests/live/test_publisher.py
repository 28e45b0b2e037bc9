"""Annotated video sent to a real media server: ffmpeg that listens for RTMP."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from helpers.paths import EXAMPLE
from helpers.rtsp import free_port
from helpers.waiting import wait_until

from fer_batch.config import Selection, Settings
from fer_batch.errors import InputError
from fer_batch.live.events import FrameAnalyzed
from fer_batch.live.publishing.publisher import Publisher
from fer_batch.pipeline.engine import Engine
from fer_batch.video.video_reader import VideoFile

pytestmark = pytest.mark.network


def test_a_media_server_gets_annotated_video_when_it_is_there(tmp_path: Path) -> None:
    port, target = free_port(), tmp_path / "received.flv"
    url = f"rtmp://me:s3cret@127.0.0.1:{port}/live/door"
    publisher = Publisher(url, 25)
    with VideoFile(EXAMPLE) as source, Engine(Settings(persons=False)) as engine:
        seen = []
        for frame, observation in engine.observe(source, Selection(end_s=3), every_frame=True):
            assert observation is not None
            observation.captured_at = datetime.now(UTC)
            seen.append(FrameAnalyzed(observation, 0.01, frame))
        # Nobody listens yet: that is said once, and nothing waits.
        publisher.take(seen[0])
        notices = list(wait_until(publisher.notices))
        assert "does not take the video" in notices[0]
        assert "s3cret" not in notices[0]
        listening = ["-listen", "1", "-i", url.replace("me:s3cret@", "")]
        server = subprocess.Popen(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *listening, "-c", "copy", target], stdin=subprocess.DEVNULL
        )
        began = time.monotonic()
        for each in seen * 3:
            time.sleep(1 / 40)
            publisher.take(each)
            notices += publisher.notices()
            if time.monotonic() - began > 6:
                break
        publisher.close()
        server.wait(timeout=20)
    assert any("takes the video again" in notice for notice in notices)
    with VideoFile(target) as received:
        pictures = [frame.rgb() for frame in received.frames()]
    assert received.probe.codec == "h264"
    assert len(pictures) > 20
    # The frame of the drawn chart is darker than the wall that it covers.
    with VideoFile(EXAMPLE) as source:
        plain = next(source.frames()).rgb()
    assert float(np.abs(pictures[0].astype(int) - plain).mean()) > 1


def test_what_no_server_understands_is_refused() -> None:
    with pytest.raises(InputError, match="give an address that begins with rtsp://"):
        Publisher("file:///tmp/x", 25)
