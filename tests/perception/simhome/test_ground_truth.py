"""The truth about a scene, as tests and training read it."""

import math

import pytest

from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import demo_scene, sample_scene
from sensebind.perception.simhome.scene import Scene, Thing


def test_the_main_thing_is_the_largest_within_three_metres():
    things = (
        Thing("ball", "red", 2.0, 0.5),
        Thing("chair", "blue", 2.5, -0.7, math.pi),
        Thing("piano", "green", 3.3, 0.0, math.pi),
        Thing("dog", "black", -2.0, 0.0, sounding=True),
    )
    home = SimHome(Scene(0, things))
    home.step(4.0)
    known = truth(home)
    assert {v.kind for v in known.visible} == {"ball", "chair", "piano"}
    assert [v.pixels for v in known.visible] == sorted(v.pixels for v in known.visible)[::-1]
    assert known.main is not None and known.main.kind == "ball" and known.main.color == "red"
    assert known.main.distance == pytest.approx(math.hypot(2.0, 0.5))
    assert known.main.bearing == pytest.approx(math.atan2(0.5, 2.0))
    left, top, right, bottom = known.main.box
    assert 0 <= left < right <= 224 and 0 <= top < bottom <= 224
    assert right < 112  # left of the middle
    assert known.nearest is not None and known.nearest.kind == "dog"  # behind it
    assert known.heard[0][0] == "dog"


def test_nothing_is_there_in_an_empty_room():
    known = truth(SimHome(Scene(0)))
    assert known.visible == () and known.main is None
    assert known.heard == () and known.nearest is None


@pytest.mark.parametrize("seed", range(12))
def test_the_sampled_main_thing_is_the_main_thing(seed: int):
    scene = sample_scene(seed, empty=False)
    main = truth(SimHome(scene)).main
    assert main is not None
    assert (main.kind, main.color) == (scene.things[0].kind, scene.things[0].color)
    assert truth(SimHome(sample_scene(seed, empty=True))).visible == ()


def test_the_demo_shows_a_red_ball_and_a_blue_chair():
    home = SimHome(demo_scene(0))
    home.step(3.0)
    known = truth(home)
    near = [(v.color, v.kind) for v in known.visible if v.distance <= 3]
    assert near == [("red", "ball"), ("blue", "chair")]
    assert sum(v.kind == "ball" for v in known.visible) == 2
    assert known.nearest is not None and known.nearest.kind == "chair"
    assert [kind for kind, _ in known.heard] == ["dog"]
