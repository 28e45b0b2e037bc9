"""The annotated copy of a recording: H.264 in MP4, every frame at its own time, the sound kept."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from fer_batch.annotation.annotator import Annotator
from fer_batch.annotation.audio import Soundtrack, damaged, encode_sound, omission_note
from fer_batch.annotation.canvas import Patch, Yuv420Canvas
from fer_batch.annotation.concat import join_segments
from fer_batch.annotation.encoder import NO_SPACE, Colours, Timing
from fer_batch.annotation.encoder_stream import EncodePlan, EncoderStream
from fer_batch.errors import AnnotationError, FerBatchError, OptionHint, OutputError, summarized
from fer_batch.filesystem.atomic import PendingFile, remove
from fer_batch.types import Note, Observation
from fer_batch.utils.concurrency import AtomicOutput
from fer_batch.video.frame import Frame


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """How x264 encodes; the defaults hardly differ from the original, and keep up with the analysis."""

    preset: str = "veryfast"
    crf: int = 21
    """Constant rate factor: lower is better and larger."""
    threads: int | None = None
    """None leaves it to x264."""

    def to_dict(self) -> dict[str, Any]:
        """Options by x264's names."""
        return {"preset": self.preset, "crf": self.crf, **({"threads": self.threads} if self.threads else {})}


