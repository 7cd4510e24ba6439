"""`sensebind serve`: a robot for clients of the OpenAI protocol."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli.options import RobotFile
from sensebind.errors import ConfigurationError

if TYPE_CHECKING:
    from sensebind.agent.robot.config import RobotConfig
    from sensebind.agent.server.process import ServerSpec
    from sensebind.agent.server.tokens import Tokens

PORT = 8000
TOKEN = "SENSEBIND_TOKEN"
Host = Annotated[
    str, typer.Option(help="Interface; 0.0.0.0 lets other machines in, who need a token.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Its number; 0 takes a free one.")]
Attach = Annotated[
    bool, typer.Option("--attach", help="Join a robot that `sensebind run` started.")
]
Operator = Annotated[str, typer.Option(help="Who decides at the page, for the audit log.")]
Token = Annotated[
    str,
    typer.Option(
        help=f"The API's token: env:NAME or file:PATH (mode 0600); by default env:{TOKEN}, or one "
        "that is made and kept."
    ),
]
Origins = Annotated[
    list[str] | None,
    typer.Option("--origin", help="Site whose pages may call, such as https://panel.example."),
]


def serve(
    robot: RobotFile,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    attach: Attach = False,
    token: Token = "",
    operator: Operator = "",
    origin: Origins = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds that a request waits for a person's decision.")
    ] = 120.0,
) -> int:
    """Serve a robot over the OpenAI protocol: chat, embeddings, models, realtime.

    The API's token talks and decides nothing: what acts waits for the operator, a terminal, or the
    policy.
    """
    from sensebind.agent.server.tokens import Role

    config, tokens, spec = prepare(
        robot, host=host, port=port, token=token, operator=operator, origins=origin, wait=wait
    )
    files = tokens.files

    def opened(address: str) -> None:
        print(f"{config.run_name} at {address}/v1", flush=True)
        if Role.API in files:
            print(f"token of the API: {files[Role.API]}", flush=True)
        print(
            f"token of the operator, who decides at {address}: {files[Role.OPERATOR]}", flush=True
        )

    return serve_robot(config, robot, spec, attach, opened)


def prepare(
    robot: Path,
    *,
    host: str,
    port: int,
    token: str,
    operator: str,
    origins: list[str] | None,
    wait: float = 120.0,
    apart: Path | None = None,
) -> tuple[RobotConfig, Tokens, ServerSpec]:
    """Read a robot's file, and make the tokens; nothing is served yet.

    Args:
        robot: The file.
        host: Interface.
        port: Its number; 0 takes a free one.
        token: The API's, as `Token` says.
        operator: Name of who decides at the page; the user's by default.
        origins: Sites whose pages may call.
        wait: Seconds that a request waits for a person's decision.
        apart: Folder in which the robot is kept apart, see `RobotConfig.kept_apart`.

    Raises:
        ConfigurationError: The file, an origin or a token is wrong.
    """
    from sensebind.agent.robot.config_file import read_config
    from sensebind.agent.server.process import ServerSpec
    from sensebind.agent.server.tokens import make_tokens

    config = read_config(robot)
    if apart is not None:
        config = config.kept_apart(apart)
    if config.llm is None:
        raise ConfigurationError(
            f"{robot} has no language model, and nothing to talk with: add `llm: sensebind` to it"
        )
    for one in origins or ():
        if not one.startswith(("http://", "https://")) or one.count("/") > 2:
            raise ConfigurationError(f"--origin {one}: name a site, such as https://panel.example")
    if not token and os.environ.get(TOKEN):
        token = f"env:{TOKEN}"
    tokens = make_tokens(config.state_directory / "server", token)
    spec = ServerSpec(
        file=robot.absolute(),
        apart=apart,
        host=host,
        port=port,
        roles=tokens.by_role,
        operator=operator or _user(),
        origins=tuple(origins or ()),
        wait=wait,
    )
    return config, tokens, spec


def serve_robot(
    config: RobotConfig,
    file: Path,
    spec: ServerSpec,
    attach: bool,
    opened: Callable[[str], None],
) -> int:
    """Serve until Ctrl-C or SIGTERM: a robot that runs, or one that is started.

    Args:
        config: The robot.
        file: Its YAML file.
        spec: How it is served.
        attach: Join a robot that runs.
        opened: Called with the address, once it is served.

    Raises:
        SenseBindError: The robot does not run, or cannot start; or the port is in use.
    """
    from sensebind.agent.cli.run import run_robot
    from sensebind.agent.cli.signals import until_signal
    from sensebind.agent.robot.client import AttachedRobot
    from sensebind.agent.server.process import serve, served_alongside

    if not attach:

        @contextmanager
        def alongside() -> Iterator[dict[str, str]]:
            with served_alongside(spec) as addresses:
                opened(addresses["server"])
                yield addresses

        return run_robot(file, alongside=alongside)
    AttachedRobot(config).tools()  # it is there
    with until_signal() as stop, ExitStack() as stack:
        opened(serve(spec, stack)["server"])
        stop.wait()
    return 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"
