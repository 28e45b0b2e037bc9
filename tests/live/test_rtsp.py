"""A camera over RTSP, from a real server that goes away, says nothing or comes back; and the same clip as a file."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import pytest
from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE
from helpers.rtsp import RtspServer, free_port
from helpers.waiting import wait_until

import fer_batch
from fer_batch.emotions import EMOTIONS

pytestmark = pytest.mark.network

SCRIPT = Path(sys.executable).parent / "fer-batch"
PASSWORD = "s3cretword"  # noqa: S105 - nobody's
PHOTO = EXAMPLE.with_name("astronaut.png")
NAME = "door"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with six seconds of the example, with a change of mood in the middle, coded as cameras do."""
    folder = tmp_path_factory.mktemp("served")
    options = ("-an", "-r", "15", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15")
    ffmpeg("-ss", "9", "-t", "6", "-i", EXAMPLE, *options, folder / "cam.mp4")
    return folder


@pytest.fixture
def server(served: Path) -> Iterator[RtspServer]:
    one = RtspServer(served)
    yield one
    one.kill()


class Live:
    """``fer-batch live`` in a process."""

    def __init__(self, out: Path, url: str, *options: str) -> None:
        self.out = out
        command: list[str | Path] = [SCRIPT, "live", url, "-o", out, "--name", NAME, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_for(self, what: str, timeout_s: float = 40) -> None:
        """Reads what it says until it says this."""
        assert self.process.stderr is not None
        said = []
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and (line := self.process.stderr.readline()):
            said.append(line)
            if what in line:
                return
        raise AssertionError(f"{what!r} was not said, but {said}")

    def document(self) -> dict[str, object]:
        document: dict[str, object] = json.loads((self.out / "recordings" / f"{NAME}.json").read_text())
        return document

    def end(self, number: int = signal.SIGINT) -> tuple[str, str]:
        """What it printed after the signal."""
        self.process.send_signal(number)
        said = self.process.communicate(timeout=30)
        if number == signal.SIGINT:
            assert self.process.returncode == 0, said
        return said


@contextmanager
def live(out: Path, url: str, *options: str) -> Iterator[Live]:
    one = Live(out, url, *options)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


def rows(out: Path) -> pd.DataFrame:
    found = fer_batch.load(out, recordings=[NAME]).sort_values("frame")
    assert (found["time_s"].diff().dropna() >= 0).all()
    assert found["captured_at"].notna().all()
    return found


def test_a_stream_gives_the_files_timeline(server: RtspServer, served: Path, tmp_path: Path) -> None:
    file = fer_batch.analyze(served / "cam.mp4", persons=False)
    with live(tmp_path, server.url("cam.mp4", f"me:{PASSWORD}@"), "--events", "episode", "--retries", "0") as one:
        said, errors = one.process.communicate(timeout=60)
    seen = rows(tmp_path)
    assert seen["track"].unique().tolist() == file["track"].unique().tolist() == [1]
    # Frames are dropped when the machine has other things to do.
    assert len(seen) > 0.3 * len(file)
    both = seen.merge(file, on="frame", suffixes=("", "_of_file"))
    assert len(both) >= len(seen) - 1
    shift = both["time_s"] - both["time_s_of_file"]
    assert shift.max() - shift.min() < 0.1
    differences = np.abs((both[list(EMOTIONS)] - both[[f"{name}_of_file" for name in EMOTIONS]].to_numpy()).mean())
    assert differences.max() < 0.03
    episodes = [json.loads(line) for line in said.splitlines()]
    assert {one["event"] for one in episodes} >= {"connected", "episode", "interrupted"}
    told = [(one["emotion"], one["track"]) for one in episodes if one["event"] == "episode"]
    table = fer_batch.episodes(tmp_path)
    assert sorted(told) == sorted(zip(table["emotion"], table["track"], strict=True))
    everything = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in data for data in [*everything, said.encode(), errors.encode()])


def test_a_server_that_comes_back_is_found_again(server: RtspServer, tmp_path: Path) -> None:
    with live(tmp_path, server.url("cam.mp4"), "--part-seconds", "1") as one:
        one.wait_for("connected")
        wait_until(lambda: len(_parts(tmp_path)) >= 2)
        server.kill()
        one.wait_for("lost")
        before = rows(tmp_path)
        # The time for which the server is away.
        time.sleep(3)
        server.start()
        one.wait_for("connected again")
        wait_until(lambda: len(rows(tmp_path)) > len(before))
        one.end()
        after = rows(tmp_path)
        (gap, *_) = one.document()["live"]["gaps"]  # type: ignore[index]
    pd.testing.assert_frame_equal(after.head(len(before)).reset_index(drop=True), before.reset_index(drop=True))
    assert len(after) > len(before)
    new = after.iloc[len(before) :]
    assert set(new["track"]).isdisjoint(before["track"]), "nobody knows who is there after a gap"
    assert before["time_s"].max() <= gap["from_s"]
    assert gap["to_s"] <= new["time_s"].min() + 0.1
    assert gap["to_s"] - gap["from_s"] > 3
    assert one.document()["status"] == "done"
    seen = fer_batch.summary(tmp_path).recordings["seen_s"].item()
    lost = gap["to_s"] - gap["from_s"]
    assert seen < after["time_s"].max() - after["time_s"].min() - lost + 1, "nobody was seen in the gap"
    assert fer_batch.resample(after, 1.0)["share"].sum() < seen + 1


def test_a_silent_server_is_noticed_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        kept = []
        Thread(target=lambda: kept.append(listener.accept()), daemon=True).start()
        began = time.monotonic()
        with live(tmp_path, f"rtsp://me:{PASSWORD}@127.0.0.1:{port}/1", "--connect-timeout", "2") as one:
            _, errors = one.process.communicate(timeout=30)
        assert time.monotonic() - began < 12
    assert one.process.returncode == 2
    assert f"rtsp://127.0.0.1:{port}/1: gave no" in errors
    assert PASSWORD not in errors


def test_what_cannot_be_reached_is_one_sentence(server: RtspServer, tmp_path: Path) -> None:
    refused = free_port()
    for url, sentence in {
        server.url("nothing.mp4", f"me:{PASSWORD}@"): "the server has no such stream; check the path.",
        f"rtsp://me:{PASSWORD}@127.0.0.1:{refused}/1": "nothing answers there; check that the source is on",
        f"rtsp://me:{PASSWORD}@no-such-host.invalid/1": "there is no host named no-such-host.invalid",
        f"rtsp://me:{PASSWORD}/x@cam/1": "write @, /, ? and # of a user or password",
        "clip.txt": "no such camera or file",
        f"{PHOTO} --realtime": "is a photo; give it to fer-batch analyze.",
    }.items():
        done = subprocess.run(
            [SCRIPT, "live", *url.split(), "-o", tmp_path], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 2, done.stderr
        (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert sentence in error
        assert done.stderr.count(sentence) == 1
        assert PASSWORD not in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix], "of nothing is nothing said"


def test_what_is_tried_again_is_said_and_counted(tmp_path: Path) -> None:
    with live(tmp_path, f"rtsp://127.0.0.1:{free_port()}/1", "--retries", "1") as one:
        one.wait_for("not connected")
        _, errors = one.process.communicate(timeout=30)
    assert one.process.returncode == 2
    assert "Error: rtsp://127.0.0.1" in errors
    assert not (tmp_path / "recordings").exists()


def test_cameras_of_a_file_are_watched_as_it_says_and_one_that_is_off_holds_up_nobody(
    server: RtspServer, tmp_path: Path
) -> None:
    file = tmp_path / "cams.toml"
    file.write_text(
        f'output = "here"\nevents = "second"\nduration = "2s"\n[[camera]]\nname = "{NAME}"\n'
        f'source = "{server.url("cam.mp4")}"\n[[camera]]\nname = "off"\nsource = "rtsp://127.0.0.1:{free_port()}/1"\n'
        '[[camera]]\nname = "tired"\nretries = 0\nsource = "rtsp://127.0.0.1:1/1"\n'
    )
    done = subprocess.run([SCRIPT, "live", file], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"connected", "second"} <= {event["event"] for event in events if event["recording"] == NAME}
    lines = done.stderr.splitlines()
    assert any(line.startswith(f"{NAME}: ") and f"results in {tmp_path / 'here'}." in line for line in lines)
    assert [line.split(": rtsp")[0] for line in lines[-3:] if "nothing was recorded" in line] == [
        "off: nothing was recorded",
        "tired: nothing was recorded",
    ]
    assert [path.stem for path in (tmp_path / "here" / "recordings").iterdir()] == [NAME]


def test_a_wrong_password_is_said_to_be_wrong(tmp_path: Path) -> None:
    """The server here knows nothing but how to refuse, in the words of RFC 2326."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            while True:
                connection, _ = listener.accept()
                with connection, connection.makefile("rwb") as stream:
                    number = b"0"
                    while line := stream.readline():
                        if line.lower().startswith(b"cseq:"):
                            number = line.split(b":")[1].strip()
                        if line == b"\r\n":
                            stream.write(
                                b"RTSP/1.0 401 Unauthorized\r\nCSeq: " + number + b"\r\n"
                                b'WWW-Authenticate: Digest realm="cam", nonce="1"\r\n\r\n'
                            )
                            stream.flush()

        Thread(target=refuse, daemon=True).start()
        url = f"rtsp://me:{PASSWORD}@127.0.0.1:{listener.getsockname()[1]}/1"
        done = subprocess.run(
            [SCRIPT, "live", *url.split(), "-o", tmp_path], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 2
    assert "refuses the user or password; check them in the address." in done.stderr
    assert PASSWORD not in done.stderr


def test_a_killed_run_leaves_whole_parts_and_goes_on(server: RtspServer, tmp_path: Path) -> None:
    url = server.url("cam.mp4")
    with live(tmp_path, url, "--part-seconds", "1", "--format", "both") as one:
        one.wait_for("connected")
        wait_until(lambda: len(_parts(tmp_path)) >= 2)
        # The one that watches first: alone, it would write what it has.
        for pid in [*_children(one.process.pid), one.process.pid]:
            os.kill(pid, signal.SIGKILL)
        one.process.wait()
    parts = _parts(tmp_path)
    assert len(parts) >= 2
    before = pd.concat(pd.read_parquet(part) for part in parts)
    assert len(before) == len(rows(tmp_path))
    assert one.document()["status"] == "partial"
    with live(tmp_path, url, "--part-seconds", "1", "--format", "both") as one:
        one.wait_for("connected")
        wait_until(lambda: len(rows(tmp_path)) > len(before))
        one.end(signal.SIGTERM)
    after = rows(tmp_path)
    new = after.iloc[len(before) :]
    assert len(new)
    assert new["time_s"].min() > before["time_s"].max()
    assert new["frame"].min() > before["frame"].max()
    assert new["track"].min() > before["track"].max()
    # The tracks table has those too that the killed process could not write.
    tracks = fer_batch.tracks(tmp_path)
    assert sorted(tracks["track"]) == sorted(after["track"].unique())
    counted = after.groupby("track").size()
    assert tracks.set_index("track")["frames"].to_dict() == counted.to_dict()
    csv = pd.concat(pd.read_csv(part) for part in sorted((tmp_path / "csv" / NAME).glob("part-*.csv")))
    assert len(csv) == len(after)
    assert one.document()["live"]["sessions"] == 2  # type: ignore[index]
    assert not list(tmp_path.rglob(".*.tmp.*"))


def test_no_process_shows_the_password(server: RtspServer, tmp_path: Path) -> None:
    cameras = tmp_path / "cams.toml"
    cameras.write_text(
        f'output = "out"\npublish = "rtmp://me:{PASSWORD}@127.0.0.1:1/live"\n'
        f'[[camera]]\nname = "{NAME}"\nsource = "{server.url("cam.mp4", "me:${CAM_PASSWORD}@")}"\n'
    )
    one = subprocess.Popen(
        [SCRIPT, "live", cameras, "-o", tmp_path / "out"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CAM_PASSWORD": PASSWORD},
    )
    try:
        assert one.stderr is not None
        while "connected" not in (line := one.stderr.readline()):
            assert line
        for child in _children(one.pid):
            for name in ("cmdline", "environ"):
                assert PASSWORD.encode() not in Path(f"/proc/{child}/{name}").read_bytes()
        one.send_signal(signal.SIGINT)
        _, errors = one.communicate(timeout=30)
        assert one.returncode == 0, errors
        assert PASSWORD not in errors
    finally:
        one.kill()


def _parts(out: Path) -> list[Path]:
    return sorted((out / "timelines" / f"recording={NAME}").glob("part-*.parquet"))


def _children(pid: int) -> list[int]:
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(one for child in found for one in _children(child))]


def test_stream_yields_what_a_camera_sends(server: RtspServer) -> None:
    from itertools import islice

    with pytest.warns(UserWarning, match="the source has ended the stream"):
        seen = list(islice(fer_batch.stream(server.url("cam.mp4"), persons=False, fps=5), 40))
    assert all(one.captured_at is not None for one in seen)
    times = [one.time_s for one in seen]
    assert times == sorted(times)
    assert np.median(np.diff(times)) == pytest.approx(0.2, abs=0.07)
    # It was connected to twice.
    assert {face.track for one in seen for face in one} >= {1, 2}
