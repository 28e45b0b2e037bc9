"""What people see of live sources: on a terminal of any size, in a pipe, and how fast, how late and whom."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from threading import Event
from typing import Any

import numpy as np
import pytest
from helpers.waiting import wait_until
from rich.cells import cell_len
from rich.console import Console

from fer_batch.cli.display.live_dashboard import LiveView, live_watcher
from fer_batch.cli.display.live_log import LiveErrors, LiveLines
from fer_batch.errors import FerBatchError
from fer_batch.live.events import Connected, Counts, Ended, FrameAnalyzed, Interrupted, Written
from fer_batch.live.metrics import LiveStatistics, SlidingRates
from fer_batch.types import Faces, Observation
from fer_batch.video.probe import Probe

PROBE = Probe("video", "rtsp", "h264", "yuv420p", 1920, 1080, 0, 25.0, None, None, None, 0)
REASON = "rtsp://10.0.0.1/stream: the camera refuses the connection (401 Unauthorized); check user and password."
HAPPY, SAD, NEUTRAL = 3, 4, 6


def at() -> datetime:
    return datetime.now(UTC)


def seen(*faces: tuple[int, int], latency_s: float = 0.04) -> FrameAnalyzed:
    """Faces as track and leading emotion, which has 0.7."""
    tracks = np.array([track for track, _ in faces], np.int32)
    probabilities = np.full((len(faces), 7), 0.05, np.float32)
    for i, (_, emotion) in enumerate(faces):
        probabilities[i, emotion] = 0.7
    n = len(faces)
    detected = Faces(np.zeros((n, 4), np.float32), np.zeros((n, 6, 2), np.float32), np.ones(n, np.float32), tracks)
    return FrameAnalyzed(Observation(0, 0.0, detected, probabilities), latency_s)


class Evening:
    """Forty seconds of several sources: the first is live, the second refuses, the others are being connected to."""

    def __init__(self, sources: int, faces: int, width: int, height: int, **console: Any) -> None:
        self.now_s = 1000.0
        self.said = io.StringIO()
        self.console = Console(file=self.said, width=width, height=height, record=True, highlight=False, **console)
        names = ["door", *(f"cam{i}" for i in range(1, sources))]
        self.counts = {name: Counts(connections=1) for name in names}
        shown = {name: f"rtsp://10.0.0.{i}/stream" for i, name in enumerate(names)}
        self.view = LiveView(shown, self.counts, self.console, lambda: self.now_s)
        self.view("door", Connected(at(), 0.0, PROBE))
        self.view("door", Written(3, 60.0))
        for i in range(400):
            self.now_s = 1000 + (i + 1) / 10
            door = self.counts["door"]
            door.arrived, door.analysed, door.dropped = 3 * i, i, i
            emotion = SAD if i < 300 else HAPPY
            self.view("door", seen(*((track, emotion) for track in range(1, faces + 1)), latency_s=(i % 100) / 1000))
            if sources > 1 and i % 100 == 0:
                self.view("cam1", Interrupted(at(), 0.0, FerBatchError(REASON), 30.0))
            self.text(width, height)

    def text(self, width: int, height: int, ascii_only: bool = False) -> list[str]:
        lines = ["".join(text for text, _ in line) for line in self.view.lines(width, height, ascii_only)]
        assert len(lines) <= height
        assert all(cell_len(line) <= width for line in lines)
        return lines


def test_at_80_columns_all_that_counts_is_there() -> None:
    lines = Evening(sources=3, faces=2, width=80, height=24).text(80, 23)
    assert lines == [
        "door ● live for 40 s, 2 faces, 1920x1080 at 25/s  rtsp://10.0.0.0/stream",
        "  in 30.0/s (1,197)  analysed 10.0/s (399)  dropped 10.0/s (399)",
        "  latency 50 ms, 95 % within 95 ms  3 parts, next in 20 s",
        "       Angry Disg. Fear  Happy Sad   sUrp. Neut. last 30 s",
        "    #1 ▎     ▎     ▎     ███▌  ▎     ▎     ▎     " + "S" * 19 + "H" * 11,
        "    #2 ▎     ▎     ▎     ███▌  ▎     ▎     ▎     " + "S" * 19 + "H" * 11,
        "cam1 ✗ no connection for 40 s, next attempt in 20 s  rtsp://10.0.0.1/stream",
        "  the camera refuses the connection (401 Unauthorized); check user and password.",
        "cam2 ◌ connecting for 40 s  rtsp://10.0.0.2/stream",
    ]


def test_at_120_columns_the_leading_emotion_is_named_too() -> None:
    lines = Evening(sources=1, faces=1, width=120, height=40).text(120, 39)
    assert lines[3].split() == ["Angry", "Disgust", "Fear", "Happy", "Sad", "sUrprise", "Neutral", "last", "30", "s"]
    assert "happy     70%" in lines[4]
    assert "█████▋" in lines[4]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (80, 10), (60, 7), (30, 4), (10, 1)])
def test_it_keeps_within_any_terminal_and_counts_what_it_leaves_out(width: int, height: int) -> None:
    lines = Evening(sources=6, faces=9, width=width, height=height).text(width, height)
    faces = [line for line in lines if line.startswith("    #")]
    match height:
        case 40:
            assert len(faces) == 9
            assert lines[-1].startswith("cam5 ")
        case 10:
            assert lines[0] == "door ● live for 40 s  10.0/s  50 ms  dropped 10.0/s  9 faces"
            assert lines[4] == "   and 7 more faces"
            assert [line[:4] for line in lines[5:]] == ["cam1", "cam2", "cam3", "cam4", "cam5"]
        case 4:
            assert lines[-1] == "and 3 more recordings"


def test_it_can_be_read_without_colours_and_without_unicode() -> None:
    lines = Evening(sources=2, faces=1, width=80, height=24).text(80, 23, ascii_only=True)
    assert "".join(lines).isascii()
    assert "    #1 ..... ..... ..... ###.. ..... ..... ..... SSSS" in lines[4]


def test_what_is_drawn_is_what_a_terminal_gets_and_a_name_cannot_act_on_it() -> None:
    evening = Evening(sources=2, faces=1, width=80, height=24, force_terminal=True, color_system="truecolor")
    with evening.view:
        pass
    drawn = evening.said.getvalue()
    assert "\x1b[48;2;" in drawn or ";48;2;240;228;66m" in drawn, "happy's colour"
    assert "HHHH" in drawn
    now = {"a\x1b[2J": Counts()}
    view = LiveView({"a\x1b[2J": "rtsp://cam/\x07"}, now, evening.console)
    assert "\x1b" not in "".join(text for line in view.lines(80, 24) for text, _ in line)


def test_the_wish_to_stop_is_answered_inside_the_view() -> None:
    stop, now = Event(), {"door": Counts()}
    view = LiveView({"door": "rtsp://cam/1"}, now, Console(file=io.StringIO()), stop=stop)
    assert len(view.lines(80, 24)) == 1
    stop.set()
    (_, (last, *_)) = view.lines(80, 24)
    assert last[0].startswith("Stopping: what was analysed is being written.")
    assert len(view.lines(80, 2)) == 2


def test_incidents_stay_on_the_screen_and_the_same_refusal_is_said_once() -> None:
    said = Evening(sources=2, faces=1, width=80, height=24).said.getvalue().splitlines()
    assert [line.split(" ", 1)[1] for line in said] == [
        "door: connected, 1920x1080 at 25 frames/s.",
        f"cam1: not connected: {REASON} Next attempt in 30 s.",
    ]


def test_a_face_leaves_a_few_seconds_after_it_was_last_seen_and_remembers_what_it_showed() -> None:
    one = LiveStatistics(0.0)
    for tenth in range(50):
        one.tell(seen((7, SAD), (8, NEUTRAL)), tenth / 10)
    one.tell(seen((8, NEUTRAL)), 5.0)
    assert [face.track for face in one.faces(5.5)] == [7, 8]
    assert one.faces_now == 1
    one.tell(seen((8, NEUTRAL)), 8.5)
    assert [face.track for face in one.faces(8.5)] == [8]
    assert one.faces(8.5)[0].strip(8.5, cells=6) == [NEUTRAL, NEUTRAL, NEUTRAL, None, None, NEUTRAL]
    assert one.faces(9.1)[0].strip(9.1, cells=2) == [NEUTRAL, NEUTRAL], "no blinking when a second begins"
    one.tell(seen((7, HAPPY)), 10.0)
    assert one.faces(10.0)[0].strip(10.0, cells=8) == [SAD, SAD, None, None, None, None, None, HAPPY]


def test_memory_does_not_grow_with_days_faces_or_frame_rate() -> None:
    one, counts = LiveStatistics(0.0), Counts()
    for i in range(20_000):
        now_s = i / 500
        counts.arrived += 1
        one.tell(seen((i, HAPPY)), now_s)
        one.rates(now_s, counts)
    assert len(one._faces) <= 200
    assert len(one._latencies._latest) <= 1200
    assert len(one._rates._samples) <= 21


def test_rates_and_latencies_are_those_of_the_last_seconds() -> None:
    rates, counts = SlidingRates(5.0), Counts()
    for i in range(1, 300):
        counts.arrived += 3 if i < 200 else 1
        found = rates.at(i / 10, counts)
        assert i != 199 or found.arrived == pytest.approx(30)
    assert rates.at(29.9, counts).arrived == pytest.approx(10)
    assert rates.at(40.0, counts).arrived < 10
    seldom, counts = SlidingRates(60.0), Counts()
    seldom.at(0.0, counts)
    for minute, frames in ((1, 600), (2, 1200), (3, 60)):
        counts.analysed += frames
        assert seldom.at(minute * 60.0, counts).analysed == frames / 60, "asked once a minute"
    one = LiveStatistics(0.0)
    assert one.latency(0.0) is None
    for i in range(100):
        one.tell(seen((1, SAD), latency_s=i / 100), i / 10)
    assert one.latency(9.9) == (0.49, 0.94)
    assert one.latency(30.0) is None


def test_in_a_pipe_connections_are_told_and_rates_now_and_then() -> None:
    said = io.StringIO()
    counts = {"door": Counts()}
    sources = {"door": "rtsp://cam/1", "hall": "rtsp://cam/2"}
    with LiveLines(sources, counts, Console(file=said), every_s=0.4) as lines:
        lines("hall", Ended())
        lines("door", Connected(at(), 0.0, PROBE))
        counts["door"].arrived, counts["door"].analysed, counts["door"].dropped = 20, 10, 2
        lines("door", seen((1, HAPPY), (2, SAD)))
        wait_until(lambda: "analysed" in said.getvalue())
        lines("door", Interrupted(at(), 3.0, FerBatchError("The camera sends nothing."), 4.0))
        lines("door", Interrupted(at(), 3.0, FerBatchError("The camera sends nothing."), 8.0))
        lines("door", Connected(at(), 9.0, PROBE))
        lines("door", Ended(FerBatchError("The disk is full.")))
    told = [line.split(" ", 1)[1] for line in said.getvalue().splitlines()]
    assert told.pop(0) == "hall: ended."
    assert told[0] == "door: connected, 1920x1080 at 25 frames/s."
    rate = r"\d+\.\d/s"
    line = rf"door: in {rate}, analysed {rate}, dropped {rate} \(2 in all\), latency 40 ms \(95 % in 40 ms\), 2 faces\."
    assert re.fullmatch(line, told[1])
    assert told[2:] == [
        "door: lost: The camera sends nothing. Next attempt in 4 s.",
        "door: connected again after 1 s, 1920x1080 at 25 frames/s.",
        "door: ended: The disk is full.",
    ]


def test_quiet_says_errors_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with live_watcher({"door": "rtsp://cam/1", "hall": "rtsp://cam/2"}, {}, quiet=True) as watcher:
        assert isinstance(watcher, LiveErrors)
        watcher("door", Connected(at(), 0.0, PROBE))
        watcher("door", Interrupted(at(), 3.0, FerBatchError("The camera sends nothing."), 4.0))
        watcher("door", Ended())
        watcher("door", Ended(FerBatchError("The disk is full.")))
    assert capsys.readouterr().err == "Error: door: The disk is full.\n"
