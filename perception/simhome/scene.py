"""What stands where in a SimHome: plain data.

Coordinates are metres and radians. The room is centred on the origin, x and y lie in the floor,
z is up. A thing's heading is the direction its front looks to. Scenes know nothing of MuJoCo.
"""

import math
from dataclasses import dataclass, field

RGB = tuple[float, float, float]

NEAR = 3.0
"""Within this distance, in metres, a thing counts as being with the robot."""
ROBOT_RADIUS = 0.24

# Half of the largest horizontal extent of each kind at scale 1, in metres.
FOOTPRINT: dict[str, float] = {
    "dog": 0.55,
    "cat": 0.37,
    "bird": 0.50,
    "car": 0.48,
    "train": 0.55,
    "clock": 0.30,
    "phone": 0.24,
    "piano": 0.46,
    "guitar": 0.27,
    "drum": 0.38,
    "kettle": 0.42,
    "vacuum": 0.52,
    "radio": 0.44,
    "fan": 0.32,
    "ball": 0.30,
    "chair": 0.34,
    "plant": 0.38,
    "lamp": 0.27,
    # Those of `catalog.MORE_KINDS`.
    "mug": 0.42,
    "bottle": 0.16,
    "stool": 0.33,
    "bucket": 0.32,
    "umbrella": 0.46,
    "boat": 0.52,
    "airplane": 0.54,
    "robot": 0.36,
    "mushroom": 0.34,
    "snowman": 0.42,
    "cactus": 0.35,
    "trophy": 0.39,
    "hammer": 0.31,
    "rocket": 0.33,
    "ladder": 0.30,
    "vase": 0.26,
    "bench": 0.50,
    "cart": 0.59,
    "windmill": 0.40,
    "teapot": 0.50,
}

# Muted on purpose: no thing may vanish in front of its home.
WALLS: tuple[RGB, ...] = (
    (0.70, 0.64, 0.55),
    (0.60, 0.65, 0.70),
    (0.66, 0.66, 0.60),
    (0.72, 0.62, 0.58),
    (0.56, 0.62, 0.60),
    (0.64, 0.60, 0.66),
)
FLOORS: tuple[RGB, ...] = (
    (0.50, 0.39, 0.28),
    (0.58, 0.47, 0.35),
    (0.42, 0.34, 0.27),
    (0.45, 0.46, 0.47),
    (0.55, 0.52, 0.46),
)

# Extent along the wall and depth into the room, in metres; both 0: nothing stands on the floor.
FURNITURE_SIZE: dict[str, tuple[float, float]] = {
    "sofa": (1.9, 0.8),
    "shelf": (1.5, 0.35),
    "table": (1.5, 0.65),
}


@dataclass(frozen=True)
class Thing:
    """A coloured thing on the floor.

    Attributes:
        kind: One of `catalog.KINDS`.
        color: One of `catalog.COLORS`.
        x: Position in the room, metres.
        y: Position in the room, metres.
        heading: Where its front looks to, radians.
        scale: Size factor, about 0.9 to 1.1.
        sounding: Whether it makes its own sound all the time.
    """

    kind: str
    color: str
    x: float
    y: float
    heading: float = 0.0
    scale: float = 1.0
    sounding: bool = False

    @property
    def radius(self) -> float:
        """Radius, in metres, of the circle on the floor that holds the thing."""
        return FOOTPRINT[self.kind] * self.scale


@dataclass(frozen=True)
class Furniture:
    """A piece of furniture: sofa, shelf, table, rug, picture, door or thermostat.

    Attributes:
        kind: Its name.
        x: Middle of its back edge (on the wall), or of the rug, metres.
        y: The same.
        heading: Direction from the wall into the room, radians.
        width: Extent along the wall, metres.
        depth: Extent into the room, metres.
        color: Its RGB in 0..1.
    """

    kind: str
    x: float
    y: float
    heading: float
    width: float
    depth: float
    color: RGB

    def clearance(self, x: float, y: float) -> float:
        """Distance in metres from a point on the floor to this piece; inf for flat pieces."""
        if self.kind not in FURNITURE_SIZE:
            return math.inf
        cos, sin = math.cos(self.heading), math.sin(self.heading)
        along = abs(-(x - self.x) * sin + (y - self.y) * cos) - self.width / 2
        out = abs((x - self.x) * cos + (y - self.y) * sin - self.depth / 2) - self.depth / 2
        return math.hypot(max(along, 0.0), max(out, 0.0))


