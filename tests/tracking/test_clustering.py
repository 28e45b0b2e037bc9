"""Tracks of one person get one number, and two people seen together never do."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Mapping
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import ffmpeg
from helpers.paths import ASTRONAUT, EXAMPLE
from helpers.people import astronaut, woman
from numpy.typing import NDArray

import fer_batch
from fer_batch.detection.mediapipe_tasks import MediaPipeDetector
from fer_batch.faces.embedding import FaceEmbedder
from fer_batch.tracking.clustering import Persons

Embedding = NDArray[np.float32]


def at(*place: float) -> Embedding:
    """An embedding at a place on the first axes."""
    embedding = np.zeros(128, np.float32)
    embedding[: len(place)] = place
    return embedding


def persons(tracks: Mapping[int, Iterable[Embedding]], together: Iterable[tuple[int, ...]] = ()) -> Persons:
    """Told of tracks with their embeddings, each alone in view unless seen together with others."""
    joined = Persons()
    for track, embeddings in tracks.items():
        joined.see(np.array([track], np.int32))
        for embedding in embeddings:
            joined.add(track, embedding)
    for shown in together:
        joined.see(np.array(shown, np.int32))
    return joined


@pytest.fixture(name="faces", scope="module")
def embeddings_of_two_people() -> dict[str, list[Embedding]]:
    embedder = FaceEmbedder()
    with MediaPipeDetector() as detector:
        found = {
            "crying": woman(detector, 0.5, 2.0, 7.0),
            "laughing": woman(detector, 12.0, 14.0, 17.0),
            "astronaut": [astronaut(detector)],
        }
    given = {name: [embedder.embed(*face) for face in some] for name, some in found.items()}
    return {name: [one for one in some if one is not None] for name, some in given.items()}


def test_one_woman_in_tears_and_laughing_is_one_person_and_another_woman_is_not(
    faces: dict[str, list[Embedding]],
) -> None:
    joined = persons({1: faces["crying"], 2: faces["astronaut"], 3: faces["laughing"], 4: faces["astronaut"]})
    assert joined.numbers() == {1: 1, 2: 2, 3: 1, 4: 2}


def test_tracks_in_one_frame_are_never_one_person_however_alike(faces: dict[str, list[Embedding]]) -> None:
    same = faces["crying"]
    assert persons({1: same, 2: same}).numbers() == {1: 1, 2: 1}
    assert persons({1: same, 2: same}, [(1, 2)]).numbers() == {1: 1, 2: 2}
    # Nor by way of a third, which is as much the one as the other.
    third = persons({1: same, 2: same, 3: same}, [(1, 2)]).numbers()
    assert third[1] != third[2]
    assert third[3] in {third[1], third[2]}
    # Once is enough, however often each is seen alone afterwards.
    again = persons({1: same, 2: same}, [(1, 2), (1,), (2,), (1,)])
    again.add(1, same[0])
    assert again.numbers() == {1: 1, 2: 2}


def test_numbers_go_by_first_tracks_and_a_track_without_a_look_is_its_own_person() -> None:
    far, near = at(1.0), at(0.0)
    joined = persons({7: [near], 2: [far], 5: [], 9: [far], 12: [], 11: [near]})
    assert joined.numbers() == {2: 1, 5: 2, 7: 3, 9: 1, 11: 3, 12: 4}
    assert Persons().numbers() == {}


def test_no_order_of_tracks_or_calls_changes_who_is_who() -> None:
    random = np.random.default_rng(4)
    people = random.normal(0, 0.06, (5, 128)).astype(np.float32)
    looks = {track: people[track % 5] + random.normal(0, 0.02, (3, 128)).astype(np.float32) for track in range(1, 21)}
    expected = persons({track: looks[track] for track in looks}, [(1, 6), (3, 4)]).numbers()
    assert len(set(expected.values())) == 6
    for order in (list(looks)[::-1], random.permutation(list(looks)).tolist()):
        other = Persons()
        for seen in ((4, 3), (6, 1)):
            other.see(np.array(seen, np.int32))
        for track in order:
            for embedding in looks[track][::-1]:
                other.add(track, embedding)
        assert other.numbers() == expected
        # Asking changes nothing.
        assert other.numbers() == expected


def test_faces_between_two_people_do_not_chain_them_into_one() -> None:
    """Each is within reach of the next, the first and the last are as far apart as strangers."""
    row = {track: [at(0.3 * track)] for track in range(1, 6)}
    numbers = persons(row).numbers()
    assert numbers[1] == numbers[2]
    assert numbers[1] != numbers[5]


def test_the_larger_group_decides_by_its_average() -> None:
    """A third track within reach of one of two, and too far from both on average, stays apart."""
    for names in permutations((1, 2, 3)):
        a, b, c = names
        numbers = persons({a: [at(0.0)], b: [at(0.3)], c: [at(0.7)]}).numbers()
        assert numbers[a] == numbers[b] != numbers[c]


@pytest.mark.slow
def test_thousands_of_tracks_are_joined_in_bounded_memory() -> None:
    random = np.random.default_rng(1)
    people = random.normal(0, 0.1, (60, 128)).astype(np.float32)
    joined, count = Persons(), 4000
    tracemalloc.start()
    for track in range(1, count + 1):
        # Two at a time, and now and then somebody without an embedding, as small faces are.
        joined.see(np.array([track, max(1, track - 1)], np.int32))
        if track % 10:
            joined.add(track, people[track % 60] + random.normal(0, 0.01, 128).astype(np.float32))
    numbers = joined.numbers()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20
    assert sorted(numbers) == list(range(1, count + 1))
    assert all(numbers[track] != numbers[track - 1] for track in numbers if track > 1)
    known = [track for track in numbers if track % 10]
    assert len({numbers[track] for track in known}) == len({track % 60 for track in known})
    assert all(numbers[track] == numbers[(track - 1) % 60 + 1] for track in known)


def test_a_track_that_comes_back_after_thousands_of_others_keeps_its_number() -> None:
    random = np.random.default_rng(2)
    joined = Persons()
    for track in range(1, 2501):
        joined.see(np.array([track], np.int32))
        joined.add(track, random.normal(0, 0.1, 128).astype(np.float32))
    joined.see(np.array([1, 2500], np.int32))
    joined.add(1, at(1.0))
    assert joined.numbers() == {track: track for track in range(1, 2501)}


def test_more_faces_in_one_frame_than_are_compared_at_once_are_all_told_apart() -> None:
    joined = Persons()
    crowd = np.arange(1, 1501, dtype=np.int32)
    joined.see(crowd)
    for track in crowd.tolist():
        joined.add(track, at(0.0))
    assert joined.numbers() == {track: track for track in crowd.tolist()}


@pytest.mark.slow
def test_a_recording_that_cuts_between_two_people_has_two_persons(tmp_path: Path) -> None:
    """The woman in tears, the astronaut, the woman laughing: more tracks than people."""
    shots = (
        ["-t", "3", "-i", str(EXAMPLE)],
        ["-loop", "1", "-t", "3", "-i", str(ASTRONAUT)],
        ["-ss", "13", "-t", "3", "-i", str(EXAMPLE)],
    )
    alike = "scale=640:360:force_original_aspect_ratio=decrease,pad=640:360:-1:-1,setsar=1,fps=12,format=yuv420p"
    chains = "".join(f"[{i}:v]{alike}[v{i}];" for i in range(3))
    ffmpeg(*shots[0], *shots[1], *shots[2], "-filter_complex", f"{chains}[v0][v1][v2]concat=n=3", tmp_path / "cuts.mp4")
    fer_batch.analyze(tmp_path / "cuts.mp4", output=tmp_path / "out")
    tracks = fer_batch.tracks(tmp_path / "out")
    first, second, last = (
        set(tracks.person[(tracks.first_time_s < at) & (tracks.last_time_s > at)]) for at in (1.5, 4.5, 7.5)
    )
    assert first == last == {1}
    assert second == {2}
    unasked = fer_batch.analyze(tmp_path / "cuts.mp4", output=tmp_path / "plain", persons=False)
    assert len(unasked)
    assert fer_batch.tracks(tmp_path / "plain").person.isna().all()
