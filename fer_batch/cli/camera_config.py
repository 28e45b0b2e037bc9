"""Files that name several cameras: a command's options in TOML for all of them, and a table for each."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import typer

from fer_batch.cli.config_file import Setting, hint, key_of, read_toml, settings_of
from fer_batch.errors import FerBatchError, InputError
from fer_batch.live.source_url import Address, parse_address
from fer_batch.results.layout import LONGEST_NAME, partition
from fer_batch.utils.text import shown, valid

_CAMERA = "camera"
_OWN = ("name", "source")
"""Keys of a camera that are no options."""
_VARIABLE = re.compile(r"\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")


@dataclass(frozen=True, slots=True)
class CameraEntry:
    """A camera of the file."""

    name: str
    """Id of its recording."""
    address: Address
    parameters: Mapping[str, Any] = field(repr=False)
    """Of the command for this camera, by parameter, complete: the command line's, else the camera's own, else the
    file's, else the defaults. Not shown, since texts with variables are secrets."""


@dataclass(frozen=True, slots=True)
class CamerasFile:
    """Several cameras with their options."""

    path: Path
    cameras: tuple[CameraEntry, ...]
    parameters: Mapping[str, Any] = field(repr=False)
    """Of the command for all cameras, without their own, by parameter, complete."""
    variables: frozenset[str]
    """Of the environment, which were used and so may hold secrets."""
    warning: str | None
    """A sentence when others can read the passwords in it."""

    @contextmanager
    def naming(self, camera: CameraEntry) -> Iterator[None]:
        """Adds file and camera to sentences about options that only the command itself can judge."""
        try:
            yield
        except FerBatchError as error:
            raise error.within(f"{self.path}: camera {camera.name!r}") from error


def names_cameras(source: str) -> bool:
    """Whether a source is a file of cameras."""
    return source.lower().endswith(".toml") and not _SCHEME.match(source)


def read_cameras(ctx: typer.Context, file: Path, *, only_for_all: Collection[str] = ()) -> CamerasFile:
    """Reads the file; keys are the command's long options, with ``-`` or ``_``, and paths start from its folder.

    ``${NAME}`` in any text is the environment's variable of that name, ``$${`` a plain ``${``. Inside the user and
    password of an address the variable is taken letter by letter, as the camera knows it.

    Args:
        ctx: the command's, its command line parsed.
        file: TOML with a ``[[camera]]`` table a camera: ``source``, ``name`` and options.
        only_for_all: keys that a single camera cannot have.

    Raises:
        InputError: when it cannot be read; for an unknown key, a missing source, a doubled name, a missing variable or
            a value that an option does not take. No sentence holds a value with a variable, or a password.
    """
    content = read_toml(file)
    tables = content.pop(_CAMERA, None)
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise InputError(f'{file}: names no camera; add for each a line [[camera]] and below it source = "rtsp://...".')
    settings = {key: one for key, one in settings_of(ctx).items() if key not in ("source", "inputs")}
    reader = _Reader(ctx, Path(os.path.abspath(file)).parent, settings)  # noqa: PTH100 - links are kept
    if mistaken := [key for key in content if key in _OWN]:
        raise InputError(f"{file}: {mistaken[0]} belongs to one camera; write it below its line [[camera]].")
    common = reader.options(content, f"{file}", ())
    cameras, names = [], set[str]()
    for number, table in enumerate(tables, 1):
        title = table.get("name")
        place = f"{file}: camera {title!r}" if isinstance(title, str) and title else f"{file}: camera {number}"
        own = {key: value for key, value in table.items() if key not in _OWN}
        address = reader.address(table, place)
        name = _name(table, address, place)
        # Some file systems make no difference between large and small letters.
        if name.casefold() in names:
            raise InputError(f"{place}: another camera has the name {name!r} too; give each one of its own.")
        names.add(name.casefold())
        options = reader.options(own, place, only_for_all)
        cameras.append(CameraEntry(name, address, reader.complete({**common, **options})))
    warning = _warning(file) if reader.password_in_file else None
    return CamerasFile(file, tuple(cameras), reader.complete(common), frozenset(reader.variables), warning)


