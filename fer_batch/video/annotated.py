"""The annotated copy of a recording: H.264 in MP4, every frame at its own time, the sound kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.stream import VideoStream

from fer_batch.atomic import PendingFile
from fer_batch.closing import WholeOrNothing
from fer_batch.errors import OutputError
from fer_batch.types import Observation
from fer_batch.video.canvas import Patch, Yuv420Canvas
from fer_batch.video.draw import Annotator
from fer_batch.video.encoder import PIPE_OFFSET_S, Colours, Encoder, Timing, encoder_command
from fer_batch.video.frame import Frame
from fer_batch.video.soundtrack import Soundtrack


class AnnotatedVideo(WholeOrNothing):
    """Writes a recording's frames with their faces drawn in.

    Use as a context manager. Leaving it normally finishes the file, also when fewer frames were written than the
    recording has; leaving it by an exception leaves no file. Memory does not grow with the recording.

    The result is H.264, yuv420p, with every frame at its own presentation time, whatever the source's frame rate does.
    Odd widths and heights gain one pixel, the last one repeated. A frame of another size than the first is scaled to
    it. Sound is copied where MP4 can hold it, else encoded anew, and cut to the frames written.
    """

    def __init__(
        self,
        path: Path,
        source: Path | None,
        *,
        start_s: float = 0.0,
        end_s: float | None = None,
        frame_rate: Fraction | None = None,
        crf: int = 21,
        preset: str = "veryfast",
        threads: int | None = None,
    ) -> None:
        """Prepares; the file and the encoder come with the first frame.

        Args:
            path: the MP4 to write; its folder is made. An existing file is replaced once the new one is complete.
            source: the recording, for its sound; None where there is none, as with a camera.
            start_s: seconds from the video stream's start that become the result's zero.
            end_s: where the sound ends, None for the recording's end.
            frame_rate: frames a second, for how long the last frame is shown; None takes the frame's own duration.
            crf: constant rate factor of x264, lower is better and larger.
            preset: of x264.
            threads: of the encoder; None leaves it to x264.
        """
        self.path = path
        self._source = source
        self._start_s, self._end_s = start_s, end_s
        self._frame_rate = frame_rate
        self._settings: dict[str, Any] = {"preset": preset, "crf": crf, **({"threads": threads} if threads else {})}
        self._annotator = Annotator()
        self._drawn: tuple[Observation, list[Patch]] | None = None
        self._pipe: _Pipe | None = None
        self._pending: PendingFile | None = None

    def write(self, frame: Frame, observation: Observation | None) -> None:
        """Writes the next frame in presentation order.

        Args:
            frame: the frame. Nothing of it is changed or kept.
            observation: whose faces to draw: the frame's own, for a frame that was not analysed the last one before it,
                or None. Passing the same object again costs no new drawing.

        Raises:
            OutputError: when the encoder fails, for example because the disk is full. Nothing is left of the file.
        """
        try:
            if self._pipe is None:
                self._pipe = self._open(frame)
            canvas = self._pipe.canvas
            canvas.load(frame)
            if observation is not None:
                canvas.lay(self._patches(observation, frame, canvas))
            self._pipe.send(frame)
        except (OSError, av.error.FFmpegError) as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Finishes the file and puts it in its place; without a frame there is none.

        Raises:
            OutputError: when the encoder fails. Nothing is left of the file.
        """
        if self._pipe is None:
            return
        try:
            self._pipe.finish()
            assert self._pending is not None
            self._pending.publish()
        except (OSError, av.error.FFmpegError) as error:
            raise self._failure(error) from error
        except BaseException:
            # A second Ctrl-C, while the first one's shorter video is being finished.
            self.abort()
            raise
        self._pipe = None

    def abort(self) -> None:
        """Stops the encoder and leaves no file."""
        if self._pipe is not None:
            self._pipe.kill()
            self._pipe = None
        if self._pending is not None:
            self._pending.discard()

    @property
    def encoder_pid(self) -> int | None:
        """The encoder's process id while it runs, for whoever supervises processes."""
        return None if self._pipe is None else self._pipe.pid

    def _open(self, frame: Frame) -> _Pipe:
        self._pending = PendingFile(self.path)
        # A file that cannot be made fails here, with a reason that Python can name.
        self._pending.temporary.touch()
        timing = Timing.of(frame, self._start_s, self._frame_rate)
        sound = _sound(self._source, frame, self._start_s, self._end_s)
        return _Pipe(self._pending.temporary, frame, timing, sound, self._settings)

    def _patches(self, observation: Observation, frame: Frame, canvas: Yuv420Canvas) -> list[Patch]:
        if self._drawn is None or self._drawn[0] is not observation:
            width, height = canvas.shown
            shown = observation
            if (frame.width, frame.height) != (width, height):
                scaled = observation.detected.scaled(width / frame.width, height / frame.height)
                shown = Observation(observation.frame, observation.time_s, scaled, observation.probabilities)
            self._drawn = observation, self._annotator.annotate(shown, width, height)
        return self._drawn[1]

    def _failure(self, error: Exception) -> OutputError:
        """The error for the user; cleans up."""
        reason = self._pipe.reason() if self._pipe is not None else ""
        self.abort()
        reason = reason or getattr(error, "strerror", None) or str(error)
        return OutputError(
            f"{self.path}: the annotated video cannot be written ({reason}); make room there, choose another folder "
            "with --output, or leave the video out with --no-video."
        )


