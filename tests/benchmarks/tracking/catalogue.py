"""The scenes by name: what each is there to show about detection and tracking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from benchmarks.tracking.backgrounds import background
from benchmarks.tracking.composition import Layer, Scene, Shot, background_size
from benchmarks.tracking.cutouts import Cutout, thing
from benchmarks.tracking.motion import Path, still, swaying, through, wandering, while_
from benchmarks.tracking.photographs import LIBRARY_PICTURES, Picture, library_picture, library_pictures
from benchmarks.tracking.textures import DETAILED

SIZE = (640, 360)
"""Of every scene; places and heights below are in its pixels."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scene is made with."""

    people: Sequence[Cutout]
    rng: np.random.Generator
    """Decides on all that is not said."""

    def backdrop(self, name: str) -> Picture:
        """A background by its name; see ``benchmarks.tracking.backgrounds``."""
        return background(name, background_size(SIZE), self.rng)

    def person(self, number: int, path: Path) -> Layer:
        """Somebody on a path, never quite still."""
        return Layer(self.people[number], swaying(path, self.rng))

    def board(self, width: int, height: int, path: Path) -> Layer:
        """A painted board, its height the path's; without any pattern that a detector could take for a face."""
        shade = np.linspace(200, 165, width)[None, :, None] * np.array([1.0, 0.98, 0.93])
        paint = np.clip(shade + self.rng.normal(0, 2, (height, 1, 1)), 0, 255).astype(np.uint8)
        return Layer(thing(paint), path, is_face=False)

    def scene(self, seconds: float, *shots: Shot, **more: Any) -> Scene:
        """A scene whose name, group, frame rate and seed are filled in later."""
        return Scene("", "", SIZE, 0.0, seconds, shots, **more)


Make = Callable[[Stage], Scene]


@dataclass(frozen=True, slots=True)
class Entry:
    """A scene of the catalogue."""

    name: str
    group: str
    make: Make
    people: int
    """Different ones that it needs; given more, some take more."""
    rates: tuple[float, ...]
    """Frames a second at which it is shown, one scene each."""
    picture: str | None = None
    """One of ``LIBRARY_PICTURES`` that it needs."""

    def can_be_made(self, people: int) -> bool:
        """Whether people and pictures suffice."""
        return self.people <= people and (self.picture is None or self.picture in library_pictures())


def passing(stage: Stage) -> Scene:
    """Two faces of one size walk past each other, one before the other."""
    y = stage.rng.uniform(165, 195)
    back = stage.person(0, through((0, 110, y, 170), (4, 530, y, 170)))
    front = stage.person(1, through((0, 530, y + 6, 170), (4, 110, y + 6, 170)))
    return stage.scene(4, Shot(stage.backdrop("wood"), (back, front)))


def crossing_speeds(stage: Stage) -> Scene:
    """One stands almost, another hurries past in front, comes back behind."""
    y = stage.rng.uniform(165, 195)
    slow = through((0, 300, y, 170), (4, 340, y, 170))
    fast = through((0, 80, y, 165), (0.3, 80, y, 165), (1.7, 560, y, 165), (2.2, 560, y, 165), (3.8, 80, y, 165))
    people = [
        stage.person(1, while_(fast, 2, 9)),
        stage.person(0, slow),
        stage.person(1, while_(fast, 0, 2)),
    ]
    return stage.scene(4, Shot(stage.backdrop("studio"), tuple(people)))


def overtaking(stage: Stage) -> Scene:
    """Both walk the same way, the one behind is faster and passes before the other."""
    y = stage.rng.uniform(165, 195)
    slow = stage.person(0, through((0, 250, y, 165), (3.4, 360, y, 165)))
    fast = stage.person(1, through((0, 75, y, 170), (3.4, 570, y, 170)))
    return stage.scene(3.4, Shot(stage.backdrop("bricks"), (slow, fast)))


def meeting(stage: Stage) -> Scene:
    """They come together until one hides the other, stop, and each goes back where it came from."""
    y = stage.rng.uniform(165, 195)
    back = stage.person(0, through((0, 120, y, 170), (1.5, 310, y, 170), (2.2, 310, y, 170), (3.7, 120, y, 170)))
    front = stage.person(1, through((0, 520, y, 170), (1.5, 335, y, 170), (2.2, 335, y, 170), (3.7, 520, y, 170)))
    return stage.scene(4, Shot(stage.backdrop("wood"), (back, front)))


