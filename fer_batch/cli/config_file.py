"""Configuration files: the settings of a command in TOML, read for ``--config`` and written to repeat a run."""

from __future__ import annotations

import inspect
import json
import os
import shlex
import tomllib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import typer

from fer_batch.errors import FerBatchError, FerBatchWarning, InputError, InvalidOptionError, summarized
from fer_batch.filesystem.paths import refuse_address
from fer_batch.inputs.file_lists import STANDARD_INPUT
from fer_batch.options.table import FORMER_NAMES
from fer_batch.utils.text import shown, valid

_INPUTS = ("inputs", "from")
"""What names recordings: one of them on the command line takes the place of both in a file."""
_NO_SETTINGS = ("config", "help")
_HEADING = "# The settings of the latest run into this folder. To repeat it:"
_LARGEST = 2**63
"""No number may be larger: TOML promises 64 bits."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter of a command, as a configuration file has it."""

    parameter: Any
    """Typer's own, whose class has no public name."""
    kind: type
    """What a value is: bool, int, float, str, Path or an Enum."""
    many: bool
    """Whether it is a list of these."""
    parsed: bool
    """Whether the command line takes text for a number, such as 1:30."""

    @property
    def wanted(self) -> str:
        """What a value must be, for a sentence."""
        if self.kind is bool:
            return "true or false"
        if self.kind is int:
            return "a whole number"
        if self.kind is float:
            return "a number or a text in quotes" if self.parsed else "a number"
        return "a list of texts in quotes" if self.many else "a text in quotes"

    def takes(self, value: object) -> bool:
        """Whether a value of the file has the right type."""
        if self.many and isinstance(value, list):
            return all(self._takes_one(one) for one in value)
        return self._takes_one(value)

    def _takes_one(self, value: object) -> bool:
        if isinstance(value, bool):
            return self.kind is bool
        if self.kind in (int, float) and isinstance(value, int | float):
            return abs(value) < _LARGEST and (self.kind is float or isinstance(value, int))
        return isinstance(value, str) and (self.parsed or self.kind not in (bool, int, float))

    def value(self, ctx: typer.Context, entry: Any, folder: Path) -> Any:
        """The value of the file as the command line's would be.

        Raises:
            InputError: for an address as input.
            typer.BadParameter: when the option does not take it.
        """
        # A shell has done this on a command line.
        entry = [_at_home(one) for one in entry] if isinstance(entry, list) else _at_home(entry)
        value = self.absolute([entry] if self.many and not isinstance(entry, list) else entry, folder)
        self.parameter.process_value(ctx, value)
        return value

    def absolute(self, value: Any, folder: Path) -> Any:
        """The value with paths that start from ``folder`` made absolute."""
        if isinstance(value, list | tuple):
            return [self.absolute(one, folder) for one in value]
        is_input = self.parameter.param_type_name == "argument"
        is_path = is_input or self.kind is Path or (isinstance(value, str) and value.lower().endswith(".onnx"))
        if not is_path or os.fspath(value) in ("", STANDARD_INPUT):
            return value
        if is_input:
            refuse_address(value)
        return os.path.abspath(folder / value)  # noqa: PTH100 - links are kept


def from_file(ctx: typer.Context, value: Path | None) -> Path | None:
    """Callback of ``--config``: takes the file's settings for those that the command line does not give.

    The keys are the command's long options, with ``-`` or ``_``, and its argument; paths start from the file's folder.

    Raises:
        InputError: when the file cannot be read, for an unknown key or a value that the option does not take.
    """
    if value is None:
        return None
    settings, values = settings_of(ctx), dict[str, Any]()
    folder = Path(os.path.abspath(value)).parent  # noqa: PTH100 - links are kept
    for written, entry in read_toml(value).items():
        key = key_of(written, value)
        setting = settings.get(key)
        if setting is None:
            raise InputError(f"{value}: there is no option {written!r}{hint(key, settings)}.")
        if setting.parameter.name in values:
            raise InputError(f"{value}: {key} is given twice; leave one of them out.")
        if not setting.takes(entry):
            raise InputError(f"{value}: {written} must be {setting.wanted}.")
        try:
            values[setting.parameter.name] = setting.value(ctx, entry, folder)
        except typer.BadParameter as error:
            problem = " ".join(error.message.split()).removeprefix("Value error, ").rstrip(".")
            raise InputError(f"{value}: {written}: {problem}.") from error
        except InputError as error:
            raise error.within(f"{value}: {written}") from error
    ctx.default_map = _Defaults(ctx, {settings[key].parameter.name for key in _INPUTS if key in settings}, values)
    ctx.with_resource(_naming(ctx, value, settings))
    return value


def settings_used(ctx: typer.Context, inputs: Iterable[str | os.PathLike[str]]) -> dict[str, Any]:
    """The settings of a command that runs, by key: every value in effect, paths absolute.

    Args:
        ctx: the command's, its command line parsed.
        inputs: files, folders and patterns, those out of lists among them.
    """
    folder, values = Path.cwd(), {}
    for key, setting in settings_of(ctx).items():
        if key == "inputs":
            value: Any = [os.fspath(given) for given in inputs]
        elif key in _INPUTS:
            continue
        else:
            value = ctx.params.get(setting.parameter.name)
        if value is not None:
            values[key] = setting.absolute(value, folder)
    return values


