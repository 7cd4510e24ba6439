"""What camera and lidar of a SimHome make of its scene, and what the devices change."""

import math
import os
import subprocess
import sys
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.simhome.catalog import COLORS, KINDS
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.lidar import LIDAR_HEIGHT
from sensebind.perception.simhome.sampling import demo_scene, sample_scene
from sensebind.perception.simhome.scene import Scene, Thing


def test_senses_have_their_shapes_and_repeat_byte_for_byte():
    first, second = SimHome(11), SimHome(11)
    image, scan, sound = first.camera(), first.lidar(), first.microphone(1.0)
    assert image.shape == (224, 224, 3) and image.dtype == np.uint8
    assert scan.ndim == 2 and scan.shape[1] == 3 and scan.dtype == np.float32
    assert sound.shape == (16000,) and sound.dtype == np.float32
    assert image.tobytes() == second.camera().tobytes()
    assert scan.tobytes() == second.lidar().tobytes()
    assert sound.tobytes() == second.microphone(1.0).tobytes()


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_fast_rays_agree_with_the_engine(seed: int):
    home = SimHome(seed)
    world = home._world
    rng = np.random.default_rng(seed)
    rays = rng.standard_normal((4000, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    origin = np.array([*home.scene.robot[:2], 0.6])
    distance, geom, normal = world.cast(origin, rays, normals=True)

    expected, expected_geom = np.empty(4000), np.empty(4000, np.int32)
    expected_normal = np.empty(12000)
    mujoco.mj_multiRay(  # pyright: ignore[reportAttributeAccessIssue]
        world.model,
        world.data,
        origin,
        rays.ravel(),
        None,
        True,
        world.robot_body,
        expected_geom,
        expected,
        expected_normal,
        4000,
        50.0,
    )
    same = geom == expected_geom
    assert same.mean() > 0.999  # edges may fall to either side
    np.testing.assert_allclose(distance[same], expected[same], atol=2e-3)
    assert normal is not None
    np.testing.assert_allclose(normal[same], expected_normal.reshape(-1, 3)[same], atol=1e-6)


@pytest.mark.parametrize("color", COLORS)
def test_a_thing_is_seen_in_its_color(color: str):
    scene = sample_scene(5, main=("ball", color), things=1, sounding=False)
    home = SimHome(scene)
    pixels = home.camera()[home.view().owners == 0].astype(float)
    assert len(pixels) > 500
    mean = np.median(pixels, axis=0)
    mean /= max(mean.max(), 60.0)  # brightness is not what tells them apart, but for black
    references = {name: np.array(rgb) / max(*rgb, 0.25) for name, rgb in COLORS.items()}
    nearest = min(references, key=lambda name: float(np.linalg.norm(references[name] - mean)))
    assert nearest == color


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_seen_and_scanned(kind: str):
    scene = Scene(1, (Thing(kind, "red", 2.0, 0.0, math.pi),))
    home = SimHome(scene)
    assert (home.view().owners == 0).sum() > 400
    scan = home.lidar()
    ahead = (np.abs(scan[:, 1]) < 0.6) & (scan[:, 0] > 1.2) & (scan[:, 0] < 2.7)
    assert (ahead & (scan[:, 2] > 0.06 - LIDAR_HEIGHT)).sum() > 100


def test_the_scan_measures_the_room():
    home = SimHome(Scene(0, room=(7.0, 6.0, 2.5)))
    scan = home.lidar()
    assert len(scan) == 16 * 1800
    assert scan[:, 0].max() == pytest.approx(3.5, abs=0.05)
    assert scan[:, 1].min() == pytest.approx(-3.0, abs=0.05)
    assert scan[:, 2].min() == pytest.approx(-LIDAR_HEIGHT, abs=0.05)
    assert len(SimHome(Scene(0), lidar_columns=360).lidar()) == 16 * 360


def test_turning_left_moves_things_to_the_right():
    home = SimHome(Scene(0, (Thing("ball", "red", 2.0, 0.0),)))
    before = np.nonzero(home.view().owners == 0)[1].mean()
    home.robot.turn(0.2)
    after = np.nonzero(home.view().owners == 0)[1].mean()
    assert before == pytest.approx(112, abs=3)
    assert after > before + 20


def test_the_lamp_makes_it_brighter_and_the_door_opens():
    home = SimHome(demo_scene(0))
    dark = home.camera().astype(float)
    home.devices.set("lamp", True)
    bright = home.camera().astype(float)
    assert bright.mean() > dark.mean() * 1.08
    home.devices.set("door", True)
    assert np.abs(home.camera().astype(float) - bright).max() > 60
    home.devices.set("door", False)
    assert home.camera().astype(float).tolist() == bright.tolist()


def test_a_fan_turns_while_it_is_on():
    scene = Scene(0, (Thing("fan", "red", 1.5, 0.0, math.pi),), device_things={"fan": 0})
    home = SimHome(scene)
    still = home.camera()
    home.step(0.1)
    assert np.array_equal(home.camera(), still)
    home.devices.set("fan", True)
    home.step(0.1)
    assert not np.array_equal(home.camera(), still)


def test_the_radio_is_heard_until_it_is_turned_off():
    home = SimHome(demo_scene(0))
    home.devices.set("radio", True)
    home.step(3.0)
    assert "radio" in [kind for kind, _ in home.sound_levels()]
    home.devices.set("radio", False)
    home.step(3.0)
    assert "radio" not in [kind for kind, _ in home.sound_levels()]


def test_the_robot_does_not_see_itself():
    home = SimHome(Scene(0))
    assert np.linalg.norm(home.lidar(), axis=1).min() > 0.5
    home.robot.drive(0.5)
    assert np.linalg.norm(home.lidar(), axis=1).min() > 0.5


def test_time_only_goes_forward_and_bad_settings_are_refused():
    home = SimHome(Scene(0))
    with pytest.raises(InputError, match="0 or more"):
        home.step(-1)
    with pytest.raises(InputError, match="0 or more"):
        home.step(float("nan"))
    with pytest.raises(ConfigurationError, match="at least 8"):
        SimHome(Scene(0), lidar_columns=0)
    with pytest.raises(InputError, match="unknown kind"):
        SimHome(replace(Scene(0), things=(Thing("unicorn", "red", 1.0, 0.0),)))
    with pytest.raises(ConfigurationError, match="rays, gl or auto"):
        SimHome(Scene(0), renderer="crayons")


_LOOK_THROUGH_OPENGL = """
import sys
import numpy as np
from sensebind.errors import MissingDependencyError
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.scene import Scene, Thing
scene = Scene(0, (Thing("ball", "red", 2.0, 0.3),))
try:
    home = SimHome(scene, renderer="gl")
except MissingDependencyError:
    sys.exit(77)
image = home.camera().astype(int)
red = (image[..., 0] > 90) & (image[..., 1] < 60)
ball = home.view().owners == 0
assert (red & ball).sum() / (red | ball).sum() > 0.8
home.close()
"""


def test_opengl_sees_the_same_thing_in_the_same_place():
    # A process of its own: MuJoCo chooses its OpenGL once, when it is imported.
    run = subprocess.run(
        [sys.executable, "-c", _LOOK_THROUGH_OPENGL],
        env={**os.environ, "MUJOCO_GL": "egl"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 77:
        pytest.skip("this machine has no EGL: apt install libegl1 libgl1-mesa-dri")
    assert run.returncode == 0, run.stderr


def test_auto_falls_back_to_rays():
    code = (
        "from sensebind.perception.simhome.home import SimHome\n"
        "import numpy as np\n"
        "a, b = SimHome(0, renderer='auto').camera(), SimHome(0).camera()\n"
        "assert np.array_equal(a, b)"
    )
    env = {**os.environ, "MUJOCO_GL": "disabled"}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
