"""Runs over several recordings: what is told while they last, and what is told when they end."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.command import finished
from helpers.paths import EXAMPLES

from fer_batch.batch.plan import plan
from fer_batch.batch.runner import run_serial
from fer_batch.config import Outputs, Selection, Settings
from fer_batch.pipeline.result import Progress


def test_progress_counts_within_the_range(clip: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    settings, selection = Settings(), Selection(start_s=2, end_s=3)
    planned = plan([clip], Outputs(tmp_path, video=False), settings, selection)
    assert [outcome.record.status for outcome in run_serial(planned, settings, selection, on_progress=seen.append)] == [
        "done"
    ]
    assert {progress.frames_total for progress in seen} == {24}
    assert (seen[0].frames, seen[-1].frames) == (1, 24)
    assert (seen[0].time_s, round(seen[-1].time_s, 2)) == (0, 0.96)


@pytest.mark.slow
def test_json_tells_what_is_done_when_nothing_more_can_be_written(script: Path, tmp_path: Path) -> None:
    stills = [shutil.copy(EXAMPLES / "astronaut.png", tmp_path / name) for name in ("a.png", "b.png")]
    out = tmp_path / "out"
    (out / "timelines").mkdir(parents=True)
    (out / "timelines" / "recording=b.png").touch()
    command = [script, "analyze", *stills, "-o", out, "--json", "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert [(each["id"], each["status"]) for each in finished(done.stdout)] == [("a.png", "done")]


@pytest.mark.slow
def test_episodes_are_listed_for_one_recording_and_counted_for_several(
    script: Path, clip: Path, tmp_path: Path
) -> None:
    def analyse(*arguments: str | Path) -> str:
        command = [script, "analyze", *arguments, "--no-video", "--fps", "5"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    (one,) = finished(analyse(clip, "-o", tmp_path / "one", "--json"))
    assert len(one["episodes"]) == one["counts"]["episodes"] > 1
    assert one["episodes"][-1]["emotion"] == "happy"
    assert one["episodes"][-1].keys() >= {"track", "start_s", "end_s", "duration_s", "peak_s", "peak", "frames"}
    count = f"{len(one['episodes'])} episodes"
    lines = analyse(clip, EXAMPLES / "astronaut.png", "-o", tmp_path / "two").splitlines()
    assert [line for line in lines if "episode" in line][:-1] == [f"{clip.name}  {count}"]
    assert lines[-1].endswith("episodes, recordings, timelines, tracks")
