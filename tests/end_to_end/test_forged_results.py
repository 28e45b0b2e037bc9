"""Output folders with forged documents, commits, parts and links: nothing outside, no good recording changes."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, Final

import pytest
from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE
from helpers.robustness.damage import damages

import fer_batch
from fer_batch.config import Outputs, Selection, Settings
from fer_batch.errors import FerBatchError
from fer_batch.inputs.discovery import Recording
from fer_batch.pipeline.checkpoint.store import CheckpointStore
from fer_batch.pipeline.engine import Engine
from fer_batch.pipeline.recording import analyze_recording
from fer_batch.results.layout import Layout

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links of POSIX")

SEED: Final = 20_261_127
COUNT: Final = 200
_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, -1, 0, 2**70, 1e308, "", "../../outside/precious", "/etc/passwd", "a.png", [], {}),
    *([[]], {"": {}}, "\0", "%2e%2e/x", "recording=good.png", ["annotated/../../outside/precious"], "é" * 300),
)
_PLACES: Final = (
    *("timelines", "tracks", "episodes", "csv", "recordings", "annotated", ".unfinished", ".lock"),
    *("timelines/recording=bad.png", "tracks/recording=bad.png", "episodes/recording=bad.png"),
    *("timelines/recording=bad.png/part-00000.parquet", "csv/bad.png.csv", "annotated/bad.png"),
    *(".unfinished/recording=bad.mp4", ".unfinished/recording=bad.mp4/commit.json", "recordings/bad.png.json"),
    *("study.toml", "timelines/recording=bad.png/part-00001.parquet", ".unfinished/recording=bad.png"),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings, their results, and what is left of one that was broken off."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "in").mkdir()
    for name in ("good.png", "bad.png"):
        shutil.copy(EXAMPLE.parent / "astronaut.png", folder / "in" / name)
    ffmpeg("-i", EXAMPLE, "-t", "4", "-an", "-vf", "scale=320:-2", "-c:v", "mpeg4", folder / "bad.mp4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fer_batch.analyze(folder / "in", output=folder / "out", video=True, format="both")
    stop, unfinished = Event(), CheckpointStore(Layout(folder / "out"), "bad.mp4")

    def watch(_: object) -> None:
        if unfinished.last() is not None:
            stop.set()

    with Engine(Settings(), threads=1) as engine:
        outputs = Outputs(folder / "out", "both", video=True)
        recording = Recording("bad.mp4", folder / "bad.mp4")
        analyze_recording(engine, recording, Selection(), outputs, watch, stop, commit_s=0.0)
    assert unfinished.last() is not None
    (folder / "outside").mkdir()
    (folder / "outside" / "precious").write_text("precious")
    return folder


def document_forged(out: Path, rng: Random) -> str:
    """A value of a document is replaced by one of another kind."""
    return _forged(out / "recordings" / "bad.png.json", rng)


def commit_forged(out: Path, rng: Random) -> str:
    """The same of a commit."""
    return _forged(out / ".unfinished" / "recording=bad.mp4" / "commit.json", rng)


def _forged(path: Path, rng: Random) -> str:
    values = json.loads(path.read_text())
    holder = values
    while True:
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.4:
            break
        holder = inner
    holder[key] = rng.choice(_VALUES)
    path.write_text(json.dumps(values))
    return f"{path.name}: {key} = {holder[key]!r}"


def file_damaged(out: Path, rng: Random) -> str:
    """Any file of the recording, or of its commit, is damaged."""
    files = sorted(one for one in out.rglob("*") if one.is_file() and "bad." in str(one.relative_to(out)))
    path = rng.choice(files)
    name, damage = rng.choice(sorted(damages({path.name: path.read_bytes()}).items()))
    changed = damage(path.read_bytes(), rng)
    path.write_bytes(b"" if changed is None else changed)
    return f"{path.name}: {name}"


def part_exchanged(out: Path, rng: Random) -> str:
    """A table of another kind, or of another number of rows, lies in its place."""
    parts = sorted(out.glob("*/recording=bad.*/*.parquet"))
    source, target = rng.sample(parts, 2)
    shutil.copy(source, target)
    return f"{source.relative_to(out)} in place of {target.relative_to(out)}"


def link_laid(out: Path, rng: Random) -> str:
    """A link or a hard link to something outside lies where results belong."""
    place = out / rng.choice(_PLACES)
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    outside = out.parent / "outside"
    kind = rng.choice(["folder", "file", "hard link", "dangling"])
    if kind == "hard link":
        os.link(outside / "precious", place)
    else:
        place.symlink_to({"folder": outside, "file": outside / "precious", "dangling": outside / "new"}[kind])
    return f"{kind} at {place.relative_to(out)}"


FORGERIES: Final[tuple[Callable[[Path, Random], str], ...]] = (
    *(document_forged, commit_forged, file_damaged, part_exchanged, link_laid, link_laid),
)


def harm(study: Path, place: Path, rng: Random) -> str | None:
    """What goes wrong when a forged copy of the study is read and analysed."""
    shutil.copytree(study, place, symlinks=True)
    out = place / "out"
    what = rng.choice(FORGERIES)(out, rng)
    outside = contents(place / "outside")
    good = {name: one for name, one in contents(out).items() if "good.png" in name}
    # Where the good one's own folders were replaced by a link, there is nothing of it to be kept.
    steps: dict[str, Callable[[], object]] = {
        "load": lambda: fer_batch.load(out),
        "tracks": lambda: fer_batch.tracks(out),
        "episodes": lambda: fer_batch.episodes(out),
        "recordings": lambda: fer_batch.recordings(out),
        "summary": lambda: fer_batch.summary(out),
        "analyze": lambda: fer_batch.analyze(place / "in", place / "bad.mp4", output=out, video=True, format="both"),
        "again": lambda: fer_batch.analyze(place / "in", place / "bad.mp4", output=out, video=True, format="both"),
    }
    for name, step in steps.items():
        try:
            step()
        except FerBatchError:
            pass
        except Exception as error:
            return f"{what}: {name}: {type(error).__name__}: {error}"
        if contents(place / "outside") != outside:
            return f"{what}: {name} changed what lies outside"
        now = contents(out)
        if changed := [one for one, stored in good.items() if now.get(one) != stored]:
            return f"{what}: {name} changed {changed}"
    return None


def contents(folder: Path) -> dict[str, bytes]:
    """A digest of each file below a folder, not through links."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).digest()
        for root, _, names in os.walk(folder)
        for path in (Path(root) / name for name in names)
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_forged_folder_harms_nothing_else(study: Path, tmp_path: Path) -> None:
    found = [harm(study, tmp_path / str(number), Random(SEED + number)) for number in range(12)]
    assert not list(filter(None, found))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(10))
def test_many_forged_folders_harm_nothing_else(study: Path, tmp_path: Path, part: int) -> None:
    each = COUNT // 10
    numbers = range(part * each, (part + 1) * each)
    found = [harm(study, tmp_path / str(number), Random(SEED + number)) for number in numbers]
    assert not list(filter(None, found))
