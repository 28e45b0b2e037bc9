"""``fer-batch live``: cameras and streams, analysed as they happen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_batch.cli.options import (
    RESULTS,
    DetectorName,
    DeviceName,
    Format,
    Fps,
    MaxPixels,
    MinFace,
    MinScore,
    Model,
    Output,
    Private,
    Quiet,
    Report,
    TimelineFormat,
    Transport,
    duration,
)
from fer_batch.config import DEFAULT_MODEL, MAX_PIXELS, MINIMUM_SCORE, Detector, Device

_CONNECTION, _PREVIEW, _EVENTS = "Connection", "Preview and publishing", "Events"

EXAMPLES = (
    "fer-batch live rtsp://user:password@camera.local/stream -o study --duration 8h",
    "fer-batch live 0 --preview",
    "fer-batch live cameras.toml --events episode",
)


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
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the recording.", show_default="made of the source")
    ] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Play a file at its own speed, to rehearse.")] = False,
    duration: Annotated[
        float | None,
        typer.Option(
            parser=duration,
            metavar="TIME",
            help="End after this time: seconds, or such as 15m, 8h, 7d.",
            show_default=False,
        ),
    ] = None,
    transport: Annotated[
        Transport, typer.Option(help="Transport of RTSP.", rich_help_panel=_CONNECTION)
    ] = Transport.tcp,
    connect_timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Maximum wait for the first frame.", rich_help_panel=_CONNECTION),
    ] = 10.0,
    read_timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="Maximum time without a frame before connecting again.",
            rich_help_panel=_CONNECTION,
        ),
    ] = 10.0,
    retries: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Maximum attempts to connect again; if given, also for the first connection.",
            show_default="without limit once connected",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    follow_redirects: Annotated[
        bool,
        typer.Option(
            "--follow-redirects",
            help="Follow redirects and HLS playlists to other hosts.",
            rich_help_panel=_CONNECTION,
        ),
    ] = False,
    output: Output = Path("fer-output"),
    timeline: TimelineFormat = Format.parquet,
    video: Annotated[
        bool, typer.Option("--video/--no-video", help="Write annotated video in segments.", rich_help_panel=RESULTS)
    ] = False,
    part_seconds: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=1, help="Length of one file of results.", rich_help_panel=RESULTS),
    ] = 60.0,
    max_age: Annotated[
        float | None,
        typer.Option(
            parser=duration,
            metavar="TIME",
            help="Delete results older than this, such as 12h or 7d.",
            show_default=False,
            rich_help_panel=RESULTS,
        ),
    ] = None,
    private: Private = False,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="Serve the annotated picture as a page.", rich_help_panel=_PREVIEW),
    ] = False,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address of the page, with --preview.", rich_help_panel=_PREVIEW)
    ] = "127.0.0.1:8765",
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Access token in the page's address, with --preview.",
            show_default="a random one",
            rich_help_panel=_PREVIEW,
        ),
    ] = None,
    publish: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Send annotated video to a media server.",
            show_default=False,
            rich_help_panel=_PREVIEW,
        ),
    ] = None,
    events: Annotated[
        Report | None,
        typer.Option(
            help="Print a JSON line for each finished episode, or for each second.",
            show_default=False,
            rich_help_panel=_EVENTS,
        ),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Post these events to this address, too: they leave this machine.",
            show_default=False,
            rich_help_panel=_EVENTS,
        ),
    ] = None,
    fps: Fps = None,
    detector: DetectorName = Detector.auto,
    min_score: MinScore = MINIMUM_SCORE,
    min_face: MinFace = None,
    model: Model = DEFAULT_MODEL,
    device: DeviceName = Device.auto,
    max_pixels: MaxPixels = MAX_PIXELS,
    quiet: Quiet = False,
) -> None:
    """Analyse a camera or stream as it happens, until Ctrl-C.

    Results go to the same kind of folder as those of analyze, in parts that are complete by themselves. Lost
    connections are restored. Nothing leaves this machine except what --publish and --webhook send.
    """
    from fer_batch.cli.runs.live import run_live

    raise typer.Exit(run_live(context))
