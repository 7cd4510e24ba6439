"""Scenes: the same seed gives the same home, and nothing stands in anything else."""

import math

import pytest

from sensebind.errors import InputError
from sensebind.perception.simhome.catalog import COLORS, KINDS, SOUNDING_KINDS
from sensebind.perception.simhome.objects import paint, shape_of
from sensebind.perception.simhome.sampling import demo_scene, sample_scene
from sensebind.perception.simhome.scene import FOOTPRINT, ROBOT_RADIUS, polar


def test_a_seed_always_gives_the_same_scene_and_another_seed_another_one():
    assert sample_scene(7) == sample_scene(7)
    assert sample_scene(7) != sample_scene(8)


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_things_keep_their_distance(seed: int):
    scene = sample_scene(seed, things=4)
    assert len(scene.things) == 4
    for index, thing in enumerate(scene.things):
        distance, _ = polar(thing, scene.robot)
        assert distance > thing.radius + ROBOT_RADIUS
        assert abs(thing.x) + thing.radius < scene.room[0] / 2
        assert abs(thing.y) + thing.radius < scene.room[1] / 2
        assert all(f.clearance(thing.x, thing.y) > thing.radius for f in scene.furniture)
        for other in scene.things[:index]:
            gap = math.hypot(thing.x - other.x, thing.y - other.y)
            assert gap > thing.radius + other.radius


@pytest.mark.parametrize("seed", range(20))
def test_wishes_are_met(seed: int):
    scene = sample_scene(seed, main=("piano", "purple"), sounding="dog", things=3)
    assert (scene.things[0].kind, scene.things[0].color) == ("piano", "purple")
    assert [t.kind for t in scene.things if t.sounding] == ["dog"]
    distance, bearing = polar(scene.things[0], scene.robot)
    assert distance < 3 and abs(bearing) < math.radians(31)

    assert not any(t.sounding for t in sample_scene(seed, sounding=False).things)
    one = sample_scene(seed, main=("ball", "red"), things=1, sounding=True)
    assert sum(t.sounding for t in one.things) == 1
    assert all(t.kind in SOUNDING_KINDS for t in one.things if t.sounding)
    behind = sample_scene(seed, empty=True, things=2)
    assert len(behind.things) == 2
    assert all(abs(polar(t, behind.robot)[1]) > math.radians(31) for t in behind.things)
    assert sample_scene(seed, things=0, sounding=False).things == ()


def test_about_half_of_the_scenes_have_one_sound_and_some_have_nothing_in_view():
    scenes = [sample_scene(seed) for seed in range(400)]
    sounds = [sum(t.sounding for t in scene.things) for scene in scenes]
    assert max(sounds) == 1
    assert 0.35 < sum(sounds) / len(scenes) < 0.65


def test_wrong_wishes_are_refused():
    with pytest.raises(InputError, match="negative"):
        sample_scene(-1)
    with pytest.raises(InputError, match="0 to 6"):
        sample_scene(0, things=99)
    with pytest.raises(InputError, match="unknown thing"):
        sample_scene(0, main=("unicorn", "red"))
    with pytest.raises(InputError, match="makes no sound"):
        sample_scene(0, sounding="chair")
    with pytest.raises(InputError, match="unknown kind"):
        shape_of("unicorn")


def test_the_demo_has_what_its_dialog_talks_about():
    scene = demo_scene(3)
    looks = [(t.color, t.kind) for t in scene.things]
    assert looks.count(("red", "ball")) == 1 and ("blue", "chair") in looks
    assert [kind for _, kind in looks].count("ball") == 2
    assert [t.kind for t in scene.things if t.sounding] == ["dog"]
    for name, index in scene.device_things.items():
        assert scene.things[index].kind == name


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_fits_its_footprint_and_shows_its_color(kind: str):
    parts = shape_of(kind)
    reach = 0.0
    for part in parts:
        for x, y, z in (part.at, part.to or part.at):
            reach = max(reach, math.hypot(x, y))
            assert z >= 0
    assert reach <= FOOTPRINT[kind] * 1.12
    assert any(part.role in ("main", "glow") for part in parts)
    for color in COLORS:
        for part in parts:
            assert all(0 <= value <= 1 for value in paint(color, part.role))
