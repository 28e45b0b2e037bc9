"""Video files of any container and codec that FFmpeg decodes, frame by frame with their own times."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from fer_batch.errors import InputError
from fer_batch.video.frame import Display, Frame
from fer_batch.video.probe import Probe
from fer_batch.video.source import ReadCounts

_MOST_READ_ERRORS = 50
"""Consecutive failures to read a packet after which the rest of a file is given up."""
_HEADER_DURATIONS = frozenset({"mov", "matroska", "avi", "flv", "asf"})
"""Containers whose header holds the duration, so that a missing end shows."""
_MISSING_END_S = 1.0


class VideoFile:
    """A video file.

    Args:
        path: the file.
        threads: decoder threads; 0 lets FFmpeg take one a core.

    Raises:
        InputError: when the file is not media or holds no video.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        self._path = path
        try:
            self._container: InputContainer = av.open(str(path.absolute()), metadata_errors="replace")
        except (FFmpegError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read as a video ({_reason(error)}); it is damaged or not a video."
            ) from error
        try:
            self._stream = self._pick_stream()
            self._stream.thread_type = "AUTO"
            self._stream.codec_context.thread_count = threads
            self._first = self._first_picture()
        except BaseException:
            self._container.close()
            raise
        self._displays: dict[tuple[int, int, int], Display] = {}
        self.counts = ReadCounts()
        self.probe = self._probe()

    def _pick_stream(self) -> VideoStream:
        streams = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            what = "only audio" if self._container.streams.audio else "no video stream"
            raise InputError(f"{self._path}: holds {what}; give a file with a picture.")
        stream = next((s for s in streams if s.disposition & Disposition.default), streams[0])
        if stream.codec_context is None:
            raise InputError(f"{self._path}: no decoder for its video codec; convert it with ffmpeg to H.264 first.")
        return stream

    def _first_picture(self) -> av.VideoFrame:
        """The first frame that decodes: only a decoded frame tells rotation and true size. Then back to the start."""
        with av.open(str(self._path.absolute()), metadata_errors="replace") as container:
            stream = container.streams[self._stream.index]
            assert isinstance(stream, VideoStream)
            errors = 0
            packets = container.demux(stream)
            while errors < _MOST_READ_ERRORS:
                try:
                    packet = next(packets, None)
                    if packet is None:
                        break
                    for picture in packet.decode():
                        assert isinstance(picture, av.VideoFrame)
                        return picture
                except FFmpegError:
                    errors += 1
                    packets = container.demux(stream)
        raise InputError(f"{self._path}: not one frame of its video can be decoded; the file is damaged.")

    def _probe(self) -> Probe:
        container, stream = self._container, self._stream
        display = self._display(self._first)
        rate = stream.average_rate or stream.guessed_rate
        base = stream.time_base
        if stream.duration is not None and base is not None:
            duration: float | None = float(stream.duration * base)
        else:
            duration = container.duration / av.time_base if container.duration else None
        frames = stream.frames or (round(duration * float(rate)) if duration and rate else None)
        audio = container.streams.audio[0] if container.streams.audio else None
        return Probe(
            "video",
            container.format.name,
            stream.codec_context.name,
            self._first.format.name,
            display.width,
            display.height,
            display.turns * 90,
            float(rate) if rate else None,
            duration,
            frames,
            audio.codec_context.name if audio is not None and audio.codec_context is not None else None,
            self._path.stat().st_size,
        )

    @property
    def frame_duration(self) -> Fraction:
        """How long a frame lasts by the stream's average rate; a 25th of a second when it has none."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return 1 / Fraction(rate) if rate else Fraction(1, 25)

    def _display(self, picture: av.VideoFrame) -> Display:
        """How this picture is shown; sizes may change in mid-stream."""
        key = (picture.width, picture.height, round(picture.rotation / 90) % 4)
        if key not in self._displays:
            width, height, turns = key
            aspect = self._stream.sample_aspect_ratio
            if aspect and aspect != 1:
                width = max(1, round(width * aspect))
            if turns % 2:
                width, height = height, width
            self._displays[key] = Display(width, height, turns)
        return self._displays[key]

    def frames(self) -> Iterator[Frame]:
        """Every frame in presentation order; see :class:`fer_batch.video.source.Source`."""
        counts, base = self.counts, self._stream.time_base or Fraction(1, 1000)
        step = float(self.frame_duration)
        origin, last = self._stream.start_time, None
        for picture in self._pictures():
            pts = picture.pts
            if pts is not None and origin is None:
                origin = pts
            time_s = float((pts - origin) * base) if pts is not None and origin is not None else None
            if time_s is None or (last is not None and time_s <= last):
                time_s = 0.0 if last is None else last + step
                counts.repaired_times += 1
            last = time_s
            counts.damaged_frames += picture.is_corrupt
            counts.frames += 1
            yield Frame(counts.frames - 1, time_s, picture, self._display(picture))

    def _pictures(self) -> Iterator[av.VideoFrame]:
        """Decoded pictures; packets that cannot be read or decoded are counted and left out."""
        reached_s = 0.0
        for packet in self._packets():
            if packet.pts is not None and packet.time_base:
                reached_s = max(reached_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            # Not packet.stream_index: the packets that flush the decoders at the end all carry 0 there.
            if packet.stream.index != self._stream.index:
                continue
            try:
                pictures = packet.decode()
            except FFmpegError:
                self.counts.damaged_packets += 1
                continue
            for picture in pictures:
                assert isinstance(picture, av.VideoFrame)
                yield picture
        self._check_end(reached_s)

    def _packets(self) -> Iterator[Packet[Any]]:
        """Packets of the video, and of one audio stream too, since only together they show where a file ends."""
        streams = [self._stream, *self._container.streams.audio[:1]]
        errors = 0
        packets = self._container.demux(*streams)
        while errors < _MOST_READ_ERRORS:
            try:
                packet = next(packets, None)
            except FFmpegError:
                errors += 1
                self.counts.damaged_packets += 1
                packets = self._container.demux(*streams)
                continue
            if packet is None:
                return
            errors = 0
            yield packet
        self.counts.ended_early = f"{self._path}: cannot be read to its end; what could be read was analysed."

    def _check_end(self, reached_s: float) -> None:
        container = self._container
        if container.duration is None or not _HEADER_DURATIONS & set(container.format.name.split(",")):
            return
        start_s = (container.start_time or 0) / av.time_base
        expected_s = container.duration / av.time_base
        if reached_s - start_s < expected_s - _MISSING_END_S:
            self.counts.ended_early = (
                f"{self._path}: ends after {reached_s - start_s:.1f} s of {expected_s:.1f} s (truncated); "
                "what is there was analysed, copy the file again for the rest."
            )

    def close(self) -> None:
        """Releases the file."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _reason(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:1].lower() + text[1:]