class _Reader:
    """Values of a file as those of the command line would be.

    Args:
        ctx: the command's.
        folder: where paths start.
        settings: the options that there are, by key.
    """

    def __init__(self, ctx: typer.Context, folder: Path, settings: dict[str, Setting]) -> None:
        self._ctx, self._folder, self._settings = ctx, folder, settings
        self.variables: set[str] = set()
        self.password_in_file = False

    def options(self, table: Mapping[str, Any], place: str, only_for_all: Collection[str]) -> dict[str, Any]:
        """The table's options by parameter.

        Raises:
            InputError: see :func:`read_cameras`.
        """
        values: dict[str, Any] = {}
        for written, entry in table.items():
            key = key_of(written, place)
            setting = self._settings.get(key)
            if setting is None:
                own = get_close_matches(key, _OWN, n=1)
                meant = f"; {own[0]} may be meant" if own else hint(key, self._settings)
                raise InputError(f"{place}: there is no option {written!r}{meant}.")
            if key in only_for_all:
                raise InputError(f"{place}: {written} is for all cameras; write it above the first line [[camera]].")
            if setting.parameter.name in values:
                raise InputError(f"{place}: {key} is given twice; leave one of them out.")
            if not setting.takes(entry):
                raise InputError(f"{place}: {written} must be {setting.wanted}.")
            values[setting.parameter.name] = self._value(setting, written, entry, place)
        return values

    def address(self, table: Mapping[str, Any], place: str) -> Address:
        """What a camera is watched at.

        Raises:
            InputError: see :func:`read_cameras`.
        """
        source = table.get("source")
        if source is None or source == "":
            raise InputError(f'{place}: has no source; add source = "rtsp://...", or the number of a webcam.')
        if isinstance(source, int) and not isinstance(source, bool):
            source = str(source)
        if not isinstance(source, str):
            raise InputError(f"{place}: source must be a text in quotes or the number of a webcam.")
        text = self._filled(source, f"{place}: source", in_address=True)
        if _SCHEME.match(text):
            self.password_in_file |= _has_password(source)
        elif not text.strip().isdecimal():
            text = os.path.join(self._folder, os.path.expanduser(text))  # noqa: PTH111, PTH118 - as given
        try:
            return parse_address(text)
        except InputError as error:
            if not _SCHEME.match(text) and (text != os.path.join(self._folder, source) or "@" in source):  # noqa: PTH118
                # It may be an address with a password whose beginning is missing.
                raise InputError(
                    f"{place}: source is no camera or file; give an address such as rtsp://camera/stream, the number "
                    "of a webcam, or a file to rehearse with."
                ) from None
            raise error.within(f"{place}: source") from None

    def complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters of the command: what its command line gives, else those of ``options``, else the defaults."""
        values = {}
        for setting in self._settings.values():
            name = setting.parameter.name
            source = self._ctx.get_parameter_source(name)
            from_line = source is not None and source.name == "COMMANDLINE"
            overridden = not from_line and name in options
            values[name] = options[name] if overridden else _converted(setting, self._ctx.params.get(name))
        return values

    def _value(self, setting: Setting, written: str, given: Any, place: str) -> Any:
        used = len(self.variables)
        value = self._filled(given, f"{place}: {written}")
        secret = value != given or len(self.variables) > used
        try:
            value = setting.value(self._ctx, value, self._folder)
            return _converted(setting, setting.parameter.process_value(self._ctx, value))
        except (typer.BadParameter, InputError) as error:
            if secret:
                raise InputError(f"{place}: {written} takes no such value as its variable holds.") from None
            problem = " ".join(getattr(error, "message", str(error)).split()).removeprefix("Value error, ").rstrip(".")
            raise InputError(f"{place}: {written}: {problem}.") from None

    def _filled(self, value: Any, place: str, in_address: bool = False) -> Any:
        """The value with variables replaced; in the user and password of an address their letters as such."""
        if isinstance(value, list):
            return [self._filled(one, place) for one in value]
        if not isinstance(value, str):
            return value
        credentials = value.rfind("@") if in_address and _SCHEME.match(value) else -1

        def fill(match: re.Match[str]) -> str:
            if match[1]:
                return "${" + match[2] + "}"
            value = os.environ.get(match[2])
            if not value:
                raise InputError(f"{place}: the variable {match[2]} is not set; set it before the command.")
            self.variables.add(match[2])
            return quote(value, safe="") if match.start() < credentials else value

        return _VARIABLE.sub(fill, value)


def _converted(setting: Setting, value: Any) -> Any:
    """A value as the command's function gets it."""
    if isinstance(value, list | tuple):
        return [_converted(setting, one) for one in value]
    return setting.kind(value) if value is not None and issubclass(setting.kind, Path | Enum) else value


def _name(table: Mapping[str, Any], address: Address, place: str) -> str:
    name = table.get("name", address.id)
    if not isinstance(name, str) or not name.strip() or shown(name) != name:
        raise InputError(f"{place}: name must be a text in quotes, one line of letters.")
    if name != valid(name) or len(partition(name).encode()) > LONGEST_NAME:
        raise InputError(f"{place}: name is too long for files; shorten it.")
    return name


def _has_password(given: str) -> bool:
    """Whether an address in the file has a password that is no variable."""
    try:
        password = urlsplit(given).password
    except ValueError:
        return False
    return bool(password) and _VARIABLE.sub("", str(password)) != ""


def _warning(file: Path) -> str | None:
    if sys.platform == "win32" or not file.stat().st_mode & 0o044:
        return None
    return (
        f"{file}: holds passwords and can be read by others; chmod 600 it, or write ${{NAME}} for a variable of the "
        "environment."
    )