def _sound(source: Path | None, frame: Frame, start_s: float, end_s: float | None) -> Soundtrack | None:
    """The recording's sound; None when it has none that can be read."""
    if source is None:
        return None
    picture = frame.picture
    own_s = frame.time_s if picture.pts is None or picture.time_base is None else float(picture.pts * picture.time_base)
    try:
        sound = Soundtrack(source, own_s - frame.time_s, start_s, end_s)
    except (OSError, av.error.FFmpegError):
        return None
    if sound.codings:
        return sound
    sound.close()
    return None


class _Pipe:
    """The encoder, a child process, and the stream of raw pictures and sound into it.

    The stream is NUT, which, unlike bare raw video, carries a time for every frame.
    """

    def __init__(
        self, path: Path, frame: Frame, timing: Timing, sound: Soundtrack | None, settings: dict[str, Any]
    ) -> None:
        self._timing = timing
        self._sound = sound
        self._lead_s = sound.lead_s() if sound else 0.0
        self._end_s = 0.0
        colours = Colours(frame)
        self.canvas = Yuv420Canvas(frame.width, frame.height, bt709=colours.bt709)
        codings = sound.codings if sound else []
        self._child = Encoder(encoder_command(path, timing, colours, codings, settings))
        # libav writes to the pipe itself: were Ctrl-C to arrive while it calls back into Python, PyAV would swallow the
        # KeyboardInterrupt and leave half a packet behind. On Windows descriptors may not be shared with libraries.
        pipe = self._child.stdin if sys.platform == "win32" else f"pipe:{self._child.stdin.fileno()}"
        # Without a limit the muxer holds raw pictures back for ten seconds when no sound comes.
        self._nut = av.open(
            pipe,
            "w",
            format="nut",
            buffer_size=1 << 20,
            container_options={"write_index": "0", "max_interleave_delta": "1"},
        )
        self._video: VideoStream = self._nut.add_stream("rawvideo", rate=timing.rate)
        self._video.width, self._video.height, self._video.pix_fmt = self.canvas.width, self.canvas.height, "yuv420p"
        self._video.time_base = self._video.codec_context.time_base = Fraction(1, timing.ticks)
        if sound:
            sound.add_to(self._nut)

    @property
    def pid(self) -> int:
        """The encoder's process id."""
        return self._child.pid

    def send(self, frame: Frame) -> None:
        """Sends the canvas as the frame's picture, and the sound up to it."""
        pts = self._timing.pts(frame.time_s, self._lead_s)
        time_s = pts / self._timing.ticks - self._lead_s
        if self._sound:
            self._send_sound(self._sound.until(time_s, self._lead_s + PIPE_OFFSET_S))
        # A copy: the muxer may hold the packet back until the next sound.
        packet = av.Packet(self.canvas.buffer.tobytes())
        packet.pts = packet.dts = pts + PIPE_OFFSET_S * self._timing.ticks
        packet.duration = self._timing.last
        packet.time_base = Fraction(1, self._timing.ticks)
        packet.stream = self._video
        packet.is_keyframe = True
        self._nut.mux(packet)
        self._end_s = time_s + self._timing.last / self._timing.ticks

    def finish(self) -> None:
        """Sends what is left of the sound and waits for the encoder to complete the file.

        Raises:
            OSError: when it did not.
        """
        if self._sound:
            self._send_sound(self._sound.rest(self._end_s, self._lead_s + PIPE_OFFSET_S))
            self._sound.close()
        self._nut.close()
        self._child.stdin.close()
        if self._child.wait() != 0:
            raise OSError(self.reason())

    def kill(self) -> None:
        """Ends the encoder at once."""
        self._child.kill()
        # Both still try to write; the other end is gone.
        with suppress(OSError, av.error.FFmpegError):
            self._nut.close()
        with suppress(OSError):
            self._child.stdin.close()
        if self._sound:
            self._sound.close()

    def reason(self) -> str:
        """Why the encoder failed, in a few words."""
        return self._child.reason()

    def _send_sound(self, packets: Iterator[av.Packet[Any]]) -> None:
        for packet in packets:
            if packet.pts is not None and packet.pts >= 0:
                self._nut.mux(packet)
