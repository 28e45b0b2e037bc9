"""Parts of an annotated video, encoded one after the other, made one file with sound; no picture is encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from fer_batch.annotation.encoder import PIPE_OFFSET_S
from fer_batch.annotation.encoder_stream import EncodePlan
from fer_batch.video.container import open_input

_Packet: TypeAlias = "av.Packet[Any]"  # generic to type checkers alone


def join_segments(parts: list[Path], course: EncodePlan, sound: Path | None, path: Path) -> None:
    """Writes the MP4 that one encoder would have written: every frame at its own tick, the index in front.

    Args:
        parts: MP4 files without gaps between them.
        course: what they have in common, and the tick at which each begins.
        sound: the sound of the whole range, as :func:`encode_sound` writes it.
        path: the file to write.

    Raises:
        OSError, av.error.FFmpegError: when a part cannot be read, does not go with the others, or a file cannot be
            written.
    """
    ticks = course.timing.ticks
    options = {"movflags": "+faststart", "video_track_timescale": str(ticks)}
    with av.open(str(path), "w", format="mp4", container_options=options) as container:
        with open_input(parts[0]) as first:
            stream = container.add_stream_from_template(first.streams.video[0])
            stream.time_base = Fraction(1, ticks)
            header = first.streams.video[0].codec_context.extradata
        heard: Iterator[_Packet] = iter(()) if sound is None else _heard(container, sound)
        waiting = next(heard, None)
        for packet in _pictures(parts, course, header):
            # A little ahead of its picture, as players like it; the muxer sorts what is near.
            while waiting is not None and _starts_s(waiting) <= _starts_s(packet):
                container.mux(waiting)
                waiting = next(heard, None)
            packet.stream = stream
            container.mux(packet)
        while waiting is not None:
            container.mux(waiting)
            waiting = next(heard, None)


def _starts_s(packet: _Packet) -> Fraction:
    assert packet.dts is not None
    assert packet.time_base is not None
    return packet.dts * packet.time_base


def _pictures(parts: list[Path], course: EncodePlan, header: bytes | None) -> Iterator[_Packet]:
    """The encoded pictures of all parts, on the ticks of the whole.

    x264 gives the first pictures of a part decoding times before the part's own first frame, by as many frames as it
    reorders. Where frames follow each other faster before the cut than behind it, these would run backwards; moved up
    by single ticks they stay before the part's first frame, since as many ticks at least lie between.
    """
    last: int | None = None
    for part, tick in zip(parts, course.firsts, strict=True):
        with open_input(part) as container:
            stream = container.streams.video[0]
            if stream.codec_context.extradata != header:
                raise OSError(f"{part}: encoded otherwise than the parts before it")
            offset: int | None = None
            for packet in container.demux(stream):
                if packet.pts is None or packet.dts is None or not packet.size:
                    continue
                # The first one in a part is its first picture. Its own time may have been rounded by the part's header.
                offset = tick - packet.pts if offset is None else offset
                dts = packet.dts + offset
                packet.pts += offset
                packet.dts = dts if last is None else max(dts, last + 1)
                last = packet.dts
                packet.duration = course.timing.last
                yield packet


def _heard(container: OutputContainer, path: Path) -> Iterator[_Packet]:
    """Gives the container its streams of sound at once; then gives their packets."""
    source = open_input(path)
    try:
        # A stream without a packet would be none in the result.
        streams = {one.index: container.add_stream_from_template(one) for one in source.streams.audio if one.frames}
    except BaseException:
        source.close()
        raise
    return _packets(source, streams)


def _packets(source: InputContainer, streams: dict[int, AudioStream]) -> Iterator[_Packet]:
    with source:
        for packet in source.demux([source.streams[index] for index in streams]):
            if packet.pts is None or packet.time_base is None or not packet.size:
                continue
            packet.pts -= round(PIPE_OFFSET_S / packet.time_base)
            packet.dts = packet.pts
            packet.stream = streams[packet.stream.index]
            yield packet
