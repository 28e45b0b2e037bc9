"""Whatever ends a run, what lies in the output folder is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import pandas as pd
import pytest
from helpers.command import Run, files

import fer_batch


def start(script: Path, source: Path, out: Path) -> subprocess.Popen[str]:
    """The command as a process in a group of its own, as a shell starts it, once it is well under way."""
    process = subprocess.Popen(
        [script, "analyze", source, "-o", out],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while sum(path.stat().st_size for path in (out / "annotated").glob(".*")) < 100_000:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "no progress"
        time.sleep(0.02)
    return process


def to_process(process: subprocess.Popen[str], number: signal.Signals) -> None:
    process.send_signal(number)


def to_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    os.killpg(process.pid, number)


def impatiently(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """As people do who see nothing happen."""
    for _ in range(3):
        process.send_signal(number)
        time.sleep(0.2)


def to_job(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """To workers and encoders too, which are groups of their own."""
    for pid in children(process.pid) | encoders(process):
        os.kill(pid, number)
    process.send_signal(number)


def children(pid: int) -> set[int]:
    found: set[int] = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found |= {int(child) for child in (thread / "children").read_text().split()}
    return found


def encoders(process: subprocess.Popen[str]) -> set[int]:
    """Those of its workers."""
    found = {encoder for worker in children(process.pid) for encoder in children(worker)}
    assert found
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("send", "number"),
    [
        pytest.param(to_process, signal.SIGINT, id="SIGINT"),
        pytest.param(to_group, signal.SIGINT, id="Ctrl-C in a terminal"),
        pytest.param(impatiently, signal.SIGINT, id="Ctrl-C three times"),
        pytest.param(to_process, signal.SIGTERM, id="SIGTERM"),
        pytest.param(
            to_job,
            signal.SIGTERM,
            id="SIGTERM of a job manager",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="child processes are looked up in /proc"),
        ),
    ],
)
def test_an_interrupted_run_keeps_what_it_has_analysed(
    script: Path,
    long_clip: Path,
    tmp_path: Path,
    send: Callable[[subprocess.Popen[str], signal.Signals], None],
    number: signal.Signals,
) -> None:
    out = tmp_path / "out"
    process = start(script, long_clip, out)
    send(process, number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    record = Run(out, subprocess.CompletedProcess([], 130, stdout, stderr)).record()
    assert record["status"] == "partial"
    timeline = fer_batch.load(out)
    analysed = record["counts"]["frames_analysed"]
    assert 0 < analysed < 9440
    assert timeline["frame"].max() == analysed - 1
    assert len(timeline) == record["counts"]["rows"]
    assert fer_batch.tracks(out)["frames"].sum() == len(timeline)
    episodes = fer_batch.episodes(out)
    assert len(episodes) == record["counts"]["episodes"]
    pd.testing.assert_frame_equal(episodes, fer_batch.episodes(timeline), check_exact=True)
    with av.open(str(out / "annotated" / long_clip.name)) as video:
        assert sum(1 for _ in video.decode(video=0)) == analysed
    # On a slow machine something was committed, from which a later run goes on.
    assert [name for name in files(out) if not name.startswith(".unfinished/")] == [
        f"annotated/{long_clip.name}",
        f"episodes/recording={long_clip.name}/part-00000.parquet",
        f"recordings/{long_clip.name}.json",
        "study.toml",
        f"timelines/recording={long_clip.name}/part-00000.parquet",
        f"tracks/recording={long_clip.name}/part-00000.parquet",
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="child processes are looked up in /proc")
def test_a_failing_encoder_costs_the_annotated_video_alone(script: Path, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(script, clip, out)
    for pid in encoders(process):
        os.kill(pid, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    assert "annotated video cannot be written" in stderr
    record = Run(out, subprocess.CompletedProcess([], 1, stdout, stderr)).record()
    assert record["status"] == "partial"
    assert record["counts"]["frames_analysed"] == 472
    assert fer_batch.load(out)["frame"].nunique() == record["counts"]["frames_decoded"]
    assert not list((out / "annotated").iterdir())


@pytest.mark.slow
def test_a_killed_run_leaves_no_half_file_and_can_be_repeated(
    script: Path, clip: Path, analyze_by_script: Callable[..., Run], example: Run, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(script, clip, out)
    process.kill()
    process.communicate(timeout=30)
    visible = [name for name in files(out) if not Path(name).name.startswith(".")]
    assert visible == ["study.toml"]
    assert not list(out.rglob("part-*.parquet"))
    assert pd.read_parquet(out / "timelines").empty
    again = analyze_by_script(clip, out)
    pd.testing.assert_frame_equal(fer_batch.load(out), fer_batch.load(example.out), check_exact=True)
    assert again.record()["status"] == "done"
    assert files(out) == [name for name in files(example.out) if not name.startswith("csv/")]
