"""What moves the robot of a SimHome process: a thread that takes its commands.

It has a copy of the scene's geometry to itself, so that a stop does not wait until an image has
been rendered.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import zmq

from sensebind.errors import MessageError
from sensebind.perception.geometry.odometry import Odometry
from sensebind.perception.percept import pack, unpack_header
from sensebind.perception.simhome.client import DRIVE_SPEED, TURN_SPEED
from sensebind.perception.simhome.loopback import bind_private, remove_private
from sensebind.perception.simhome.robot import Robot

_TICK = 0.02  # seconds between two steps of the wheels
_LAG = 0.1  # seconds at most that are caught up with after the process stood still
_FARTHEST, _WIDEST = 20.0, 4 * math.pi  # metres and radians in one movement
_FASTEST, _FASTEST_TURN = 1.0, 3.0  # m/s and rad/s
_LONGEST = 0.15  # seconds that a velocity may be valid
_QUEUE = 8  # movements that wait


class _Movement:
    """A drive or turn that has been asked for: metres or radians, and who waits for its end."""

    def __init__(self, envelope: list[bytes], drives: bool, amount: float) -> None:
        self.envelope = envelope
        self.drives = drives
        self.amount = amount
        self.moved = 0.0


class Wheels:
    """Serves the robot's address. A context manager; the robot is nobody else's to move.

    Args:
        robot: Whose geometry only this thread uses.
        path: Socket file, of mode 0600: who can open it moves the robot.

    Attributes:
        address: Where it is served.

    Raises:
        ConfigurationError: The path cannot be used.
    """

    def __init__(self, robot: Robot, path: Path) -> None:
        self._robot = robot
        self._path = path
        self._context = zmq.Context()
        self._requests = self._context.socket(zmq.ROUTER)
        try:
            self.address = bind_private(self._requests, path)
        except BaseException:
            self._context.destroy(linger=0)
            raise
        self._movements: deque[_Movement] = deque()
        self._velocity = (0.0, 0.0, 0.0)  # m/s, rad/s, and until when
        self._measured = (0.0, 0.0)  # m/s and rad/s of the last step
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wheels", daemon=True)

    def __enter__(self) -> Wheels:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._context.destroy(linger=0)
        remove_private(self._path)

    def _run(self) -> None:
        moved = time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            if self._requests.poll(max(0, math.ceil(1000 * (moved + _TICK - now)))):
                with suppress(zmq.ZMQError):
                    self._take(self._requests.recv_multipart())
            now = time.monotonic()
            if now - moved >= _TICK:
                self._move(min(now - moved, _LAG), now)
                moved = now

    def _take(self, frames: list[bytes]) -> None:
        *envelope, request = frames
        try:
            answer = self._obey(envelope, unpack_header(request))
        except MessageError as error:
            answer = {"error": str(error)}
        if answer is not None:
            self._answer(envelope, answer)

    def _obey(self, envelope: list[bytes], fields: dict[str, Any]) -> dict[str, Any] | None:
        """Carries out a command; returns the answer, if it is not one that comes later."""
        command, amount = fields.get("command"), fields.get("amount")
        if command == "pose":
            return {"pose": list(self._robot.pose)}
        if command == "odometry":
            odometry = Odometry(*self._robot.pose, *self._measured, time.monotonic())
            return {"odometry": list(odometry)}
        if command == "stop":
            self._halt()
            return {"pose": list(self._robot.pose)}
        if command == "velocity":
            self._set_velocity(fields)
            return None
        limit = {"drive": _FARTHEST, "turn": _WIDEST}.get(str(command))
        if limit is None:
            raise MessageError(
                f"the robot does not know {command!r}: drive, turn, stop, pose, velocity, odometry"
            )
        if not isinstance(amount, int | float) or not abs(amount) <= limit:
            raise MessageError(f"the robot takes {command} up to ±{limit:.4g}, not {amount!r}")
        if len(self._movements) >= _QUEUE:
            raise MessageError("the robot is busy: too many movements wait already")
        self._movements.append(_Movement(envelope, command == "drive", float(amount)))
        return None

    def _set_velocity(self, fields: dict[str, Any]) -> None:
        speed, turn_rate, until = (fields.get(name) for name in ("speed", "turn_rate", "until"))
        for value, most in ((speed, _FASTEST), (turn_rate, _FASTEST_TURN)):
            if not isinstance(value, int | float) or not abs(value) <= most:
                raise MessageError(f"the base takes velocities up to ±{most:g}, not {value!r}")
        if not isinstance(until, int | float) or not math.isfinite(until):
            raise MessageError(f"a velocity is valid until a time, not {until!r}")
        if until <= time.monotonic():  # it came too late to be followed
            return
        if self._movements:
            self._halt()
        assert isinstance(speed, int | float) and isinstance(turn_rate, int | float)
        self._velocity = (speed, turn_rate, min(until, time.monotonic() + _LONGEST))

    def _move(self, seconds: float, now: float) -> None:
        """Carries on what is under way by one step of time."""
        before = self._robot.pose
        if self._movements:
            self._carry_on(self._movements[0], seconds)
        else:
            speed, turn_rate, until = self._velocity
            seconds_valid = min(seconds, max(until - (now - seconds), 0.0))
            if seconds_valid > 0 and (speed or turn_rate):
                self._robot.turn(turn_rate * seconds_valid / 2)
                if speed:
                    self._robot.drive(speed * seconds_valid)
                self._robot.turn(turn_rate * seconds_valid / 2)
        x, y, heading = self._robot.pose
        ahead = (x - before[0]) * math.cos(heading) + (y - before[1]) * math.sin(heading)
        turned = math.remainder(heading - before[2], math.tau)
        self._measured = (ahead / seconds, turned / seconds)

    def _carry_on(self, movement: _Movement, seconds: float) -> None:
        robot = self._robot
        speed = DRIVE_SPEED if movement.drives else TURN_SPEED
        left = movement.amount - movement.moved
        step = math.copysign(min(abs(left), speed * seconds), left)
        moved = robot.drive(step) if movement.drives else robot.turn(step)
        movement.moved += moved
        blocked = abs(moved) < abs(step) - 1e-6
        if blocked or abs(movement.amount - movement.moved) < 1e-9:
            self._movements.popleft()
            pose = list(robot.pose)
            self._answer(
                movement.envelope, {"moved": movement.moved, "blocked": blocked, "pose": pose}
            )

    def _halt(self) -> None:
        """Ends all movements; who waits for one gets how far it came."""
        self._velocity = (0.0, 0.0, 0.0)
        pose = list(self._robot.pose)
        while self._movements:
            movement = self._movements.popleft()
            answer = {"moved": movement.moved, "blocked": False, "pose": pose}
            self._answer(movement.envelope, answer)

    def _answer(self, envelope: list[bytes], answer: dict[str, Any]) -> None:
        self._requests.send_multipart([*envelope, pack(answer)])
