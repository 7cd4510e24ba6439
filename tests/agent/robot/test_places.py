"""Where the sensors of a robot sit, as its file, URDF and calibrations say it."""

import math
from pathlib import Path

import numpy as np
import pytest

from sensebind.agent.cli import main
from sensebind.agent.robot.checks import Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import parse_config, read_config
from sensebind.agent.robot.doctor_robot import examine_robot
from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.camera_info import write_camera_info
from sensebind.perception.geometry.lens import Intrinsics

LENS = "intrinsics: {fx: 500, fy: 500, cx: 319.5, cy: 239.5, width: 640, height: 480}"
GUARD = "sensebind.tools.motion.simulation:SimulatedBase"


def robot(camera: str, lidar: str = "", more: str = "") -> RobotConfig:
    return parse_config(
        f"streams:\n  camera: {{source: 'camera:0', {camera}}}\n"
        f"  lidar: {{source: 'velodyne:2368', {lidar}}}\n{more}"
    )


def test_a_camera_and_a_lidar_are_put_into_their_places() -> None:
    places = robot(
        f"mount: {{xyz: [0.1, 0, 0.6], rpy: [0, 0.2, 0]}}, {LENS}", "mount: {xyz: [0, 0, 0.5]}"
    ).places()
    assert not places.missing
    assert places.lidars["lidar"].translation == pytest.approx([0, 0, 0.5])
    camera = places.cameras["camera"]
    assert camera.pose.translation == pytest.approx([0.1, 0, 0.6])
    axis = camera.pose.rotation[:, 2]
    assert axis == pytest.approx([math.cos(0.2), 0, -math.sin(0.2)])


def test_a_stream_may_be_the_parent_of_another() -> None:
    places = robot(
        f"mount: {{parent: lidar, xyz: [0.1, 0, -0.05]}}, {LENS}",
        "mount: {xyz: [0.2, 0, 0.5], rpy: [0, 0, 1.5707963]}",
    ).places()
    assert places.cameras["camera"].pose.translation == pytest.approx([0.2, 0.1, 0.45])
    both = robot(f"mount: {{parent: lidar}}, {LENS}", "mount: {xyz: [0, 0, 1]}").places()
    assert both.cameras["camera"].pose.translation == pytest.approx([0, 0, 1])


def test_what_a_stream_lacks_is_said() -> None:
    places = robot("rate: 8", "mount: {}").places()
    assert str(places.missing["camera"]).startswith("no mount: add mount: {xyz: [x, y, z]")
    assert "lidar" in places.lidars and not places.cameras
    blind = robot("mount: {xyz: [0, 0, 1]}").places()
    assert str(blind.missing["camera"]).startswith("no intrinsics: run `sensebind calibrate`")
    assert set(blind.missing) == {"camera", "lidar"}


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        ("mount: {parent: mast}", "camera: frame 'camera' hangs on 'mast', which nothing connects"),
        ("mount: {parent: lidar}", r"circle \(camera -> lidar -> camera\)"),
        ("mount: {xyz: [10, 20, 600]}", "streams.camera.mount: .*in metres"),
        ("mount: {rpy: [0, 90, 0]}", "in radians: 90 degrees are 1.5708"),
        ("mount: {xyz: [0, 0]}", "streams.camera.mount.xyz"),
        ("mount: {xyz: [0, 0, .nan]}", "finite"),
        ("mount: {up: 3}", r"mount.up: there is no such field; there are parent, xyz, rpy"),
        ("mount: {}, frame: camera_link", "give mount: or frame:, not both"),
        (f"{LENS}, calibration: a.yaml", "give intrinsics: or calibration:, not both"),
        ("intrinsics: {fx: 0, fy: 1, cx: 1, cy: 1}", "intrinsics.fx"),
        (
            "intrinsics: {fx: 9, fy: 9, cx: 1, cy: 1, distortion: [1, 2]}",
            "2 distortion coefficients; plumb_bob has 0 or 4 or 5",
        ),
        ("intrinsics: {fx: 9, fy: 9, cx: 1, cy: 1, width: 3}", "width and height go together"),
        ("intrinsics: {fx: 9, fy: 9, cx: 50, cy: 1, width: 3, height: 4}", "camera: the principal"),
        ("calibration: none.yaml", "camera: none.yaml cannot be read"),
        ("frame: camera_link", "camera: frame 'camera_link' hangs on 'camera_link'"),
    ],
)
def test_what_is_wrong_is_one_line(camera: str, words: str) -> None:
    lidar = "mount: {parent: camera}" if "lidar" in camera else ""
    with pytest.raises(ConfigurationError, match=words) as error:
        robot(camera, lidar).places()
    assert "\n" not in str(error.value)


def test_intrinsics_are_of_cameras() -> None:
    with pytest.raises(ConfigurationError, match="lidar: intrinsics are of cameras"):
        robot("rate: 8", LENS).places()


