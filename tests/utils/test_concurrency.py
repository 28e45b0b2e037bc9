"""Any number of threads gives the same values in order; what goes wrong in one of them comes out, and nothing hangs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread, current_thread
from threading import enumerate as living

import cv2
import numpy as np
import pytest
from helpers.clips import ffmpeg
from helpers.paths import ASTRONAUT, EXAMPLE
from helpers.people import picture

from fer_batch.config import Selection, Settings
from fer_batch.detection.finder import FirstLook
from fer_batch.pipeline.engine import Engine
from fer_batch.types import Faces
from fer_batch.utils.concurrency import ordered_map
from fer_batch.video.frame import Frame
from fer_batch.video.open import open_source

PATIENCE_S = 20


def within(work: Callable[[], None]) -> None:
    """Does it in a thread of its own, for what hangs cannot be told from what is slow."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def unevenly(item: int) -> int:
    """Some items take longer than others that come later."""
    time.sleep(0.004 if item % 3 == 0 else 0.0)
    return item * item


def test_results_come_in_the_order_of_their_items() -> None:
    def work() -> None:
        made = ordered_map(iter(range(100)), [unevenly] * 3, 8, "test")
        assert list(made) == [item * item for item in range(100)]
        made.close()

    within(work)


def test_no_more_items_are_drawn_than_may_wait() -> None:
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            drawn.append(item)
            yield item

    def work() -> None:
        made = ordered_map(items(), [unevenly] * 3, 5, "test")
        for given in range(20):
            next(made)
            time.sleep(0.005)
            assert len(drawn) <= given + 1 + 5
        made.close()
        assert len(drawn) <= 20 + 5

    within(work)


@pytest.mark.parametrize("at_fault", ["items", "function"])
def test_an_error_comes_out_after_what_was_before_it(at_fault: str) -> None:
    def items() -> Iterator[int]:
        for item in range(100):
            if item == 30 and at_fault == "items":
                raise OSError("at 30")
            yield item

    def function(item: int) -> int:
        if item == 30 and at_fault == "function":
            raise OSError("at 30")
        return unevenly(item)

    def work() -> None:
        made, seen = ordered_map(items(), [function] * 3, 8, "test"), list[int]()
        with pytest.raises(OSError, match="at 30"):
            seen.extend(iter(lambda: next(made), None))
        made.close()
        assert list(made) == []

    within(work)


def test_closing_early_waits_only_for_what_is_in_hand() -> None:
    def slowly(item: int) -> int:
        time.sleep(0.1)
        return item

    def work() -> None:
        made = ordered_map(iter(int, 1), [slowly] * 3, 4, "endless")
        next(made)
        made.close()
        assert not [thread.name for thread in living() if thread.name.startswith("endless")]
        made.close()
        assert list(made) == []

    within(work)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four of the example's moments beside one another, each small."""
    path = tmp_path_factory.mktemp("several") / "several.mp4"
    moments = [option for second in (1, 4, 9, 13) for option in ("-ss", str(second), "-t", "2", "-i", EXAMPLE)]
    grid = "xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0"
    ffmpeg(*moments, "-filter_complex", grid, "-an", "-c:v", "libx264", "-preset", "ultrafast", path)
    return path


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of many, which is looked at in tiles."""
    path = tmp_path_factory.mktemp("group") / "group.png"
    one = cv2.resize(picture(ASTRONAUT), (256, 256), interpolation=cv2.INTER_AREA)
    rows = [np.hstack([np.roll(one, 9 * (row + column), 1) for column in range(6)]) for row in range(4)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    return path


def values(path: Path, threads: int, end_s: float | None = None) -> list[tuple[int, float, tuple[bytes, ...]]]:
    """All that an analysis gives, to the bit."""
    found = []
    with open_source(path) as source, Engine(Settings(), threads) as engine:
        for _, seen in engine.observe(source, Selection(end_s=end_s)):
            assert seen is not None
            faces = seen.detected
            arrays = faces.boxes, faces.keypoints, faces.scores, faces.tracks, faces.interpolated
            all_arrays = *arrays, seen.probabilities, seen.poses, seen.sharpness
            found.append((seen.frame, seen.time_s, tuple(array.tobytes() for array in all_arrays)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("recording", ["example", "several", "group"])
def test_any_number_of_threads_gives_the_same_values(
    recording: str, several: Path, group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = {"example": EXAMPLE, "several": several, "group": group}[recording]
    look, lookers = FirstLook.look, set[str]()

    def noted(self: FirstLook, frame: Frame) -> Faces:
        lookers.add(current_thread().name)
        return look(self, frame)

    monkeypatch.setattr(FirstLook, "look", noted)
    alone = values(path, 1, 8.0)
    assert lookers == {"fer-batch follow"}
    assert any(len(faces[0]) > 16 for _, _, faces in alone) == (recording != "example")
    for threads in (2, 3):
        lookers.clear()
        assert values(path, threads, 8.0) == alone
        assert lookers
        assert all(name.startswith("fer-batch look") for name in lookers)


def test_an_error_of_a_detector_ends_the_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    look = FirstLook.look

    def failing(self: FirstLook, frame: Frame) -> Faces:
        if frame.index == 40:
            raise RuntimeError("the detector failed")
        return look(self, frame)

    monkeypatch.setattr(FirstLook, "look", failing)

    def work() -> None:
        with pytest.raises(RuntimeError, match="the detector failed"):
            values(EXAMPLE, 3)

    within(work)


def test_an_analysis_that_is_broken_off_leaves_no_thread_behind() -> None:
    def work() -> None:
        with open_source(EXAMPLE) as source, Engine(Settings(), 3) as engine:
            observations = engine.observe(source, Selection())
            next(observations)
            observations.close()

    within(work)
    assert not [thread.name for thread in living() if thread.name.startswith("fer-batch")]
