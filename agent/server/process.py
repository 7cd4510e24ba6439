"""The process of the server: `python -m sensebind.agent.server.process CONTROL_FD`.

It reads `ServerSpec` from the control socket and ends when the other end of it is closed
(`agent/robot/network.py`). `sensebind serve --attach` serves in its own process instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.network import be_process
from sensebind.agent.robot.network_process import NetworkProcess
from sensebind.agent.server.app import ServeOptions, make_app
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.turns import WAIT_SECONDS
from sensebind.errors import BusError
from sensebind.perception.bus.addresses import is_loopback
from sensebind.perception.http_server import LOCAL_HOSTS, HttpServer, listen

_MODULE = "sensebind.agent.server.process"


class ServerSpec(BaseModel):
    """What is served, and to whom.

    Attributes:
        file: The robot's YAML file.
        apart: Folder of a robot that is kept apart, see `RobotConfig.kept_apart`; None for others.
        host: Interface; 127.0.0.1 is for this machine only.
        port: 0 takes a free one.
        roles: Tokens, by role.
        operator: Name of who holds the operator's token.
        origins: Other sites whose pages may call.
        wait: Seconds that a request waits for a person's decision.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path
    apart: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    roles: dict[str, str]
    operator: str = "operator"
    origins: tuple[str, ...] = ()
    wait: float = WAIT_SECONDS

    def at(self, addresses: dict[str, str]) -> Self:
        """Return this with the port that was taken."""
        return self.model_copy(update={"port": int(addresses["server"].rpartition(":")[2])})

    def options(self) -> ServeOptions:
        """Return how the robot is served."""
        local = is_loopback(self.host)
        return ServeOptions(
            operator=self.operator,
            hosts=LOCAL_HOSTS if local else frozenset(),
            origins=frozenset(one.lower().rstrip("/") for one in self.origins),
            wait=self.wait,
        )


def serve(spec: ServerSpec, stack: ExitStack) -> dict[str, str]:
    """Serve until the stack is closed.

    Returns:
        The address, by "server".

    Raises:
        BusError: The port is in use, or the host is none of this machine's.
    """
    config = read_config(spec.file)
    if spec.apart is not None:
        config = config.kept_apart(spec.apart)
    options = spec.options()
    try:
        listener = listen(spec.host, spec.port)
    except BusError as error:
        raise BusError(f"{error}; choose another with --port") from error
    app = make_app(RobotLink(config), options)
    server = stack.enter_context(HttpServer(app, listener, options.rules(spec.roles), "server"))
    return {"server": f"http://{spec.host}:{server.port}"}


@contextmanager
def served_alongside(spec: ServerSpec) -> Iterator[dict[str, str]]:
    """Serve a robot of this process from another one, which is started again when it ends.

    Args:
        spec: How it is served.

    Yields:
        The address, by "server".
    """
    with NetworkProcess(spec, _MODULE, "the server's process") as process:
        yield process.addresses


def main(arguments: list[str]) -> int:
    """Be the process."""
    return be_process(
        arguments, lambda line, stack: serve(ServerSpec.model_validate_json(line), stack)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
