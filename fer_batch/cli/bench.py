"""``fer-batch bench``: speed and memory on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from fer_batch.errors import InputError

EXAMPLE = Path("examples/WolfgangLanger_Pexels.mp4")
"""The clip that comes with the source, seen from its folder."""


def bench(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A video; else examples/'s.", show_default=False)
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Counted runs of each kind; medians are printed.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure speed and memory on this machine.

    Each analysis runs in a process of its own, in turn with decoding alone; then once more on the recording looped to
    ten times its length.
    """
    from fer_batch.bench import LOOPS
    from fer_batch.bench import bench as measure

    file = file or EXAMPLE
    if not file.exists():
        raise InputError(f"{file}: is not there; give a video to measure with.")
    result = measure(file, runs)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2))
        return
    rows = (
        ("frames", f"{result.frames}"),
        ("faces", f"{result.faces}"),
        ("decoding alone", f"{result.decode_frames_per_second:.0f} frames/s"),
        ("analysis", f"{result.frames_per_second:.0f} frames/s"),
        ("ratio to decoding alone", f"{result.ratio_to_decode:.2f}"),
        *_stages(result.stages),
        ("  together", f"{result.processor_ms:.2f} ms, {result.processor_use:.0%} of the cores' time"),
        *((f"  waiting for {name}", f"{spent:.2f} ms a frame") for name, spent in result.waits.items()),
        ("--fps 5 to all frames", f"{result.ratio_of_five:.1f} times as fast"),
        ("analysis with annotated video", f"{result.video_frames_per_second:.0f} frames/s"),
        ("decoding and encoding alone", f"{result.transcode_frames_per_second:.0f} frames/s"),
        ("ratio to decoding and encoding alone", f"{result.ratio_to_transcode:.2f}"),
        *_stages(result.video_stages),
        ("from the command to the first frame", f"{result.start_s:.1f} s"),
        ("from the last frame to the end", f"{result.end_s:.1f} s"),
        ("peak memory", f"{result.peak_memory_mb:.0f} MB"),
        (f"peak memory, {LOOPS} times longer", f"{result.long_peak_memory_mb:.0f} MB ({result.memory_growth:+.1%})"),
        ("one detection", f"{result.detection_ms:.2f} ms"),
        ("one face classified", f"{result.classification_ms:.2f} ms (batch of 16, one thread)"),
        ("ratio to a detection", f"{result.ratio_to_detection:.2f}"),
        ("cuts, tracking and steadying", f"{result.following_share:.1%} of the analysis's processor time"),
    )
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        typer.echo(f"{name:<{width}}  {text}")


def _stages(stages: dict[str, float]) -> list[tuple[str, str]]:
    return [(f"  {name}", f"{spent:.2f} ms of processor time a frame") for name, spent in stages.items()]
