"""Configuration files: settings of a command in TOML, and settings written so that a run can be repeated."""

from __future__ import annotations

import os
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from helpers.paths import ASTRONAUT

from fer_batch.cli.config_file import from_file, settings_used, write_used
from fer_batch.cli.main import run
from fer_batch.cli.options import seconds


class Shape(StrEnum):
    """Of anything."""

    round = "round"
    square = "square"


def settings(*arguments: str) -> dict[str, Any]:
    """What a command with a parameter of every kind makes of a command line."""
    found: dict[str, Any] = {}

    def command(
        ctx: typer.Context,
        inputs: Annotated[list[str] | None, typer.Argument()] = None,
        lists: Annotated[list[Path] | None, typer.Option("--from")] = None,
        config: Annotated[Path | None, typer.Option("--config", callback=from_file, is_eager=True)] = None,  # noqa: ARG001
        output: Annotated[Path, typer.Option("--output", "-o")] = Path("out"),
        shape: Annotated[Shape, typer.Option("--form", "-f")] = Shape.round,
        video: Annotated[bool, typer.Option("--video/--no-video")] = True,
        many_cores: Annotated[int | None, typer.Option(min=1)] = None,
        share: Annotated[float, typer.Option()] = 0.5,  # noqa: ARG001
        start: Annotated[float, typer.Option(parser=seconds)] = 0.0,
        model: Annotated[str, typer.Option()] = "usual",  # noqa: ARG001
        tag: Annotated[list[str] | None, typer.Option("--tag")] = None,
    ) -> None:
        found.update(settings_used(ctx, [*(inputs or ()), *(tag or ())]))
        found.update(lists=lists, tags=tag, shape=shape, output=output, start=start, video=video, cores=many_cores)

    app = typer.Typer(add_completion=False)
    app.command()(command)
    app(list(arguments), standalone_mode=False)
    return found