def is_settings_used(path: Path) -> bool:
    """Whether a file was written by :func:`write_used`."""
    from fer_batch.filesystem.overwriting import has_head

    return has_head(path, _HEADING.encode())


def write_used(path: Path, settings: Mapping[str, Any]) -> None:
    """Writes settings, as :func:`settings_used` gives them, as a configuration file, atomically.

    Raises:
        OutputError: when it cannot be written.
    """
    from fer_batch.filesystem.atomic import explained, whole

    command = f"fer-batch analyze --config {shlex.quote(os.path.abspath(path))}"  # noqa: PTH100 - links are kept
    lines = [_HEADING, f"# {shown(command)}"]
    for key, value in settings.items():
        if isinstance(value, list):
            lines += [f"{key} = [", *(_line("  ", one, ",") for one in value), "]"]
        else:
            lines.append(_line(f"{key} = ", value))
    with whole(path) as temporary, explained(path):
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def key_of(written: str, place: object) -> str:
    """Return an option's key; a name of earlier versions gives today's, and a warning that begins with the place."""
    today = FORMER_NAMES.get(written.replace("-", "_"))
    if today is None:
        return written.replace("_", "-")
    warnings.warn(f"{place}: {written} is called {today} now.", FerBatchWarning, stacklevel=2)
    return today.replace("_", "-")


class _Defaults(dict[str, Any]):
    """A file's settings; what names recordings only where the command line names none."""

    def __init__(self, ctx: typer.Context, inputs: set[str], settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self._ctx, self._inputs = ctx, inputs

    def get(self, name: str, default: Any = None) -> Any:
        """The setting of a parameter, asked for after those that the command line gives have been dealt with."""
        if name in self._inputs and any(_source(self._ctx, other) == "COMMANDLINE" for other in self._inputs):
            return default
        return super().get(name, default)


@contextmanager
def _naming(ctx: typer.Context, file: Path, settings: dict[str, Setting]) -> Iterator[None]:
    """Adds file and key to sentences about a setting of the file that only the command itself can judge."""
    try:
        yield
    except FerBatchError as error:
        sentence, option = error.problem, error.name if isinstance(error, InvalidOptionError) else None
        for key, setting in settings.items():
            name = setting.parameter.name
            if _source(ctx, name) == "DEFAULT_MAP":
                if option == key.replace("-", "_"):
                    raise error.within(f"{file}") from error
                if any(sentence.startswith(f"{text}: ") or repr(text) in sentence for text in _texts(ctx.params[name])):
                    raise error.within(f"{file}: {key}") from error
        raise


def _texts(value: Any) -> list[str]:
    """A setting's texts and paths as sentences show them."""
    values = value if isinstance(value, list | tuple) else [value]
    return [shown(os.fspath(one)) for one in values if isinstance(one, str | Path)]


def _source(ctx: typer.Context, name: str) -> str | None:
    source = ctx.get_parameter_source(name)
    return None if source is None else source.name


def read_toml(file: Path) -> dict[str, Any]:
    """What a file holds.

    Raises:
        InputError: when it cannot be read.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{file}: the settings cannot be read ({error.strerror}); check the path.") from error
    except (ValueError, RecursionError) as error:  # bytes, syntax, numbers of thousands of digits, nesting
        raise InputError(f"{file}: is not valid TOML ({summarized(error)}).") from error


def settings_of(ctx: typer.Context) -> dict[str, Setting]:
    """The parameters of the command by key, as its function declares them."""
    declared = get_type_hints(inspect.unwrap(ctx.command.callback), include_extras=True)  # type: ignore[arg-type]
    tables = {}
    for parameter in ctx.command.params:
        long = next((option for option in parameter.opts if option.startswith("--")), parameter.opts[0])
        key = long.removeprefix("--")
        if key not in _NO_SETTINGS:
            kind, *extras = get_args(declared[parameter.name])
            if get_origin(kind) in (Union, UnionType):
                kind = next(one for one in get_args(kind) if one is not type(None))
            many = get_origin(kind) is list
            parsed = any(getattr(extra, "parser", None) for extra in extras)
            tables[key] = Setting(parameter, get_args(kind)[0] if many else kind, many, parsed)
    return tables


def _at_home(value: Any) -> Any:
    """The value, with ~ for the user's folder where it begins a path."""
    return os.path.expanduser(value) if isinstance(value, str) else value  # noqa: PTH111 - may also be no user's


def hint(key: str, settings: dict[str, Setting]) -> str:
    """What may be meant by a key that there is not."""
    for name, setting in settings.items():
        if f"--{key}" in setting.parameter.secondary_opts:
            return f"; write {name} = false"
    close = get_close_matches(key, settings, n=1)
    return f"; {close[0]} may be meant" if close else f"; there are {', '.join(settings)}"


def _line(before: str, value: Any, after: str = "") -> str:
    """A line of TOML; a comment where the value is no Unicode, which TOML cannot hold."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return f"{before}{str(value).lower()}{after}"
    if isinstance(value, int | float):
        return f"{before}{value!r}{after}"
    text = os.fspath(value)
    if text != valid(text):
        return f"# no Unicode, to be given on the command line: {before}{shown(text)}"
    # JSON's texts are TOML's, but for one control character.
    return before + json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f") + after
