"""One table gives each option its name, type, default and words on all sides."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from helpers.paths import ASTRONAUT

import fer_batch
from fer_batch.batch.plan import plan
from fer_batch.cli.commands.analyze import analyze
from fer_batch.config import Options, Outputs, Selection, Settings, split_options
from fer_batch.errors import InputError, InvalidOptionError
from fer_batch.options.table import FORMER_NAMES, OPTIONS
from fer_batch.results.record import RecordingRecord


def test_python_and_the_command_line_have_the_tables_names_types_and_defaults() -> None:
    hints = get_type_hints(Options)
    parameters = inspect.signature(analyze).parameters
    stored = {field.name: field.default for kind in (Settings, Selection) for field in fields(kind)}
    assert list(hints) == list(OPTIONS)
    assert {option.stored_name for option in OPTIONS.values()} == set(stored)
    for name, option in OPTIONS.items():
        kinds = get_args(hints[name]) if get_origin(hints[name]) else (hints[name],)
        assert option.kind in kinds, name
        assert parameters[name].default == option.default, name
        assert stored[option.stored_name] in (option.default, 1 if name == "every" else option.default)


@pytest.mark.parametrize("what", [Options, fer_batch.Options])
def test_help_explains_every_option(what: type) -> None:
    text = inspect.getdoc(what) or ""
    for name, option in OPTIONS.items():
        assert f"{name}: {option.help}" in text
    assert "fer_batch.Options" in (fer_batch.analyze.__doc__ or "")


def test_names_of_earlier_versions_still_work() -> None:
    former = {"minimum_score": 0.6, "minimum_face": 30, "start_s": 1, "end_s": 2.5}
    with pytest.warns(DeprecationWarning, match="is called") as warned:
        settings, selection = split_options(former)
    assert (settings.minimum_score, settings.minimum_face) == (0.6, 30)
    assert (selection.start_s, selection.end_s) == (1, 2.5)
    assert {str(one.message) for one in warned} == {
        f"The option {name} is called {FORMER_NAMES[name]} now." for name in former
    }
    with (
        pytest.warns(DeprecationWarning, match="is called"),
        pytest.raises(InputError, match="min_score is given twice"),
    ):
        split_options({"min_score": 0.5, "minimum_score": 0.5})


def test_a_former_name_warns_where_it_is_written() -> None:
    with pytest.warns(DeprecationWarning, match="start_s is called start now") as warned:
        fer_batch.analyze(ASTRONAUT, start_s=0)  # type: ignore[call-arg]
    assert warned[0].filename == __file__


@pytest.mark.parametrize("name", ["video", "overwrite", "private"])
def test_flags_are_true_or_false(name: str, tmp_path: Path) -> None:
    flags: dict[str, Any] = {name: "no"}
    with pytest.raises(InvalidOptionError, match=f"{name}='no': give True or False"):
        fer_batch.analyze(ASTRONAUT, output=tmp_path / "out", **flags)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("text", "seconds"), [("1:30", 90.0), ("90.5", 90.5), ("0:01:30.5", 90.5), (90, 90.0)])
def test_times_are_seconds_or_clock_times(text: str | float, seconds: float) -> None:
    _, selection = split_options({"start": text, "end": 1e6})
    assert selection.start_s == seconds
    with pytest.raises(InvalidOptionError, match="start='half past': give a time"):
        split_options({"start": "half past"})


def test_results_of_the_names_of_old_are_done_again_when_an_option_changes(tmp_path: Path) -> None:
    """Records keep their names, so a study of an earlier version is compared as before."""
    fer_batch.analyze(ASTRONAUT, output=tmp_path)
    path = tmp_path / "recordings" / "astronaut.png.json"
    record = RecordingRecord.read(path)
    assert record.settings["minimum_score"] == 0.5
    assert record.settings["selection"] == {"every": 1, "fps": None, "start_s": 0.0, "end_s": None}
    # Options that are new since then are passed over.
    del record.settings["minimum_face"]
    record.write(path)

    def reasons(**options: float) -> list[str]:
        settings, selection = split_options(options)
        return [task.reason for task in plan([ASTRONAUT], Outputs(tmp_path, video=False), settings, selection).tasks]

    assert reasons() == []
    assert reasons(min_score=0.6) == ["other settings (min_score)"]
    assert reasons(end=3.0) == ["other settings (end)"]


@pytest.mark.parametrize(
    "option", [{"retries": 1.5}, {"read_timeout": "a"}, {"transport": "ftp"}, {"connect_timeout": 0}]
)
def test_options_of_live_sources_are_checked_whatever_the_source(option: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError):
        fer_batch.stream(ASTRONAUT, **option)
