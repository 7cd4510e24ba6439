"""Moves the robot of a running SimHome process."""

from __future__ import annotations

from typing import Any

import zmq

from sensebind.errors import MessageError, ToolError
from sensebind.perception.percept import pack, unpack_header

DRIVE_SPEED = 0.6  # metres per second
TURN_SPEED = 1.2  # radians per second
_PATIENCE = 10.0  # seconds on top of what a movement takes: the machine may be busy
_SOON = 1.0  # seconds for an answer to what takes no time


class RobotClient:
    """Drives and turns the robot; each call returns when the movement has ended.

    It is a `Mover` whose robot guards itself: SimHome's base stops before it touches anything. But
    its movements are not leases: they go on when whoever asked for them dies. `SimHomeBase`, driven
    by the driving process, is the one for people.

    Args:
        address: The robot address of a SimHome process, such as "ipc:///tmp/home/robot".

    Attributes:
        guards_itself: True: the base stops before obstacles and when nothing commands it any more.
    """

    guards_itself = True

    def __init__(self, address: str) -> None:
        self._address = address

    def drive(self, metres: float) -> float:
        """Drives straight ahead, backwards if negative; stops before anything in the way.

        Returns:
            The metres driven, with the sign of `metres`.

        Raises:
            ToolError: The distance is refused, or SimHome does not answer.
        """
        return self._move("drive", metres, DRIVE_SPEED)

    def turn(self, radians: float) -> float:
        """Turns on the spot, to the left if positive.

        Returns:
            The angle turned, radians.

        Raises:
            ToolError: The angle is refused, or SimHome does not answer.
        """
        return self._move("turn", radians, TURN_SPEED)

    def stop(self) -> None:
        """Ends all movements, now; their calls return with what was moved.

        Raises:
            ToolError: SimHome does not answer.
        """
        self._ask({"command": "stop"}, _SOON)

    def pose(self) -> tuple[float, float, float]:
        """Where the robot is: x and y in metres, heading in radians.

        Raises:
            ToolError: SimHome does not answer.
        """
        x, y, heading = self._ask({"command": "pose"}, _SOON)["pose"]
        return x, y, heading

    def _move(self, command: str, amount: float, speed: float) -> float:
        possible = isinstance(amount, int | float) and abs(amount) < 1000
        duration = abs(amount) / speed if possible else 0.0  # what is impossible is refused at once
        return self._ask({"command": command, "amount": amount}, duration + _PATIENCE)["moved"]

    def _ask(self, request: dict[str, Any], patience: float) -> dict[str, Any]:
        # A fresh socket per request: one that waits in vain for an answer cannot be used again.
        context = zmq.Context()
        try:
            socket = context.socket(zmq.REQ)
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(self._address)
            socket.send(pack(request))
            if not socket.poll(round(patience * 1000)):
                raise ToolError(f"no answer from the robot at {self._address}; is SimHome running?")
            answer = unpack_header(socket.recv())
        except (zmq.ZMQError, MessageError, ValueError) as error:
            raise ToolError(f"cannot talk to the robot at {self._address}: {error}") from error
        finally:
            context.destroy(linger=0)
        if "error" in answer:
            raise ToolError(str(answer["error"]))
        return answer
