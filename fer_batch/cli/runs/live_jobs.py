"""The command line of ``live`` as sources to watch, each with its options."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from fer_batch.cli.camera_config import CamerasFile, names_cameras, read_cameras
from fer_batch.cli.options import Format, Report, Transport, analysis_options
from fer_batch.config import Outputs, split_options
from fer_batch.errors import InputError, InvalidOptionError, OptionHint
from fer_batch.inference.registry import find_model
from fer_batch.live.options import CaptureOptions, LiveJob, LiveOptions
from fer_batch.live.publishing.publisher import refuse_unknown
from fer_batch.live.source_url import parse_address
from fer_batch.utils.resources import threads_each
from fer_batch.utils.text import shown, valid

FOR_ALL = ("output", "preview", "listen", "token", "events", "webhook", "quiet", "duration", "name", "private")
"""Options that one of several cameras cannot have for itself."""


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """What a command line asks for."""

    jobs: Sequence[LiveJob]
    parameters: Mapping[str, Any] = field(repr=False)
    """Of all sources; they may hold secrets."""
    variables: Collection[str] = frozenset()
    """Of the environment, which hold secrets."""
    warnings: Sequence[str] = ()


def read_request(context: typer.Context) -> LiveRequest:
    """Return what a parsed command line asks for.

    Raises:
        FerBatchError: for a source, a file of cameras or an option that makes no sense.
    """
    source, name = context.params["source"], context.params["name"]
    if not names_cameras(source):
        return LiveRequest([_one(source, name, context.params)], context.params)
    cameras = read_cameras(context, Path(source), only_for_all=FOR_ALL)
    warnings = [] if cameras.warning is None else [cameras.warning]
    return LiveRequest(_several(cameras), cameras.parameters, cameras.variables, warnings)


def _one(source: str, name: str | None, parameters: Mapping[str, Any]) -> LiveJob:
    address = parse_address(source)
    _check_rehearsal(address.kind == "file", parameters["realtime"], address.shown)
    if name is not None and (not name.strip() or shown(name) != name or valid(name) != name):
        raise InvalidOptionError("name", None, "give one line of letters")
    return LiveJob(name or address.id, address, live_options(parameters), threads_each(1))


def _several(cameras_file: CamerasFile) -> list[LiveJob]:
    jobs = []
    for camera in cameras_file.cameras:
        with cameras_file.naming(camera):
            # A file among cameras can only be meant to be played as one.
            is_file = camera.address.kind == "file"
            _check_rehearsal(is_file, is_file or camera.parameters["realtime"], camera.address.shown)
            options = live_options(camera.parameters, patient=len(cameras_file.cameras) > 1)
        jobs.append(LiveJob(camera.name, camera.address, options, threads_each(len(cameras_file.cameras))))
    return jobs


def _check_rehearsal(is_file: bool, realtime: bool, shown: str) -> None:
    if is_file and not realtime:
        hint = OptionHint("realtime", True, "play it as a camera would with {}")
        raise InputError(f"{shown}: is a file; fer-batch analyze is faster and loses no frame.", remedies=[hint])
    if realtime and not is_file:
        raise InputError(
            f"{shown}: comes at its own speed.", remedies=[OptionHint("realtime", True, "give {} for files alone")]
        )


def live_options(parameters: Mapping[str, Any], *, patient: bool = False) -> LiveOptions:
    """The command's parameters as what a watched source needs.

    Args:
        parameters: by name.
        patient: whether a source that is not reached at first is tried again.

    Raises:
        InputError: for a value that makes no sense.
        ModelError: when there is no such emotion model.
    """
    find_model(parameters["model"])
    if parameters["publish"] is not None:
        refuse_unknown(parameters["publish"])
    events = parameters["events"] or (Report.episode if parameters["webhook"] else None)
    reading = CaptureOptions(
        Transport(parameters["transport"]).value,
        parameters["connect_timeout"],
        parameters["read_timeout"],
        parameters["retries"],
        patient,
        parameters["follow_redirects"],
    )
    settings, selection = split_options(analysis_options(dict(parameters)))
    return LiveOptions(
        reading,
        settings,
        Outputs(Path(parameters["output"]), Format(parameters["timeline"]).value, parameters["video"]),
        selection.fps,
        parameters["part_seconds"],
        parameters["max_age"],
        parameters["duration"],
        parameters["preview"],
        parameters["publish"],
        None if events is None else Report(events).value,
    )
