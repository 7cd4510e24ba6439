"""How well the robot knows where objects are: with its camera moved, yawed and rolled.

In simulated homes, a camera sits on the robot's right side, higher than its own, yawed 30 degrees
to the left, rolled 15 and pitched 12 degrees. The robot's file says so in a `mount`; the renderer
computes its rays by itself. What is located is what the robot's tools locate:

- objects, by the boxes of the shipped detector in the image and the sweep of the lidar;
- ArUco markers of known size, by their corners, in a camera of 896 x 896 pixels whose lens is
  OpenCV's plumb_bob (the image is bent by OpenCV), and in one without distortion.

The truth is taken from the scene: an object's nearest surface is found by horizontal rays around
the robot at every centimetre of height. The error of an object's place is the larger of two: how
far its distance is from that of the nearest surface, and how far the place lies from the surface.
The nearest point itself is not compared: of a flat side all points are nearly as near.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from report import AtMost, Parser, Row, run

from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.places import Places
from sensebind.checkpoints import default_checkpoint
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.simhome.camera_setup import FIELD_OF_VIEW, CameraSetup
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.scene import ROBOT_RADIUS, Marker, Scene
from sensebind.tools.detection import Detector, distinct
from sensebind.tools.markers import MarkerReader
from sensebind.tools.ranging import Position, Ranging

BAR = 0.05  # metres, of the 95th percentile
ENOUGH = 300  # places, below which the 95th percentile is that of two or three of them
NEAREST, FARTHEST = 0.5, 3.0  # metres over the floor
FIRST_SEED = 40_000_000  # held out from training
XYZ, RPY = (0.05, -0.15, 0.8), tuple(map(math.radians, (15.0, 12.0, 30.0)))
LARGE = 896
BENT = (-0.28, 0.09, 0.0012, -0.0008, -0.012)
SIDE = 0.16  # metres, of the markers
_MATCH = 0.5  # overlap of a detection with what is really there, above which they are the same


def robot(size: int, distortion: tuple[float, ...] = ()) -> Places:
    """Return where the sensors of a robot sit, by its file."""
    focal, middle = size / 2 / math.tan(FIELD_OF_VIEW / 2), (size - 1) / 2
    text = f"""
streams:
  camera:
    source: simhome
    mount: {{xyz: {list(XYZ)}, rpy: {list(RPY)}}}
    intrinsics: {{fx: {focal}, fy: {focal}, cx: {middle}, cy: {middle}, width: {size},
                 height: {size}, distortion: {list(distortion)}}}
  lidar: {{source: simhome, mount: {{xyz: [0, 0, 0.6]}}}}