class AnnotatedVideo(AtomicOutput):
    """Writes a recording's frames with their faces drawn in.

    Use as a context manager. Leaving it normally finishes the file, also when fewer frames were written than the
    recording has; leaving it by an exception leaves no file. Memory does not grow with the recording.

    The result is H.264, yuv420p, with every frame at its own presentation time, whatever the source's frame rate does.
    Odd widths and heights gain one pixel, the last one repeated. A frame of another size than the first is scaled to
    it. Sound is copied where MP4 can hold it, else encoded anew, and cut to the frames written.

    What is finished can be taken away in parts, see :meth:`part`; they are joined at the end without encoding anew.
    """

    def __init__(
        self,
        path: Path,
        source: Path | None,
        *,
        start_s: float = 0.0,
        end_s: float | None = None,
        frame_rate: Fraction | None = None,
        encoding: EncoderOptions | None = None,
    ) -> None:
        """Prepares; the file and the encoder come with the first frame.

        Args:
            path: the MP4 to write; its folder is made. An existing file is replaced once the new one is complete.
            source: the recording, for its sound; None where there is none, as with a camera.
            start_s: seconds from the video stream's start that become the result's zero.
            end_s: where the sound ends, None for the recording's end.
            frame_rate: frames a second, for how long the last frame is shown; None takes the frame's own duration.
            encoding: how it is encoded.
        """
        self.path = path
        self._source = source
        self._start_s, self._end_s = start_s, end_s
        self._frame_rate = frame_rate
        self._settings = (encoding or EncoderOptions()).to_dict()
        self._annotator = Annotator()
        self._drawn: tuple[Observation, list[Patch]] | None = None
        self._course: EncodePlan | None = None
        """Known from the first frame on."""
        self._canvas: Yuv420Canvas | None = None
        self._pipe: EncoderStream | None = None
        self._pending: PendingFile | None = None
        self.parts: list[Path] = []
        """Where the parts lie that were taken away, in their order: whoever took them says so."""
        self.notes: list[Note] = []
        """What the copy lacks or has otherwise than the recording; complete after :meth:`close`."""

    def write(self, frame: Frame, observation: Observation | None) -> None:
        """Writes the next frame in presentation order.

        Args:
            frame: the frame. Nothing of it is changed or kept.
            observation: whose faces to draw: the frame's own, for a frame that was not analysed the last one before it,
                or None. Passing the same object again costs no new drawing.

        Raises:
            OutputError: when the file cannot be written, for example because the disk is full. Nothing is left of it.
            AnnotationError: when the encoder fails for what the pictures are.
        """
        try:
            if self._pipe is None:
                self._pipe = self._open(frame)
            canvas = self._canvas
            assert canvas is not None
            canvas.load(frame)
            if observation is not None:
                canvas.lay(self._patches(observation, frame, canvas))
            self._pipe.send(frame)
        except Exception as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Finishes the file and puts it in its place; without a frame there is none.

        Raises:
            OutputError, AnnotationError: as of :meth:`write`.
        """
        if self._pipe is None and not self.parts:
            return
        try:
            if self._pipe is not None:
                self._pipe.finish()
                self._pipe = None
            self._join()
            assert self._pending is not None
            self._pending.publish()
        except Exception as error:
            raise self._failure(error) from error
        except BaseException:
            # A second Ctrl-C, while the first one's shorter video is being finished.
            self.abort()
            raise
        self._pending, self.parts = None, []

    def part(self) -> Path | None:
        """Finishes the pictures written since the last part as a file of their own, and goes on in another one.

        The file is the caller's, who puts it somewhere and adds that to :attr:`parts`. None where none was written.

        Raises:
            OutputError, AnnotationError: as of :meth:`write`.
        """
        if self._pipe is None:
            return None
        try:
            self._pipe.finish()
        except Exception as error:
            raise self._failure(error) from error
        assert self._pending is not None
        part, self._pipe, self._pending = self._pending.temporary, None, None
        return part

    def get_state(self) -> dict[str, Any]:
        """What is remembered beside the parts, as plain values; after :meth:`part`."""
        course = None if self._course is None else self._course.get_state()
        return {"course": course, "sides": list(self._annotator.sides.items())}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state` gave; :attr:`parts` are set by the caller."""
        self._annotator.sides = dict(state["sides"])
        if state["course"] is not None:
            self._set_off(EncodePlan.restored(state["course"]))

    def abort(self) -> None:
        """Stops the encoder and leaves no file but the parts that were taken away."""
        self.parts = []
        if self._pipe is not None:
            self._pipe.kill()
            self._pipe = None
        if self._pending is not None:
            self._pending.discard()
            self._pending = None

    @property
    def encoder_pid(self) -> int | None:
        """The encoder's process id while it runs, for whoever supervises processes."""
        return None if self._pipe is None else self._pipe.pid

    def _open(self, frame: Frame) -> EncoderStream:
        self._pending = PendingFile(self.path)
        # A file that cannot be made fails here, with a reason that Python can name.
        self._pending.temporary.touch()
        if self._course is None:
            start_s = _picture_start_s(frame)
            timing = Timing.of(frame, self._start_s, self._frame_rate)
            with self._sound(start_s) as sound:
                lead_s = sound.lead_s() if sound is not None else 0.0
            self._set_off(EncodePlan(timing, Colours.of(frame), (frame.width, frame.height), lead_s, start_s))
        assert self._course is not None
        assert self._canvas is not None
        return EncoderStream(self._pending.temporary, self._course, self._canvas, self._settings)

    def _set_off(self, course: EncodePlan) -> None:
        self._course = course
        self._canvas = Yuv420Canvas(*course.size, bt709=course.colours.bt709)

    def _join(self) -> None:
        """Makes all parts one file, with the sound of them all."""
        assert self._course is not None
        sound = self._encoded_sound(self._course)
        if not self.parts and sound is None:
            return
        last, self._pending = self._pending, PendingFile(self.path)
        try:
            parts = [*self.parts, last.temporary] if last is not None else self.parts
            join_segments(parts, self._course, sound, self._pending.temporary)
        finally:
            for done in (sound, None if last is None else last.temporary):
                if done is not None:
                    remove(done)

    def _encoded_sound(self, course: EncodePlan) -> Path | None:
        """A temporary file with the recording's sound; None when it has none, or none that can be used.

        Packets that cannot be copied are decoded, and sound that cannot be decoded is left out: it costs no picture.
        """
        path = PendingFile(self.path).temporary
        for copies in (True, False):
            with self._sound(course.picture_start_s, copies=copies) as sound:
                if sound is None:
                    return None
                try:
                    is_whole = True
                    if sound.codings:
                        encode_sound(sound, course, path)
                        is_whole = sound.is_all_in(path)
                except BaseException as error:
                    remove(path)
                    expected = isinstance(error, Exception) and not isinstance(error, MemoryError)
                    if not expected or _is_full(error, str(error)):
                        raise
                else:
                    self.notes += sound.notes
                    if not is_whole:
                        self.notes.append(damaged(sound.source))
                    return path if sound.codings else None
        assert self._source is not None
        self.notes.append(omission_note(self._source, "it can be neither copied nor decoded"))
        return None

    @contextmanager
    def _sound(self, picture_start_s: float, *, copies: bool = True) -> Iterator[Soundtrack | None]:
        """The recording's sound, closed at the end; None when it has none that can be read."""
        try:
            source = self._source
            sound = (
                None
                if source is None
                else Soundtrack(source, picture_start_s, self._start_s, self._end_s, copies=copies)
            )
        except (OSError, ValueError, av.error.FFmpegError) as error:
            assert self._source is not None
            sound, note = None, omission_note(self._source, summarized(error))
            self.notes += [] if note in self.notes else [note]
        try:
            yield sound
        finally:
            if sound is not None:
                sound.close()

    def _patches(self, observation: Observation, frame: Frame, canvas: Yuv420Canvas) -> list[Patch]:
        if self._drawn is None or self._drawn[0] is not observation:
            width, height = canvas.shown
            shown = observation
            if (frame.width, frame.height) != (width, height):
                scaled = observation.detected.scaled(width / frame.width, height / frame.height)
                shown = Observation(observation.frame, observation.time_s, scaled, observation.probabilities)
            self._drawn = observation, self._annotator.annotate(shown, width, height)
        return self._drawn[1]

    def _failure(self, error: Exception) -> Exception:
        """The error for the user; cleans up. What lies in the pictures is the recording's fault, not the folder's."""
        if isinstance(error, FerBatchError | MemoryError):
            self.abort()
            return error
        # A pipe breaks because the encoder has ended: it knows why.
        broken = isinstance(error, BrokenPipeError)
        reason = self._pipe.reason() if self._pipe is not None and broken else ""
        self.abort()
        if isinstance(error, OSError | av.error.FFmpegError):
            reason = reason or error.strerror or str(error)
        else:
            reason = summarized(error)
        problem = f"{self.path}: the annotated video cannot be written ({reason})"
        if _is_full(error, reason):
            return OutputError(f"{problem}; make room there.", remedies=[_ELSEWHERE, _NO_VIDEO])
        if isinstance(error, OSError) and error.errno and not isinstance(error, BrokenPipeError | av.error.FFmpegError):
            return OutputError(f"{problem}.", remedies=[_ELSEWHERE, _NO_VIDEO])
        return AnnotationError(f"{problem}.", remedies=[_NO_VIDEO])


_ELSEWHERE = OptionHint("output", advice="choose another folder with {}")
_NO_VIDEO = OptionHint("video", False, "leave the video out with {}")


def _is_full(error: BaseException, reason: str) -> bool:
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or reason == NO_SPACE


def _picture_start_s(frame: Frame) -> float:
    """Where the video stream starts on the file's own clock, by one of its frames."""
    picture = frame.picture
    own_s = frame.time_s if picture.pts is None or picture.time_base is None else float(picture.pts * picture.time_base)
    return own_s - frame.time_s
