"""Turns a scene into a MuJoCo model of primitives, and knows what each geom is and looks like.

Only the geometry engine of MuJoCo is used: rays and distances. Nothing falls, nothing collides by
itself; what can move (the robot, the door's leaf, the fan's blades) are mocap bodies.
"""

# MuJoCo's compiled names come without type stubs.
# pyright: reportAttributeAccessIssue=false

import math
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from sensebind.perception.simhome.objects import FAN_HUB, Part, Vec, paint, shape_of
from sensebind.perception.simhome.scene import ROBOT_RADIUS, Furniture, Scene, Thing, Wall

FLOOR = 0
"""The geom id of the floor."""
ROBOT_HEIGHT = 0.72
_REACH = 15.0  # length of the rays, metres: more than any home
_ACTIVE = np.array([1, 0, 0, 0, 0, 0], np.uint8)
# Geom of the wall on the low and the high side of each axis; see `_xml`.
_ROOM_GEOM = np.array([[1, 2], [3, 4], [FLOOR, 5]], np.int32)
_ROOM_NORMAL = np.array(
    [[0, 0, 1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, -1]], np.float64
)
_SPIN = 9.0  # how fast a fan turns, rad/s
_GENERAL, _GLOW, _THERMOSTAT = 0, 1, 2


@dataclass
class _Body:
    """A body under construction; parts are given in its own frame."""

    x: float
    y: float
    z: float
    heading: float
    parts: list[tuple[Part, Vec]]  # with its RGB
    mocap: bool = False
    owner: int = -1
    scale: float = 1.0


