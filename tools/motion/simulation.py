"""A simulated base behind a socket, for tests and `benchmarks/stop.py`: late, lossy, and unguarded.

`python -m sensebind.tools.motion.simulation` is a process of its own. It takes velocities as UDP
datagrams, begins to move after a while, drops some of the messages, integrates its pose, and shows
its lidar's sweeps. Boxes can be put before it; it does not look at them itself. Whoever started it
gives it orders and asks what it did in lines of JSON on its standard input: so a trial is judged by
what the base did, not by what others believe.
"""

from __future__ import annotations

import itertools
import math
import random
import socket as sockets
import struct
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Self

import msgspec
import numpy as np
import zmq

from sensebind.perception.geometry.odometry import Odometry
from sensebind.perception.simhome.wire import encode_sample

RADIUS = 0.25
"""Of the robot, metres."""
BRAKING, TURN_BRAKING = 1.0, 4.0
"""m/s² and rad/s² at which it comes to stand; it speeds up as quickly."""
REACTION = 0.03
"""Seconds from a command until the wheels follow it."""
SWEEP_SECONDS = 0.1
"""Between two sweeps of its lidar."""

_COMMAND = struct.Struct("<3d")  # m/s, rad/s, seconds; NaN asks for odometry alone
_ODOMETRY = struct.Struct("<6d")
_STEP = 0.005  # seconds between two steps of the simulation
_PUSH = 0.02  # seconds between two odometries
_LAG = 0.5  # seconds at most that are caught up with
_KEPT = 30.0  # seconds of the log
_RAYS = 360
_FAR = 8.0  # metres


class Order(msgspec.Struct, kw_only=True):
    """What whoever started the process wants.

    Attributes:
        reset: Stand at the origin, without boxes, and forget the log.
        start: Seconds from the first command until the base moves.
        drop: Share of messages that is lost, both ways.
        cut: Whether the link is cut: nothing gets through.
        seed: Of what is dropped.
        box: Metres ahead of the robot's edge, metres to the left, depth and width of a box that is
            put there now.
        since: Seconds of the monotonic clock from which on the report counts.
    """

    reset: bool = False
    start: float | None = None
    drop: float | None = None
    cut: bool | None = None
    seed: int | None = None
    box: tuple[float, float, float, float] | None = None
    since: float = 0.0


class Report(msgspec.Struct, kw_only=True):
    """What the base did.

    Attributes:
        now: Seconds of the monotonic clock.
        pose: x, y in metres, heading in radians.
        speed: Metres per second, now.
        turn_rate: Radians per second, now.
        driven: Metres since `Order.since`.
        turned: Radians since then.
        moving_until: When the last command that moves ended: a zero came, or it expired.
        speed_then: Metres per second when the wheels had followed it last.
        stands_since: When it came to stand; inf while it moves.
        first_zero: When the first zero since then was sent, also one that was dropped; inf if none.
        clearance: Metres to the nearest box, at the least.
    """

    now: float
    pose: tuple[float, float, float]
    speed: float
    turn_rate: float
    driven: float
    turned: float
    moving_until: float
    speed_then: float
    stands_since: float | None
    first_zero: float | None
    clearance: float | None


@dataclass(slots=True)
class _Moment:
    time: float
    x: float
    y: float
    heading: float
    speed: float
    turn_rate: float
    moves: bool  # whether a command that moves is in force
    clearance: float


