"""Video files of any container and codec that FFmpeg decodes, frame by frame with their own times."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from fer_batch.config import MAX_PIXELS
from fer_batch.errors import UnreadableMediaError
from fer_batch.utils.concurrency import Closeable
from fer_batch.utils.resources import limited_memory
from fer_batch.video.container import (
    average_rate,
    duration_s,
    frame_count,
    is_mirrored,
    limit_pixels,
    open_input,
    refused_by_size,
)
from fer_batch.video.frame import Display, Frame
from fer_batch.video.probe import Probe
from fer_batch.video.source import ReadCounts, SeekPoint, oversized, refuse_oversized
from fer_batch.video.timestamps import DecodeTimes, PresentationClock
from fer_batch.video.truncation import is_cut_short

_MOST_READ_ERRORS = 50
"""Consecutive failures to read a packet after which the rest of a file is given up."""
_MISSING_END_S, _WORTH_WHOLE = 1.0, 0.8
"""What a damaged but complete file may be short of its header's duration, and the share of its frames that it has."""
_APART = 16
"""Frames between key frames that are remembered, at least: where each frame is one, not all are needed."""
_PLACES = 16
"""Key frames that are remembered: 256 frames back at least, which is a quarter of a second at any rate."""
_INSIDE = 64
"""Packets that may be inside of a decoder at once, one or two for each thread (16 at most) and those of 16 frames that
wait for their turn: so far back a picture's own packet is looked for."""
_NO_RECORDINGS = frozenset({"adf", "avisynth", "bin", "concat", "dash", "hls", "idf", "imf", "sdp", "tty", "xbin"})
"""What FFmpeg would play too: text drawn as pictures, and lists that lead to other files."""
_STILL_BRANDS = frozenset({"avif", "heic", "heix", "mif1", "msf1"})
"""MP4 brands of photos, whose tiles FFmpeg would hand out as videos."""

_Keys: TypeAlias = deque[tuple[int | None, int | None, int | None]]
"""The last key frames' packets: pts and dts as they went into the decoder, position."""


