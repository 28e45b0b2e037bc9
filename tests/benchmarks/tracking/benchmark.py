"""Measures the tracking of faces on made scenes: ``PYTHONPATH=tests python -m benchmarks.tracking.benchmark --help``.

Needs the package ``trackers``, which asks for an OpenCV of its own that would overwrite fer-batch's; so it is installed
without what it asks for: ``pip install --no-deps -r tests/scenes/requirements.txt``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.tracking.annotating import write_annotated
from benchmarks.tracking.catalogue import CATALOGUE, scenes
from benchmarks.tracking.composition import Scene
from benchmarks.tracking.contestants import PUBLISHED, Contestant, FerBatch, contestants
from benchmarks.tracking.cutouts import Cutout, cast
from benchmarks.tracking.photographs import example_people, people_of_table
from benchmarks.tracking.scoring import Score, changes, score, score_empty

from fer_batch.config import Detector
from fer_batch.detection.yunet import YuNet

_PEOPLE = 6
"""As many as any scene needs."""
_COLUMNS = (
    ("HOTA", "hota"), ("AssA", "ass_a"), ("IDF1", "idf1"), ("MOTA", "mota"), ("recall", "recall"),
    ("switches", "switches"), ("mixed", "mixed"), ("split", "split"), ("over cuts", "across_cuts"),
)  # fmt: skip
_LEGEND = """\
switches: changes of a person's track number. mixed: tracks that were on several people. split: tracks beyond one for
each person. over cuts: tracks that went over a hard cut to another person."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the scenes, prints the numbers."""
    options = _options(arguments)
    if find_spec("trackers") is None:
        sys.exit("The metrics are missing: pip install --no-deps -r tests/scenes/requirements.txt")
    results: dict[str, Any] = {}
    for seed in range(options.seed, options.seed + options.seeds):
        people = _people(options.faces, seed)
        try:
            made = scenes(people, options.scenes, options.fps, seed, options.shake)
        except ValueError as error:
            sys.exit(str(error))
        with contestants(options.tracker, options.detector, options.encoded) as present:
            for scene in made:
                for contestant in present:
                    _run(contestant, scene, seed, results.setdefault(contestant.name, {}), options)
    for path, end_s in options.negatives:
        with FerBatch(options.detector) as pipeline:
            frames = pipeline.watch(path, end_s)
            one = score_empty([frame for _, frame in frames], frames[-1][0] - frames[0][0])
            results.setdefault(pipeline.name, {}).setdefault(("negatives", path.name), Score()).add(one)
    missing = [] if options.scenes else [entry.name for entry in CATALOGUE if not entry.can_be_made(len(people))]
    summaries = {name: _summaries(scores) for name, scores in results.items()}
    if options.json:
        settings = {"detector": options.detector, "encoded": options.encoded, "people": len(people)}
        print(json.dumps({"settings": settings, "left_out": missing, "trackers": summaries}, indent=2))
        return 0
    for name, summary in summaries.items():
        _print(name, summary)
    print(_LEGEND)
    if missing:
        print(f"Left out: {', '.join(missing)}.")
        print("Give --faces for more people, install scikit-image and scikit-learn for more photographs.")
    return 0


def _run(
    contestant: Contestant,
    scene: Scene,
    seed: int,
    scores: dict[tuple[str, str], Score],
    options: argparse.Namespace,
) -> None:
    print(f"{contestant.name}: {scene.name}, seed {seed}", file=sys.stderr)
    run = contestant.follow(scene)
    scores.setdefault((scene.group, scene.name), Score()).add(score(scene, run))
    if options.trace:
        print(*changes(scene, run), sep="\n", file=sys.stderr)
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
        write_annotated(scene, run, options.keep / f"{contestant.name}-{scene.name}-{seed}.mp4")


