"""Several cameras, each in a process of its own: one that dies is started again, and no process shows a secret."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from helpers.paths import EXAMPLE
from helpers.waiting import wait_until

from fer_batch.errors import FerBatchError
from fer_batch.live.events import Connected, Ended, FrameAnalyzed, Interrupted, LiveMessage, Written
from fer_batch.live.options import LiveJob
from fer_batch.live.source_url import Address
from fer_batch.live.supervisor import Cameras
from fer_batch.utils.logs import RecordSender

pytestmark = pytest.mark.network

PASSWORD = "s3cretword"  # noqa: S105 - nobody's


def job(name: str, **options: Any) -> LiveJob:
    shown = f"rtsp://cam/{name}"
    secret = f"rtsp://me:{PASSWORD}@cam/{name}?token=hiddenkey"
    return LiveJob(name, Address("stream", secret, shown, name), {"plays": str(EXAMPLE), **options})


class Watched:
    """Cameras that run in a thread, with all that they tell."""

    def __init__(self, *jobs: LiveJob, **options: Any) -> None:
        self.told: list[tuple[str, LiveMessage]] = []
        self.records: list[logging.LogRecord] = []
        self._handler = RecordSender(self.records.append)
        self.pictures: list[tuple[str, bytes]] = []
        self.stop = Event()
        self.ends: dict[str, FerBatchError | None] = {}
        self.cameras = Cameras(
            jobs,
            lambda name, told: self.told.append((name, told)),
            on_picture=lambda name, jpeg: self.pictures.append((name, jpeg)),
            module="helpers.played_camera",
            **options,
        )
        self.thread = Thread(target=self._run)

    def _run(self) -> None:
        self.ends = self.cameras.run(self.stop)

    def __enter__(self) -> Watched:
        logging.getLogger("fer_batch").addHandler(self._handler)
        logging.getLogger("fer_batch").setLevel(logging.DEBUG)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(20)
        self.cameras.close()
        logging.getLogger("fer_batch").removeHandler(self._handler)
        logging.getLogger("fer_batch").setLevel(logging.NOTSET)

    @property
    def words(self) -> list[str]:
        return [record.getMessage() for record in self.records]

    def of(self, name: str, kind: type) -> list[Any]:
        return [told for other, told in self.told if other == name and isinstance(told, kind)]

    def until(self, what: Callable[[], object], patience_s: float = 15.0) -> None:
        end = time.monotonic() + patience_s
        while not what():
            assert time.monotonic() < end, self.told[-5:]
            time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_a_killed_camera_is_started_again_while_others_go_on_and_no_process_shows_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOOR_PASSWORD", PASSWORD)
    ends = {name: tmp_path / name for name in ("door", "hall")}
    jobs = [job(name, fps=12, ends_at=str(ends[name])) for name in ends]
    with Watched(*jobs, without=("DOOR_PASSWORD",)) as run:
        run.until(lambda: run.of("door", FrameAnalyzed) and run.of("hall", FrameAnalyzed))
        ids = run.cameras.process_ids()
        assert len(set(ids.values())) == 2
        for process in ids.values():
            for place in ("cmdline", "environ"):
                content = Path(f"/proc/{process}/{place}").read_bytes()
                assert content
                assert PASSWORD.encode() not in content
                assert b"hiddenkey" not in content
        run.cameras.show("hall", True)
        run.until(lambda: run.pictures)
        run.cameras.show("hall", False)
        before = run.cameras.counts["door"].analysed
        os.kill(ids["door"], signal.SIGKILL)
        run.until(lambda: len(run.of("door", Connected)) == 2)
        (lost,) = run.of("door", Interrupted)
        assert str(lost.error).startswith("The process that watched rtsp://cam/door was killed")
        assert lost.retry_in_s == 1
        seen = len(run.of("door", FrameAnalyzed))
        run.until(lambda: len(run.of("door", FrameAnalyzed)) > seen)
        assert run.cameras.counts["door"].analysed > before, "counts go on"
        assert run.cameras.counts["door"].connections == 2
        assert run.cameras.process_ids()["hall"] == ids["hall"]
        assert not run.of("hall", Interrupted)
        assert {name for name, _ in run.pictures} == {"hall"}
    assert run.ends == {"door": None, "hall": None}
    assert all(file.is_file() for file in ends.values()), "what was analysed is written before the end"
    for name in ends:
        assert run.told.index((name, run.of(name, Written)[-1])) < run.told.index((name, Ended(None)))
    seen_each = run.of("hall", FrameAnalyzed)
    assert all(told.frame is None and told.observation.captured_at for told in seen_each)
    assert [told.observation.frame for told in seen_each] == sorted(told.observation.frame for told in seen_each)


def test_what_may_pass_is_tried_again_ever_later_and_the_rest_is_given_up_without_a_secret_in_any_sentence() -> None:
    jobs = [job("off", was_there=True, refuses=True), job("broken", breaks=True), job("mistaken", mistaken=True)]
    with Watched(*jobs, job("tired", gives_up=True), job("never", refuses=True)) as run:
        run.until(lambda: len(run.of("off", Interrupted)) == len(run.of("broken", Interrupted)) == 2)
        run.until(lambda: run.of("mistaken", Ended) and run.of("tired", Ended) and run.of("never", Ended))
    assert [told.retry_in_s for told in run.of("off", Interrupted)] == [1, 2]
    assert str(run.ends["off"]) == "rtsp://cam/off: refused; check user and password."
    assert [told.retry_in_s for told in run.of("broken", Interrupted)] == [1, 2]
    assert "ValueError: cannot open rtsp://cam/broken" in str(run.ends["broken"])
    assert any("Traceback" in words for words in run.words)
    assert [str(one.error) for one in run.of("mistaken", Ended)] == ["none.onnx: no such model file; check the path."]
    assert [str(one.error) for one in run.of("tired", Ended)] == ["The camera is off."]
    assert all(run.ends.values()), "none of them ended well"
    assert not run.of("never", Interrupted), "its process has tried as often as it should"
    everything = f"{run.told}{run.words}{run.ends}"
    assert PASSWORD not in everything
    assert "hiddenkey" not in everything


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
def test_a_camera_that_hangs_is_ended_and_started_again_and_one_that_comes_to_its_end_is_not() -> None:
    with Watched(job("hung", idles=60), job("short", idles=0.1), silence_s=2.0) as run:
        run.until(lambda: run.of("hung", Written) and run.of("short", Ended))
        assert run.of("short", Ended) == [Ended(None)]
        os.kill(run.cameras.process_ids()["hung"], signal.SIGSTOP)
        run.until(lambda: len(run.of("hung", Written)) == 2)
        (lost,) = run.of("hung", Interrupted)
        assert "gave no sign of life for 2 s" in str(lost.error)
    assert run.ends == {"hung": None, "short": None}


def test_cameras_die_with_the_process_that_supervises_them(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    code = (
        "from live.test_supervisor import job, Watched\n"
        f"run = Watched(job('door', fps=10, ends_at={str(ended)!r}))\n"
        "run.thread.start()\n"
        "from fer_batch.live.events import FrameAnalyzed\n"
        "run.until(lambda: run.of('door', FrameAnalyzed))\n"
        "print(run.cameras.process_ids()['door'], flush=True)\n"
        "run.thread.join()\n"
    )
    path = os.pathsep.join(sys.path)
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not _runs(child), 5)
    assert ended.read_text() == str(child), "even so it wrote what it had"


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
