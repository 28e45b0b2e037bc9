"""Live sources on a terminal: connection, rates, latency, and the faces in view with their last half minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from textwrap import wrap
from threading import Event, Lock
from types import TracebackType
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.segment import Segment
from rich.style import Style

from fer_batch.cli.display.live_log import Incidents, LiveErrors, LiveLines
from fer_batch.cli.display.terminal import interactive, stderr_console
from fer_batch.cli.wording import sentence_of
from fer_batch.emotions import COLOURS, EMOTIONS, hex_colour
from fer_batch.live.events import Counts, LiveMessage
from fer_batch.live.metrics import HISTORY_S, FaceInView, LiveStatistics, Rates
from fer_batch.utils.text import counted, duration_words, shown

_REDRAWS = 8
"""A second: as smooth as bars need be."""
_LETTERS = "ADFHSUN"
"""One an emotion, for a second of history; surprise has U, since sad has S."""
_HEADINGS = ("Angry", "Disgust", "Fear", "Happy", "Sad", "sUrprise", "Neutral")
"""Each with its letter as the capital."""
_SHORT_HEADINGS = ("Angry", "Disg.", "Fear", "Happy", "Sad", "sUrp.", "Neut.")
"""For narrow bars."""
_EIGHTHS = " ▏▎▍▌▋▊▉"
_TRACK = 7
"""Columns of a track's number: tracks of weeks have five digits."""
_WIDE_BAR, _BAR = 8, 5
"""Columns of a bar, where there is much room and at 80 columns."""
_NAMED = 14
"""Columns of the leading emotion in words."""

_PLAIN, _BOLD, _DIM = Style(), Style(bold=True), Style(dim=True)
_STATES = {
    "connecting": ("◌", "?", Style(color="yellow")),
    "live": ("●", "*", Style(color="green")),
    "lost": ("✗", "x", Style(color="red", bold=True)),
    "over": ("■", "=", Style(dim=True)),
}


def _readable_on(emotion: str) -> str:
    red, green, blue = COLOURS[emotion]
    # Luma of ITU-R BT.601; by WCAG's contrast black reads better on all but sad's blue.
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 100 else "#ffffff"


_BARS = [Style(color=hex_colour(emotion)) for emotion in EMOTIONS]
_CELLS = [Style(color=_readable_on(emotion), bgcolor=hex_colour(emotion)) for emotion in EMOTIONS]

_Piece = tuple[str, Style]
_STOPPING: _Piece = ("Stopping: what was analysed is being written. Ctrl-C once more gives that up.", _BOLD)


