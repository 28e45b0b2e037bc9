"""A run of ``live`` from its sources to its exit status: processes that watch, and everyone who is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import typer
from rich.text import Text

from fer_batch.cli.display.live_dashboard import live_watcher
from fer_batch.cli.display.machine_output import EventLines
from fer_batch.cli.display.terminal import stderr_console
from fer_batch.cli.runs.live_jobs import read_request
from fer_batch.cli.wording import sentence_of
from fer_batch.errors import ExitStatus, FerBatchError
from fer_batch.filesystem.atomic import private_files
from fer_batch.live.events import LiveMessage, Noticed, Reported
from fer_batch.live.options import LiveJob
from fer_batch.live.supervisor import Cameras, Watcher
from fer_batch.utils.signals import stop_on_interrupt
from fer_batch.utils.text import counted, shown


@dataclass(frozen=True, slots=True)
class LiveOutputOptions:
    """Who is told how a run goes."""

    quiet: bool = False
    events: bool = False
    """JSON lines on stdout."""
    webhook: str | None = field(default=None, repr=False)
    listen: str | None = None
    """Where a preview is served, if one is."""
    token: str | None = field(default=None, repr=False)
    notices: list[str] = field(default_factory=list)
    """Sentences to begin with."""


def run_live(context: typer.Context) -> ExitStatus:
    """Do what the command line of ``live`` asks for.

    Args:
        context: the command's, its command line parsed.

    Raises:
        FerBatchError: when nothing can be watched.
    """
    request = read_request(context)
    given = request.parameters
    output_options = LiveOutputOptions(
        quiet=given["quiet"],
        events=given["events"] is not None,
        webhook=given["webhook"],
        listen=given["listen"] if given["preview"] else None,
        token=given["token"],
        notices=list(request.warnings),
    )
    output = Path(given["output"])
    with private_files(output, wanted=given["private"]):
        return watch_sources(request.jobs, output, output_options, request.variables)


def watch_sources(
    jobs: Sequence[LiveJob], output: Path, output_options: LiveOutputOptions, variables: Collection[str] = ()
) -> ExitStatus:
    """Watches sources until all have ended, or until Ctrl-C or SIGTERM, which is how watching ends.

    Args:
        jobs: one a source.
        output: the folder of results, for a word about it.
        output_options: who is told.
        variables: of the environment, with secrets.

    Raises:
        FerBatchError: when the only source cannot be watched.
    """
    run = _Run(jobs, output_options, variables)
    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_interrupt(quiet=True))
        cameras = run.open(stack, stop)
        with cameras:
            errors = cameras.run(stop)
    if not output_options.quiet:
        run.say_end(output, errors)
    return _status(errors)


class _Run:
    """Processes that watch, and everyone who is told."""

    def __init__(self, jobs: Sequence[LiveJob], output_options: LiveOutputOptions, variables: Collection[str]) -> None:
        self._jobs, self._showing = jobs, output_options
        self._console = stderr_console()
        self._watchers: list[Watcher] = []
        self._pictures: list[Callable[[str, bytes], None]] = []
        self._cameras = Cameras(jobs, self._watch, on_picture=self._show, without=variables)

    def open(self, stack: ExitStack, stop: Event) -> Cameras:
        """The processes, not yet started; who is told of them is ended with ``stack``."""
        output_options, cameras = self._showing, self._cameras
        for sentence in output_options.notices:
            self._say(f"Warning: {sentence}")
        if output_options.listen is not None:
            self._add_preview(stack, output_options.listen)
        sources = {job.name: job.address.shown for job in self._jobs}
        watcher = live_watcher(sources, cameras.counts, quiet=output_options.quiet, stop=stop, console=self._console)
        stack.enter_context(watcher)
        self._watchers.append(watcher)
        self._watchers.append(self._notice)
        if output_options.events:
            self._watchers.append(stack.enter_context(EventLines()))
        if output_options.webhook is not None:
            self._watchers.append(self._webhook(stack, output_options.webhook))
        return cameras

    def say_end(self, output: Path, errors: Mapping[str, FerBatchError | None]) -> None:
        """A line about each source that was watched, and of several also about those that could not be."""
        for name, counts in self._cameras.counts.items():
            if counts.connections:
                self._say(
                    f"{name}: {counts.analysed:,} frames analysed, {counts.dropped:,} dropped, "
                    f"{counted(counts.connections - 1, 'reconnection')}; results in {output}."
                )
            elif len(errors) > 1:
                self._say(f"{name}: nothing was recorded: {sentence_of(errors.get(name) or 'it was never reached.')}")

    def _say(self, sentence: str) -> None:
        self._console.print(Text(shown(sentence)), soft_wrap=True)

    def _watch(self, name: str, message: LiveMessage) -> None:
        for watcher in self._watchers:
            watcher(name, message)

    def _show(self, name: str, jpeg: bytes) -> None:
        for take in self._pictures:
            take(name, jpeg)

    def _notice(self, name: str, message: LiveMessage) -> None:
        if isinstance(message, Noticed):
            self._say(f"{name}: {sentence_of(message.notice)}")

    def _add_preview(self, stack: ExitStack, listen: str) -> None:
        from fer_batch.live.preview.server import Preview

        sources = {job.name: job.address.shown for job in self._jobs}
        preview = Preview(listen, self._showing.token, sources, self._cameras.counts, self._cameras.show)
        stack.callback(preview.close)
        if preview.warning is not None:
            self._say(f"Warning: {preview.warning}")
        self._say(f"Preview: {preview.url}")
        self._watchers.append(preview.tell)
        self._pictures.append(preview.show)

    def _webhook(self, stack: ExitStack, url: str) -> Watcher:
        from fer_batch.live.notifications import Webhook

        webhook = Webhook(url)
        stack.callback(webhook.close)

        def post(name: str, message: LiveMessage) -> None:
            del name
            if isinstance(message, Reported):
                webhook.post(dict(message.event))
            for sentence in webhook.notices():
                self._say(sentence)

        return post


def _status(errors: dict[str, FerBatchError | None]) -> ExitStatus:
    """Ctrl-C is how watching ends, so no failure."""
    failed = [error for error in errors.values() if error is not None]
    if not failed:
        return ExitStatus.DONE
    if len(failed) < len(errors):
        return ExitStatus.SOME_FAILED
    if len(failed) == 1:
        raise failed[0]
    return ExitStatus.USAGE
