"""Figures of timelines and studies, for notebooks and papers, in the same colours as everything that fer-batch draws.

Each function returns a Matplotlib figure that is its caller's: no window opens and nothing global changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fer_batch.analytics.summary import PAUSE_S, Summary, gaps, is_live, lasting, pace, summary, transitions
from fer_batch.emotions import COLOURS, EMOTIONS, hex_colour
from fer_batch.errors import InputError
from fer_batch.filesystem.atomic import explained, whole
from fer_batch.filesystem.overwriting import names_us, refuse_overwriting
from fer_batch.filesystem.paths import refuse_links
from fer_batch.results.layout import below
from fer_batch.results.reader import episodes, load
from fer_batch.utils.text import shown
from fer_batch.version import __version__

_COLUMNS: Final = 1500
"""Points across a panel: what a page at 200 dots an inch shows. More rows than that are drawn as means, and in lines
as lowest and highest value, of as many stretches."""
_INCHES: Final = 9.0
"""Width, which fits two columns of a journal."""
_DPI: Final = 200
_NAMES: Final = list(EMOTIONS)
_PALETTE: Final = [hex_colour(name) for name in EMOTIONS]
_NEEDED: Final = ("recording", "frame", "time_s", "track", *EMOTIONS)
_LONGEST_NAME: Final = 48
"""Letters of an id in a figure; the end tells more than the beginning."""


class _Drawing(Figure):
    """A figure that notebooks show as it is, also where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        picture = BytesIO()
        self.savefig(picture, format="png", dpi=110)
        return picture.getvalue()


def plot_timeline(
    timeline: pd.DataFrame,
    tracks: Sequence[int] | None = None,
    *,
    kind: Literal["stacked", "lines"] = "stacked",
    smooth_s: float = 0.0,
    most: int = 12,
    spans: pd.DataFrame | None = None,
) -> Figure:
    """The seven probabilities of each track over time, its episodes above them, gaps left empty.

    Args:
        timeline: as :func:`fer_batch.load` or :func:`fer_batch.analyze` gives it.
        tracks: only these; all by default.
        kind: "stacked" areas of means, or "lines" with a band from the lowest to the highest value.
        smooth_s: seconds over which probabilities are averaged first, centred; 0 for none.
        most: panels at most; of more tracks, those with the most rows are drawn.
        spans: the episodes to draw, as :func:`fer_batch.episodes` gives them; found in the timeline by default.

    Raises:
        InputError: when a column is missing, or there is nothing to draw.
    """
    _check(timeline, _NEEDED)
    if kind not in ("stacked", "lines"):
        raise InputError(f"kind={kind!r}: give 'stacked' or 'lines'.")
    selected = timeline if tracks is None else timeline[timeline["track"].isin(list(tracks))]
    sizes = selected.groupby(["recording", "track"], observed=True).size()
    if sizes.empty:
        raise InputError("There is no face to draw: the timeline has no rows of such tracks.")
    drawn = sizes.sort_values(ascending=False, kind="stable").head(most).sort_index()
    episode_rows = episodes(selected) if spans is None else spans
    several = selected["recording"].nunique() > 1
    figure = _Drawing(figsize=(_INCHES, 0.9 + 1.7 * len(drawn)), layout="constrained")
    panels = figure.subplots(len(drawn), 1, squeeze=False)[:, 0]
    for axes, (recording, track) in zip(panels, drawn.index, strict=True):
        rows = selected[(selected["recording"] == recording) & (selected["track"] == track)]
        whole_recording = timeline[timeline["recording"] == recording]
        own = episode_rows[(episode_rows["recording"] == recording) & (episode_rows["track"] == track)]
        for part in _runs(rows, whole_recording):
            _probabilities(axes, part, kind, smooth_s, _limits(whole_recording), _step_s(whole_recording))
        _ribbon(axes, own)
        axes.set_xlim(*_limits(whole_recording))
        axes.set_title((f"{_short(recording)}, " if several else "") + f"track {track}", loc="left", fontsize=9)
    panels[-1].set_xlabel("seconds")
    if len(sizes) > len(drawn):
        figure.suptitle(f"{len(drawn)} of {len(sizes)} tracks, those with the most rows", fontsize=9)
    _legend(figure)
    return figure