@dataclass(slots=True)
class World:
    """The base and its boxes; a box is x, y, heading, half depth, half width.

    Attributes:
        start: Seconds from the first command until the base moves.
        drop: Share of messages that is lost, both ways, 0..1.
        cut: Whether the link is cut: nothing gets through.
        chance: Decides which messages are lost.
        x: Position, metres from the origin along its x axis.
        y: Position, metres from the origin along its y axis.
        heading: Radians, anticlockwise from the x axis, -π..π.
        speed: Metres per second, now.
        turn_rate: Radians per second, now.
        target: Speed and turn rate of the command that the wheels follow, m/s and rad/s.
        expires: When that command ends, seconds of the monotonic clock.
        begins: When the base starts to move, `start` after the command, monotonic seconds; None
            without a command that moves.
        late: Commands on their way to the wheels: when they take effect, m/s, rad/s, when they end.
        boxes: Centre x, y in metres, heading in radians, half depth and half width in metres of
            each box.
        log: Every step of the last 30 s.
        zeros: When each command of zero velocity was sent, monotonic seconds; dropped ones
            included.
        heard: When the moving command that is in force ends, monotonic seconds; None without one.
        heard_until: When the last moving command before it ended, monotonic seconds.
    """

    start: float = 0.0
    drop: float = 0.0
    cut: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    x: float = 0.0
    y: float = 0.0
    heading: float = 0.0
    speed: float = 0.0
    turn_rate: float = 0.0
    target: tuple[float, float] = (0.0, 0.0)
    expires: float = 0.0
    begins: float | None = None
    late: deque[tuple[float, float, float, float]] = field(default_factory=deque)
    boxes: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    log: deque[_Moment] = field(default_factory=deque)
    zeros: deque[float] = field(default_factory=deque)
    heard: float | None = None  # until when the command that moves is valid that is in force
    heard_until: float = 0.0  # when the last one ended

    def lost(self) -> bool:
        """Whether a message is lost."""
        return self.cut or self.chance.random() < self.drop

    def command(self, speed: float, turn_rate: float, valid_for: float, now: float) -> None:
        """Take a command, which may be lost."""
        if not self.cut and not speed and not turn_rate:
            self.zeros.append(now)
        if self.lost():
            return
        if self.heard is not None:
            self.heard_until = min(now, self.heard)
        self.heard = now + valid_for if speed or turn_rate else None
        self.late.append((now + REACTION, speed, turn_rate, now + valid_for))

    def step(self, now: float, seconds: float) -> None:
        """Let time pass."""
        while self.late and self.late[0][0] <= now:
            _, *target, self.expires = self.late.popleft()
            self.target = (target[0], target[1])
        moves = self.target != (0.0, 0.0) and now < self.expires + REACTION
        speed, turn_rate = self.target if moves else (0.0, 0.0)
        stands = not self.speed and not self.turn_rate
        if not moves:
            self.begins = None
        elif stands and self.begins is None:
            self.begins = now + self.start
        if stands and moves and self.begins is not None and now < self.begins:
            speed = turn_rate = 0.0
        self.speed += _limited(speed - self.speed, BRAKING * seconds)
        self.turn_rate += _limited(turn_rate - self.turn_rate, TURN_BRAKING * seconds)
        self.heading = math.remainder(self.heading + self.turn_rate * seconds, math.tau)
        self.x += self.speed * seconds * math.cos(self.heading)
        self.y += self.speed * seconds * math.sin(self.heading)
        self.log.append(
            _Moment(
                now, self.x, self.y, self.heading, self.speed, self.turn_rate, moves, self.clear()
            )
        )
        while now - self.log[0].time > _KEPT:
            self.log.popleft()

    def clear(self) -> float:
        """Metres from the robot's edge to the nearest box; inf without one."""
        nearest = math.inf
        for x, y, heading, depth, width in self.boxes:
            dx, dy = self.x - x, self.y - y
            along = abs(dx * math.cos(heading) + dy * math.sin(heading)) - depth
            across = abs(dy * math.cos(heading) - dx * math.sin(heading)) - width
            nearest = min(nearest, math.hypot(max(along, 0.0), max(across, 0.0)) - RADIUS)
        return nearest

    def put(self, ahead: float, left: float, depth: float, width: float) -> None:
        """Put a box before the robot."""
        cos, sin = math.cos(self.heading), math.sin(self.heading)
        along = RADIUS + ahead + depth / 2
        x, y = self.x + along * cos - left * sin, self.y + along * sin + left * cos
        self.boxes.append((x, y, self.heading, depth / 2, width / 2))

    def sweep(self) -> np.ndarray:
        """What the lidar in the robot's middle sees: float32 [N, 3], in the robot's frame.

        A wall stands behind everything, all around: a lidar that sees nothing at all is blind.
        """
        angles = np.arange(_RAYS) * (math.tau / _RAYS)
        distance = np.full(_RAYS, math.inf)
        for x, y, heading, depth, width in self.boxes:
            rays = angles + self.heading - heading
            cos, sin = math.cos(heading), math.sin(heading)
            dx, dy = self.x - x, self.y - y
            from_x, from_y = dx * cos + dy * sin, dy * cos - dx * sin
            with np.errstate(divide="ignore", invalid="ignore"):
                near_x, far_x = _slab(from_x, np.cos(rays), depth)
                near_y, far_y = _slab(from_y, np.sin(rays), width)
            near, far = np.maximum(near_x, near_y), np.minimum(far_x, far_y)
            distance = np.where((near <= far) & (near > 0), np.minimum(distance, near), distance)
        distance = np.minimum(distance, _FAR)
        return np.stack(
            [distance * np.cos(angles), distance * np.sin(angles), np.zeros(_RAYS)], axis=1
        ).astype(np.float32)

    def report(self, since: float, now: float) -> Report:
        """What happened since a moment."""
        after = [one for one in self.log if one.time >= since]
        pairs = list(itertools.pairwise(after))
        moving = [one for one in self.log if one.moves]
        ended = self.heard_until if self.heard is None else min(now, self.heard)
        stood = None
        for one in reversed(self.log):
            if one.speed or one.turn_rate or one.moves:
                break
            stood = one.time
        clearance = min((one.clearance for one in after), default=math.inf)
        return Report(
            now=now,
            pose=(self.x, self.y, self.heading),
            speed=self.speed,
            turn_rate=self.turn_rate,
            driven=sum(math.hypot(b.x - a.x, b.y - a.y) for a, b in pairs),
            turned=sum(abs(math.remainder(b.heading - a.heading, math.tau)) for a, b in pairs),
            moving_until=ended,
            speed_then=abs(moving[-1].speed) if moving else 0.0,
            stands_since=stood,
            first_zero=next((one for one in self.zeros if one >= since), None),
            clearance=None if math.isinf(clearance) else clearance,
        )