"""
    return parse_config(text).places()


@dataclass(frozen=True, slots=True)
class Found:
    """A place and its error.

    Attributes:
        error: Metres.
        distance: Of the truth over the floor, metres.
        what: A kind of object, or a marker.
    """

    error: float
    distance: float
    what: str


# --- objects -------------------------------------------------------------------------------------


def objects(places: Places, detector: Detector, seed: int) -> Iterator[Found | None]:
    """Locate what is detected in a home; None for something that is detected and not located."""
    rng = np.random.default_rng(seed)
    scene = before(sample_scene(seed, empty=False, things=5), rng)
    with SimHome(scene, camera=CameraSetup(XYZ, RPY)) as home:  # type: ignore[arg-type]
        sweep = Observation(home.lidar(), "lidar", Modality.POINT, 0, 0.0, 0, "lidar")
        ranging = Ranging(lambda: sweep, places.cameras["camera"], places.lidars["lidar"])
        image, owners = home.camera(), home.view().owners
        found = distinct(detector.detect(image))
        height, width = owners.shape
        located = ranging.positions([one.box for one in found], width, height)
        for index, thing in enumerate(scene.things):
            box = box_of(owners == index)
            if box is None:
                continue
            alike = [overlap(box, one.box) * (one.label == thing.kind) for one in found]
            if not alike or max(alike) < _MATCH:
                continue
            surface = outline(home, index)
            if not len(surface):
                continue
            distance = float(np.hypot(surface[:, 0], surface[:, 1]).min())
            if NEAREST <= distance <= FARTHEST:
                place = located[int(np.argmax(alike))]
                yield (
                    None
                    if place is None
                    else Found(error_of(place, surface, distance), distance, thing.kind)
                )


def error_of(place: Position, surface: np.ndarray, distance: float) -> float:
    """Return how far a place is from the nearest surface, see above."""
    away = np.hypot(surface[:, 0] - place.ahead, surface[:, 1] - place.left).min()
    return max(float(away), abs(place.distance - distance))


def before(scene: Scene, rng: np.random.Generator) -> Scene:
    """Put the robot before one of the objects, so that the camera looks at it."""
    width, depth, _ = scene.room
    for _ in range(200):
        thing = scene.things[rng.integers(len(scene.things))]
        way, around = rng.uniform(0.45, 3.0) + thing.radius, rng.uniform(-math.pi, math.pi)
        x, y = thing.x + way * math.cos(around), thing.y + way * math.sin(around)
        free = abs(x) < width / 2 - 0.4 and abs(y) < depth / 2 - 0.4
        others = [math.hypot(x - t.x, y - t.y) - t.radius for t in scene.things]
        others += [piece.clearance(x, y) for piece in scene.furniture]
        if not free or min(others) < ROBOT_RADIUS + 0.1:
            continue
        facing = math.atan2(thing.y - y, thing.x - x) - RPY[2] + rng.uniform(-0.25, 0.25)
        return replace(scene, robot=(x, y, math.remainder(facing, math.tau)))
    return scene


def outline(home: SimHome, index: int) -> np.ndarray:
    """Return points [N, 3] of the surface that an object turns to the robot, in its frame."""
    x, y, heading = home.robot.pose
    world, angles = home._world, np.arange(0, math.tau, math.radians(0.4))
    flat = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
    thing = home.scene.things[index]
    toward = math.atan2(thing.y - y, thing.x - x)
    wide = math.asin(min(1.0, thing.radius / max(math.hypot(thing.x - x, thing.y - y), 1e-6)))
    flat = flat[np.abs(np.angle(np.exp(1j * (angles - toward)))) <= wide + 0.05]
    points = []
    for level in np.arange(0.05, 1.3, 0.01):
        distance, geom, _ = world.cast(np.array([x, y, level]), flat, normals=False)
        mine = world.owners[geom] == index
        points.append(distance[mine, None] * flat[mine] + [0.0, 0.0, level])
    cos, sin = math.cos(heading), math.sin(heading)
    return np.concatenate(points) @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def box_of(mask: np.ndarray) -> tuple[float, ...] | None:
    """Return the box of a mask's pixels, or None of fewer than 60."""
    rows, columns = np.nonzero(mask)
    if len(rows) < 60:
        return None
    return float(columns.min()), float(rows.min()), columns.max() + 1.0, rows.max() + 1.0


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return intersection over union of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0.0) * max(height, 0.0)
    return both / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - both)


# --- markers -------------------------------------------------------------------------------------


