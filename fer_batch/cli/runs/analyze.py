"""A run of ``analyze``, from its plan to its exit status, or its estimate (``--dry-run``)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Flag

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fer_batch.batch.messages import Begin, EstimateReply, Event, Finished, Progressed, Watch
from fer_batch.batch.plan import Plan, Task, default_workers, delete_checkpoints, expected_work, plan
from fer_batch.batch.progress import RunProgress
from fer_batch.batch.runner import run_parallel
from fer_batch.batch.worker_pool import PoolOptions, WorkerPool
from fer_batch.cli.config_file import is_settings_used, settings_used, write_used
from fer_batch.cli.display.log_file import log_file
from fer_batch.cli.display.machine_output import JsonEvents, check_report, is_failure_report, write_failures
from fer_batch.cli.display.progress import Bars, Lines
from fer_batch.cli.display.summary_table import print_closing_table
from fer_batch.cli.display.terminal import Notices, interactive, stderr_console
from fer_batch.cli.options import analysis_options
from fer_batch.config import Outputs, Selection, Settings, split_options
from fer_batch.errors import ExitStatus, InputError, InvalidOptionError, OutputError
from fer_batch.filesystem.atomic import private_files
from fer_batch.filesystem.lock import only_run
from fer_batch.filesystem.overwriting import is_log, refuse_overwriting
from fer_batch.filesystem.paths import refuse_shared
from fer_batch.filesystem.temporary import remove_abandoned
from fer_batch.inputs.file_lists import with_lists
from fer_batch.pipeline.result import RecordingResult
from fer_batch.utils.logs import get_logger
from fer_batch.utils.resources import threads_each
from fer_batch.utils.signals import stop_on_interrupt
from fer_batch.utils.text import counted, duration_words, shown, timecode
from fer_batch.video.probe import Probe, frames_in_range, seconds_in_range

_LOG = get_logger(__name__)


def run_analyze(context: typer.Context) -> ExitStatus:
    """Do what the command line of ``analyze`` asks for.

    Args:
        context: the command's, its command line parsed.

    Raises:
        FerBatchError: when nothing can be analysed, or nothing be written any more.
    """
    given = context.params
    lists, config = given["lists"] or (), given["config"]
    inputs = with_lists(given["inputs"] or (), lists)
    if not inputs:
        raise InputError("No INPUT is given; name a video, a photo, a folder, a pattern, or a list with --from.")
    settings, selection = split_options(analysis_options(given))
    outputs = Outputs(given["output"], given["timeline"].value, given["video"])
    planned = plan(inputs, outputs, settings, selection, given["overwrite"])
    workers = given["workers"] or default_workers(len(planned.tasks))
    output_options = OutputOptions(given["report"], given["log_file"], given["quiet"], given["as_json"])
    check_named_files(planned, [Path(one) for one in (*inputs, *lists, *([config] if config else []))], output_options)
    if given["dry_run"]:
        if given["as_json"]:
            raise InvalidOptionError("dry_run", None, "excludes json; leave one of the two out")
        rehearse(planned, settings, selection, workers)
        return ExitStatus.DONE

    def remember() -> None:
        write_used(outputs.folder / "study.toml", settings_used(context, inputs))

    with private_files(outputs.folder, wanted=given["private"]):
        return carry_out(
            planned,
            Begin(settings, selection, threads_each(workers)),
            PoolOptions(workers, given["stall_limit"]),
            replace(output_options, on_begin=remember),
        )


def rehearse(plan: Plan, settings: Settings, selection: Selection, workers: int) -> None:
    """Prints what a run would do, with an estimate that a few seconds of the analysis are measured for."""
    quiet: Watch = lambda event: None  # noqa: E731, ARG005
    begin = Begin(settings, selection, threads_each(workers))
    with stop_on_interrupt(quiet=True) as stop, WorkerPool(begin, PoolOptions(workers), quiet, stop) as pool:
        probes = pool.look(plan.tasks)
        rates = pool.rehearse(rehearsed(plan, probes, selection))
    print_plan(plan, probes, selection, workers, estimated_s(plan, probes, rates, selection, workers))


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Who is told how a run goes."""

    report: Path | None = None
    """A CSV file for what is not done."""
    log_file: Path | None = None
    """A text file to which everything is added."""
    quiet: bool = False
    """Nothing but errors on stderr."""
    as_json: bool = False
    """Events on stdout instead of the closing table."""
    on_begin: Callable[[], None] = lambda: None
    """Called once, when something has been analysed."""


