"""Live sources in plain lines, for pipes and logs: what happens to the connections, and a line a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.text import Text

from fer_batch.cli.wording import sentence_of
from fer_batch.errors import FerBatchError
from fer_batch.live.events import Connected, Counts, Ended, Interrupted, LiveMessage
from fer_batch.live.metrics import LiveStatistics
from fer_batch.utils.text import counted, duration_words, shown

LINE_S = 60.0
"""Seconds between two lines about rates: fewer than 1,500 lines a day."""


class Incidents:
    """Says when connections come and go, each with the local time; the attempts in between only when the reason is new.

    Why the only source has ended is not said here: the whole command ends by it.

    Args:
        statistics: of each recording, asked before it is told.
        console: of stderr.
        now: monotonic seconds.
    """

    def __init__(
        self, statistics: Mapping[str, LiveStatistics], console: Console, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._statistics, self._console, self._now = statistics, console, now

    def sentence(self, recording: str, message: LiveMessage) -> str | None:
        """What there is to say about something that happens, if it is new."""
        one = self._statistics[recording]
        match message:
            case Connected(_, _, probe):
                rate = f" at {probe.frame_rate:.4g} frames/s" if probe.frame_rate else ""
                again = f" again after {duration_words(self._now() - one.since_s)}" if one.state == "lost" else ""
                return f"{recording}: connected{again}, {probe.width}x{probe.height}{rate}."
            case Ended(FerBatchError()) | Interrupted(retry_in_s=None) if len(self._statistics) == 1:
                return None
            case Ended(error) if one.state != "over":
                return f"{recording}: ended{'.' if error is None else f': {sentence_of(error)}'}"
            case Interrupted(_, _, error, None) if one.state != "over":
                return f"{recording}: ended: {sentence_of(error)}"
            case Interrupted(_, _, error, float(retry_in_s)) if one.state != "lost" or str(one.error) != str(error):
                what = "lost" if one.state == "live" else "not connected"
                return f"{recording}: {what}: {sentence_of(error)} Next attempt in {duration_words(retry_in_s)}."
        return None

    def say(self, text: str) -> None:
        """One line, however long, with the time."""
        at = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        self._console.print(Text(shown(f"{at} {text}")), soft_wrap=True)


class LiveLines:
    """A watcher of live sources that says in lines how they are; a context manager.

    Args:
        sources: what each recording is watched at, without secrets, by recording.
        counts: of each recording, kept up to date by somebody else; one may come later.
        console: of stderr.
        every_s: seconds between two lines about rates.
    """

    def __init__(
        self, sources: Mapping[str, str], counts: Mapping[str, Counts], console: Console, every_s: float = LINE_S
    ) -> None:
        self._counts, self._every_s = counts, every_s
        self._statistics = {name: LiveStatistics(time.monotonic(), every_s) for name in sources}
        self._incidents = Incidents(self._statistics, console)
        self._lock, self._over = Lock(), Event()
        # Also while nothing happens, as when a camera is off for the night.
        self._thread = Thread(target=self._say_rates, name="fer-batch live lines", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, recording: str, message: LiveMessage) -> None:
        """Says what there is to say."""
        with self._lock:
            sentence = self._incidents.sentence(recording, message)
            self._statistics[recording].tell(message, time.monotonic())
        if sentence is not None:
            self._incidents.say(sentence)

    def _say_rates(self) -> None:
        # The first lines are not said: they begin the window of the rates.
        self._lines()
        while not self._over.wait(self._every_s):
            for line in self._lines():
                self._incidents.say(line)

    def _lines(self) -> list[str]:
        with self._lock:
            return [self._line(name, one) for name, one in self._statistics.items() if one.state != "over"]

    def _line(self, name: str, one: LiveStatistics) -> str:
        now_s, counts = time.monotonic(), self._counts.get(name) or Counts()
        rates, latency = one.rates(now_s, counts), one.latency(now_s)
        if one.state != "live":
            lasts = duration_words(now_s - one.since_s)
            return f"{name}: {'connecting' if one.state == 'connecting' else 'no connection'} for {lasts}."
        late = "" if latency is None else f", latency {latency[0] * 1000:.0f} ms (95 % in {latency[1] * 1000:.0f} ms)"
        return (
            f"{name}: in {rates.arrived:.1f}/s, analysed {rates.analysed:.1f}/s, dropped {rates.dropped:.1f}/s "
            f"({counts.dropped:,} in all){late}, {counted(one.faces_now, 'face')}."
        )


class LiveErrors:
    """A watcher that says nothing but that one of several sources has ended for good; a context manager.

    Args:
        console: of stderr.
        alone: whether there is only one, why it has ended is not said: the whole command ends by it.
    """

    def __init__(self, console: Console, *, alone: bool = False) -> None:
        self._console, self._alone = console, alone

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __call__(self, recording: str, message: LiveMessage) -> None:
        """Says an error."""
        if isinstance(message, Ended) and message.error is not None and not self._alone:
            self._console.print(Text(shown(f"Error: {recording}: {sentence_of(message.error)}")), soft_wrap=True)
