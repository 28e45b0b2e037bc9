"""A camera's process for tests: plays a file at its own speed through the engine, or misbehaves as its options say."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from fer_batch.errors import FerBatchError, InputError, ModelError
from fer_batch.live.events import Connected, Counts, FrameAnalyzed, Interrupted, Tell, Written
from fer_batch.live.options import LiveJob
from fer_batch.live.preview.encoder import Pictures
from fer_batch.live.worker import serve


def watch(job: LiveJob, stop: Event, tell: Tell, pictures: Pictures) -> None:
    if job.options.get("was_there"):
        tell(Written(0), Counts(connections=1))
    if job.options.get("refuses"):
        raise InputError(f"{job.address.secret}: refused; check user and password.")
    if job.options.get("mistaken"):
        raise ModelError("none.onnx: no such model file; check the path.")
    if job.options.get("breaks"):
        raise ValueError(f"cannot open {job.address.secret}")
    counts = Counts(connections=1)
    if job.options.get("gives_up"):
        tell(Interrupted(datetime.now(UTC), 0.0, FerBatchError("The camera is off."), None), counts)
        return
    if job.options.get("idles"):
        tell(Written(1), counts)
        stop.wait(job.options["idles"])
        return
    # The others need not wait for these.
    from fer_batch.config import Selection, Settings
    from fer_batch.pipeline.engine import Engine
    from fer_batch.video.open import open_source

    path = Path(job.options["plays"])
    with Engine(Settings(detector="short", persons=False), job.threads) as engine, open_source(path) as source:
        began = time.monotonic()
        tell(Connected(datetime.now(UTC), 0.0, source.probe), counts)
        for _, observation in engine.observe(source, Selection(fps=job.options.get("fps")), stop=stop):
            assert observation is not None
            due = began + observation.time_s
            stop.wait(max(0.0, due - time.monotonic()))
            observation.captured_at = datetime.now(UTC)
            counts.arrived = source.counts.frames
            counts.analysed += 1
            tell(FrameAnalyzed(observation, 0.01), counts)
            if pictures.wanted:
                pictures.show(b"\xff\xd8 a picture")
    # What was analysed is written.
    if job.options.get("ends_at"):
        Path(job.options["ends_at"]).write_text(str(os.getpid()))
    tell(Written(1), counts)


def main() -> None:
    serve(watch)