def hidden(seconds: float) -> Make:
    """A board comes before a face that stays where it is, and goes again."""

    def make(stage: Stage) -> Scene:
        face = stage.person(0, still(320, 180, 170))
        # The board is wider than the face by what it moves while the face is wholly hidden.
        speed = 1000.0
        width = 127 + round(speed * min(seconds, 0.2))
        stop = max(0.0, seconds - 0.2)
        begin, end = 320 - 520, 320 + 520
        reach = 520 / speed
        board = through(
            (0.9, begin, 180, 300), (0.9 + reach, 320, 180, 300), (0.9 + reach + stop, 320, 180, 300),
            (0.9 + 2 * reach + stop, end, 180, 300),
        )  # fmt: skip
        layers = (face, stage.board(width, 300, board))
        return stage.scene(seconds + 3.4, Shot(stage.backdrop("studio"), layers))

    return make


def behind(seconds: float) -> Make:
    """A face walks behind a pillar and comes out on the other side; for this time less than 70 % of it is visible."""

    def make(stage: Stage) -> Scene:
        speed, lead_s = (260.0, 1.0) if seconds < 2 else (100.0, 1.6)
        # The pillar hides 30 % of the face from when its edge is that far into it.
        width = round(speed * seconds - 0.4 * 127)
        walk = _line(320 - speed * (seconds / 2 + lead_s), speed, 180, 170)
        layers = (stage.person(0, walk), stage.board(width, 360, still(320, 180, 360)))
        return stage.scene(seconds + 2 * lead_s, Shot(stage.backdrop("bricks"), layers))

    return make


def leaving(stage: Stage) -> Scene:
    """One leaves the picture and comes back on the same side after two seconds; another one stays."""
    way = through((0, 190, 190, 160), (1.2, -90, 190, 160), (3.2, -90, 190, 160), (4.4, 190, 190, 160))
    layers = (stage.person(0, way), stage.person(1, still(460, 175, 160)))
    return stage.scene(5, Shot(stage.backdrop("studio"), layers))


def replaced(stage: Stage) -> Scene:
    """One leaves the picture, and half a second later another one comes in at the same place."""
    out = through((0, 220, 185, 160), (1.2, -90, 185, 160))
    into = through((1.4, -90, 185, 160), (2.6, 220, 185, 160))
    layers = (stage.person(0, while_(out, 0, 1.3)), stage.person(1, while_(into, 1.3, 99)))
    return stage.scene(3.6, Shot(stage.backdrop("wood"), layers))


def cut_elsewhere(stage: Stage) -> Scene:
    """A hard cut to another person in another setting, at another place of the picture."""
    first = Shot(stage.backdrop("wood"), (stage.person(0, still(190, 175, 170)),), 0, 1.6)
    second = Shot(stage.backdrop("studio"), (stage.person(1, still(450, 190, 165)),), 1.6)
    return stage.scene(3.2, first, second)


def cut_same_place(stage: Stage) -> Scene:
    """A hard cut to another person at the very place, before another background."""
    first = Shot(stage.backdrop("wood"), (stage.person(0, still(320, 180, 170)),), 0, 1.6)
    second = Shot(stage.backdrop("studio"), (stage.person(1, still(325, 178, 170)),), 1.6)
    return stage.scene(3.2, first, second)


def cut_back(stage: Stage) -> Scene:
    """A conversation: cut to another person at the same place, and back, and there again."""
    people = [stage.person(number, still(320, 180, 170)) for number in (0, 1)]
    backdrops = [stage.backdrop("shelves"), stage.backdrop("studio")]
    shots = [
        Shot(backdrops[number % 2], (people[number % 2],), number * 1.3, number * 1.3 + 1.3) for number in range(4)
    ]
    return stage.scene(5.2, *shots)


def cut_two(stage: Stage) -> Scene:
    """Two people talk; the cut shows them from the other side, so that they change places."""
    left, right = still(190, 180, 165), still(450, 180, 165)
    first = Shot(stage.backdrop("wood"), (stage.person(0, left), stage.person(1, right)), 0, 1.8)
    second = Shot(stage.backdrop("noise"), (stage.person(1, left), stage.person(0, right)), 1.8)
    return stage.scene(3.6, first, second)


