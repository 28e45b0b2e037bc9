"""``fer-batch live``: cameras and streams, analysed as they happen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_batch.cli.commands.analyze import Format, MaxPixels, MinFace, Private
from fer_batch.cli.parsing import duration
from fer_batch.config import DEFAULT_MODEL, MAX_PIXELS, MINIMUM_SCORE, Detector, Device
from fer_batch.errors import InputError

if TYPE_CHECKING:
    from fer_batch.cli.camera_config import CamerasFile
    from fer_batch.live.options import LiveJob, LiveOptions

FOR_ALL = ("output", "preview", "listen", "token", "events", "webhook", "quiet", "duration", "name", "private")
"""Options that one of several cameras cannot have for itself."""


class Transport(StrEnum):
    """Of RTSP."""

    tcp = "tcp"
    udp = "udp"


class Report(StrEnum):
    """What other programs are told."""

    episode = "episode"
    second = "second"


def live(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Address of a stream (rtsp://...), number of a webcam (0), a TOML file of several cameras, or with "
            "--realtime a video.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for all results.")] = Path(
        "fer-output"
    ),
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the recording.", show_default="made of the source")
    ] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Play a file at its own speed, to rehearse.")] = False,
    transport: Annotated[Transport, typer.Option(help="How RTSP comes.")] = Transport.tcp,
    connect_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="A source must give its first picture in so long.")
    ] = 10.0,
    read_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="A connection that is silent for so long is lost.")
    ] = 10.0,
    retries: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, help="Attempts to connect again, at first too.", show_default="for ever once connected"
        ),
    ] = None,
    follow_redirects: Annotated[
        bool, typer.Option("--follow-redirects", help="Let a source over HTTP or HLS lead on to another host.")
    ] = False,
    duration: Annotated[
        float | None,
        typer.Option(
            parser=duration, metavar="TIME", help="End by itself after 90s, 15m, 8h or 7d.", show_default=False
        ),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(metavar="X", help="Analyse at most X frames a second.", show_default=False)
    ] = None,
    timeline: Annotated[Format, typer.Option("--format", help="Format of the timelines.")] = Format.parquet,
    video: Annotated[bool, typer.Option("--video/--no-video", help="Write annotated video in segments.")] = False,
    part_seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="Close a part of the results every so often.")
    ] = 60.0,
    max_age: Annotated[
        float | None,
        typer.Option(parser=duration, metavar="TIME", help="Delete parts older than 12h, 7d, ...", show_default=False),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Serve the annotated picture as a page.")] = False,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the preview is served.")] = "127.0.0.1:8765",
    token: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What the preview's address must hold.", show_default="a random one"),
    ] = None,
    publish: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send annotated video to a media server.", show_default=False),
    ] = None,
    events: Annotated[
        Report | None,
        typer.Option(help="Print a JSON line for each finished episode, or for each second.", show_default=False),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Also post these events there, which leaves this machine.", show_default=False
        ),
    ] = None,
    detector: Annotated[
        Detector,
        typer.Option(
            help="auto: faces of any size, found by YuNet and confirmed by MediaPipe; mediapipe: faces within about "
            "2 m of the camera, all by MediaPipe. short and full are other names of mediapipe and auto."
        ),
    ] = Detector.auto,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="Name of a shipped emotion model, or path of an .onnx file.")
    ] = DEFAULT_MODEL,
    min_score: Annotated[
        float, typer.Option(metavar="X", help="Leave out faces that the detector is never so sure of, 0 to 1.")
    ] = MINIMUM_SCORE,
    min_face: MinFace = None,
    device: Annotated[
        Device,
        typer.Option(help="What the emotion model runs on; auto: a graphics card where there is one that suits it."),
    ] = Device.auto,
    max_pixels: MaxPixels = MAX_PIXELS,
    private: Private = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Analyse a camera or stream as it happens, until Ctrl-C.

    Results go to the same folder as those of analyze, in parts that are whole on their own. Lost connections are made
    again. Nothing leaves this machine but what --publish and --webhook send.
    """
    # In context.params, where a file of cameras may have other defaults for them.
    del (output, realtime, transport, connect_timeout, read_timeout, retries, duration, fps, timeline, video)
    del (part_seconds, max_age, preview, listen, token, publish, events, webhook, detector, model, device)
    del min_score, min_face, max_pixels, private, quiet, follow_redirects
    from fer_batch.cli.camera_config import names_cameras, read_cameras
    from fer_batch.cli.runs.live import LiveOutputOptions, run_live

    parameters: Mapping[str, Any] = context.params
    notices: list[str] = []
    variables: frozenset[str] = frozenset()
    if names_cameras(source):
        cameras = read_cameras(context, Path(source), only_for_all=FOR_ALL)
        parameters, variables = cameras.parameters, cameras.variables
        notices += [cameras.warning] if cameras.warning is not None else []
        jobs = _several(cameras)
    else:
        jobs = [_one(source, name, parameters)]
    output_options = LiveOutputOptions(
        quiet=parameters["quiet"],
        events=parameters["events"] is not None,
        webhook=parameters["webhook"],
        listen=parameters["listen"] if parameters["preview"] else None,
        token=parameters["token"],
        notices=notices,
    )
    from fer_batch.filesystem.atomic import private_files

    with private_files(Path(parameters["output"]), wanted=parameters["private"]):
        status = run_live(jobs, Path(parameters["output"]), output_options, variables)
    raise typer.Exit(status)


