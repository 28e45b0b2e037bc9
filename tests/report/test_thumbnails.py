"""Faces that are cut out of the recording."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import EXAMPLE

import fer_batch
from fer_batch.report.thumbnails import thumbnails
from fer_batch.video.image_codec import decode_picture
from fer_batch.video.video_reader import VideoFile


@pytest.mark.slow
def test_a_glimpse_is_the_frame_that_playing_shows_at_that_time() -> None:
    with VideoFile(EXAMPLE) as video:
        frames = {frame.index: (frame.time_s, frame.rgb()) for frame in video.frames() if frame.index % 60 in {0, 59}}
    with VideoFile(EXAMPLE) as video:
        for time_s, picture in frames.values():
            for later_s in (0.0, 0.03):
                found = video.glimpse(time_s + later_s)
                assert found is not None
                assert found.time_s == pytest.approx(time_s, abs=1e-6)
                np.testing.assert_array_equal(found.rgb(), picture)


@pytest.mark.slow
def test_a_thumbnail_shows_the_face_where_it_is_seen_well(example: Path) -> None:
    timeline = fer_batch.load(example)
    (address,) = thumbnails(EXAMPLE, timeline, photo=False).values()
    face = decode_picture(b64decode(address.split(",")[1]))
    assert face is not None
    assert max(face.shape[:2]) == 112
    assert len(address) < 12_000
    assert thumbnails(Path("gone.mp4"), timeline, photo=False) == {}
    guessed = timeline.assign(interpolated=timeline["frame"] != 300, x=np.where(timeline["frame"] == 300, 0.0, 1e5))
    assert set(thumbnails(EXAMPLE, guessed, photo=False)) == {1}
