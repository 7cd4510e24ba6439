"""Where sensors sit on a robot, and where objects are: one tree of frames, and cameras in it.

Frames have x ahead, y to the left and z up; metres and radians, angles counterclockwise (REP 103).
The robot's own frame is `base_link` (REP 105): its origin lies on the floor, below the point about
which the robot turns. Where a description has a `base_footprint` (REP 120), that is the frame on
the floor, and `base_link` may lie above it.

A camera has two frames: its body, x ahead as everything else, and its optical frame, z ahead, x to
the right, y down (REP 103, "suffix frames"). `OPTICAL` is the one place where they are turned into
each other, and `FrameTree.optical` the one that knows which of them a name means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sensebind.errors import ConfigurationError
from sensebind.perception.geometry.lens import Intrinsics

if TYPE_CHECKING:  # poses are twelve numbers; NumPy is for points, of which there are many
    import numpy as np

Three = tuple[float, float, float]
Rows = tuple[Three, Three, Three]

BASE = "base_link"
FOOTPRINT = "base_footprint"
_ENDINGS = ("_optical_frame", "_optical")
_QUATERNION = 0.01  # relative difference from unit length that is rounding
_LONGEST = 1000.0  # metres; no part of a robot sits farther from another
_LOOK_AHEAD = ((0.5, 1.0, 2.0, 4.0), (0.0, 0.25, 0.5, 1.0))
"""Metres along a way, and above the floor, at which `Camera.sees` looks for it."""


@dataclass(frozen=True, slots=True)
class Transform:
    """Takes points of one frame to another: p' = rotation @ p + translation.

    It is the pose of the frame that it takes points from in the frame that it takes them to.

    Attributes:
        rows: Of the rotation, a matrix [3, 3], orthogonal with determinant 1.
        translation: Along x, y and z, metres.

    Example:
        ```python
        mast = Transform.of((0.1, 0.0, 0.5))
        camera = mast @ Transform.of((0.0, 0.0, 0.1), rpy=(0.0, math.radians(10), 0.0))
        camera.apply([1.0, 0.0, 0.0])  # a point 1 m before the camera, in the robot's frame
        ```
    """

    rows: Rows
    translation: Three

    @classmethod
    def of(
        cls, xyz: Sequence[float] = (0.0, 0.0, 0.0), rpy: Sequence[float] = (0.0, 0.0, 0.0)
    ) -> Self:
        """Return a transform by roll, pitch and yaw.

        Args:
            xyz: Metres.
            rpy: Roll about x, then pitch about y, then yaw about z, all about the axes of the frame
                that points are taken to, radians: Rz(yaw) Ry(pitch) Rx(roll), as in URDF. Positive
                pitch looks down, positive yaw to the left.
        """
        (sr, sp, sy), (cr, cp, cy) = map(math.sin, rpy), map(math.cos, rpy)
        rows = (
            (cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr),
            (sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr),
            (-sp, cp * sr, cp * cr),
        )
        return cls(rows, _three(xyz))

    @classmethod
    def of_quaternion(cls, xyz: Sequence[float], xyzw: Sequence[float]) -> Self:
        """Return a transform by a quaternion, as TF gives it.

        Args:
            xyz: Metres.
            xyzw: Unit quaternion, the real part last.

        Raises:
            ConfigurationError: It is not of unit length, or a number is not finite.
        """
        x, y, z, w = map(float, xyzw)
        length = math.hypot(x, y, z, w)
        if not (all(map(math.isfinite, xyz)) and abs(length - 1) < _QUATERNION):
            raise ConfigurationError(
                f"a transform with the quaternion ({x:g}, {y:g}, {z:g}, {w:g}), which is not of "
                "unit length"
            )
        x, y, z, w = x / length, y / length, z / length, w / length
        rows = (
            (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        )
        return cls(rows, _three(xyz))

    @property
    def rotation(self) -> np.ndarray:
        """The rotation, float64 [3, 3]."""
        import numpy as np

        return np.array(self.rows)

    def __matmul__(self, other: Transform) -> Transform:
        """Return the transform that does `other` first, then this one."""
        columns = _transposed(other.rows)
        first, second, third = (_product(columns, row) for row in self.rows)
        return Transform((first, second, third), self._moved(other.translation))

    def inverse(self) -> Transform:
        """Return the way back."""
        rows = _transposed(self.rows)
        x, y, z = _product(rows, self.translation)
        return Transform(rows, (-x, -y, -z))

    def apply(self, points: np.ndarray | Sequence[float] | Sequence[Sequence[float]]) -> np.ndarray:
        """Return points float64 [3] or [N, 3] in the other frame, metres."""
        import numpy as np

        return np.asarray(points, np.float64) @ self.rotation.T + self.translation

    @property
    def rpy(self) -> Three:
        """Roll, pitch and yaw, radians; of the many at a pitch of ±90°, those without a roll."""
        r = self.rows
        pitch = math.atan2(-r[2][0], math.hypot(r[0][0], r[1][0]))
        if math.hypot(r[0][0], r[1][0]) < 1e-9:
            return 0.0, pitch, math.atan2(-r[0][1], r[1][1])
        return math.atan2(r[2][1], r[2][2]), pitch, math.atan2(r[1][0], r[0][0])

    def _moved(self, point: Three) -> Three:
        """Return one point in the other frame."""
        (x, y, z), (dx, dy, dz) = _product(self.rows, point), self.translation
        return x + dx, y + dy, z + dz


def _three(numbers: Sequence[float]) -> Three:
    x, y, z = map(float, numbers)
    return x, y, z


def _transposed(rows: Rows) -> Rows:
    (a, b, c), (d, e, f), (g, h, i) = rows
    return (a, d, g), (b, e, h), (c, f, i)


def _product(rows: Rows, vector: Three) -> Three:
    """Return rows @ vector."""
    x, y, z = vector
    first, second, third = (a * x + b * y + c * z for a, b, c in rows)
    return first, second, third


OPTICAL = Transform(((0.0, 0.0, 1.0), (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)), (0.0, 0.0, 0.0))
"""Pose of a camera's optical frame in its body: optical z is ahead, x right, y down."""