def _one(source: str, name: str | None, parameters: Mapping[str, Any]) -> LiveJob:
    from fer_batch.live.options import LiveJob
    from fer_batch.live.source_url import parse_address
    from fer_batch.utils.resources import threads_each
    from fer_batch.utils.text import shown, valid

    address = parse_address(source)
    _check_rehearsal(address.kind == "file", parameters["realtime"], address.shown)
    if name is not None and (not name.strip() or shown(name) != name or valid(name) != name):
        raise InputError("--name: give one line of letters.")
    return LiveJob(name or address.id, address, live_options(parameters), threads_each(1))


def _several(cameras_file: CamerasFile) -> list[LiveJob]:
    from fer_batch.live.options import LiveJob
    from fer_batch.utils.resources import threads_each

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
        raise InputError(
            f"{shown}: is a file; fer-batch analyze is faster and loses no frame, or add --realtime to play it as a "
            "camera would."
        )
    if realtime and not is_file:
        raise InputError(f"{shown}: comes at its own speed; --realtime is for files.")


def live_options(parameters: Mapping[str, Any], *, patient: bool = False) -> LiveOptions:
    """The command's parameters as what a watched source needs.

    Args:
        parameters: by name.
        patient: whether a source that is not reached at first is tried again.

    Raises:
        InputError: for a value that makes no sense.
        ModelError: when there is no such emotion model.
    """
    from fer_batch.config import Outputs, Selection, Settings
    from fer_batch.inference.registry import find_model
    from fer_batch.live.options import CaptureOptions, LiveOptions
    from fer_batch.live.publishing.publisher import refuse_unknown

    given = parameters
    find_model(given["model"])
    fps = Selection(fps=given["fps"]).fps
    if given["publish"] is not None:
        refuse_unknown(given["publish"])
    events = given["events"] or (Report.episode if given["webhook"] else None)
    return LiveOptions(
        CaptureOptions(
            Transport(given["transport"]).value,
            given["connect_timeout"],
            given["read_timeout"],
            given["retries"],
            patient,
            given["follow_redirects"],
        ),
        # Persons are only known when a recording is over, and weeks have too many of them.
        Settings(
            given["model"],
            Detector(given["detector"]).value,
            given["min_score"],
            device=Device(given["device"]).value,
            max_pixels=given["max_pixels"],
            minimum_face=given["min_face"],
        ),
        Outputs(Path(given["output"]), Format(given["timeline"]).value, given["video"]),
        fps,
        given["part_seconds"],
        given["max_age"],
        given["duration"],
        given["preview"],
        given["publish"],
        None if events is None else Report(events).value,
    )