def check_named_files(plan: Plan, named: Iterable[Path], output_options: OutputOptions) -> None:
    """Makes sure that no file that a run writes beside its results is an input, or was written by something else.

    Args:
        plan: what will be done.
        named: files, folders and patterns that the user named as inputs.
        output_options: the report of failures and the log.

    Raises:
        OutputError: when one is.
    """
    inputs = [*named, *(one.path for one in plan.recordings), *(Path(record.source) for record in plan.kept_records)]
    if output_options.report is not None:
        refuse_overwriting(output_options.report, "report", is_failure_report, inputs)
        if output_options.log_file is not None and output_options.report.resolve() == output_options.log_file.resolve():
            raise OutputError(f"{output_options.report}: is given for --report and --log-file; give two files.")
    if output_options.log_file is not None:
        refuse_overwriting(output_options.log_file, "log_file", is_log, inputs, appends=True)
        refuse_shared(plan.outputs.folder, output_options.log_file)
    refuse_overwriting(plan.outputs.folder / "study.toml", "output", is_settings_used)


def carry_out(
    plan: Plan,
    begin: Begin,
    pool_options: PoolOptions,
    output_options: OutputOptions | None = None,
) -> ExitStatus:
    """Analyses what is planned, tells how far it is, and sums up.

    Args:
        plan: what to do.
        begin: how.
        pool_options: how many workers there are, and how they are supervised.
        output_options: who is told.

    Raises:
        FerBatchError: as :func:`fer_batch.batch.runner.run_parallel`.
    """
    output_options, outcomes = output_options or OutputOptions(), list[RecordingResult]()
    remove_abandoned()
    with ExitStack() as stack:
        lock = stack.enter_context(only_run(plan.outputs.folder))
        delete_checkpoints(plan)
        stop = stack.enter_context(stop_on_interrupt(quiet=output_options.quiet))
        on_begin = _OnBegin(output_options.on_begin, stop)
        watch = _watch(stack, output_options, plan, begin.selection, on_begin)
        if output_options.report is not None:
            # Also when an error ends the run: what failed before has failed.
            check_report(output_options.report)
            stack.callback(_report, output_options.report, plan, outcomes)
        # What comes before an error stays in the list.
        outcomes.extend(run_parallel(plan, begin, replace(pool_options, lock=lock), watch, stop))
    if on_begin.error is not None:
        raise on_begin.error
    if not output_options.quiet and not output_options.as_json:
        print_closing_table(plan, outcomes)
    return _status(plan, outcomes, stop)


def _report(path: Path, plan: Plan, outcomes: list[RecordingResult]) -> None:
    over = {one.record.id for one in outcomes}
    records = [*plan.kept_records, *(one.record for one in outcomes)]
    write_failures(path, records, [one for one in plan.recordings if one.id not in over])


def _watch(stack: ExitStack, output_options: OutputOptions, plan: Plan, selection: Selection, on_begin: Watch) -> Watch:
    """Everyone who is told what happens, closed with ``stack``."""
    console = stderr_console()
    progress, notices = RunProgress(plan.tasks, selection), Notices(console)
    stack.enter_context(log_file(output_options.log_file, notices.say))
    _LOG.info("%s to do, %d kept", counted(len(plan.tasks), "recording"), len(plan.kept_records))
    if not output_options.quiet:
        _tell_plan(plan, notices)
    watchers: list[Watch] = [progress.tell, notices]
    if output_options.as_json:
        watchers.append(stack.enter_context(JsonEvents(progress, plan)))
    if not output_options.quiet and plan.tasks:
        if interactive():
            watchers.append(stack.enter_context(Bars(progress, console)))
        elif not output_options.as_json:
            watchers.append(Lines(progress, notices))
    watchers.append(on_begin)

    def watch(event: Event) -> None:
        for one in watchers:
            one(event)

    return watch


class _OnBegin:
    """Waits for the first result: a run that cannot even begin leaves nothing.

    What fails then ends the run, but not before the workers have put away what they were writing.
    """

    def __init__(self, call: Callable[[], None], stop: Flag) -> None:
        self._call: Callable[[], None] | None = call
        self._stop = stop
        self.error: OutputError | None = None

    def __call__(self, event: Event) -> None:
        came = isinstance(event, Progressed) or (
            isinstance(event, Finished) and event.outcome.record.status != "failed"
        )
        if self._call is not None and came:
            call, self._call = self._call, None
            try:
                call()
            except OutputError as error:
                self.error = error
                self._stop.set()


