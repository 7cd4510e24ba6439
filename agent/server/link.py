"""A running robot, for asynchronous code of another process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.control_messages import MAX_LINE, Command, encode
from sensebind.errors import BusError, InputError, MessageError


class TooBusy(InputError):
    """The robot serves so many clients already that this one has to come again."""


class RobotLink:
    """Asks a robot over its control socket; each request has a connection of its own.

    Attributes:
        config: The robot's file.

    Example:
        ```python
        async for kind, value in link.events(Ask("what do you see?")):
            print(kind, value)
        ```
    """

    def __init__(self, config: RobotConfig) -> None:
        """Connect to nothing yet.

        Args:
            config: The robot's file.
        """
        self.config = config

    async def events(self, command: Command) -> AsyncGenerator[tuple[str, Any], None]:
        """Yield kind and value of all that the robot answers; closing it ends the turn.

        Raises:
            BusError: The robot does not run.
            InputError: The robot refused.
            MessageError: It answered what cannot be read.
        """
        path = str(self.config.control_socket)
        try:
            reader, writer = await asyncio.open_unix_connection(path, limit=MAX_LINE)
        except OSError as error:
            raise BusError(f"the robot {self.config.run_name} does not run here") from error
        try:
            writer.write(encode(command))
            await writer.drain()
            while line := await reader.readline():
                try:
                    message = msgspec.json.decode(line)
                    kind, value = message["event"], message["value"]
                except (msgspec.DecodeError, KeyError, TypeError) as error:
                    raise MessageError(f"an answer that cannot be read: {error}") from error
                if kind == "error":
                    raise (TooBusy if message.get("busy") else InputError)(str(value))
                yield kind, value
        except (OSError, ValueError) as error:
            raise BusError(f"the robot {self.config.run_name} went away: {error}") from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def result(self, command: Command) -> Any:
        """Return what the robot answers to a command that has one result.

        Raises:
            SenseBindError: As `events`, or it went away without an answer.
        """
        async with contextlib.aclosing(self.events(command)) as events:
            async for kind, value in events:
                if kind == "result":
                    return value
        raise BusError(f"the robot {self.config.run_name} went away without an answer")
