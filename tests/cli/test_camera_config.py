"""Files that name several cameras: options for all and for one, secrets, mistakes in a sentence."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from fer_batch.cli.camera_config import CamerasFile, names_cameras, read_cameras
from fer_batch.cli.options import seconds
from fer_batch.errors import InputError

SECRET = "s3cret/@word"  # noqa: S105 - nobody's


class Transport(StrEnum):
    """Of packets."""

    tcp = "tcp"
    udp = "udp"


def cameras_of(file: Path, *arguments: str) -> CamerasFile:
    """What a command with an option of every kind makes of a file and a command line."""
    found: list[CamerasFile] = []

    def command(
        ctx: typer.Context,
        source: Annotated[str, typer.Argument()],
        output: Annotated[Path, typer.Option("--output", "-o")] = Path("fer-output"),  # noqa: ARG001
        fps: Annotated[float | None, typer.Option()] = None,  # noqa: ARG001
        transport: Annotated[Transport, typer.Option()] = Transport.tcp,  # noqa: ARG001
        video: Annotated[bool, typer.Option("--video/--no-video")] = False,  # noqa: ARG001
        max_age: Annotated[float | None, typer.Option("--max-age", parser=seconds)] = None,  # noqa: ARG001
        webhook: Annotated[str | None, typer.Option()] = None,  # noqa: ARG001
        retries: Annotated[int, typer.Option(min=1)] = 3,  # noqa: ARG001
    ) -> None:
        found.append(read_cameras(ctx, Path(source), only_for_all=("output",)))

    app = typer.Typer(add_completion=False)
    app.command()(command)
    app([str(file), *arguments], standalone_mode=False)
    return found[0]


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "cams.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_a_camera_has_its_own_options_else_the_files_and_the_command_line_goes_before_both(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    file = written(
        tmp_path,
        'output = "study"\nfps = 10\nvideo = true\n'
        '[[camera]]\nname = "door"\nsource = "rtsp://10.0.0.5/1"\ntransport = "udp"\nmax-age = "1:00:00"\nfps = 5\n'
        '[[camera]]\nsource = 0\n[[camera]]\nsource = "clip.mp4"\n',
    )
    read = cameras_of(file)
    door, webcam, clip = read.cameras
    assert [one.name for one in read.cameras] == ["door", "camera-0", "clip.mp4"]
    assert [one.address.kind for one in read.cameras] == ["stream", "camera", "file"]
    assert clip.address.secret == str(tmp_path / "clip.mp4"), "paths start from the file's folder"
    assert door.parameters == {
        "output": tmp_path / "study",
        "fps": 5,
        "transport": Transport.udp,
        "video": True,
        "max_age": 3600,
        "webhook": None,
        "retries": 3,
    }
    assert (webcam.parameters["fps"], webcam.parameters["transport"]) == (10, Transport.tcp)
    assert read.parameters["fps"] == 10
    forced = cameras_of(file, "--fps", "2", "-o", "here")
    assert {one.parameters["fps"] for one in forced.cameras} == {2}
    assert forced.parameters["output"] == Path("here")


def test_secrets_come_from_the_environment_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_PASSWORD", SECRET)
    monkeypatch.setenv("HOOK", "https://example.org/hook?key=hidden")
    file = written(
        tmp_path,
        'webhook = "${HOOK}"\n[[camera]]\nsource = "rtsp://me:${DOOR_PASSWORD}@cam/1"\n'
        '[[camera]]\nname = "b"\nsource = "rtsp://me:$${x}@cam/2"\n',
        mode=0o644,
    )
    read = cameras_of(file)
    assert [one.address.secret for one in read.cameras] == ["rtsp://me:s3cret%2F%40word@cam/1", "rtsp://me:${x}@cam/2"]
    assert read.cameras[0].parameters["webhook"] == "https://example.org/hook?key=hidden"
    assert read.variables == {"DOOR_PASSWORD", "HOOK"}
    assert "hidden" not in repr(read)
    assert "s3cret" not in repr(read)


@pytest.mark.parametrize(
    ("source", "mode", "warned"),
    [
        ("rtsp://me:inclear@cam/1", 0o644, True),
        ("rtsp://me:inclear@cam/1", 0o600, False),
        ("rtsp://me:${DOOR_PASSWORD}@cam/1", 0o644, False),
        ("rtsp://cam/1", 0o644, False),
    ],
)
def test_passwords_that_others_can_read_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, mode: int, warned: bool
) -> None:
    monkeypatch.setenv("DOOR_PASSWORD", SECRET)
    read = cameras_of(written(tmp_path, f'[[camera]]\nsource = "{source}"\n', mode))
    assert (read.warning is not None) == warned
    assert "inclear" not in (read.warning or "")


CAMERA = '[[camera]]\nsource = "rtsp://me:hush@cam/1"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "names no camera; add for each a line [[camera]]"),
        ('[camera]\nsource = "rtsp://cam/1"\n', "names no camera; add for each a line [[camera]]"),
        ("fbs = 10\n" + CAMERA, "there is no option 'fbs'; fps may be meant."),
        ('source = "rtsp://me:hush@cam/1"\n' + CAMERA, "source belongs to one camera; write it below its line"),
        (CAMERA + 'transprt = "udp"\n', "camera 1: there is no option 'transprt'; transport may be meant."),
        (CAMERA + 'nmae = "door"\n', "camera 1: there is no option 'nmae'; name may be meant."),
        (CAMERA + 'transport = "carrier"\n', "camera 1: transport: 'carrier' is not one of 'tcp', 'udp'."),
        (CAMERA + "fps = true\n", "camera 1: fps must be a number."),
        (CAMERA + "retries = 0\n", "camera 1: retries: Input should be greater than or equal to 1."),
        (CAMERA + 'output = "o"\n', "camera 1: output is for all cameras; write it above the first line [[camera]]."),
        (CAMERA + "name = 5\n", "camera 1: name must be a text in quotes, one line of letters."),
        ('[[camera]]\nname = "door"\n', "camera 'door': has no source; add source = "),
        (CAMERA + CAMERA.replace("hush", "hush2"), "camera 2: another camera has the name 'cam-1' too; "),
        (CAMERA + 'name = "a"\n' + CAMERA + 'name = "A"\n', "camera 'A': another camera has the name 'A' too; "),
        (CAMERA.replace("rtsp://", ""), "camera 1: source is no camera or file; give an address such as "),
        (CAMERA.replace("rtsp", "rstp"), "camera 1: source: rstp: streams of this kind are not known; "),
        (CAMERA.replace("hush", "hu/sh"), "camera 1: source: The address of the stream has no valid host and port; "),
        ('[[camera]]\nsource = "none.mp4"\n', "camera 1: source: {folder}/none.mp4: no such camera or file; "),
        (CAMERA.replace("hush", "${NOT_SET}"), "camera 1: source: the variable NOT_SET is not set; "),
        (CAMERA + 'transport = "${HUSH}"\n', "camera 1: transport takes no such value as its variable holds."),
        ('[[camera]]\nsource = "${HUSH}"\n', "camera 1: source is no camera or file; "),
        ("camera = hush", "is not valid TOML ("),
    ],
)
def test_a_mistake_is_one_sentence_with_file_camera_and_key_and_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.setenv("HUSH", "hush")
    file = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        cameras_of(file)
    said = str(caught.value)
    assert said.startswith(f"{file}: {sentence.format(folder=tmp_path)}")
    assert "hush" not in said
    assert "\n" not in said


def test_what_is_a_file_of_cameras() -> None:
    assert names_cameras("cams.toml")
    assert not names_cameras("rtsp://cam/x.toml")
    assert not names_cameras("clip.mp4")


def test_nothing_of_a_camera_shows_when_it_is_printed(tmp_path: Path) -> None:
    found: Any = cameras_of(written(tmp_path, CAMERA))
    assert "hush" not in f"{found!r}{found.cameras!r}"