@dataclass(frozen=True)
class Marker:
    """An ArUco marker on a thin sign that stands free; the lidar looks through it.

    Attributes:
        number: In OpenCV's dictionary DICT_4X4_50.
        x: Its middle in the room, metres.
        y: Its middle in the room, metres.
        z: Its middle above the floor, metres.
        heading: Direction that it faces, radians.
        side: Length of its black square's side, metres.
    """

    number: int
    x: float
    y: float
    z: float
    heading: float
    side: float = 0.16


@dataclass(frozen=True)
class Wall:
    """A block of a wall inside the home: beside a doorway, or above it.

    Attributes:
        x: Its middle, metres.
        y: Its middle, metres.
        width: Extent along x, metres.
        depth: Extent along y, metres.
        low: Height of its lower edge, metres.
        high: Height of its upper edge, metres.
    """

    x: float
    y: float
    width: float
    depth: float
    low: float = 0.0
    high: float = 2.5


@dataclass(frozen=True)
class Room:
    """A room of a home with several; only tests and trials know it, never a robot.

    Attributes:
        x0: Its least x, metres.
        y0: Its least y, metres.
        x1: Its greatest x, metres.
        y1: Its greatest y, metres.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle, metres."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def holds(self, x: float, y: float) -> bool:
        """Whether a point on the floor lies in it."""
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1


@dataclass(frozen=True)
class Light:
    """How the home is lit.

    Attributes:
        level: Brightness of everything with the lamp off, about 0.8 to 1.
        ambient: Part of the light that comes from everywhere, 0..1.
        direction: Unit vector towards the light.
        tint: RGB factors near 1 (daylight or evening).
    """

    level: float = 0.9
    ambient: float = 0.5
    direction: tuple[float, float, float] = (0.4, 0.3, 0.866)
    tint: RGB = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Surfaces:
    """Colours of the room and the direction of the floor boards.

    Attributes:
        wall: Colour of the walls, RGB in 0..1.
        floor: Colour of the floor, RGB in 0..1.
        board_width: Width of a floor board, metres.
        boards_along_x: Whether the boards run along x; along y otherwise.
    """

    wall: RGB = WALLS[0]
    floor: RGB = FLOORS[0]
    board_width: float = 0.16
    boards_along_x: bool = True


@dataclass(frozen=True)
class Scene:
    """Everything that a SimHome is built from.

    Attributes:
        seed: The number it was sampled from; also seeds sensor noise and sounds.
        things: The things on the floor.
        robot: Where the robot starts: x, y in metres, heading in radians.
        room: Width (x), depth (y) and height in metres.
        light: How it is lit.
        surfaces: What walls and floor look like.
        furniture: Pieces along the walls.
        device_things: Which things are the people's devices: name of the device (``"radio"``)
            to index into ``things``.
        markers: Signs with markers; sampled homes have none.
        walls: Walls inside, in a home of several rooms.
        rooms: These rooms; none where the home is one room.
    """

    seed: int
    things: tuple[Thing, ...] = ()
    robot: tuple[float, float, float] = (0.0, 0.0, 0.0)
    room: tuple[float, float, float] = (7.0, 6.0, 2.5)
    light: Light = field(default_factory=Light)
    surfaces: Surfaces = field(default_factory=Surfaces)
    furniture: tuple[Furniture, ...] = ()
    device_things: dict[str, int] = field(default_factory=dict)
    markers: tuple[Marker, ...] = ()
    walls: tuple[Wall, ...] = ()
    rooms: tuple[Room, ...] = ()


def polar(thing: Thing, robot: tuple[float, float, float]) -> tuple[float, float]:
    """Distance in metres and bearing in radians (left positive) of a thing's middle."""
    dx, dy = thing.x - robot[0], thing.y - robot[1]
    bearing = math.remainder(math.atan2(dy, dx) - robot[2], 2 * math.pi)
    return math.hypot(dx, dy), bearing
