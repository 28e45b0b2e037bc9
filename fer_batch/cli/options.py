"""Options of the commands, made from the table of options; their groups and the examples in help texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from fer_batch.config import Detector, Device
from fer_batch.options.table import OPTIONS
from fer_batch.options.times import parse_duration, parse_time

FRAMES: Final = "Frames"
FACES: Final = "Faces"
MODEL: Final = "Emotion model"
RESULTS: Final = "Results"
RUN: Final = "Run"
MESSAGES: Final = "Messages"


class Format(StrEnum):
    """Formats of timelines."""

    parquet = "parquet"
    csv = "csv"
    both = "both"


class Transport(StrEnum):
    """Of RTSP."""

    tcp = "tcp"
    udp = "udp"


class Report(StrEnum):
    """Which events are reported to other programs."""

    episode = "episode"
    second = "second"


def option(name: str, group: str, **more: Any) -> Any:
    """Return an option of the table as Typer takes it."""
    entry = OPTIONS[name]
    flags = [f"--{name}/--no-{name}"] if entry.kind is bool else []
    if entry.default is None:
        more["show_default"] = False
    return typer.Option(*flags, metavar=entry.metavar or None, help=entry.help, rich_help_panel=group, **more)


def _text_parser(parse: Callable[[Any], float]) -> Callable[[Any], float]:
    def parser(text: Any) -> float:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(f"{error}.") from None

    return parser


seconds: Final = _text_parser(parse_time)
duration: Final = _text_parser(parse_duration)

Every = Annotated[int, option("every", FRAMES)]
Fps = Annotated[float | None, option("fps", FRAMES)]
Start = Annotated[float, option("start", FRAMES, parser=seconds)]
End = Annotated[float | None, option("end", FRAMES, parser=seconds)]
DetectorName = Annotated[Detector, option("detector", FACES)]
MinScore = Annotated[float, option("min_score", FACES)]
MinFace = Annotated[float | None, option("min_face", FACES)]
Persons = Annotated[bool, option("persons", FACES)]
Model = Annotated[str, option("model", MODEL)]
DeviceName = Annotated[Device, option("device", MODEL)]
BatchSize = Annotated[int, option("batch_size", MODEL)]
MaxPixels = Annotated[int, option("max_pixels", RUN)]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for all results.", rich_help_panel=RESULTS)
]
TimelineFormat = Annotated[Format, typer.Option("--format", help="Format of the timelines.", rich_help_panel=RESULTS)]
Private = Annotated[
    bool,
    typer.Option(
        "--private",
        help="Make results readable for their owner alone: files 0600, folders 0700.",
        rich_help_panel=RESULTS,
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Append a log of the run to a file.", show_default=False, rich_help_panel=MESSAGES
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.", rich_help_panel=MESSAGES)]
Study = Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of analyze.", show_default=False)]


def analysis_options(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return those of a command's parameters that are options of an analysis, plain values for enumerations."""
    named = {name: value for name, value in parameters.items() if name in OPTIONS}
    return {name: value.value if isinstance(value, StrEnum) else value for name, value in named.items()}


class GroupedCommand(TyperCommand):
    """A command whose help text has its options in groups, and examples at its end."""

    examples: Sequence[str] = ()

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments first, then the groups in the order of their first option."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        general: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            group = getattr(parameter, "rich_help_panel", None)
            if parameter.param_type_name == "argument":
                # Without the Python type that Typer puts behind the name.
                groups["Arguments"].append((record[0].partition(" <")[0], record[1]))
            elif group is None:
                general.append(record)
            else:
                groups.setdefault(group, []).append(record)
        if len(groups) == 2:
            # A single group needs no title of its own.
            general = [*groups.popitem()[1], *general]
        for title, records in {**groups, "Options": general}.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, each in a line of its own."""
        del ctx
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"  {example}\n")


def with_examples(*examples: str) -> type[GroupedCommand]:
    """Return a command class whose help text ends with examples."""
    return type("ExampleCommand", (GroupedCommand,), {"examples": examples})