def _tell_plan(plan: Plan, notices: Notices) -> None:
    if plan.changes is not None:
        notices.say(plan.changes)
    if plan.kept_records:
        what = plan.kept_records[0].id if len(plan.kept_records) == 1 else f"{len(plan.kept_records)} recordings"
        notices.say(f"{what}: done already, kept (--overwrite does it again).")
    if plan.others:
        what = counted(plan.others, "recording")
        notices.say(f"{plan.outputs.folder}: also holds results of {what} not among the inputs, which stay.")


def _status(plan: Plan, outcomes: list[RecordingResult], stop: Flag) -> ExitStatus:
    """All unreadable is wrong use; some unreadable, or cut short, is not all done."""
    if stop.is_set():
        return ExitStatus.INTERRUPTED
    statuses = {one.record.status for one in outcomes} | {record.status for record in plan.kept_records}
    if statuses <= {"done"}:
        return ExitStatus.DONE
    return ExitStatus.USAGE if statuses == {"failed"} else ExitStatus.SOME_FAILED


def rehearsed(plan: Plan, probes: dict[str, Probe], selection: Selection) -> list[Task]:
    """The recordings by which the speed is measured: of each size of picture the longest video, three sizes at
    most; a photo where there are no videos.
    """
    longest: dict[tuple[int, int], tuple[float, Task]] = {}
    for task in plan.tasks:
        probe = probes.get(task.recording.id)
        if probe is not None and probe.kind == "video":
            work, size = expected_work(probe, selection), (probe.width, probe.height)
            if size not in longest or work > longest[size][0]:
                longest[size] = work, task
    tasks = [task for _, task in sorted(longest.values(), key=lambda one: -one[0])[:3]]
    return tasks or [task for task in plan.tasks if task.recording.id in probes][:1]


def estimated_s(
    plan: Plan, probes: dict[str, Probe], measured: dict[str, EstimateReply], selection: Selection, workers: int
) -> float | None:
    """Seconds that the run would take; None when nothing was measured.

    Args:
        plan: what would be done.
        probes: of its recordings, by id.
        measured: how fast some of them went, by id, while all workers were busy.
        selection: which frames.
        workers: at a time.
    """
    if not measured:
        return None
    once_s = sum(one.once_s for one in measured.values()) / len(measured)
    work = {name: expected_work(probe, selection) for name, probe in probes.items()}
    frames = {name: frames_in_range(probes[name], selection) or 0 for name in measured}
    rates = {name: one.frames_per_second for name, one in measured.items()}
    each_s = sum(frames[name] / rates[name] for name in measured) / sum(work[name] for name in measured)
    # What was measured takes so long, the rest as much longer as it is more work.
    seconds = [once_s + each_s * work[task.recording.id] for task in plan.tasks if task.recording.id in work]
    return max(sum(seconds) / workers, *seconds)


def print_plan(
    plan: Plan, probes: dict[str, Probe], selection: Selection, workers: int, estimate_s: float | None
) -> None:
    """Prints a row a recording, what lies between them, and the estimate."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("recording", overflow="fold")
    table.add_column("lasts", justify="right")
    table.add_column("size", justify="right")
    table.add_column("would be done because")
    for task in plan.tasks:
        probe = probes.get(task.recording.id)
        if probe is None:
            table.add_row(Text(shown(task.recording.id)), "", "", "cannot be opened, would fail")
            continue
        lasts = (
            "photo" if probe.kind == "photo" else timecode(probe.duration_s) if probe.duration_s is not None else "?"
        )
        table.add_row(Text(shown(task.recording.id)), lasts, f"{probe.width}x{probe.height}", task.reason)
    if plan.tasks:
        console.print(table)
    durations = [seconds_in_range(probes[one.id], selection) for one in plan.recordings if one.id in probes]
    total_s = sum(seconds for seconds in durations if seconds is not None)
    console.print(
        f"{counted(len(plan.tasks), 'recording')}, {timecode(total_s)} of video to analyse; "
        f"{len(plan.kept_records)} done already, kept"
        + (f"; {counted(plan.passed_over, 'other file')} passed over" if plan.passed_over else "")
    )
    if estimate_s is not None:
        console.print(f"about {duration_words(estimate_s)} with {counted(workers, 'worker')}, as measured just now")