def _limited(value: float, most: float) -> float:
    return min(max(value, -most), most)


def _slab(start: float, direction: np.ndarray, half: float) -> tuple[np.ndarray, np.ndarray]:
    """Where rays enter and leave the space between two parallel planes."""
    one, other = (-half - start) / direction, (half - start) / direction
    return np.minimum(one, other), np.maximum(one, other)


def main() -> int:
    """Run the base until standard input is closed."""
    world, orders = World(), msgspec.json.Decoder(Order)
    link = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
    link.bind(("127.0.0.1", 0))
    link.setblocking(False)
    context = zmq.Context()
    lidar: zmq.Socket = context.socket(zmq.PUB)
    lidar.setsockopt(zmq.LINGER, 0)
    lidar.bind("tcp://127.0.0.1:*")
    address = lidar.getsockopt_string(zmq.LAST_ENDPOINT)
    print(msgspec.json.encode({"port": link.getsockname()[1], "lidar": address}).decode())
    sys.stdout.flush()
    poller = zmq.Poller()
    poller.register(link, zmq.POLLIN)
    poller.register(0, zmq.POLLIN)
    partner: tuple[str, int] | None = None
    stepped = pushed = swept = time.monotonic()
    sequence, rest = 0, b""
    while True:
        ready = dict(poller.poll(round(1000 * _STEP)))
        now = time.monotonic()
        if link.fileno() in ready:
            partner = _receive(link, world, now) or partner
        if 0 in ready:
            data = sys.stdin.buffer.raw.read(65536)  # type: ignore[attr-defined]
            if not data:
                return 0
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                answer = _obey(world, orders.decode(line), now)
                sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
                sys.stdout.flush()
        behind = min(now - stepped, _LAG)
        for index in range(1, int(behind / _STEP) + 1):
            world.step(now - behind + index * _STEP, _STEP)
            stepped = now - behind + index * _STEP
        if now - pushed >= _PUSH and partner is not None:
            pushed = now
            if not world.lost():
                link.sendto(
                    _ODOMETRY.pack(
                        world.x, world.y, world.heading, world.speed, world.turn_rate, now
                    ),
                    partner,
                )
        if now - swept >= SWEEP_SECONDS:
            swept = max(swept + SWEEP_SECONDS, now - SWEEP_SECONDS)
            sequence += 1
            header = {
                "stream": "lidar",
                "sequence": sequence,
                "captured_at": time.time_ns(),
                "monotonic": now,
                "frame_id": "lidar",
                "rate": 0,
                "chunk": 0,
                "epoch": "simulation",
            }
            lidar.send_multipart(encode_sample(header, world.sweep()))