def dissolve(stage: Stage) -> Scene:
    """One setting becomes another within a second: nothing changes at once."""
    first = Shot(stage.backdrop("wood"), (stage.person(0, still(210, 175, 170)),), 0, 2.5)
    second = Shot(stage.backdrop("studio"), (stage.person(1, still(430, 185, 170)),), 1.5)
    return stage.scene(4, first, second)


def flash(stage: Stage) -> Scene:
    """Photographers flash: two or three white frames, after which all is as it was."""
    layers = (stage.person(0, still(200, 180, 165)), stage.person(1, still(440, 175, 165)))
    return stage.scene(3, Shot(stage.backdrop("studio"), layers), flashes=((0.8, 0.9), (1.8, 1.88)))


def scale(stage: Stage) -> Scene:
    """A face comes from far off until it fills the picture, and goes back."""
    way = through((0, 250, 150, 50), (2.6, 330, 190, 365), (3.4, 330, 190, 365), (6, 400, 150, 50))
    return stage.scene(6, Shot(stage.backdrop("wood"), (stage.person(0, way),)))


def crowd(stage: Stage) -> Scene:
    """Six people move about, before and behind each other."""
    # Two rows of three, each with room to change places with its neighbours; the lower row is nearer.
    rows = [((x - 130, x + 130), y) for y in (110, 240) for x in (190, 320, 450)]
    layers = [
        stage.person(number, wandering(x, (y - 25, y + 25), (115, 150), stage.rng))
        for number, (x, y) in enumerate(rows)
    ]
    return stage.scene(8, Shot(stage.backdrop("studio"), tuple(layers)))


def shaken(stage: Stage) -> Scene:
    """Two people and a third passing, seen by a hand that shakes."""
    layers = (
        stage.person(0, still(230, 180, 165)),
        stage.person(1, through((0, 600, 185, 165), (4, 80, 185, 165))),
    )
    return stage.scene(4, Shot(stage.backdrop("shelves"), layers), shake=22)


def small(low: float, high: float, moves: bool) -> Make:
    """As many small faces as there are people, up to five, side by side, from the smallest to the largest height."""

    def make(stage: Stage) -> Scene:
        count = min(5, len(stage.people))
        heights = np.geomspace(low, high, count) if count > 1 else [low]
        layers = []
        for number, height in enumerate(heights):
            x, y = 640 * (number + 0.5) / count, stage.rng.uniform(120, 240)
            way: Path = still(x, y, height)
            if moves:
                stray = 0.35 * 640 / count
                way = wandering((x - stray, x + stray), (y - 60, y + 60), (height * 0.9, height * 1.1), stage.rng)
            layers.append(stage.person(number, way))
        return stage.scene(3, Shot(stage.backdrop("studio"), tuple(layers)))

    return make


def empty(name: str) -> Make:
    """Nobody; the camera pans over it."""
    return lambda stage: stage.scene(6, Shot(stage.backdrop(name), ()), pan=23)


def detailed(name: str) -> Make:
    """Nobody; the camera pans and zooms over a picture full of detail."""
    return lambda stage: _filmed(stage, DETAILED[name](_LARGE, stage.rng))


def photographed(name: str) -> Make:
    """Nobody; the camera pans and zooms over a photograph."""
    return lambda stage: _filmed(stage, library_picture(name))


def _filmed(stage: Stage, picture: Picture) -> Scene:
    height, width = picture.shape[:2]
    whole = min(height, width * SIZE[1] / SIZE[0])
    camera = wandering((0.2 * width, 0.8 * width), (0.2 * height, 0.8 * height), (0.3 * whole, whole), stage.rng)
    return stage.scene(10, Shot(picture, (), camera=camera))


def empty_pillar(stage: Stage) -> Scene:
    """Nobody; a dark pillar before a wall of bricks, upright and symmetrical as a head is."""
    pillar = Layer(thing(background("wood", (365, 360), stage.rng)), still(320, 180, 360), is_face=False)
    return stage.scene(6, Shot(stage.backdrop("bricks"), (pillar,)), shake=4)