class VideoFile(Closeable):
    """A video file.

    Args:
        path: the file.
        threads: decoder threads; 0 lets FFmpeg take one a core. With more than one, what is shown in place of damaged
            parts of a picture depends on their number and, in H.264, HEVC, MPEG-4 and VP9, on chance.
        max_pixels: larger pictures are refused before they are decoded.
        opening_bytes: memory that FFmpeg may take to find out what the file is, where its header claims many samples;
            for processes of our own, see :func:`fer_batch.utils.resources.limited_memory`.

    Raises:
        InputError: when the file is not media, holds no video or claims pictures that are too large.
    """

    def __init__(
        self, path: Path, threads: int = 1, max_pixels: int = MAX_PIXELS, opening_bytes: int | None = None
    ) -> None:
        self._path, self._opening_bytes = path, opening_bytes
        self._threads, self._max_pixels = threads, max_pixels
        self.counts = ReadCounts()
        self._displays: dict[tuple[int, int, int], Display] = {}
        self._container = self._open()
        try:
            self._refuse_other_kinds()
            self._stream = self._ready_stream()
            self._first = self._first_picture()
            self._mirrored = is_mirrored(self._first)
            self._display(self._first)
        except BaseException:
            self._container.close()
            raise
        self._has_begun = False
        self._refused_at = -1
        self._read_to = 0
        self._places: deque[SeekPoint] = deque(maxlen=_PLACES)
        self.probe = self._probe()

    def _open(self) -> InputContainer:
        bound = nullcontext() if self._opening_bytes is None else limited_memory(self._opening_bytes)
        try:
            with bound:
                return open_input(self._path, max_pixels=self._max_pixels)
        except (FFmpegError, ValueError) as error:
            if is_cut_short(self._path):
                problem = "is cut short and cannot be read without its end; copy it again from its origin"
            else:
                problem = f"cannot be read as a video ({_reason(error)}); it is damaged or not a video"
            raise UnreadableMediaError(self._path, problem) from error

    def _refuse_other_kinds(self) -> None:
        kinds = self._container.format.name.split(",")
        if not _NO_RECORDINGS.isdisjoint(kinds):
            raise UnreadableMediaError(self._path, "is not a video but a text or a list; give the recording itself")
        if self._container.metadata.get("major_brand", "").strip() in _STILL_BRANDS:
            raise UnreadableMediaError(
                self._path, "is a HEIC or AVIF photo, which cannot be read; convert it to JPEG first"
            )

    def _pick_stream(self) -> VideoStream:
        streams = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            what = "only audio" if self._container.streams.audio else "no video"
            raise UnreadableMediaError(self._path, f"holds {what}; give a file with a picture")
        stream = next((s for s in streams if s.disposition & Disposition.default), streams[0])
        if stream.codec_context is None:
            raise UnreadableMediaError(
                self._path, "no decoder for its video codec; convert it with ffmpeg to H.264 first"
            )
        return stream

    def _ready_stream(self) -> VideoStream:
        stream = self._pick_stream()
        refuse_oversized(self._path, stream.codec_context.width, stream.codec_context.height, self._max_pixels)
        limit_pixels(stream, self._max_pixels)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self._threads
        return stream

    def _first_picture(self) -> av.VideoFrame:
        """The first frame that decodes, read from a container of its own: only it tells rotation and true size."""
        with self._open() as container:
            stream = container.streams[self._stream.index]
            assert isinstance(stream, VideoStream)
            limit_pixels(stream, self._max_pixels)
            is_refused = False
            for packet in _readable(container, [stream], ReadCounts()):
                try:
                    for picture in packet.decode():
                        assert isinstance(picture, av.VideoFrame)
                        return picture
                except FFmpegError as error:
                    is_refused = is_refused or refused_by_size(stream, error, self._max_pixels)
        if is_refused:
            raise oversized(self._path, self._max_pixels)
        raise UnreadableMediaError(self._path, "not one frame of its video can be decoded; the file is damaged")

    def _probe(self) -> Probe:
        container, stream = self._container, self._stream
        display = self._display(self._first)
        rate, duration = average_rate(stream), duration_s(container, stream)
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
            frame_count(stream.frames, duration, rate),
            audio.codec_context.name if audio is not None and audio.codec_context is not None else None,
            self._path.stat().st_size,
        )

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    @property
    def frame_duration(self) -> Fraction:
        """How long a frame lasts by the stream's average rate; a 25th of a second when it has none."""
        rate = average_rate(self._stream)
        return 1 / Fraction(rate) if rate else Fraction(1, 25)

    @property
    def start_s(self) -> float:
        """When the video begins on the file's own clock, which players show; zero in every ``time_s``."""
        return float((self._stream.start_time or 0) * (self._stream.time_base or Fraction(0)))

    def glimpse(self, time_s: float) -> Frame | None:
        """The frame shown at a time, found by a jump to the key frame before; None where nothing can be decoded there.

        Its index is not known and 0. Not to be called while :meth:`frames` runs.
        """
        base, latest = self._stream.time_base or Fraction(1, 1000), None
        with self._open() as container, suppress(FFmpegError):
            stream = container.streams[self._stream.index]
            assert isinstance(stream, VideoStream)
            limit_pixels(stream, self._max_pixels)
            container.seek((self._stream.start_time or 0) + round(time_s / base), stream=stream)
            for picture in container.decode(stream):
                assert isinstance(picture, av.VideoFrame)
                shown_s = float((picture.pts or 0) * base) - self.start_s
                # Containers round times to their own units.
                if latest is not None and shown_s > time_s + float(base):
                    break
                latest = Frame(0, shown_s, picture, self._display(picture))
        return latest

    def _display(self, picture: av.VideoFrame) -> Display:
        """How this picture is shown; sizes may change in mid-stream."""
        turns = round(picture.rotation / 90) % 4
        # Faces are shown upright; left and right stay as they were recorded.
        key = (picture.width, picture.height, (2 - turns) % 4 if self._mirrored else turns)
        if key not in self._displays:
            width, height, turns = key
            display = Display.of(width, height, self._stream.sample_aspect_ratio, turns)
            # What a header says about the shape of pixels may make a small picture a huge one.
            self.counts.is_oversized = display.width * display.height > self._max_pixels
            refuse_oversized(self._path, display.width, display.height, self._max_pixels)
            self._displays[key] = display
        return self._displays[key]

    def frames(self, start: SeekPoint | None = None) -> Generator[Frame]:
        """Every frame in presentation order; see :class:`fer_batch.video.source.Source`."""
        self._begin(start)
        counts, stream = self.counts, self._stream
        clock = PresentationClock(stream.time_base or Fraction(1, 1000), stream.start_time, float(self.frame_duration))
        if start is not None:
            clock.set_state(start.clock)
        time_s = 0.0
        keys: _Keys = deque(maxlen=_INSIDE)
        for picture, pts in self._pictures(start, keys):
            if picture.key_frame:
                self._remember(picture, pts, keys, clock)
            time_s = clock.time_s(pts)
            counts.repaired_times = clock.repaired
            counts.damaged_frames += picture.is_corrupt
            display = self._display(picture)
            counts.frames += 1
            yield Frame(counts.frames - 1, time_s, picture, display)
        self._check_end(time_s)

    def _begin(self, start: SeekPoint | None) -> None:
        """Takes the file from its beginning, with everything counted as it was at the place."""
        if self._has_begun:
            self._container.close()
            self._container = self._open()
            self._stream = self._ready_stream()
        self._has_begun = True
        self._places.clear()
        counts, counts.ended_early = self.counts, None
        counts.frames, self._read_to, counts.faults = (0, 0, (0, 0, 0)) if start is None else start.counted
        counts.notes.clear()
        self._refused_at = -1

    def _remember(self, picture: av.VideoFrame, display_pts: int | None, keys: _Keys, clock: PresentationClock) -> None:
        """Takes note of a key frame that comes out next, if its packet has a place and the last one is not near."""
        counts = self.counts
        if self._places and counts.frames < self._places[-1].frame + _APART:
            return
        pts, dts, position = next((key for key in reversed(keys) if key[0] == picture.pts), (None, None, None))
        if pts is not None and dts is not None and position is not None and display_pts is not None:
            state = clock.get_state()
            self._places.append(
                SeekPoint(counts.frames, pts, dts, display_pts, position, self._read_to, state, counts.faults)
            )

    def places(self) -> Sequence[SeekPoint]:
        """Key frames since which there was no fault."""
        return [place for place in self._places if place.faults == self.counts.faults]

    def _pictures(self, start: SeekPoint | None, keys: _Keys) -> Iterator[tuple[av.VideoFrame, int | None]]:
        """Decoded pictures and their times; packets that cannot be read or decoded are counted and left out.

        Args:
            start: the first one; what comes out before it, built from frames that were not decoded, is left out.
            keys: gets each key frame's packet.
        """
        times = DecodeTimes() if self._is("avi") else None
        missing = 0
        for packet in self._packets() if start is None else self._packets_from(start):
            self._read_to = max(self._read_to, (packet.pos or 0) + packet.size)
            # Not packet.stream_index: the packets that flush the decoders at the end all carry 0 there.
            if packet.stream.index != self._stream.index:
                continue
            if times is not None and packet.dts is not None:
                times.send(packet.dts)
                packet.pts = packet.dts
            if packet.is_keyframe:
                keys.append((packet.pts, packet.dts, packet.pos))
            for picture in self._decoded(packet):
                assert isinstance(picture, av.VideoFrame)
                if start is not None:
                    if not picture.key_frame or picture.pts != start.pts:
                        missing += 1
                        if missing > _INSIDE:
                            return
                        continue
                    display_pts, start = start.display_pts, None
                    yield picture, picture.pts if times is None else times.take(display_pts, nothing_before=True)
                    continue
                yield picture, picture.pts if times is None else self._presentation_pts(picture, times)

    def _decoded(self, packet: Packet[Any]) -> Sequence[Any]:
        """A packet's pictures; none of one that is damaged, which is counted."""
        try:
            return packet.decode()
        except FFmpegError as error:
            if refused_by_size(self._stream, error, self._max_pixels):
                self._refused_at = self.counts.frames
            self.counts.damaged_packets += 1
            return []

    def _presentation_pts(self, picture: av.VideoFrame, times: DecodeTimes) -> int | None:
        if picture.pts is None:
            return None
        in_order = bool(picture.key_frame) or not self._stream.codec_context.has_b_frames
        return times.take(picture.pts, nothing_before=in_order)

    def _is(self, kind: str) -> bool:
        return kind in self._container.format.name.split(",")

    def _packets(self) -> Iterator[Packet[Any]]:
        """Packets of the video and of sound, since only together they show how much of a file was read."""
        streams = [self._stream, *self._container.streams.audio]
        if not (yield from _readable(self._container, streams, self.counts)):
            self.counts.ended_early = UnreadableMediaError(
                self._path, "cannot be read to its end; what could be read was analysed"
            )

    def _packets_from(self, start: SeekPoint) -> Iterator[Packet[Any]]:
        """The packets from a key frame's on; none when it is not where it was."""
        try:
            self._container.seek(start.dts, stream=self._stream)
        except FFmpegError:
            return
        has_picture = False
        for packet in self._packets():
            if not has_picture and packet.stream.index == self._stream.index and packet.pos is not None:
                if packet.pos > start.position:
                    return
                own = packet.dts if self._is("avi") else packet.pts
                has_picture = packet.pos == start.position and packet.is_keyframe and own == start.pts
            if has_picture:
                yield packet

    def _check_end(self, last_s: float) -> None:
        """Takes note of a missing end: by the file's structure, or because damage made the reader lose its way.

        The duration alone proves nothing: a last frame may be shown for long.
        """
        counts, probe = self.counts, self.probe
        if counts.ended_early is None and self._refused_at == counts.frames:
            # No picture came after the one that was refused.
            what = f"after {counts.frames} frames its pictures"
            counts.ended_early, counts.is_oversized = oversized(self._path, self._max_pixels, what), True
            return
        end_s = last_s + float(self.frame_duration)
        short_s = (probe.duration_s or 0.0) - end_s
        is_complete = probe.duration_s is not None and short_s < float(self.frame_duration) / 2
        if counts.ended_early is not None or (is_complete and counts.frames >= (probe.frames or 0)):
            return
        of = f"{end_s:.1f} s of {probe.duration_s:.1f} s" if short_s >= 0.05 else f"{end_s:.1f} s"
        if is_cut_short(self._path):
            counts.ended_early = UnreadableMediaError(
                self._path,
                f"is cut short after {of}; what is there was analysed, copy the file again for the rest",
            )
        elif short_s > _MISSING_END_S and 1 - self._read_to / probe.size_bytes > short_s / (short_s + end_s) / 2:
            counts.ended_early = UnreadableMediaError(
                self._path,
                f"is damaged and could be read only for {of}; "
                "what could be read was analysed, copy the file again for the rest",
            )
        elif counts.damaged_packets and counts.frames < _WORTH_WHOLE * (probe.frames or 0):
            counts.ended_early = UnreadableMediaError(
                self._path,
                f"is so damaged that only {counts.frames} of {probe.frames} frames can be decoded; "
                "these were analysed, copy the file again for the rest",
            )

    def close(self) -> None:
        """Releases the file."""
        self._container.close()


def _reason(error: BaseException) -> str:
    text = str(getattr(error, "strerror", None) or error)
    return text[:1].lower() + text[1:]


def _readable(
    container: InputContainer, streams: Sequence[Stream], counts: ReadCounts
) -> Generator[Packet[Any], None, bool]:
    """The packets that can be read; the others are counted. Returns whether the end was reached."""
    errors = 0
    packets = container.demux(*streams)
    while errors < _MOST_READ_ERRORS:
        try:
            packet = next(packets, None)
        except IndexError:
            # Everything was read: in the end PyAV flushes streams that began in mid-file, which it does not know.
            return True
        except FFmpegError:
            errors += 1
            counts.damaged_packets += 1
            packets = container.demux(*streams)
            continue
        if packet is None:
            return True
        errors = 0
        yield packet
    return False
