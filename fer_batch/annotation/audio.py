"""A recording's sound, handed out packet by packet along with its pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeAlias

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from fer_batch.annotation.encoder import PIPE_OFFSET_S, Encoder, nut_command
from fer_batch.annotation.encoder_stream import EncodePlan, nut_into
from fer_batch.types import Note
from fer_batch.video.container import open_input

_Packet: TypeAlias = "av.Packet[Any]"  # generic to type checkers alone

COPIED: Final = frozenset({"aac", "ac3", "flac", "mp3", "mp3float", "opus"})
"""Codecs that both an MP4 and the pipe to the encoder can hold: these reach the result bit by bit."""

_TAIL_S: Final = 10.0
"""Sound held back past the last picture, in seconds, until it is known whether pictures follow."""

_MOST_CHANNELS: Final = 8
"""Channels that the encoder takes."""

_PRIMING_S: Final = 0.1
"""Sound may begin this much before the picture without putting the picture off: encoders' priming, not content."""


@dataclass(frozen=True, slots=True)
class AudioCodecPlan:
    """How one stream of sound gets from the pipe into the result."""

    encoder: str
    """ffmpeg's name of the encoder; ``copy`` for none."""
    packet_s: Fraction | None
    """Seconds a copied packet lasts, where the codec makes all packets alike and the pipe does not say."""