def markers(straight: Places, bent: Places, seed: int) -> Iterator[Found | None]:
    """Locate the markers of a home, through either lens; None for one that is not seen."""
    rng = np.random.default_rng(seed)
    signs, truth = [], {}
    for number in range(4):
        distance = rng.uniform(NEAREST, FARTHEST)
        bearing = RPY[2] + rng.uniform(-0.42, 0.42)
        place = distance * math.cos(bearing), distance * math.sin(bearing)
        up = XYZ[2] - 0.2 * distance + rng.uniform(-0.2, 0.2) * distance
        facing = bearing + math.pi + rng.uniform(-0.6, 0.6)
        signs.append(Marker(number, *place, max(up, 0.12), facing, SIDE))
        truth[str(number)] = np.array([*place, max(up, 0.12)])
    scene = Scene(seed, room=(7.4, 7.0, 2.5), markers=tuple(signs))
    with SimHome(scene, camera=CameraSetup(XYZ, RPY, LARGE)) as home:  # type: ignore[arg-type]
        image = home.camera()
    for places, seen in ((straight, image), (bent, through_lens(image))):
        reader = MarkerReader(sizes={"aruco": SIDE}, camera=places.cameras["camera"])
        for one in reader.read(seen):
            if one.kind == "aruco" and one.text in truth:
                true = truth[one.text]
                if one.position is None:
                    yield None
                    continue
                at = np.array([one.position.ahead, one.position.left, one.position.up])
                yield Found(float(np.linalg.norm(at - true)), float(np.hypot(*true[:2])), "marker")


def through_lens(image: np.ndarray) -> np.ndarray:
    """Return what a lens of OpenCV's plumb_bob makes of a pinhole's image."""
    focal, middle = LARGE / 2 / math.tan(FIELD_OF_VIEW / 2), (LARGE - 1) / 2
    matrix = np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1.0]])
    columns, rows = np.meshgrid(np.arange(LARGE, dtype=np.float32), np.arange(LARGE))
    pixels = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2).astype(np.float64)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-9)
    source = cv2.undistortPoints(
        pixels, matrix, np.array(BENT), None, np.eye(3), matrix, criteria
    ).reshape(LARGE, LARGE, 2)
    from_x, from_y = source[..., 0].astype(np.float32), source[..., 1].astype(np.float32)
    return cv2.remap(image, from_x, from_y, cv2.INTER_LINEAR)


# --- all of it -----------------------------------------------------------------------------------


def measure(count: int) -> list[Row]:
    """Locate so many places, half of them of objects and half of markers."""
    torch.set_num_threads(1)
    detector = Detector.from_pretrained(default_checkpoint() / "detector")
    small, straight, bent = robot(224), robot(LARGE), robot(LARGE, BENT)
    kinds = (
        ("objects", lambda seed: objects(small, detector, seed)),
        ("markers", lambda seed: markers(straight, bent, seed)),
    )
    rows: list[Row] = []
    everything: list[Found] = []
    for name, locate in kinds:
        found: list[Found] = []
        missed, seed = 0, FIRST_SEED
        while len(found) < count // 2:
            for one in locate(seed):
                found += [] if one is None else [one]
                missed += one is None
            seed += 1
        everything += found
        rows += summary(name, found)
        rows.append(Row(f"{name}: detected and not located", missed, None, len(found) + missed))
    p95 = float(np.percentile([100 * one.error for one in everything], 95))
    bar = 100 * BAR if count >= ENOUGH else None
    return [AtMost("all places: p95, cm", p95, bar, len(everything)), *rows]


def summary(name: str, found: list[Found]) -> list[Row]:
    """Return percentiles of the errors, also by distance."""
    errors = [100 * one.error for one in found]
    rows = [
        Row(f"{name}: p50, cm", float(np.percentile(errors, 50)), None, len(found)),
        Row(f"{name}: p90, cm", float(np.percentile(errors, 90)), None, len(found)),
        Row(f"{name}: p95, cm", float(np.percentile(errors, 95)), None, len(found)),
        Row(f"{name}: largest, cm", max(errors), None, len(found)),
    ]
    for low, high in ((0.5, 1.0), (1.0, 2.0), (2.0, 3.0)):
        near = [100 * one.error for one in found if low <= one.distance < high]
        if near:
            title = f"{name} at {low:g} to {high:g} m: p95, cm"
            rows.append(Row(title, float(np.percentile(near, 95)), None, len(near)))
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--places", 500, 30, "places, half of them of objects and half of markers")
    return run(parser, lambda options: measure(options.places))


if __name__ == "__main__":
    sys.exit(main())
