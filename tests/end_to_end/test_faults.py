"""An error of any library, at any stage, is one recording's failure: the others are done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE

import fer_batch

FAULTS = {
    # stage: what fails, calls that succeed, status, whether the same command tries again, whether there are rows
    "opening": ("fer_batch.video.video_reader:VideoFile._probe", 0, "failed", True, False),
    "demuxing": ("fer_batch.video.video_reader:VideoFile._decoded", 20, "partial", False, True),
    "decoding": ("fer_batch.video.frame:Frame.glimpse", 20, "partial", True, True),
    "detection": ("fer_batch.detection.finder:FaceFinder.find", 20, "partial", True, True),
    "classification": ("fer_batch.classification.mirror_averaging:MirrorAveraging.classify", 0, "failed", True, False),
    "a later batch": ("fer_batch.classification.mirror_averaging:MirrorAveraging.classify", 1, "partial", True, True),
    "registration": ("fer_batch.pipeline.engine:register_all", 20, "partial", True, True),
    "annotation": ("fer_batch.annotation.canvas:Yuv420Canvas.load", 10, "partial", True, True),
    "writing": ("fer_batch.results.base_writer:TimelineTableWriter.write", 10, "failed", True, False),
    "committing": ("fer_batch.pipeline.checkpoint.store:CheckpointStore.adopt", 0, "failed", True, False),
    "joining of sound": ("fer_batch.annotation.video_writer:join_segments", 0, "partial", True, True),
    "publishing": ("fer_batch.filesystem.atomic:PendingFile.publish", 1, "failed", True, False),
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short recordings with sound; the one in the middle, long enough for a commit, is to fail."""
    folder = tmp_path_factory.mktemp("study")
    for name, start, length in (("a.mp4", "1", "0.5"), ("bad.mp4", "12", "6"), ("c.mp4", "16", "0.5")):
        options = ("-c:v", "libx264", "-preset", "ultrafast", "-vf", "scale=320:-2", "-c:a", "aac")
        ffmpeg("-ss", start, "-t", length, "-i", EXAMPLE, *options, folder / name)
    return folder


@pytest.fixture(scope="module")
def undisturbed(study: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return fer_batch.analyze(study, output=tmp_path_factory.mktemp("out"))


@pytest.mark.parametrize(
    "workers", [pytest.param(0, id="same process"), pytest.param(2, id="workers", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "stage", ["decoding", *(pytest.param(one, marks=pytest.mark.slow) for one in FAULTS if one != "decoding")]
)
def test_a_fault_of_any_stage_costs_one_recording(
    study: Path, undisturbed: pd.DataFrame, tmp_path: Path, stage: str, workers: int
) -> None:
    target, after, status, retry, has_rows = FAULTS[stage]

    done = analyzed(study, tmp_path, workers, target, after)

    assert done.returncode == (1 if workers else 0), done.stderr
    assert "Traceback" not in done.stderr
    records = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "recordings").iterdir()}
    bad = records.pop("bad.mp4")
    assert {record["status"] for record in records.values()} == {"done"}
    assert (bad["status"], bad["retry"]) == (status, retry), bad["error"]
    assert "bad.mp4" in bad["error"]
    assert "LibraryError: an error of its own" in bad["error"]
    rows = fer_batch.load(tmp_path)
    good = undisturbed["recording"] != "bad.mp4"
    pd.testing.assert_frame_equal(
        rows[rows["recording"] != "bad.mp4"].reset_index(drop=True), undisturbed[good].reset_index(drop=True)
    )
    found = rows[rows["recording"] == "bad.mp4"].reset_index(drop=True)
    assert bool(len(found)) == has_rows
    # What there is of it is what an undisturbed analysis gives up to there.
    whole = undisturbed[~good].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, whole[: len(found)])
    assert not leftovers(tmp_path, "bad.mp4" if status == "failed" else None)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["detection", "annotation", "writing", "publishing"])
def test_a_fault_leaves_complete_results_of_an_earlier_run(study: Path, tmp_path: Path, stage: str) -> None:
    fer_batch.analyze(study / "bad.mp4", output=tmp_path, video=True, end=0.5)
    before = contents(tmp_path)
    target, after, *_ = FAULTS[stage]

    done = analyzed(study / "bad.mp4", tmp_path, 1, target, after, "--overwrite")

    assert done.returncode == 2, done.stderr
    assert contents(tmp_path) == before


def analyzed(
    source: Path, out: Path, workers: int, target: str, after: int, *options: str
) -> subprocess.CompletedProcess[str]:
    """Analyses with annotated video by the command line, or by Python's function in its own process."""
    faulty = str(Path(__file__).parents[1] / "helpers" / "faulty")
    fault = {"FER_BATCH_FAULT": target.replace(":", "."), "FER_BATCH_FAULT_AFTER": str(after)}
    path = os.pathsep.join([faulty, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment: dict[str, str] = {**os.environ, **fault, "PYTHONPATH": path}
    command: list[Any] = ["-m", "fer_batch", "analyze", source, "-o", out, "--workers", str(workers), *options]
    if not workers:
        program = "import fer_batch, sys\ntry: fer_batch.analyze(*sys.argv[1:2], output=sys.argv[2], video=True)\n"
        command = ["-W", "ignore", "-c", program + "except fer_batch.InputError: pass", source, out]
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def leftovers(out: Path, failed: str | None) -> list[Path]:
    """Temporary files, and whatever carries the name of a recording that failed, but for its document."""
    files = [path for path in out.rglob("*") if path.is_file() and ".unfinished" not in path.parts]
    temporary = [path for path in files if path.name.startswith(".") and path.name != ".lock"]
    named = [path for path in files if failed and failed in str(path.relative_to(out))]
    return temporary + [path for path in named if path.parent.name != "recordings"]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {".lock", "study.toml"}
    }


def test_a_folder_gives_the_rows_of_those_that_can_be_read_and_a_warning_for_each_other(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE.parent / "astronaut.png", tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "worse.mp4").write_bytes(b"no video")

    with pytest.warns(fer_batch.FerBatchWarning) as warned:
        rows = fer_batch.analyze(tmp_path)

    assert rows["recording"].to_list() == ["good.png"]
    assert ["bad.png" in str(warned[0].message), "worse.mp4" in str(warned[1].message)] == [True, True]
    assert len(warned) == 2
    with pytest.raises(fer_batch.InputError, match=r"None of 2 recordings can be analysed; the first: .*bad\.png"):
        fer_batch.analyze(tmp_path / "bad.png", tmp_path / "worse.mp4")