def plot_shares(timeline: pd.DataFrame) -> Figure:
    """Of the time that each track was seen, the part in which each emotion was the most probable.

    Rows of photos, which last no time, count alike.

    Args:
        timeline: as for :func:`plot_timeline`.

    Raises:
        InputError: when a column is missing or there are no rows.
    """
    _check(timeline, _NEEDED)
    if timeline.empty:
        raise InputError("There is no face to draw: the timeline has no rows.")
    several = timeline["recording"].nunique() > 1
    names, shares = [], []
    for recording, rows in timeline.groupby("recording", observed=True):
        seconds = _seconds(rows)
        leading = rows[_NAMES].to_numpy().argmax(1)
        for track in np.unique(rows["track"]):
            own = (rows["track"] == track).to_numpy()
            sums = np.bincount(leading[own], seconds[own], len(EMOTIONS))
            names.append((f"{_short(recording)}, " if several else "") + f"track {track}")
            shares.append(sums / sums.sum())
    figure = _Drawing(figsize=(_INCHES, 1.1 + 0.34 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    _bars(axes, names, np.array(shares))
    axes.set_xlabel("share of the time seen")
    _legend(figure)
    return figure


def plot_transitions(source: pd.DataFrame, pause_s: float = PAUSE_S) -> Figure:
    """How often an episode of one emotion was followed by one of another.

    Args:
        source: episodes as :func:`fer_batch.episodes` gives them, or a timeline, in which they are found.
        pause_s: episodes further apart than this do not follow each other.

    Raises:
        InputError: when a column is missing.
    """
    counts = transitions(source if "start_s" in source else episodes(source), pause_s).to_numpy()
    figure = _Drawing(figsize=(5.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    largest = max(1, int(counts.max()))
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=largest)
    for row, column in zip(*np.nonzero(counts), strict=True):
        ink = "white" if counts[row, column] > 0.6 * largest else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=ink, fontsize=9)
    axes.set_xticks(range(len(_NAMES)), _NAMES, rotation=35, ha="right")
    axes.set_yticks(range(len(_NAMES)), _NAMES)
    axes.set_xticks(np.arange(0.5, len(_NAMES) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(_NAMES) - 1), minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("next episode")
    axes.set_ylabel("episode")
    axes.set_title(f"{counts.sum()} transitions", loc="left", fontsize=9)
    return figure


def plot_study(source: str | os.PathLike[str] | Summary, most: int = 60) -> Figure:
    """One bar a recording: the part of the time seen in which each emotion was the most probable.

    Args:
        source: the folder that ``fer-batch analyze`` wrote, or what :func:`fer_batch.summary` gives of it.
        most: bars at most; of more recordings, those with faces for the longest are drawn.

    Raises:
        InputError: when there is no recording with a face.
    """
    table = (source if isinstance(source, Summary) else summary(source)).recordings
    with_faces = table[table["neutral_share"].notna()]
    if with_faces.empty:
        raise InputError("There is no recording with a face to draw.")
    drawn = with_faces.sort_values("seen_s", ascending=False, kind="stable").head(most).sort_index()
    names = [
        _short(recording) + (f"  ({seen:.0f} s)" if seen else "")
        for recording, seen in zip(drawn["recording"], drawn["seen_s"], strict=True)
    ]
    shares = drawn[[f"{name}_share" for name in EMOTIONS]].to_numpy(np.float64)
    figure = _Drawing(figsize=(_INCHES, 1.1 + 0.34 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    _bars(axes, names, shares)
    axes.set_xlabel("share of the time with a face")
    if len(with_faces) > len(drawn):
        axes.set_title(f"{len(drawn)} of {len(with_faces)} recordings, the longest", loc="left", fontsize=9)
    _legend(figure)
    return figure


_KINDS = ("timeline", "shares", "transitions")
"""Of the figures of a recording."""
CREATOR = f"fer-batch {__version__}"
"""In the metadata of figures, by which they are known as ours."""


def write_figures(
    out: Path,
    folder: Path,
    form: str,
    recordings: Sequence[str] | None = None,
    *,
    tables: Summary | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005 - called by position
) -> list[Path]:
    """Draws a study: ``study`` and, for each recording, ``<id>-timeline``, ``-shares`` and ``-transitions``; the paths.

    Photos have shares alone.

    Args:
        out: the folder that ``fer-batch analyze`` wrote.
        folder: where the figures go.
        form: "png", "svg" or "pdf".
        recordings: ids or patterns; all by default.
        tables: what :func:`fer_batch.summary` gives of the folder, if that is known already.
        on_progress: told how many recordings are drawn, and how many there are to draw.

    Raises:
        InputError: when a file is damaged, or a recording is not there.
        OutputError: when a figure cannot be written.
    """
    from fer_batch.results.reader import select_recordings

    tables = summary(out) if tables is None else tables
    table = tables.recordings
    kinds = dict(zip(table["recording"], table["kind"], strict=True))
    with_faces = table.loc[table["rows"].fillna(0) > 0, "recording"].tolist()
    names = select_recordings(out, with_faces, recordings)
    paths = [below(folder, f"{name}-{what}.{form}") for name in names for what in _KINDS]
    for path in (*paths, folder / f"study.{form}"):
        refuse_overwriting(path, "figures", names_us)
    refuse_links(out if folder.is_relative_to(out) else folder, paths)
    written = []
    for done, name in enumerate(names):
        on_progress(done, len(names))
        timeline = load(out, [*_NEEDED, "captured_at"], [name])
        figures = {"shares": plot_shares(timeline)}
        if kinds[name] != "photo":
            spans = episodes(out, None, [name])
            figures |= {"timeline": plot_timeline(timeline, spans=spans), "transitions": plot_transitions(spans)}
        assert set(figures) <= set(_KINDS)
        for what, figure in figures.items():
            written.append(_save(figure, below(folder, f"{name}-{what}.{form}")))
    if with_faces:
        written.append(_save(plot_study(tables), folder / f"study.{form}"))
    on_progress(len(names), len(names))
    return written


def _save(figure: Figure, path: Path) -> Path:
    """Writes a figure so that the same one gives the same bytes."""
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, {})
    with whole(path) as temporary, explained(path), mpl.rc_context({"svg.hashsalt": "fer-batch", "pdf.fonttype": 42}):
        figure.savefig(temporary, format=path.suffix[1:], dpi=_DPI, metadata={"Creator": CREATOR, **undated})
    return path


def _check(timeline: pd.DataFrame, needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in timeline]:
        raise InputError(f"The timeline has no column {missing[0]!r}, which the figure needs.")


def _moments(timeline: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The frames of one recording's timeline and their times, each once."""
    frames, first = np.unique(timeline["frame"].to_numpy(), return_index=True)
    return frames, timeline["time_s"].to_numpy(np.float64)[first]


def _seconds(timeline: pd.DataFrame) -> NDArray[np.float64]:
    """(rows,) for how long each row of one recording's timeline lasts; for photos 1."""
    frames, times = _moments(timeline)
    seconds = lasting(frames, times, is_live(timeline))[np.searchsorted(frames, timeline["frame"].to_numpy())]
    return seconds if seconds.sum() > 0 else np.ones(len(seconds))


def _limits(timeline: pd.DataFrame) -> tuple[float, float]:
    _, times = _moments(timeline)
    return float(times[0]), float(times[-1]) + _step_s(timeline)


def _step_s(timeline: pd.DataFrame) -> float:
    """For how long a frame of a recording usually lasts; a lone one, as of a photo, is given a second."""
    return pace(*_moments(timeline), is_live(timeline)).step_s or 1.0


def _runs(rows: pd.DataFrame, timeline: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The stretches of a track in which it was seen without a gap."""
    usual = pace(*_moments(timeline), is_live(timeline))
    frames, times = rows["frame"].to_numpy(), rows["time_s"].to_numpy(np.float64)
    bounds = [0, *(np.flatnonzero(gaps(frames, times, usual)) + 1).tolist(), len(rows)]
    for start, stop in pairwise(bounds):
        yield rows.iloc[start:stop]


def _probabilities(
    axes: Axes, rows: pd.DataFrame, kind: str, smooth_s: float, limits: tuple[float, float], step_s: float
) -> None:
    """One stretch without a gap; its last row lasts a step too."""
    times, mean, low, high = _thinned(rows, smooth_s, limits)
    times = np.append(times, times[-1] + max(step_s, (limits[1] - limits[0]) / _COLUMNS))
    mean, low, high = (np.append(each, each[-1:], axis=0) for each in (mean, low, high))
    if kind == "stacked":
        axes.stackplot(times, (mean / mean.sum(1, keepdims=True)).T, colors=_PALETTE, linewidth=0)
        return
    for number, colour in enumerate(_PALETTE):
        if len(times) <= len(rows):
            axes.fill_between(times, low[:, number], high[:, number], color=colour, alpha=0.3, linewidth=0)
        # A dark edge: yellow is not seen on white without one.
        axes.plot(times, mean[:, number], color="0.35", linewidth=1.9, solid_capstyle="butt")
        axes.plot(times, mean[:, number], color=colour, linewidth=1.2, solid_capstyle="butt")


def _thinned(
    rows: pd.DataFrame, smooth_s: float, limits: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Times (N,), and means, lowest and highest probabilities (N, 7): of rows, or of columns where there are more."""
    times, values = rows["time_s"].to_numpy(np.float64), rows[_NAMES].to_numpy(np.float64)
    if smooth_s > 0:
        by_time = pd.DataFrame(values, index=pd.to_timedelta(times, unit="s"))
        values = by_time.rolling(f"{smooth_s}s", center=True).mean().to_numpy()
    columns = np.floor((times - limits[0]) / (limits[1] - limits[0]) * _COLUMNS)
    starts = np.flatnonzero(np.diff(columns, prepend=-1))
    if len(starts) * 2 > len(times):
        return times, values, values, values
    counts = np.diff(np.append(starts, len(times)))
    mean = np.add.reduceat(values, starts) / counts[:, None]
    middle = np.add.reduceat(times, starts) / counts
    middle[0], middle[-1] = times[0], times[-1]
    return middle, mean, np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)


def _ribbon(axes: Axes, own: pd.DataFrame) -> None:
    """Episodes as a band above the probabilities."""
    for emotion in EMOTIONS:
        of_emotion = own[own["emotion"] == emotion]
        spans = list(zip(of_emotion["start_s"], of_emotion["duration_s"], strict=True))
        axes.broken_barh(spans, (1.04, 0.12), facecolors=hex_colour(emotion))
    axes.set_ylim(0, 1.18)
    axes.set_yticks([0, 0.5, 1])
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylabel("probability", fontsize=9)


def _bars(axes: Axes, names: Sequence[str], shares: NDArray[np.float64]) -> None:
    """Horizontal bars of shares (N, 7), the first on top; a share with room for it is written in."""
    places, starts = np.arange(len(names)), np.zeros(len(names))
    for number, emotion in enumerate(EMOTIONS):
        axes.barh(places, shares[:, number], left=starts, height=0.74, color=_PALETTE[number])
        ink = "white" if np.dot(COLOURS[emotion], (0.299, 0.587, 0.114)) < 110 else "black"
        for place in np.flatnonzero(shares[:, number] >= 0.06):
            middle = starts[place] + shares[place, number] / 2
            label = f"{shares[place, number]:.0%}"
            axes.text(float(middle), float(place), label, ha="center", va="center", color=ink, fontsize=8)
        starts = starts + shares[:, number]
    axes.set_yticks(places, names, fontsize=9)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)


def _legend(figure: Figure) -> None:
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(color=colour, label=name) for name, colour in zip(EMOTIONS, _PALETTE, strict=True)]
    figure.legend(handles=handles, ncols=7, loc="outside lower center", frameon=False, fontsize=8)


def _short(name: object) -> str:
    # Matplotlib would take text between dollar signs for a formula.
    text = shown(str(name)).replace("$", r"\$")
    return text if len(text) <= _LONGEST_NAME else "…" + text[1 - _LONGEST_NAME :]