_LARGE = (1600, 900)
_USUAL = (25.0,)
_RATES = (10.0, 25.0, 60.0)

CATALOGUE: tuple[Entry, ...] = (
    Entry("passing", "crossing", passing, 2, _RATES),
    Entry("crossing-speeds", "crossing", crossing_speeds, 2, _USUAL),
    Entry("overtaking", "crossing", overtaking, 2, _USUAL),
    Entry("meeting", "crossing", meeting, 2, _USUAL),
    Entry("hidden-0.5", "occlusion", hidden(0.5), 1, _USUAL),
    Entry("hidden-1.5", "occlusion", hidden(1.5), 1, _USUAL),
    Entry("hidden-3", "occlusion", hidden(3.0), 1, _USUAL),
    Entry("behind-0.8", "occlusion", behind(0.8), 1, _USUAL),
    Entry("behind-2.5", "occlusion", behind(2.5), 1, _USUAL),
    Entry("leaving", "return", leaving, 2, _USUAL),
    Entry("replaced", "return", replaced, 2, _USUAL),
    Entry("cut-elsewhere", "cut", cut_elsewhere, 2, _USUAL),
    Entry("cut-same-place", "cut", cut_same_place, 2, (10.0, 25.0)),
    Entry("cut-back", "cut", cut_back, 2, _USUAL),
    Entry("cut-two", "cut", cut_two, 2, _USUAL),
    Entry("dissolve", "fade", dissolve, 2, _USUAL),
    Entry("flash", "fade", flash, 2, _USUAL),
    Entry("scale", "scale", scale, 1, (30.0,)),
    Entry("crowd", "crowd", crowd, 6, (30.0,)),
    Entry("shaken", "shake", shaken, 2, (30.0,)),
    Entry("small-still", "small", small(24, 40, False), 1, (10.0,)),
    Entry("small-moving", "small", small(24, 40, True), 1, _USUAL),
    Entry("tiny", "small", small(20, 29, False), 1, (10.0,)),
    *(
        Entry(f"empty-{name}", "empty", empty(name), 0, (10.0,))
        for name in ("noise", "bricks", "checker", "sky", "shelves", "wood", "studio", "flag")
    ),
    Entry("empty-pillar", "empty", empty_pillar, 0, (10.0,)),
    *(Entry(f"detailed-{name}", "empty", detailed(name), 0, (10.0,)) for name in DETAILED),
    *(Entry(f"photo-{name}", "empty", photographed(name), 0, (10.0,), name) for name in LIBRARY_PICTURES),
)


def scenes(
    people: Sequence[Cutout],
    names: Iterable[str] | None = None,
    rates: Sequence[float] | None = None,
    seed: int = 0,
    shake: float | None = None,
) -> list[Scene]:
    """The scenes of the catalogue for which there are people and pictures enough.

    Args:
        people: who plays; from another seed the parts are dealt differently.
        names: of scenes or of groups; None for all.
        rates: frames a second instead of each scene's own.
        seed: decides on all that is not said.
        shake: pixels that the camera strays, instead of each scene's own.

    Raises:
        ValueError: when there is no such scene.
    """
    wanted = None if names is None else list(names)
    known = {name for entry in CATALOGUE for name in (entry.name, entry.group)}
    if wanted is not None and (unknown := [name for name in wanted if name not in known]):
        raise ValueError(f"no scene {', '.join(unknown)}; there are {', '.join(entry.name for entry in CATALOGUE)}")
    made = []
    for number, entry in enumerate(CATALOGUE):
        chosen = wanted is None or entry.name in wanted or entry.group in wanted
        if not chosen or not entry.can_be_made(len(people)):
            continue
        for rate in rates or entry.rates:
            # The same scene at every rate.
            rng = np.random.default_rng([seed, number])
            order = rng.permutation(len(people)).tolist()
            scene = entry.make(Stage([people[i] for i in order], rng))
            scene = replace(
                scene, name=f"{entry.name}@{rate:g}", group=entry.group, fps=rate, seed=1000 * seed + number
            )  # fmt: skip
            made.append(scene if shake is None else replace(scene, shake=shake))
    return made


def _line(x: float, speed: float, y: float, height: float) -> Path:
    """Ever on to the right."""
    return through((0, x, y, height), (1000, x + 1000 * speed, y, height))