def _people(table: Path | None, seed: int) -> list[Cutout]:
    photographs = example_people() if table is None else people_of_table(table, seed)
    # Whichever network finds a face, its box is the one that YuNet would give.
    with closing(YuNet()) as cutter:
        return cast(photographs, _PEOPLE, cutter.detect)


def _summaries(scores: dict[tuple[str, str], Score]) -> dict[str, Any]:
    """For each scene, for each group and for all together."""
    groups: dict[str, Score] = {}
    total = Score()
    for (group, _), one in scores.items():
        groups.setdefault(group, Score()).add(one)
        total.add(one)
    return {
        "scenes": {name: one.summary() for (_, name), one in scores.items()},
        "groups": {name: one.summary() for name, one in groups.items()},
        "all": total.summary(),
    }


def _print(name: str, summary: dict[str, Any]) -> None:
    print(f"\n{name}")
    rows = [*summary["scenes"].items(), ("", None)]
    rows += [(f"all {group}", one) for group, one in summary["groups"].items()] + [("all", summary["all"])]
    rows = [row for row in rows if row[1] is None or row[1]["hota"] is not None]
    width = max(len(label) for label, _ in rows)
    print(" " * width, *(f"{title:>9}" for title, _ in _COLUMNS))
    for label, one in rows:
        print(f"{label:<{width}}", *(f"{_cell(one[key]):>9}" for _, key in _COLUMNS) if one else ())
    everything = summary["all"]
    for height, recall in everything["recall_by_height"].items():
        print(f"faces {height} pixels high found: {recall:.1%}")
    if everything["false_faces_a_minute"] is not None:
        where = [
            f"{label} {one['false_faces_a_minute']:.0f} ({one['false_share']:.0%} of the time)"
            for label, one in summary["scenes"].items()
            if one["false_faces_a_minute"]
        ]
        text = f"false faces a minute without faces: {everything['false_faces_a_minute']:.1f}"
        print(text, "; ".join(where), sep="   ")
    print(f"tracking alone: {everything['tracking_frames_a_second']:.0f} frames/s")


def _cell(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tracking.benchmark",
        description="Measures how faces are found and followed in made scenes.",
        epilog=f"scenes: {', '.join(entry.name for entry in CATALOGUE)}; "
        f"groups: {', '.join(dict.fromkeys(entry.group for entry in CATALOGUE))}",
    )
    names = (FerBatch.name, *PUBLISHED)
    parser.add_argument("--faces", type=Path, metavar="TABLE", help="Parquet with the columns jpeg and person")
    parser.add_argument(
        "--negatives",
        type=_negative,
        nargs="+",
        default=[],
        metavar="FILE[@S]",
        help="recordings that show no face, or none before a second; fer-batch alone watches them",
    )
    parser.add_argument("--scenes", type=_list, help="names or groups of scenes, with commas between")
    parser.add_argument("--fps", type=_numbers, help="frame rates instead of the scenes' own, with commas between")
    parser.add_argument("--shake", type=float, help="pixels that the camera strays instead of the scenes' own")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--seeds", type=int, default=1, help="how often, with other people and movements each time")
    parser.add_argument("--detector", choices=sorted({kind.canonical for kind in Detector}), default=str(Detector.auto))
    parser.add_argument("--tracker", type=_list, default=[FerBatch.name], help=f"{', '.join(names)}; commas between")
    parser.add_argument("--encoded", action="store_true", help="compress every scene before")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write annotated clips there")
    parser.add_argument("--trace", action="store_true", help="say on standard error who is found in which track when")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.tracker if name not in names]:
        parser.error(f"no tracker {', '.join(unknown)}; there are {', '.join(names)}")
    return options


def _negative(text: str) -> tuple[Path, float | None]:
    path, at, end_s = text.rpartition("@")
    return (Path(path), float(end_s)) if at else (Path(text), None)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(text: str) -> list[float]:
    return [float(part) for part in _list(text)]


if __name__ == "__main__":
    sys.exit(main())
