"""Where a robot's sensors sit, made of its file, URDF, calibrations and the transforms of bags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sensebind.agent.robot.body_sections import MountConfig
from sensebind.agent.robot.sections import StreamConfig
from sensebind.errors import ConfigurationError, SenseBindError
from sensebind.perception.geometry.camera_info import read_camera_info
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.geometry.tree import BASE, Camera, FrameTree, Transform
from sensebind.perception.modality import Modality

if TYPE_CHECKING:
    from sensebind.perception.sources.bag_frames import BagFrames

_MOUNT_WAY = "add mount: {xyz: [x, y, z], rpy: [roll, pitch, yaw]}"
_LENS_WAY = "run `sensebind calibrate`, or add intrinsics: {fx, fy, cx, cy}"
_LENSES = (Modality.VISION, Modality.DEPTH)
_LOCATED = (Modality.VISION, Modality.POINT)
"""What gives places: images, and sweeps of a lidar that is not encoded as an image."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a stream gives no places.

    Attributes:
        what: It lacks.
        mend: What to do.
    """

    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}: {self.mend}"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the sensors of a robot sit; its streams by their names in the file.

    Attributes:
        tree: All frames.
        cameras: Streams whose images give places.
        lidars: Poses of point clouds in the robot's frame on the floor.
        missing: For each camera and lidar that gives no places, what it lacks.
    """

    tree: FrameTree
    cameras: dict[str, Camera] = field(default_factory=dict)
    lidars: dict[str, Transform] = field(default_factory=dict)
    missing: dict[str, Missing] = field(default_factory=dict)


def make_places(
    streams: Mapping[str, StreamConfig],
    modalities: Mapping[str, Modality],
    resolve: Callable[[Path], Path],
    urdf: Path | None = None,
) -> Places:
    """Read everything that says where sensors sit.

    Args:
        streams: Of the robot's file.
        modalities: What each of them perceives.
        resolve: Makes a path of the file one of this machine.
        urdf: Description of the robot.

    Raises:
        ConfigurationError: A file cannot be used, or frames do not lead to the robot; the message
            names the stream.
    """
    joints: dict[str, tuple[str, Transform]] = {}
    if urdf is not None:
        from sensebind.perception.geometry.urdf import read_urdf  # which imports an XML parser

        joints = read_urdf(resolve(urdf))
    own: dict[str, tuple[str, Transform]] = {}
    bags: dict[str, BagFrames] = {}
    for name, stream in streams.items():
        if stream.mount is not None:
            if name in joints or name == BASE:
                raise ConfigurationError(
                    f"{name}: a link of {urdf} is called so, too: give `frame: {name}` in place of "
                    "mount, or another name"
                )
            own[name] = stream.mount.parent, transform_of(stream.mount)
        if (bag := _bag(stream, modalities[name])) is not None:
            from sensebind.perception.sources.bag_frames import read_bag_frames

            bags[name] = read_bag_frames(resolve(Path(bag[0])), bag[1], modalities[name])
    recorded: dict[str, tuple[str, Transform]] = {}
    for found in bags.values():
        recorded |= found.joints
    tree = FrameTree({**recorded, **joints, **own})
    places = Places(tree)
    for name, stream in streams.items():
        if modalities[name] not in _LENSES and (stream.intrinsics or stream.calibration):
            raise ConfigurationError(f"{name}: intrinsics are of cameras")
        if modalities[name] in _LOCATED:
            _place(places, name, stream, modalities[name], bags.get(name), resolve)
            continue
        if stream.mount is not None or stream.frame:  # a microphone sits somewhere, too
            _posed(name, tree.pose, stream.frame or name)
        _lens(name, stream, None, resolve)
    return places


def transform_of(mount: MountConfig) -> Transform:
    """Return the pose that a mount describes, in its parent."""
    return Transform.of(mount.xyz, mount.rpy)


def over_the_floor(
    pose: Transform | None, position: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return the place of an object of a scan in the robot's frame, metres.

    Args:
        pose: Of the lidar; None where it is not known, and then its frame is the robot's.
        position: In the lidar's frame, but z above the floor already, see `percept.Thing`.
    """
    x, y, z = position
    if pose is None:
        return position
    there = pose.apply([x, y, 0.0])
    return float(there[0]), float(there[1]), z


def _place(
    places: Places,
    name: str,
    stream: StreamConfig,
    modality: Modality,
    bag: BagFrames | None,
    resolve: Callable[[Path], Path],
) -> None:
    """Put one camera or lidar into its place, or note what it lacks."""
    tree, camera = places.tree, modality is Modality.VISION
    lens = _lens(name, stream, bag, resolve) if camera else None
    pose = None
    if stream.mount is not None:
        pose = _posed(name, tree.optical if camera else tree.pose, name)
    elif stream.frame:
        pose = _posed(name, tree.optical if camera else tree.pose, stream.frame)
    elif bag is not None and bag.frame in tree.frames:
        try:
            pose = tree.optical(bag.frame, of_image=True) if camera else tree.pose(bag.frame)
        except ConfigurationError as error:
            places.missing[name] = Missing(f"no mount ({error})", _MOUNT_WAY)
            return
    if pose is None:
        places.missing[name] = Missing("no mount", _MOUNT_WAY)
    elif not camera:
        places.lidars[name] = pose
    elif lens is None:
        places.missing[name] = Missing("no intrinsics", _LENS_WAY)
    else:
        places.cameras[name] = Camera(lens, pose)


def _posed(name: str, find: Callable[[str], Transform], frame: str) -> Transform:
    try:
        return find(frame)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from error


def _lens(
    name: str, stream: StreamConfig, bag: BagFrames | None, resolve: Callable[[Path], Path]
) -> Intrinsics | None:
    """Return a camera's intrinsics; None where nothing says them."""
    try:
        if stream.calibration is not None:
            return read_camera_info(resolve(stream.calibration))
        if (given := stream.intrinsics) is not None:
            return Intrinsics(
                given.fx,
                given.fy,
                given.cx,
                given.cy,
                given.width or 0,
                given.height or 0,
                given.lens,
                given.distortion,
            ).check()
    except SenseBindError as error:
        raise ConfigurationError(f"{name}: {error}") from error
    return bag.intrinsics if bag is not None else None


def _bag(stream: StreamConfig, modality: Modality) -> tuple[str, str] | None:
    """Return file and topic of a bag that is to say what the stream does not.

    The topic is "" where none is named; None for another source, or where nothing is to be said.
    """
    spec = stream.source if isinstance(stream.source, dict) else {"source": stream.source}
    kind, _, target = str(spec.get("source", "")).partition(":")
    needs_lens = (
        modality is Modality.VISION and stream.intrinsics is None and stream.calibration is None
    )
    silent = stream.mount is None or needs_lens
    if kind != "bag" or not target or not silent or modality not in _LOCATED:
        return None
    return target, str(spec.get("topic", ""))