class World:
    """The compiled geometry of a scene.

    Attributes:
        scene: What it was compiled from.
        model: The MuJoCo model.
        data: Its state; call `place` after a change.
        colors: float32 [geoms + 1, 3], RGB of each geom; the last row is for rays that hit nothing.
        owners: int16 [geoms + 1], which thing a geom belongs to; -1 for the home itself.
        glowing: bool [geoms + 1], parts that shine while the lamp is on.
        robot_body: Body id of the robot, to be left out of its own rays.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        bodies: list[_Body] = []
        for piece in scene.furniture:
            bodies += _furniture(piece)
        self._door = next((i for i, b in enumerate(bodies) if b.mocap), None)
        bodies += [_wall(wall, scene.surfaces.wall) for wall in scene.walls]
        self._spins: dict[int, int] = {}  # thing -> its body of blades
        for index, thing in enumerate(scene.things):
            still, spinning = _thing(thing, index)
            bodies.append(still)
            if spinning is not None:
                self._spins[index] = len(bodies)
                bodies.append(spinning)
        robot = _robot(scene.robot)
        bodies.append(robot)
        self.model = mujoco.MjModel.from_xml_string(_xml(scene, bodies))
        self.data = mujoco.MjData(self.model)
        self.robot_body = len(bodies)  # body 0 is the world
        self._mocap_of = {i: int(self.model.body_mocapid[i + 1]) for i in range(len(bodies))}
        self._bodies = bodies
        self._fill_tables(scene, bodies)
        self.model.geom_group[:] = 1  # the group that rays do not see
        # First geom and number of geoms of every body but the robot, the last one.
        address, number = self.model.body_geomadr, self.model.body_geomnum
        self._geoms = [(int(address[i]), int(number[i])) for i in range(1, len(bodies))]
        self._local: np.ndarray | None = None
        self._radii = np.zeros(0)
        self._last: tuple[object, ...] | None = None
        self.place(scene.robot)

    def _fill_tables(self, scene: Scene, bodies: list[_Body]) -> None:
        wall, ceiling = scene.surfaces.wall, (0.82, 0.82, 0.80)
        colors: list[Vec] = [scene.surfaces.floor, wall, wall, wall, wall, ceiling]
        owners, looks = [-1] * 6, [_GENERAL] * 6
        for body in bodies:
            for part, color in body.parts:
                colors.append(color)
                owners.append(body.owner)
                special = {"glow": _GLOW, "thermostat": _THERMOSTAT}
                looks.append(special.get(part.role, _GENERAL))
        colors.append((0.5, 0.5, 0.5))
        self.colors = np.array(colors, np.float32)
        self.owners = np.array([*owners, -1], np.int16)
        self.glowing = np.array([*looks, _GENERAL]) == _GLOW
        self._thermostat = np.flatnonzero(np.array(looks) == _THERMOSTAT)

    def place(
        self,
        robot: tuple[float, float, float],
        *,
        door_open: bool = False,
        spinning: frozenset[int] = frozenset(),
        thermostat: float = 21.0,
        time: float = 0.0,
    ) -> None:
        """Put everything that can move where it belongs.

        Args:
            robot: x, y in metres, heading in radians.
            door_open: Whether the door stands open.
            spinning: The fans (indices of things) that turn.
            thermostat: Its temperature in degrees Celsius; its panel shows it as a colour.
            time: Home time in seconds, for what turns.
        """
        state = (robot, door_open, spinning, thermostat, time if spinning else 0.0)
        if state == self._last:
            return
        self._last = state
        self._move(len(self._bodies) - 1, (robot[0], robot[1], 0.0), robot[2])
        if self._door is not None:
            leaf = self._bodies[self._door]
            # Open, it has swung out of the room and shows the dark corridor behind it.
            self._move(
                self._door, (leaf.x, leaf.y, leaf.z if not door_open else -9.0), leaf.heading
            )
        for index, body in self._spins.items():
            hub = self._bodies[body]
            angle = _SPIN * time if index in spinning else 0.0
            self._move(body, (hub.x, hub.y, hub.z), hub.heading, angle)
        warmth = min(max((thermostat - 10.0) / 20.0, 0.0), 1.0)
        self.colors[self._thermostat] = (0.2 + 0.7 * warmth, 0.3, 0.9 - 0.7 * warmth)
        mujoco.mj_kinematics(self.model, self.data)

    def _move(self, body: int, at: Vec, heading: float, roll: float = 0.0) -> None:
        mocap = self._mocap_of[body]
        self.data.mocap_pos[mocap] = at
        ch, sh = math.cos(heading / 2), math.sin(heading / 2)
        cr, sr = math.cos(roll / 2), math.sin(roll / 2)
        self.data.mocap_quat[mocap] = (ch * cr, ch * sr, sh * sr, sh * cr)  # yaw, then roll

    def cast(
        self, origin: np.ndarray, rays: np.ndarray, normals: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Follow rays from one point to what they hit first; the robot itself is transparent.

        The engine would test every ray against every geom, so it is asked body by body, each time
        with only those rays that pass through the sphere around the body: six times as fast.

        Args:
            origin: float64 [3], metres, inside the room.
            rays: float64 [N, 3], unit vectors.
            normals: Whether the surface normals are wanted.

        Returns:
            Distances float64 [N] in metres, geom ids int32 [N], normals float64 [N, 3] or None.
        """
        distance, geom, normal = self._cast_room(origin, rays, normals)
        group = self.model.geom_group
        away = self._centers() - origin  # [B, 3]
        square = np.einsum("ij,ij->i", away, away)
        # A ray meets a sphere if it stays within its cone; from inside, every ray may.
        cone = np.sqrt(np.maximum(square - self._radii**2, 0))
        meets = away.astype(np.float32) @ rays.T.astype(np.float32)  # [B, N]
        meets = meets >= cone[:, None].astype(np.float32)
        inside = square <= self._radii**2
        for body, (first, count) in enumerate(self._geoms):
            index = np.arange(len(rays)) if inside[body] else np.flatnonzero(meets[body])
            if not index.size:
                continue
            some = index.size
            body_distance, body_geom = np.empty(some), np.empty(some, np.int32)
            body_normal = np.empty(3 * some) if normals else None
            group[first : first + count] = 0
            mujoco.mj_multiRay(
                self.model,
                self.data,
                origin,
                rays[index].ravel(),
                _ACTIVE,
                True,
                -1,
                body_geom,
                body_distance,
                body_normal,
                some,
                _REACH,
            )
            group[first : first + count] = 1
            nearer = (body_geom >= 0) & (body_distance < distance[index])
            index = index[nearer]
            distance[index], geom[index] = body_distance[nearer], body_geom[nearer]
            if normal is not None and body_normal is not None:
                normal[index] = body_normal.reshape(-1, 3)[nearer]
        return distance, geom, normal

    def _cast_room(
        self, origin: np.ndarray, rays: np.ndarray, normals: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Where rays leave the empty room: floor, walls or ceiling."""
        width, depth, height = self.scene.room
        low, high = (-width / 2, -depth / 2, 0.0), (width / 2, depth / 2, height)
        distance = np.full(len(rays), np.inf)
        geom = np.zeros(len(rays), np.int32)
        for axis in range(3):
            ray = np.ascontiguousarray(rays[:, axis])
            up = ray > 0
            with np.errstate(divide="ignore"):  # parallel to a wall: never there
                reach = np.where(up, high[axis] - origin[axis], origin[axis] - low[axis])
                reach /= np.abs(ray)
            nearer = reach < distance
            np.copyto(distance, reach, where=nearer)
            np.copyto(geom, np.where(up, _ROOM_GEOM[axis, 1], _ROOM_GEOM[axis, 0]), where=nearer)
        return distance, geom, _ROOM_NORMAL[geom] if normals else None

    def _centers(self) -> np.ndarray:
        """Middles of the bodies' bounding spheres, float64 [B, 3] (they move with mocap bodies)."""
        model, data = self.model, self.data
        if self._local is None:
            spheres = []
            for first, count in self._geoms:
                at, bound = data.geom_xpos[first:][:count], model.geom_rbound[first:][:count]
                low, high = (at - bound[:, None]).min(0), (at + bound[:, None]).max(0)
                center = (low + high) / 2
                radius = (np.linalg.norm(at - center, axis=1) + bound).max()
                spheres.append((center - data.xpos[model.geom_bodyid[first]], radius))
            self._local = np.array([center for center, _ in spheres]).reshape(-1, 3)
            self._radii = np.array([radius for _, radius in spheres])
        at = data.xpos[[int(model.geom_bodyid[first]) for first, _ in self._geoms]]
        return at + self._local


def _thing(thing: Thing, index: int) -> tuple[_Body, _Body | None]:
    parts = [(part, paint(thing.color, part.role)) for part in shape_of(thing.kind)]
    still = [item for item in parts if not item[0].spins]
    body = _Body(thing.x, thing.y, 0.0, thing.heading, still, owner=index, scale=thing.scale)
    if len(still) == len(parts):
        return body, None
    moved: list[tuple[Part, Vec]] = []
    for part, color in parts:
        if part.spins:
            x, y, z = part.at
            at = (x - FAN_HUB[0], y - FAN_HUB[1], z - FAN_HUB[2])
            moved.append((replace(part, at=at), color))
    out, up = FAN_HUB[0] * thing.scale, FAN_HUB[2] * thing.scale
    x, y = thing.x + out * math.cos(thing.heading), thing.y + out * math.sin(thing.heading)
    hub = _Body(x, y, up, thing.heading, moved, mocap=True, owner=index, scale=thing.scale)
    return body, hub


def _box(at: Vec, half: Vec, role: str = "main") -> Part:
    return Part("box", half, at, role=role)


def _tone(color: Vec, factor: float) -> Vec:
    return (color[0] * factor, color[1] * factor, color[2] * factor)


def _wall(wall: Wall, color: Vec) -> _Body:
    half = (wall.width / 2, wall.depth / 2, (wall.high - wall.low) / 2)
    part = _box((0.0, 0.0, (wall.low + wall.high) / 2), half)
    return _Body(wall.x, wall.y, 0.0, 0.0, [(part, color)])


def _furniture(piece: Furniture) -> list[_Body]:
    """Bodies of a piece; its frame has x into the room and y along the wall."""
    color, half, depth = piece.color, piece.width / 2, piece.depth
    dark = _tone(color, 0.7)
    body = _Body(piece.x, piece.y, 0.0, piece.heading, [])
    add = body.parts.append
    if piece.kind == "sofa":
        add((_box((depth / 2, 0, 0.22), (depth / 2, half, 0.22)), color))
        add((_box((0.12, 0, 0.60), (0.12, half, 0.24)), dark))
        for y in (-half + 0.1, half - 0.1):
            add((_box((depth / 2, y, 0.52), (depth / 2, 0.1, 0.12)), dark))
    elif piece.kind == "shelf":
        add((_box((0.02, 0, 0.85), (0.02, half, 0.85)), dark))
        for z in (0.03, 0.45, 0.87, 1.29, 1.68):
            add((_box((depth / 2, 0, z), (depth / 2, half, 0.02)), color))
        for y in (-half, 0.0, half):
            add((_box((depth / 2, y, 0.85), (depth / 2, 0.02, 0.85)), color))
        for index, z in enumerate((0.58, 1.02, 1.42, 0.60)):  # books
            y = (-0.45, 0.35, -0.2, 0.4)[index] * piece.width / 1.5
            add((_box((depth * 0.45, y, z), (depth * 0.35, 0.22, 0.12)), (0.48, 0.46, 0.42)))
    elif piece.kind == "table":
        add((_box((depth / 2, 0, 0.72), (depth / 2, half, 0.025)), color))
        add((_box((0.03, 0, 0.36), (0.02, half - 0.05, 0.34)), dark))
        add((_box((depth - 0.04, 0, 0.635), (0.02, half - 0.03, 0.065)), dark))  # drawers
        for y in (-half + 0.06, half - 0.06):
            add((_box((depth / 2, y, 0.35), (depth / 2 - 0.03, 0.03, 0.35)), dark))
    elif piece.kind == "rug":
        add((_box((0, 0, 0.004), (half, depth / 2, 0.004)), color))
        add((_box((0, 0, 0.006), (half - 0.15, depth / 2 - 0.15, 0.004)), _tone(color, 1.12)))
    elif piece.kind == "picture":
        add((_box((0.01, 0, 1.5), (0.02, half, 0.32)), (0.30, 0.25, 0.20)))
        add((_box((0.015, 0, 1.5), (0.02, half - 0.05, 0.27)), _tone(color, 1.3)))
        add((_box((0.016, 0.0, 1.4), (0.021, half - 0.05, 0.10)), color))
    elif piece.kind == "thermostat":
        add((_box((0.01, 0, 1.35), (0.02, half, half)), (0.75, 0.75, 0.75)))
        add((_box((0.015, 0, 1.35), (0.02, half * 0.75, half * 0.75), "thermostat"), color))
    else:  # a door: frame and corridor here, the leaf can move
        add((_box((0.0, 0, 1.0), (0.004, half, 1.0)), (0.10, 0.10, 0.12)))
        for y in (-half - 0.04, half + 0.04):
            add((_box((0.02, y, 1.02), (0.03, 0.04, 1.02)), dark))
        add((_box((0.02, 0, 2.04), (0.03, half + 0.08, 0.04)), dark))
        leaf = _Body(piece.x, piece.y, 0.0, piece.heading, [], mocap=True)
        leaf.parts.append((_box((0.01, 0, 1.0), (0.015, half, 1.0)), color))
        for z in (0.55, 1.45):
            leaf.parts.append((_box((0.02, 0, z), (0.015, half - 0.12, 0.35)), _tone(color, 0.9)))
        leaf.parts.append((Part("sphere", (0.035,), (0.06, half - 0.1, 1.0)), (0.6, 0.6, 0.6)))
        return [body, leaf]
    return [body]


def _robot(pose: tuple[float, float, float]) -> _Body:
    """A round tower on two wheels; the tower, its first geom, is what must not touch anything."""
    grey, dark = (0.6, 0.6, 0.62), (0.15, 0.15, 0.15)
    parts = [
        (Part("cylinder", (ROBOT_RADIUS,), (0, 0, 0.03), (0, 0, ROBOT_HEIGHT)), grey),
        (Part("cylinder", (0.1,), (0.0, 0.2, 0.1), (0.0, 0.23, 0.1)), dark),
        (Part("cylinder", (0.1,), (0.0, -0.2, 0.1), (0.0, -0.23, 0.1)), dark),
    ]
    return _Body(pose[0], pose[1], 0.0, pose[2], parts, mocap=True)


def _numbers(values: tuple[float, ...], scale: float = 1.0) -> str:
    return " ".join(f"{value * scale:.5f}" for value in values)


def _geom(part: Part, scale: float) -> str:
    size = _numbers(part.size, scale)
    if part.to is not None:
        ends = _numbers((*part.at, *part.to), scale)
        return f'<geom type="{part.shape}" size="{size}" fromto="{ends}"/>'
    turn = f' euler="{_numbers(part.turn)}"' if any(part.turn) else ""
    return f'<geom type="{part.shape}" size="{size}" pos="{_numbers(part.at, scale)}"{turn}/>'


def _xml(scene: Scene, bodies: list[_Body]) -> str:
    half_x, half_y, height = scene.room[0] / 2, scene.room[1] / 2, scene.room[2]
    room = [
        '<geom type="plane" size="9 9 1"/>',
        f'<geom type="plane" size="9 9 1" pos="{-half_x:.4f} 0 0" zaxis="1 0 0"/>',
        f'<geom type="plane" size="9 9 1" pos="{half_x:.4f} 0 0" zaxis="-1 0 0"/>',
        f'<geom type="plane" size="9 9 1" pos="0 {-half_y:.4f} 0" zaxis="0 1 0"/>',
        f'<geom type="plane" size="9 9 1" pos="0 {half_y:.4f} 0" zaxis="0 -1 0"/>',
        f'<geom type="plane" size="9 9 1" pos="0 0 {height:.4f}" zaxis="0 0 -1"/>',
    ]
    lines = []
    for body in bodies:
        geoms = "".join(_geom(part, body.scale) for part, _ in body.parts)
        mocap = ' mocap="true"' if body.mocap else ""
        place = f'pos="{body.x:.5f} {body.y:.5f} {body.z:.5f}" euler="0 0 {body.heading:.6f}"'
        lines.append(f"<body {place}{mocap}>{geoms}</body>")
    return (
        # Euler angles as yaw, pitch, roll about fixed axes; geoms carry no mass and never collide.
        '<mujoco><compiler angle="radian" eulerseq="XYZ"/>'
        '<default><geom contype="0" conaffinity="0"/></default>'
        f"<worldbody>{''.join(room)}{''.join(lines)}</worldbody></mujoco>"
    )
