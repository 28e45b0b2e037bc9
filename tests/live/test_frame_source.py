"""Times of live sources, whatever the source's own clock does."""

from __future__ import annotations

import numpy as np
import pytest

from fer_batch.live.frame_source import LiveClock


def times(clock: LiveClock, own: list[float | None], arrived: list[float]) -> np.ndarray:
    found = np.array([clock.time_s(one, at) for one, at in zip(own, arrived, strict=True)])
    assert (np.diff(found) > 0).all()
    return found


def test_distances_are_the_cameras_own_whatever_the_network_does() -> None:
    rng = np.random.default_rng(1)
    own = np.arange(500) / 25
    arrived = own + 3 + rng.uniform(0, 0.2, 500)
    # The first second comes at once, and once nothing comes for two seconds.
    arrived[:25], arrived[200:250] = arrived[25], arrived[250]
    found = times(LiveClock(), (own + 7000).tolist(), arrived.tolist())
    np.testing.assert_allclose(np.diff(found), 1 / 25, rtol=0.011)


def test_a_clock_that_goes_wrong_is_held_to_this_machines() -> None:
    """A camera 0.1 % too slow: an hour and a half a two-month, seconds an hour."""
    arrived = np.arange(0, 7200, 0.2)
    for rate in (0.999, 1.001):
        found = times(LiveClock(), (arrived * rate).tolist(), arrived.tolist())
        assert np.abs(found - arrived).max() < 0.4


@pytest.mark.parametrize("after", [0.0, 1e6, None], ids=["set back", "set forward", "without times"])
def test_a_clock_that_is_set_goes_on(after: float | None) -> None:
    arrived = np.arange(100) / 10
    own = [5000 + at if at < 5 else None if after is None else after + at for at in arrived.tolist()]
    clock = LiveClock()
    found = times(clock, own, arrived.tolist())
    np.testing.assert_allclose(found, arrived, atol=0.05)
    assert clock.repaired == (1 if after is not None else 50)


def test_another_connection_goes_on_later() -> None:
    clock = LiveClock(begin_s=40.0)
    first = times(clock, [900.0, 900.1], [41.0, 41.1])
    clock.connect()
    second = times(clock, [3.0, 3.1], [50.0, 50.1])
    assert first.tolist() == pytest.approx([41.0, 41.1])
    assert second.tolist() == pytest.approx([50.0, 50.1])
    assert LiveClock(begin_s=40.0).time_s(1.0, 2.0) == pytest.approx(40.0)


def test_a_first_frame_without_a_time_is_a_frame_before_the_second() -> None:
    clock = LiveClock()
    clock.connect(1 / 15)
    found = times(clock, [None, 0.0, 1 / 15], [2.0, 2.0, 2.001])
    np.testing.assert_allclose(np.diff(found), 1 / 15, rtol=0.011)