def test_calibration_and_urdf_lie_next_to_the_file(tmp_path: Path) -> None:
    lens = Intrinsics(400.0, 401.0, 300.0, 200.0, 640, 480, "equidistant", (0.1, 0.0, 0.0, 0.0))
    write_camera_info(tmp_path / "eye.yaml", lens)
    (tmp_path / "rover.urdf").write_text(
        '<robot name="rover"><joint name="a" type="fixed"><parent link="base_link"/>'
        '<child link="camera_link"/><origin xyz="0.3 0 0.4"/></joint>'
        '<joint name="b" type="fixed"><parent link="base_link"/><child link="velodyne"/>'
        '<origin xyz="0 0 0.9" rpy="3.14159265 0 0"/></joint></robot>'
    )
    file = tmp_path / "rover.yaml"
    file.write_text(
        "urdf: rover.urdf\nstreams:\n"
        "  camera: {source: 'camera:0', frame: camera_link, calibration: eye.yaml}\n"
        "  lidar: {source: 'velodyne:2368', frame: velodyne}\n"
        "  rear: {source: 'camera:1', mount: {parent: camera_link, rpy: [0, 0, 3.14159265]},\n"
        "         calibration: eye.yaml}\n"
    )
    places = read_config(file).places()
    assert places.cameras["camera"].intrinsics == lens
    assert places.cameras["camera"].pose.translation == pytest.approx([0.3, 0, 0.4])
    assert places.lidars["lidar"].rotation[2, 2] == pytest.approx(-1)
    assert places.cameras["rear"].pose.rotation[:, 2] == pytest.approx([-1, 0, 0], abs=1e-6)
    (tmp_path / "rover.urdf").write_text("<robot")
    with pytest.raises(ConfigurationError, match=r"rover\.urdf: not URDF"):
        read_config(file).places()


def test_a_lidars_mount_is_its_height_for_the_encoder() -> None:
    [_, lidar] = robot("rate: 8", "mount: {xyz: [0, 0, 0.42]}").workers()
    assert (lidar.sensor_height, lidar.sensor_tilt) == (0.42, (0.0, 0.0))
    [_, lidar] = robot("rate: 8", "mount: {xyz: [0, 0, 0.42], rpy: [3.0, 0.2, 1]}").workers()
    assert lidar.sensor_tilt == pytest.approx((3.0, 0.2))
    [_, lidar] = robot("rate: 8", "sensor_height: 0.5").workers()
    assert lidar.sensor_height == 0.5
    with pytest.raises(ConfigurationError, match=r"is 0\.9 m, and its mount puts it 0\.42"):
        robot("rate: 8", "mount: {xyz: [0, 0, 0.42]}, sensor_height: 0.9").workers()


# --- what follows from it ------------------------------------------------------------------------

MOVES = f"motion: {{class: '{GUARD}', footprint: 0.3}}\n"


def test_doctor_says_what_is_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensebind.agent.robot.doctor_robot._streams", lambda *_: [])
    config = robot("rate: 8", "mount: {}", f"{MOVES}tools: [detect, codes]\n")
    [one] = [check for check in examine_robot(config, starts=True) if check.name == "camera"]
    assert one.verdict is Verdict.WARNING
    assert one.found == (
        "no mount: approach and places of detect and places of codes are not offered"
    )
    assert one.mend.startswith("add mount: {xyz:")
    still = robot("rate: 8")  # nothing there would use a place
    assert "camera" not in {check.name for check in examine_robot(still, starts=True)}


MOUNTED = (f"mount: {{xyz: [0.1, 0, 0.6]}}, {LENS}", "mount: {xyz: [0, 0, 0.5]}")


@pytest.mark.parametrize(
    ("streams", "policy", "motion", "words"),
    [
        (MOUNTED, "approved: [drive]", MOVES, "needs policy: {fence}; policy: {max_distance}$"),
        (MOUNTED, "approved: [turn], max_distance: 2", MOVES, r"needs policy: \{fence\}$"),
        (
            ("rate: 8", MOUNTED[1]),
            "approved: [drive, approach], max_distance: 2, fence: [0, 0, 3, 3]",
            MOVES,
            "drive, approach would move the robot .* camera: no mount: add mount",
        ),
        (MOUNTED, "approved: [drive], max_distance: 2, fence: [0, 0, 3, 3]", "", "needs motion:$"),
    ],
)
def test_what_moves_without_a_question_needs_more(
    streams: tuple[str, str], policy: str, motion: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "robot.yaml"
    camera, lidar = streams
    file.write_text(
        f"streams:\n  camera: {{source: 'camera:0', {camera}}}\n"
        f"  lidar: {{source: 'velodyne:2368', {lidar}}}\n{motion}policy: {{{policy}}}\n"
    )
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match=words):
        read_config(file).check()


def test_config_check_takes_what_has_all_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "robot.yaml"
    policy = "policy: {approved: [drive, turn], max_distance: 2, fence: [0, 0, 3, 3]}\n"
    file.write_text(
        f"streams:\n  camera: {{source: 'camera:0', {MOUNTED[0]}}}\n"
        f"  lidar: {{source: 'velodyne:2368', {MOUNTED[1]}}}\n{MOVES}{policy}"
    )
    file.chmod(0o600)
    with pytest.raises(SystemExit, match="0"):
        main(["config", "check", str(file)])
    assert "2 streams" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("spoken: [drive]", "spoken: drive moves the robot"),
        ("approved: [lamp_on], forbidden: [lamp_on]", "lamp_on is both approved and forbidden"),
        ("fence: [1, 0, 0, 1]", "is not x0 < x1, y0 < y1"),
        ("max_distance: 0", "policy.max_distance"),
    ],
)
def test_a_policy_that_makes_no_sense(policy: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        robot("rate: 8", more=f"policy: {{{policy}}}\n")


def test_an_upside_down_camera_of_a_file_sees_upside_down() -> None:
    hanging = f"mount: {{xyz: [0, 0, 2], rpy: [3.14159265, 0, 0]}}, {LENS}"
    camera = robot(hanging).places().cameras["camera"]
    left_and_below = np.array([[3.0, 0.5, 1.5]])
    column, row, _ = camera.project(left_and_below, 640, 480)[0]
    assert column > 320 and row < 240