def _receive(link: sockets.socket, world: World, now: float) -> tuple[str, int] | None:
    sender = None
    while True:
        try:
            data, sender = link.recvfrom(64)
        except BlockingIOError:
            return sender
        if len(data) == _COMMAND.size:
            speed, turn_rate, valid_for = _COMMAND.unpack(data)
            if math.isfinite(speed):
                world.command(speed, turn_rate, valid_for, now)


def _obey(world: World, order: Order, now: float) -> Report:
    if order.reset:
        fresh = World(start=world.start, drop=world.drop, cut=world.cut, chance=world.chance)
        for name in fresh.__dataclass_fields__:
            setattr(world, name, getattr(fresh, name))
    if order.seed is not None:
        world.chance = random.Random(order.seed)
    world.start = world.start if order.start is None else order.start
    world.drop = world.drop if order.drop is None else order.drop
    world.cut = world.cut if order.cut is None else order.cut
    if order.box is not None:
        world.put(*order.box)
    return world.report(order.since, now)


class SimulatedBase:
    """The `Base` of the driving process for a simulation.

    Args:
        port: Of the simulation's link.
        stops_itself: What it says of itself; the simulation does stop.

    Attributes:
        stops_itself: What it says of itself; the simulation does stop.
    """

    def __init__(self, port: int, stops_itself: bool = True) -> None:
        self.stops_itself = stops_itself
        self._link = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
        self._link.connect(("127.0.0.1", port))
        self._link.setblocking(False)
        self._newest: Odometry | None = None
        self._asked = 0.0

    def velocity(self, speed: float, turn_rate: float, valid_for: float) -> None:
        """Sends a command."""
        self._link.send(_COMMAND.pack(speed, turn_rate, valid_for))

    def odometry(self) -> Odometry | None:
        """Returns the newest that has come; asks to be sent some now and then."""
        now = time.monotonic()
        if now - self._asked > 0.1:
            self._asked = now
            self._link.send(_COMMAND.pack(math.nan, 0.0, 0.0))
        while True:
            try:
                self._newest = Odometry(*_ODOMETRY.unpack(self._link.recv(64)))
            except BlockingIOError:
                return self._newest

    def close(self) -> None:
        """Closes the link."""
        self._link.close()


class Simulation:
    """The process of a simulated base. A context manager.

    Attributes:
        port: Of its link, for `SimulatedBase`.
        lidar: Address of its sweeps, for a source `simhome:ADDRESS`.
    """

    port: int
    lidar: str

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sensebind.tools.motion.simulation"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        said = msgspec.json.decode(self._process.stdout.readline())
        self.port, self.lidar = said["port"], said["lidar"]
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def order(self, order: Order | None = None) -> Report:
        """Give an order, or ask only; returns what the base did since `Order.since`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order or Order()) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Report)


if __name__ == "__main__":
    sys.exit(main())