class LiveView:
    """A watcher of live sources that draws on a terminal; a context manager, and nothing but incidents stays.

    Args:
        sources: what each recording is watched at, without secrets, by recording.
        counts: of each recording, kept up to date by somebody else; one may come later.
        console: of stderr.
        now: monotonic seconds.
        stop: once set, the view says that the end is near.
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        counts: Mapping[str, Counts],
        console: Console,
        now: Callable[[], float] = time.monotonic,
        stop: Event | None = None,
    ) -> None:
        self._sources, self._counts, self._now, self._stop = sources, counts, now, stop
        self._statistics = {name: LiveStatistics(now()) for name in sources}
        self._incidents = Incidents(self._statistics, console, now)
        self._lock = Lock()
        self._live = Live(
            get_renderable=lambda: _Picture(self),
            console=console,
            refresh_per_second=_REDRAWS,
            transient=True,
            # Rich would send to the terminal what goes to a file.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, recording: str, message: LiveMessage) -> None:
        """Takes note; it is drawn with the next redraw."""
        with self._lock:
            sentence = self._incidents.sentence(recording, message)
            self._statistics[recording].tell(message, self._now())
        if sentence is not None:
            self._incidents.say(sentence)

    def lines(self, width: int, height: int, ascii_only: bool = False) -> list[list[_Piece]]:
        """All that is drawn, in at most so many columns and lines.

        Of many recordings each has fewer lines, of many faces those of the lowest tracks are listed; what is left out
        is counted.
        """
        last = [_STOPPING] if self._stop is not None and self._stop.is_set() else []
        with self._lock:
            drawing = _Drawing(width, height - len(last), ascii_only, self._now())
            return [*drawing.of(self._sources, self._counts, self._statistics), *([drawing.fit(last)] if last else [])]


def live_watcher(
    sources: Mapping[str, str],
    counts: Mapping[str, Counts],
    *,
    quiet: bool = False,
    stop: Event | None = None,
    console: Console | None = None,
) -> LiveView | LiveLines | LiveErrors:
    """What suits whoever reads stderr: a view on a terminal, lines in a pipe or under CI, errors alone when quiet.

    Args:
        sources: what each recording is watched at, without secrets, by recording.
        counts: of each recording, kept up to date by somebody else; one may come later.
        quiet: whether only errors are said.
        stop: once set, the view says so; :func:`fer_batch.utils.signals.stop_on_interrupt` may then be quiet, whose
            words would come in between.
        console: of stderr; what else is printed through it comes above the view, through another one into it.
    """
    console = console or stderr_console()
    if quiet:
        return LiveErrors(console, alone=len(sources) == 1)
    if interactive():
        return LiveView(sources, counts, console, stop=stop)
    return LiveLines(sources, counts, console)


class _Picture:
    """What Rich asks for lines, whatever size the terminal has by then."""

    def __init__(self, view: LiveView) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        # Rich's own tables and texts would cost ten times as much eight times a second.
        for line in self._view.lines(options.max_width, console.size.height - 1, options.ascii_only):
            for text, style in line:
                yield Segment(text, style)
            yield Segment.line()


class _Drawing:
    """One picture of all recordings."""

    def __init__(self, width: int, height: int, ascii_only: bool, now_s: float) -> None:
        self._width, self._height, self._ascii, self._now_s = width, max(1, height), ascii_only, now_s
        bars = len(EMOTIONS)
        self._bar = _WIDE_BAR if width >= _TRACK + bars * (_WIDE_BAR + 1) + _NAMED + HISTORY_S + 1 else _BAR
        remaining = width - _TRACK - bars * (self._bar + 1)
        self._named = remaining >= _NAMED + HISTORY_S + 1
        self._cells = max(0, min(HISTORY_S, remaining - 1 - (_NAMED if self._named else 0)))

    def of(
        self, sources: Mapping[str, str], counts: Mapping[str, Counts], statistics: Mapping[str, LiveStatistics]
    ) -> list[list[_Piece]]:
        faces = {name: one.faces(self._now_s) for name, one in statistics.items()}
        heads, room, drawn = self._shares(list(sources), faces)
        lines: list[list[_Piece]] = []
        headed = False
        for name in drawn:
            one, counted_by_now = statistics[name], counts.get(name) or Counts()
            if heads == 1:
                lines.append(self._brief(name, sources[name], counted_by_now, one))
            else:
                lines += self._head(name, sources[name], counted_by_now, one)[:heads]
            if room[name] and not headed:
                headed = True
                lines.append(self._headings())
            lines += self._faces(faces[name], room[name])
        if len(drawn) < len(sources):
            lines.append([(f"and {counted(len(sources) - len(drawn), 'more recording')}", _DIM)])
        return [self.fit(line) for line in lines]

    def _shares(self, names: list[str], faces: dict[str, list[FaceInView]]) -> tuple[int, dict[str, int], list[str]]:
        """Lines of each recording's head, lines for each one's faces, and the recordings that there is room for."""
        drawn = names if len(names) <= self._height else names[: self._height - 1]
        visible = [name for name in drawn if faces[name]]
        # One line of headings, and one at least for those with a face.
        needed = bool(visible) + len(visible)
        heads = next((lines for lines in (3, 2) if lines * len(drawn) + needed <= self._height), 1)
        remaining = self._height - heads * len(drawn) - bool(visible) - (len(drawn) < len(names))
        room = dict.fromkeys(names, 0)
        while remaining > 0 and (hungry := [name for name in visible if room[name] < len(faces[name])]):
            for name in hungry[:remaining]:
                room[name] += 1
            remaining -= len(hungry[:remaining])
        return heads, room, drawn

    def _headings(self) -> list[_Piece]:
        headings = _HEADINGS if self._bar == _WIDE_BAR else _SHORT_HEADINGS
        names = "".join(f"{heading:<{self._bar + 1}}" for heading in headings)
        label = f"last {self._cells} s" if self._cells >= len("last 30 s") else ""
        return [(" " * _TRACK + names + (" " * _NAMED if self._named else "") + label, _DIM)]

    def _faces(self, faces: list[FaceInView], room: int) -> list[list[_Piece]]:
        if len(faces) <= room or room < 2:
            return [self._face(face) for face in faces[:room]]
        hidden = len(faces) - room + 1
        more = (f"{'and':>{_TRACK - 1}} {counted(hidden, 'more face')}", _DIM)
        return [*(self._face(face) for face in faces[: room - 1]), [more]]

    def _face(self, face: FaceInView) -> list[_Piece]:
        fades = face.seen_s < self._now_s - 1
        best = max(range(len(EMOTIONS)), key=face.probabilities.__getitem__)
        bars = _bars(self._bar, self._ascii)
        top = len(bars) - 1
        line = [(f"{'#' + str(face.track):>{_TRACK - 1}} ", _DIM if fades else _BOLD)]
        line += [(bars[max(0, min(top, round(top * each)))], _BARS[i]) for i, each in enumerate(face.probabilities)]
        if self._named:
            line.append((f"{EMOTIONS[best]:<9}{face.probabilities[best]:>4.0%} ", _DIM if fades else _BOLD))
        return line + self._strip(face)

    def _strip(self, face: FaceInView) -> list[_Piece]:
        """A cell a second; those of the same emotion in one piece, which is cheaper to draw."""
        pieces: list[_Piece] = []
        for emotion in face.strip(self._now_s, self._cells):
            text, style = (".", _DIM) if emotion is None else (_LETTERS[emotion], _CELLS[emotion])
            if pieces and pieces[-1][1] is style:
                pieces[-1] = pieces[-1][0] + text, style
            else:
                pieces.append((text, style))
        return pieces

    def _brief(self, name: str, source: str, counts: Counts, one: LiveStatistics) -> list[_Piece]:
        """All in one line."""
        title = self._title(name, one)
        if one.state == "live":
            rates, latency = one.rates(self._now_s, counts), one.latency(self._now_s)
            late = "" if latency is None else f"  {latency[0] * 1000:.0f} ms"
            dropped = f"  dropped {rates.dropped:.1f}/s" if rates.dropped else ""
            title.append((f"  {rates.analysed:.1f}/s{late}{dropped}  {counted(one.faces_now, 'face')}", _PLAIN))
        elif one.error is not None:
            title.append((f": {_without(source, sentence_of(one.error))}", _PLAIN))
        return title

    def _head(self, name: str, source: str, counts: Counts, one: LiveStatistics) -> list[list[_Piece]]:
        """Up to three lines, the most important one first."""
        title = self._title(name, one)
        if one.state == "live" and one.probe is not None:
            rate = f" at {one.probe.frame_rate:.4g}/s" if one.probe.frame_rate else ""
            shape = f"{one.probe.width}x{one.probe.height}{rate}"
            title.append((f", {counted(one.faces_now, 'face')}, {shape}", _PLAIN))
        if source != name:
            title.append((f"  {shown(source)}", _DIM))
        if one.state in ("lost", "over") and one.error is not None:
            reason = wrap(
                _without(source, sentence_of(one.error)), max(1, self._width - 2), max_lines=2, placeholder=" ..."
            )
            return [title, *([(f"  {line}", _PLAIN)] for line in reason)]
        if one.state == "connecting":
            return [title]
        rates, latency = one.rates(self._now_s, counts), one.latency(self._now_s)
        return [title, self._flow(rates, counts), self._rest(one, counts, latency)]

    def _title(self, name: str, one: LiveStatistics) -> list[_Piece]:
        symbol, plain, style = _STATES[one.state]
        pieces = [(shown(name), _BOLD), (f" {plain if self._ascii else symbol} ", style)]
        lasts = duration_words(self._now_s - one.since_s)
        if one.state == "lost":
            soon = one.retry_s is None or one.retry_s <= self._now_s
            again = "trying again" if soon else f"next attempt in {duration_words((one.retry_s or 0) - self._now_s)}"
            return [*pieces, (f"no connection for {lasts}, {again}", style)]
        words = {"connecting": f"connecting for {lasts}", "live": f"live for {lasts}", "over": "ended"}
        return [*pieces, (words[one.state], style)]

    def _flow(self, rates: Rates, counts: Counts) -> list[_Piece]:
        style = Style(color="yellow", bold=True) if rates.dropped > 0 else _PLAIN
        return [
            (f"  in {rates.arrived:.1f}/s ({counts.arrived:,})", _PLAIN),
            (f"  analysed {rates.analysed:.1f}/s ({counts.analysed:,})", _PLAIN),
            (f"  dropped {rates.dropped:.1f}/s ({counts.dropped:,})", style),
        ]

    def _rest(self, one: LiveStatistics, counts: Counts, latency: tuple[float, float] | None) -> list[_Piece]:
        pieces = []
        if latency is not None:
            pieces.append(f"latency {latency[0] * 1000:.0f} ms, 95 % within {latency[1] * 1000:.0f} ms")
        else:
            pieces.append("no frame analysed yet" if not counts.analysed else "no frame for a while")
        if one.written is not None:
            due = one.next_part_s is not None and one.next_part_s > self._now_s
            soon = f", next in {duration_words((one.next_part_s or 0) - self._now_s)}" if due else ""
            pieces.append(counted(one.written.parts, "part") + soon)
        if counts.connections > 1:
            pieces.append(counted(counts.connections - 1, "reconnection"))
        if counts.damaged:
            pieces.append(f"{counts.damaged:,} damaged")
        return [("  " + "  ".join(pieces), _PLAIN)]

    def fit(self, line: list[_Piece]) -> list[_Piece]:
        """As much of a line as there are columns."""
        remaining, fitting = self._width, []
        for text, style in line:
            cells = len(text) if text.isascii() else cell_len(text)
            if cells > remaining:
                more = "." if self._ascii else "…"
                fitting.append((set_cell_size(text, max(0, remaining - 1)) + more * (remaining > 0), style))
                return fitting
            fitting.append((text, style))
            remaining -= cells
        return fitting


@cache
def _bars(width: int, ascii_only: bool) -> list[str]:
    """Bars from empty to full, a column of space behind each."""
    if ascii_only:
        return ["#" * full + "." * (width - full) + " " for full in range(width + 1)]
    bars = ("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip() for eighths in range(8 * width + 1))
    return [f"{bar:<{width + 1}}" for bar in bars]


def _without(source: str, reason: str) -> str:
    """A reason that need not name the source again, next to which it stands."""
    return shown(reason).removeprefix(f"{shown(source)}: ")