class Soundtrack:
    """All audio streams of a recording within a range of its time, in the order of time.

    Damaged sound is left out; it never stops the pictures.
    """

    def __init__(
        self, source: Path, picture_start_s: float, start_s: float, end_s: float | None, *, copies: bool = True
    ) -> None:
        """Opens the recording.

        Args:
            source: the recording.
            picture_start_s: the video stream's start on the file's own clock, the zero of ``start_s`` and ``end_s``.
            start_s: where the range starts, seconds from the video stream's start.
            end_s: where it ends; None for the recording's end.
            copies: whether packets are copied where MP4 can hold them; else all are decoded and encoded anew.

        Raises:
            av.error.FFmpegError, OSError, ValueError: when it cannot be opened.
        """
        self.source = source
        self._container: InputContainer = open_input(source)
        self._origin_s = picture_start_s + start_s
        self._end_s = None if end_s is None else end_s - start_s
        self._from_start = start_s <= 0
        self._video = self._container.streams.best("video")
        self._channels = {
            stream.index: _Channel(stream, copies=copies)
            for stream in self._container.streams.audio
            if _has_decoder(stream)
        }
        self.is_cut = False
        """Whether the file could not be read to the end of its sound."""
        self._latest_picture_s = float("-inf")
        self._waiting: tuple[float, _Packet] | None = None
        self._packets = self._read()
        if self._channels and not self._from_start:
            self._container.seek(int(self._origin_s * 1_000_000), backward=True)

    @property
    def codings(self) -> list[AudioCodecPlan]:
        """One for each stream that the pipe will carry, in their order."""
        return [channel.coding for channel in self._channels.values()]

    def is_all_in(self, path: Path) -> bool:
        """Whether what was encoded has all of the sound that was handed out.

        Raises:
            OSError: when it has none.
        """
        with open_input(path) as written:
            counts = [stream.frames for stream in written.streams.audio]
        if not any(counts):
            raise OSError("none of it can be decoded")
        channels = list(self._channels.values())
        if self.is_cut or len(counts) < len(channels) or not all(counts):
            return False
        return all(one.is_whole(count) for one, count in zip(channels, counts, strict=True))

    @property
    def notes(self) -> list[Note]:
        """What of the sound is left out or changed."""
        shown, unknown = self.source, len(self._container.streams.audio) - len(self._channels)
        mixed = [channel.channels for channel in self._channels.values() if channel.is_mixed]
        notes = [
            Note(
                "sound_mixed_down",
                f"{shown}: its sound of {count} channels is mixed down to one in the annotated copy.",
            )
            for count in mixed
        ]
        if unknown:
            notes.append(omission_note(shown, "its codec is not known"))
        return notes

    @property
    def rates(self) -> list[int]:
        """Samples a second of each stream."""
        return [channel.rate for channel in self._channels.values()]

    def lead_s(self) -> float:
        """By how many seconds the sound starts before the picture: the picture has to start that much later."""
        if not (self._channels and self._from_start):
            return 0.0
        starts = [
            s.start_time * s.time_base
            for s in self._container.streams.audio
            if s.start_time is not None and s.time_base
        ]
        lead = self._origin_s - float(min(starts, default=Fraction(0))) if starts else 0.0
        return lead if lead > _PRIMING_S else 0.0

    def add_to(self, container: OutputContainer) -> None:
        """Gives the container one stream for each of the recording's."""
        for channel in self._channels.values():
            channel.add_to(container)

    def until(self, time_s: float, shift_s: float) -> Iterator[_Packet]:
        """The packets that start before ``time_s`` (seconds from the range's start) and were not handed out yet.

        ``shift_s`` is added to their times.
        """
        while (packet := self._take(time_s)) is not None:
            yield from self._channels[packet.stream.index].outgoing(packet, self._origin_s - shift_s)

    def rest(self, end_s: float, shift_s: float) -> Iterator[_Packet]:
        """What is left once the last picture, which is shown until ``end_s``, has been handed out.

        Sound that outlasts the pictures is kept to its end; where pictures would follow, because the range or the
        caller ended early, the sound ends with the last picture.
        """
        yield from self.until(end_s if self._end_s is None else min(end_s, self._end_s), shift_s)
        if self._end_s is not None:
            return
        tail: list[_Packet] = []
        while (packet := self._take(end_s + _TAIL_S)) is not None:
            tail.append(packet)
        if self._latest_picture_s > end_s:
            return
        for packet in tail:
            yield from self._channels[packet.stream.index].outgoing(packet, self._origin_s - shift_s)
        yield from self.until(float("inf"), shift_s)

    def close(self) -> None:
        """Closes the recording."""
        self._container.close()

    def _take(self, before_s: float) -> _Packet | None:
        """The next packet if it starts before that time."""
        if self._waiting is None:
            self._waiting = next(self._packets, None)
        if self._waiting is None or self._waiting[0] >= before_s:
            return None
        packet, self._waiting = self._waiting[1], None
        return packet

    def _read(self) -> Iterator[tuple[float, _Packet]]:
        """Audio packets of the range with their starts; takes note of the pictures that it passes."""
        streams: list[Stream] = [self._container.streams[i] for i in self._channels]
        if self._video is not None:
            streams.append(self._video)
        try:
            for packet in self._container.demux(streams):
                if packet.pts is None or packet.time_base is None or not packet.size:
                    continue
                start_s = float(packet.pts * packet.time_base) - self._origin_s
                duration_s = float((packet.duration or 0) * packet.time_base)
                if packet.stream.index not in self._channels:
                    # Its middle, so that rounding does not make the last picture handed out look like a further one.
                    self._latest_picture_s = max(self._latest_picture_s, start_s + duration_s / 2)
                elif start_s + duration_s > 0 or self._from_start:
                    yield start_s, packet
        except IndexError:  # at the end, where a stream began in mid-file
            return
        except av.error.FFmpegError:
            self.is_cut = True


def damaged(source: Path) -> Note:
    """The note about sound of which the annotated copy lacks a part."""
    return Note("sound_damaged", f"{source}: a part of its sound is damaged and is left out of the annotated copy.")


def omission_note(source: Path, reason: str) -> Note:
    """The note about sound that the annotated copy lacks."""
    return Note("sound_left_out", f"{source}: sound is left out of the annotated copy ({reason}).")


def _has_decoder(stream: AudioStream) -> bool:
    """Whether there is a decoder and the header says how the samples are meant; an unknown codec has no context."""
    context = stream.codec_context
    return context is not None and context.rate > 0 and context.layout.nb_channels > 0