@pytest.fixture(autouse=True, name="here")
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("here", "study"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture(name="study")
def _study(tmp_path: Path) -> Path:
    """The folder of the configuration file."""
    return tmp_path / "study"


def test_every_kind_of_setting_is_taken_and_paths_start_from_the_files_folder(study: Path) -> None:
    (study / "study.toml").write_text(
        'inputs = ["a/*.mp4", "/b.mp4", "-"]\nfrom = "list.txt"\noutput = "../out"\nform = "square"\nvideo = false\n'
        'many_cores = 2\nshare = 1\nstart = "0:30"\nmodel = "own.onnx"\ntag = ["one", "two"]\n',
        encoding="utf-8-sig",
    )
    found = settings("--config", "../study/study.toml")
    assert found["inputs"][:3] == [str(study / "a/*.mp4"), "/b.mp4", "-"]
    assert found["lists"] == [study / "list.txt"]
    assert found["output"] == study.parent / "out"
    assert (found["shape"], found["video"], found["cores"], found["share"]) == (Shape.square, False, 2, 1)
    assert (found["start"], found["model"], found["tags"]) == (30, str(study / "own.onnx"), ["one", "two"])


def test_a_path_may_start_at_home(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    (study / "study.toml").write_text('inputs = ["~/a.mp4", "~b.mp4"]\noutput = "~/out"')
    found = settings("--config", "../study/study.toml")
    assert found["inputs"] == ["/home/me/a.mp4", str(study / "~b.mp4")]
    assert found["output"] == Path("/home/me/out")
    assert settings("~/a.mp4")["inputs"] == [str(Path.cwd() / "~/a.mp4")], "a shell has been there already"


def test_the_command_line_wins(study: Path) -> None:
    file = study / "study.toml"
    file.write_text('inputs = "a.mp4"\nfrom = "list.txt"\noutput = "o"\nvideo = false\nshare = 0.25\nmany-cores = 3')
    found = settings("b.mp4", "--config", str(file), "--video", "-o", "p", "--many-cores", "4")
    assert (found["inputs"], found["lists"]) == ([str(Path.cwd() / "b.mp4")], None), "also in place of the file's lists"
    assert (found["output"], found["video"], found["cores"], found["share"]) == (Path("p"), True, 4, 0.25)
    assert settings("--config", str(file), "--from", "q")["lists"] == [Path("q")]


def test_settings_that_were_written_give_the_same_run_from_anywhere(
    here: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = 'a "b" \\ # \x7f\n😀.mp4'
    line = [name, "c*.mp4", "-o", "out", "--form", "square", "--no-video", "--share", "1e-05", "--start", "1:30.5"]
    first = settings(*line)
    used = {key: value for key, value in first.items() if key not in ("lists", "tags", "shape", "cores")}
    write_used(here / "study.toml", used)
    text = (here / "study.toml").read_text()
    assert f"# fer-batch analyze --config {here / 'study.toml'}\n" in text
    assert tomllib.loads(text)["inputs"] == [str(here / name), str(here / "c*.mp4")]
    assert "many-cores" not in text, "what has no value"
    monkeypatch.chdir(study)
    again = settings("--config", str(here / "study.toml"))
    assert {key: again[key] for key in used if key != "output"} == {key: used[key] for key in used if key != "output"}
    assert again["output"] == here / "out"


def test_what_toml_cannot_hold_is_left_to_the_command_line(here: Path) -> None:
    write_used(here / "study.toml", {"inputs": [os.fsdecode(b"/caf\xe9.mp4"), "/b.mp4"], "video": True})
    text = (here / "study.toml").read_text()
    assert tomllib.loads(text) == {"inputs": ["/b.mp4"], "video": True}
    assert "to be given on the command line:   /caf%E9.mp4" in text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("every = 0", "--every 0: give a whole number from 1."),
        ("every = true", "every must be a whole number."),
        ("every = 1.5", "every must be a whole number."),
        ('fps = "5"', "fps must be a number."),
        ("start = 00:01:30", "start must be a number or a text in quotes."),
        ('start = "soon"', "start: 'soon' is not a time; give seconds such as 90.5, m:ss or h:mm:ss."),
        ("start = 3\nend = 1", "--end 1.0: give a time after the start, 3 s."),
        ('video = "no"', "video must be true or false."),
        ("no-video = true", "there is no option 'no-video'; write video = false."),
        ("output = 5", "output must be a text in quotes."),
        ("inputs = [5]", "inputs must be a list of texts in quotes."),
        ('detector = "wide"', "detector: 'wide' is not one of 'auto', 'mediapipe', 'short', 'full'."),
        ('detectr = "short"', "there is no option 'detectr'; detector may be meant."),
        ("[analyze]\nevery = 2", "there is no option 'analyze'; there are inputs, "),
        ('config = "other.toml"', "there is no option 'config'; there are inputs, "),
        ("min-score = 0.5\nmin_score = 0.6", "min-score is given twice; leave one of them out."),
        ('model = "none.onnx"', "model: {study}/none.onnx: no such model file; check the path."),
        ('inputs = "none.mp4"', "inputs: {study}/none.mp4: no such file or folder; check the path."),
        ('inputs = ["rtsp://me:secret@cam/1"]', "inputs: rtsp://cam/1: addresses of streams are not analysed; "),
        ("every 2", "is not valid TOML ("),
        ("every = '\udcff'", "is not valid TOML ("),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence_with_file_and_key(
    study: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    (study / "video.mp4").touch()
    file = study / "study.toml"
    inputs = "" if "inputs" in text or "analyze" in text else "inputs = 'video.mp4'\n"
    file.write_bytes((inputs + text).encode("utf-8", "surrogateescape"))
    assert run(["analyze", "--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"Error: {file}: {sentence.format(study=study)}")
    assert said.count("\n") == 1
    assert sorted(path.name for path in study.iterdir()) == ["study.toml", "video.mp4"]


def test_a_mistake_on_the_command_line_is_not_put_down_to_the_file(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (study / "study.toml").write_text("every = 2\n")
    assert run(["analyze", "none.mp4", "--config", str(study / "study.toml")]) == 2
    assert capsys.readouterr().err == "Error: none.mp4: no such file or folder; check the path.\n"
    assert run(["analyze", "none.mp4", "--config", str(study / "study.toml"), "--every", "0"]) == 2
    assert capsys.readouterr().err == "Error: --every 0: give a whole number from 1.\n"
    assert run(["analyze", "--config", "none.toml"]) == 2
    assert "none.toml: the settings cannot be read (No such file" in capsys.readouterr().err


def test_names_of_earlier_versions_are_taken_with_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "study.toml"
    file.write_text(f'inputs = ["{ASTRONAUT}"]\noutput = "out"\nvideo = false\nminimum_score = 0.6\nstart_s = "0:00"\n')
    assert run(["analyze", "--config", str(file), "--dry-run"]) == 0
    errors = capsys.readouterr().err.splitlines()
    assert f"Warning: {file}: minimum_score is called min_score now." in errors
    assert f"Warning: {file}: start_s is called start now." in errors
    file.write_text("minimum_score = 0.6\nmin-score = 0.5\n")
    assert run(["analyze", "--config", str(file)]) == 2
    assert f"Error: {file}: min-score is given twice; leave one of them out." in capsys.readouterr().err
