"""Plots the emotion timeline of every track in an output folder of fer-batch.

python examples/plot_timeline.py fer-output fer-output/timeline.png
"""

import argparse
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import fer_batch
from fer_batch.emotions import hex_colour

EMOTIONS = list(fer_batch.EMOTIONS)


def smoothed(track: pd.DataFrame, seconds: float) -> pd.DataFrame:
    """Rolling means by time, not by row: frames may be unevenly spaced."""
    by_time = track.set_index(pd.to_timedelta(track["time_s"], unit="s"))[EMOTIONS]
    means = by_time.rolling(f"{seconds}s", center=True).mean()
    means.index = track["time_s"]
    return means


def draw(axes: Axes, track: pd.DataFrame, title: str, seconds: float) -> None:
    means = smoothed(track, seconds)
    axes.stackplot(means.index, means.T, labels=EMOTIONS, colors=[hex_colour(emotion) for emotion in EMOTIONS])
    axes.set_xlim(means.index.min(), means.index.max())
    axes.set_ylim(0, 1)
    axes.set_ylabel("probability")
    axes.set_title(title, loc="left", fontsize=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="folder that fer-batch analyze wrote")
    parser.add_argument("picture", type=Path, help="PNG, SVG or PDF to write")
    parser.add_argument("--smooth", type=float, default=0.5, help="seconds over which probabilities are averaged (0.5)")
    parser.add_argument("--shortest", type=float, default=0.5, help="leave out tracks shorter than this, seconds (0.5)")
    arguments = parser.parse_args()

    try:
        timeline = fer_batch.load(arguments.output)
    except fer_batch.FerBatchError as error:
        raise SystemExit(f"Error: {error}") from None
    everyone = list(timeline.groupby(["recording", "track"]))
    tracks = [
        (key, rows) for key, rows in everyone if rows["time_s"].max() - rows["time_s"].min() >= arguments.shortest
    ]
    if not tracks:
        raise SystemExit(f"No track in {arguments.output} lasts {arguments.shortest} s; give a smaller --shortest.")
    figure = Figure(figsize=(9, 0.8 + 2.2 * len(tracks)), layout="constrained")
    for place, ((recording, track), rows) in enumerate(tracks, 1):
        axes = figure.add_subplot(len(tracks), 1, place)
        draw(axes, rows, f"{recording}, track {track}", arguments.smooth)
        if place == len(tracks):
            axes.set_xlabel("seconds")
            axes.legend(ncols=7, loc="upper center", bbox_to_anchor=(0.5, -0.22), frameon=False, fontsize=8)
    figure.savefig(arguments.picture, dpi=110)
    print(f"{len(tracks)} of {len(everyone)} tracks plotted in {arguments.picture}")


if __name__ == "__main__":
    main()
