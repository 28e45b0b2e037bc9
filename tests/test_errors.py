"""Errors keep their cause and attributes wherever they go, and each side words what options can do about them."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest
from helpers.paths import ROOT

import fer_batch.live.supervisor
import fer_batch.pipeline.checkpoint.store  # noqa: F401 - brings a class of its own
from fer_batch import errors
from fer_batch.api import StreamOptions
from fer_batch.app.wording import page_words
from fer_batch.cli.wording import command_line_words, sentence_of
from fer_batch.errors import (
    AnnotationError,
    CameraUnreachableError,
    FerBatchError,
    InputError,
    InvalidOptionError,
    OptionHint,
    OutputError,
    UnreadableMediaError,
    worded,
)
from fer_batch.workers.protocol import Failed, received, send

NO_VIDEO = OptionHint("video", False, "leave the video out with {}")
ARGUMENTS: dict[type[FerBatchError], tuple[object, ...]] = {
    InvalidOptionError: ("batch_size", 0, "give a whole number from 1"),
    UnreadableMediaError: (Path("a b.mp4"), "is cut short"),
    CameraUnreachableError: ("rtsp://camera/1", "nothing answers there"),
}


def subclasses(kind: type[FerBatchError]) -> Iterator[type[FerBatchError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from subclasses(each)


KINDS = sorted(set(subclasses(FerBatchError)), key=lambda kind: kind.__name__)


def made(kind: type[FerBatchError]) -> FerBatchError:
    if kind is InvalidOptionError:
        return kind(*ARGUMENTS[kind])  # type: ignore[arg-type]
    return kind(*ARGUMENTS.get(kind, ("a.mp4: something is wrong.",)), remedies=[NO_VIDEO])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_the_same_behind_a_pipe(kind: type[FerBatchError]) -> None:
    error = made(kind).within("study.toml")
    pipe = io.BytesIO()
    send(pipe, Failed(error))
    pipe.seek(0)
    (message,) = received(pipe)
    for other in (message.error, pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own
        assert type(other) is kind
        assert str(other) == str(error)
        assert vars(other) == vars(error)
        assert sentence_of(other) == sentence_of(error)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_keeps_its_attributes_when_it_is_reworded(kind: type[FerBatchError]) -> None:
    error = made(kind)
    placed = error.within("study.toml")
    assert type(placed) is kind
    assert str(placed) == f"study.toml: {error}"
    assert str(placed.within("all")) == f"all: study.toml: {error}"
    assert placed.remedies == error.remedies
    rewritten = error.rewritten(lambda text: text.replace("a", "A"))
    assert type(rewritten) is kind
    assert [hint.option for hint in rewritten.remedies] == [hint.option for hint in error.remedies]
    assert all("a" not in hint.advice for hint in rewritten.remedies)
    assert "a" not in rewritten.args[0]
    assert str(error) == str(made(kind)), "the error itself stays as it was"


def test_each_side_words_options_as_its_users_know_them() -> None:
    error = OutputError("a.mp4: cannot be encoded.", remedies=[OptionHint("output", advice="choose {}"), NO_VIDEO])
    assert str(error) == "a.mp4: cannot be encoded; choose output or leave the video out with video=False."
    assert sentence_of(error) == "a.mp4: cannot be encoded; choose --output or leave the video out with --no-video."
    assert error.worded(page_words) == (
        'a.mp4: cannot be encoded; choose "Keep the results in this folder" or leave the video out with "Make an '
        'annotated video" switched off.'
    )
    assert error.problem == "a.mp4: cannot be encoded."


def test_options_that_a_side_does_not_have_are_left_out() -> None:
    error = InputError("a.mp4: could not be analysed.", remedies=[OptionHint("debug", True, "run it with {}")])
    assert str(error) == error.worded(page_words) == "a.mp4: could not be analysed."
    assert sentence_of(error) == "a.mp4: could not be analysed; run it with --debug."


def test_python_is_told_of_every_option_that_it_has() -> None:
    for name in get_type_hints(StreamOptions):
        assert worded("a.", [OptionHint(name, True)]) == f"a; use {name}=True."


def test_an_invalid_option_names_itself_and_what_to_give() -> None:
    error = InvalidOptionError("batch_size", 0, "give a whole number from 1")
    assert str(error) == "batch_size=0: give a whole number from 1."
    assert sentence_of(error) == "--batch-size 0: give a whole number from 1."
    assert (error.name, error.value, error.expected) == ("batch_size", 0, "give a whole number from 1")
    secret = InvalidOptionError("publish", None, "give an address")
    assert sentence_of(secret) == "--publish: give an address."
    assert str(secret) == "publish: give an address."


def test_advice_of_a_foreign_document_is_text_and_nothing_else() -> None:
    hint = OptionHint("video", False, "{0.__class__} {} {nothing}")
    assert worded("a.mp4: is damaged.", [hint]) == "a.mp4: is damaged; {0.__class__} video=False {nothing}."
    assert worded("a.mp4: is damaged.", [hint], command_line_words).endswith("{0.__class__} --no-video {nothing}.")


def test_causes_can_be_caught_as_before() -> None:
    for kind in (InvalidOptionError, UnreadableMediaError, CameraUnreachableError, AnnotationError):
        assert issubclass(kind, InputError)
    assert issubclass(AnnotationError, OutputError)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in KINDS if kind.__module__ == errors.__name__)


def test_only_the_command_line_speaks_of_its_options() -> None:
    """Benchmarks start the command, and the keypoint network's training is one."""
    own = ("cli", "app", "api.py", "benchmark", "training/keypoint_net.py")
    package = ROOT / "fer_batch"
    texts = {path.relative_to(package).as_posix(): path.read_text() for path in package.rglob("*.py")}
    assert {
        name for name, text in texts.items() if re.search(r"--[a-z]|\s-o\b", text) and not name.startswith(own)
    } == set()