class _Channel:
    """One audio stream on its way from the recording into the pipe, copied or as PCM for the encoder."""

    def __init__(self, stream: AudioStream, *, copies: bool) -> None:
        self._stream = stream
        name = stream.codec_context.name
        self.channels = stream.codec_context.layout.nb_channels
        self.is_mixed = self.channels > _MOST_CHANNELS
        self._copied = copies and not self.is_mixed and name in COPIED and stream.codec.canonical_name != "eac3"
        encoder = "copy" if self._copied else ("alac" if name == "alac" else "aac")
        samples, rate = stream.codec_context.frame_size, stream.codec_context.rate
        self.rate = rate
        self.coding = AudioCodecPlan(encoder, Fraction(samples, rate) if self._copied and samples > 1 else None)
        self._handed_out = self._undelivered = 0
        self._resampler: AudioResampler | None = None
        self._last_dts: int | None = None
        self._out: AudioStream

    def add_to(self, container: OutputContainer) -> None:
        if self._copied:
            self._out = container.add_stream_from_template(self._stream)
            return
        context = self._stream.codec_context
        layout = "mono" if self.is_mixed else context.layout.name
        self._out = container.add_stream("pcm_s32le", rate=context.rate, layout=layout)
        self._resampler = AudioResampler("s32", context.layout.name, context.rate)

    def outgoing(self, packet: _Packet, minus_s: float) -> Iterator[_Packet]:
        """The packet as the pipe takes it, its time less ``minus_s``."""
        for out in [packet] if self._resampler is None else self._decoded(packet, self._resampler):
            base = out.time_base
            if base is None or out.pts is None:
                continue
            ticks = round(minus_s / base)
            out.pts -= ticks
            out.dts = out.pts if out.dts is None else out.dts - ticks
            if self._last_dts is not None and out.dts <= self._last_dts:
                continue
            self._last_dts = out.dts
            out.stream = self._out
            self._handed_out += 1
            yield out

    def is_whole(self, packets: int) -> bool:
        """Whether nothing was lost, when the result has so many packets."""
        return not self._undelivered and (not self._copied or packets >= self._handed_out)

    def _decoded(self, packet: _Packet, resampler: AudioResampler) -> Iterator[_Packet]:
        try:
            frames = [out for frame in packet.decode() for out in resampler.resample(frame)]  # type: ignore[arg-type]
        except (av.error.FFmpegError, ValueError):
            self._undelivered += 1
            return
        for frame in frames:
            samples = frame.to_ndarray()
            if self.is_mixed:
                # The mean of all: FFmpeg mixes only channels of which it knows where they are heard.
                samples = samples.reshape(-1, self.channels).mean(axis=1).astype(np.int32)
            pcm = av.Packet(np.ascontiguousarray(samples).tobytes())
            pcm.pts = pcm.dts = frame.pts
            pcm.duration = frame.samples
            pcm.time_base = Fraction(1, frame.sample_rate)
            if frame.pts is not None and frame.time_base is not None:
                pcm.pts = pcm.dts = round(frame.pts * frame.time_base * frame.sample_rate)
            yield pcm


def sound_command(path: Path, codings: list[AudioCodecPlan], rates: list[int]) -> list[str]:
    """The command line of an encoder of sound alone into an MP4, in which all times keep :data:`PIPE_OFFSET_S`.

    MP4 says where a stream begins in ticks of the file, so these are multiples of all sampling rates.
    """
    options: dict[str, Any] = {"map": "0", "format": "mp4", "movie_timescale": math.lcm(*rates)}
    for i, coding in enumerate(codings):
        options[f"c:a:{i}"] = coding.encoder
        if coding.encoder == "aac":
            options[f"b:a:{i}"] = "192k"
        if coding.packet_s:
            # Without it the last packet would last no time, and players would leave it out.
            options[f"bsf:a:{i}"] = f"setts=pts=PTS:dts=DTS:duration=round({coding.packet_s}/TB)"
    return nut_command(path, options)


def encode_sound(sound: Soundtrack, course: EncodePlan, path: Path) -> None:
    """Writes the sound of the range as it is to be in the result; all times keep :data:`PIPE_OFFSET_S`.

    Raises:
        OSError: when the encoder fails, with its reason.
    """
    child = Encoder(sound_command(path, sound.codings, sound.rates))
    try:
        nut = nut_into(child)
        sound.add_to(nut)
        for packet in sound.rest(course.end_s, course.lead_s + PIPE_OFFSET_S):
            if packet.pts is not None and packet.pts >= 0:
                nut.mux(packet)
        nut.close()
        child.stdin.close()
        if child.wait() != 0:
            raise OSError(child.reason())
    except av.error.FFmpegError as error:
        raise OSError(child.reason()) from error
    finally:
        child.kill()
