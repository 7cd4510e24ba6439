"""A robot that runs, for another process of this machine: it is asked something, and stopped.

`sensebind stop` imports this and no more, so that it is quick: what a dialog needs is in `client`.
"""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from sensebind.agent.robot.control_messages import MAX_LINE, Command, Stop, encode
from sensebind.agent.robot.run_directory import run_name
from sensebind.errors import BusError, ConfigurationError, InputError, MessageError

if TYPE_CHECKING:
    from sensebind.agent.robot.address import RobotAddress
    from sensebind.agent.robot.config import RobotConfig

STOP_SECONDS = 5.0
"""Longest wait for a robot to say that it has stopped."""


@dataclass(frozen=True, slots=True)
class RunningRobot:
    """A robot that `sensebind run` started.

    Attributes:
        config: What its file says, or where it is reached.

    Example:
        ```python
        RunningRobot(RobotAddress.read(Path("rover.yaml"))).stop("the dog is in the way")
        ```
    """

    config: RobotConfig | RobotAddress

    def stop(self, reason: str = "") -> None:
        """Stop what moves, every turn that runs, and reject what waits for approval.

        Args:
            reason: For the audit log.

        Raises:
            BusError: The robot does not run, or did not answer.
            ConfigurationError: It does not run, and its file names no language model.
        """
        self.result(Stop(reason), STOP_SECONDS)

    def result(self, command: Command, timeout: float | None = None) -> Any:
        """Return what the robot answers.

        Args:
            command: What it is asked.
            timeout: Seconds to wait for each line of its answer; None waits for ever.

        Raises:
            BusError: The robot does not run, went away, or did not answer in time.
            ConfigurationError: It does not run, and its file names no language model.
            InputError: The robot refused.
        """
        for kind, value in self.exchange(command, timeout):
            if kind == "result":
                return value
        raise BusError(f"the robot {self._name} went away without an answer")

    def exchange(
        self, command: Command, timeout: float | None
    ) -> Generator[tuple[str, Any], None, None]:
        """Yield the kind and the value of all that the robot answers; see `result`."""
        path = self.config.control_socket
        with ExitStack() as stack:
            connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            connection.settimeout(timeout)
            try:
                connection.connect(str(path))
                connection.sendall(encode(command))
            except OSError as error:
                raise self._absent() from error
            lines = stack.enter_context(connection.makefile("rb"))
            while True:
                try:
                    line = lines.readline(MAX_LINE)
                except OSError as error:
                    raise BusError(f"the robot {self._name} does not answer: {error}") from error
                if not line:
                    return
                kind, value = _read(line)
                if kind == "error":
                    raise InputError(str(value))
                yield kind, value

    @property
    def _name(self) -> str:
        return run_name(self.config.name)

    def _absent(self) -> BusError | ConfigurationError:
        """Return why nobody answers: a robot without a language model has no such socket."""
        if self.config.llm is None:
            return ConfigurationError(
                f"the robot {self._name} has no language model: add `llm: sensebind` to its file"
            )
        return BusError(f"the robot {self._name} does not run here: start it with `sensebind run`")


def _read(line: bytes) -> tuple[str, Any]:
    try:
        message = msgspec.json.decode(line)
        return message["event"], message["value"]
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError) as error:
        raise MessageError(f"an answer of the robot that cannot be read: {error}") from error