def is_optical(frame: str) -> bool:
    """Return whether a frame is an optical one by its name (REP 103)."""
    return frame.endswith(_ENDINGS)


class FrameTree:
    """The frames of a robot, each with its pose in its parent.

    Args:
        joints: Parent and pose by frame. A frame that is only a parent is a root; two descriptions
            of a robot may each have their own.

    Raises:
        ConfigurationError: Frames go around in a circle, or a pose is not finite.
    """

    def __init__(self, joints: Mapping[str, tuple[str, Transform]]) -> None:
        self._joints = dict(joints)
        for frame, (_, pose) in self._joints.items():
            if far := [one for one in pose.translation if not abs(one) <= _LONGEST]:
                raise ConfigurationError(
                    f"frame {frame!r} sits {abs(far[0]):g} m from its parent: give metres"
                )
            way = [frame]
            while (joint := self._joints.get(way[-1])) is not None:
                way.append(joint[0])
                if way[-1] in way[:-1]:
                    circle = " -> ".join(way[way.index(way[-1]) :])
                    raise ConfigurationError(
                        f"frames go around in a circle ({circle}): one of them needs {BASE!r}, or "
                        f"what leads there, as parent"
                    )
        parents = {parent for parent, _ in self._joints.values()}
        self._known = {*self._joints, *parents, BASE}

    @property
    def frames(self) -> frozenset[str]:
        """Names of all frames."""
        return frozenset(self._known)

    @property
    def floor(self) -> str:
        """The robot's frame whose origin lies on the floor: places are given in it."""
        return FOOTPRINT if FOOTPRINT in self._known else BASE

    def pose(self, frame: str, within: str = "") -> Transform:
        """Return where a frame is.

        Args:
            frame: Its name.
            within: Frame that the pose is in; the robot's on the floor by default.

        Raises:
            ConfigurationError: Nothing leads from one to the other; the message names the end of
                the chain.
        """
        within = within or self.floor
        root, there = self._from_root(frame)
        other, here = self._from_root(within)
        if root != other:
            known = ", ".join(sorted(self._known - {root})[:12])
            raise ConfigurationError(
                f"frame {frame!r} hangs on {root!r}, which nothing connects with {within!r}: "
                f"name another parent (there are {known}), or describe {root!r}"
            )
        return here.inverse() @ there

    def optical(self, frame: str, *, of_image: bool = False) -> Transform:
        """Return where a camera's optical frame is, in the robot's frame on the floor.

        Args:
            frame: The camera's body, or its optical frame, as REP 103 names it.
            of_image: Whether the name is that of a ROS image's header: it is an optical frame then,
                whatever it is called (`sensor_msgs/Image`).

        Raises:
            ConfigurationError: Nothing leads from one to the other.
        """
        pose = self.pose(frame)
        return pose if of_image or is_optical(frame) else pose @ OPTICAL

    def _from_root(self, frame: str) -> tuple[str, Transform]:
        """Return the root that a frame hangs on, and the frame's pose in it."""
        pose = Transform.of()
        while (joint := self._joints.get(frame)) is not None:
            frame, pose = joint[0], joint[1] @ pose
        return frame, pose


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that sits somewhere on a robot.

    Attributes:
        intrinsics: Of its lens.
        pose: Of its optical frame in the robot's frame on the floor.
    """

    intrinsics: Intrinsics
    pose: Transform

    @classmethod
    def mounted(cls, intrinsics: Intrinsics, body: Transform) -> Self:
        """Return a camera by the pose of its body, x ahead: the way it looks."""
        return cls(intrinsics, body @ OPTICAL)

    def project(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Return where points fall in an image.

        Args:
            points: [N, 3] metres in the robot's frame.
            width: Of the image, pixels.
            height: Of the image, pixels.

        Returns:
            float64 [N, 3]: column and row in pixels (the middle of the first is 0), and the depth
            along the optical axis in metres. NaN for points that the camera cannot see.

        Raises:
            ConfigurationError: The image has another aspect ratio than the calibrated ones.
        """
        import numpy as np

        seen = self.pose.inverse().apply(points)
        pixels = self.intrinsics.resized(width, height).project(seen)
        depth = np.where(np.isnan(pixels[:, 0]), np.nan, seen[:, 2])
        return np.column_stack([pixels, depth])

    def sees(self, direction: float) -> bool:
        """Return whether it looks the way that the robot drives.

        Args:
            direction: Of travel, radians from straight ahead, to the left if positive.
        """
        import numpy as np

        lens = self.intrinsics
        # Without a size, the principal point is taken for the middle of the image.
        width, height = lens.width or round(2 * lens.cx + 1), lens.height or round(2 * lens.cy + 1)
        away, above = np.meshgrid(*_LOOK_AHEAD)
        cos, sin = math.cos(direction), math.sin(direction)
        way = np.column_stack([away.ravel() * cos, away.ravel() * sin, above.ravel()])
        column, row, _ = self.project(way, width, height).T
        inside = (column >= -0.5) & (column <= width) & (row >= -0.5) & (row <= height)
        return bool(inside.any())
