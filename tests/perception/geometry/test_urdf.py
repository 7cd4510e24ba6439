"""The fixed joints of a URDF file."""

import math
from pathlib import Path

import pytest

from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.tree import FrameTree
from sensebind.perception.geometry.urdf import read_urdf

ROBOT = """\
<?xml version="1.0"?>
<robot name="rover">
  <link name="base_footprint"/><link name="base_link"/><link name="mast"/><link name="wheel"/>
  <joint name="footprint" type="fixed">
    <parent link="base_footprint"/><child link="base_link"/><origin xyz="0 0 0.1"/>
  </joint>
  <joint name="mast_joint" type="fixed">
    <parent link="base_link"/><child link="mast"/><origin xyz="0.2 0 0.5" rpy="0 0 1.5707963"/>
  </joint>
  <joint name="camera_joint" type="fixed">
    <parent link="mast"/><child link="camera_link"/><origin xyz="0.1 0 0" rpy="0 0.3 0"/>
  </joint>
  <joint name="optical" type="fixed">
    <parent link="camera_link"/><child link="camera_optical_frame"/>
    <origin rpy="-1.5707963 0 -1.5707963"/>
  </joint>
  <joint name="rolls" type="continuous"><parent link="base_link"/><child link="wheel"/></joint>
  <joint name="plain" type="fixed"><parent link="mast"/><child link="lidar"/></joint>
</robot>
"""


def test_fixed_joints_say_where_links_sit(tmp_path: Path) -> None:
    file = tmp_path / "robot.urdf"
    file.write_text(ROBOT)
    joints = read_urdf(file)
    assert "wheel" not in joints
    tree = FrameTree(joints)
    assert tree.pose("camera_link").translation == pytest.approx([0.2, 0.1, 0.6], abs=1e-6)
    assert tree.pose("lidar").rpy == pytest.approx((0, 0, math.pi / 2), abs=1e-6)
    by_name = tree.optical("camera_optical_frame")
    assert by_name.rotation == pytest.approx(tree.optical("camera_link").rotation, abs=1e-6)
    with pytest.raises(ConfigurationError, match="'wheel' hangs on 'wheel'"):
        tree.pose("wheel")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<robot", "not URDF"),
        ("<sdf/>", "its root is <sdf>"),
        (ROBOT.replace('xyz="0.2 0 0.5"', 'xyz="0.2 0"'), "joint 'mast_joint': xyz='0.2 0' is not"),
        (ROBOT.replace('xyz="0.2 0 0.5"', 'xyz="a b c"'), "three numbers"),
        (ROBOT.replace('rpy="0 0.3 0"', 'rpy="0 inf 0"'), "joint 'camera_joint': rpy='0 inf 0'"),
        (ROBOT.replace('xyz="0.2 0 0.5"', 'xyz="${x} 0 0"'), "xacro"),
        (ROBOT.replace('<parent link="mast"/><child link="lidar"/>', ""), "joint 'plain' lacks"),
        (ROBOT.replace('<child link="lidar"/>', '<child link="mast"/>'), "'mast' is the child of"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "robot.urdf"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=words) as error:
        read_urdf(file)
    assert "robot.urdf" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.urdf cannot be read"):
        read_urdf(tmp_path / "none.urdf")
