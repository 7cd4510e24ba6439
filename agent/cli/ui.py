"""`sensebind ui`: the page of a robot, in a browser."""

from __future__ import annotations

import os
import sys
import webbrowser

from sensebind.agent.cli.options import RobotFile
from sensebind.agent.cli.serve import (
    Attach,
    Host,
    Operator,
    Origins,
    Port,
    Token,
    prepare,
    serve_robot,
)

PORT = 8080


def ui(
    robot: RobotFile,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    attach: Attach = False,
    token: Token = "",
    operator: Operator = "",
    origin: Origins = None,
) -> int:
    """Show a robot in the browser: what it perceives, the conversation, and what waits for you.

    It opens the page where there is a browser and a terminal. The address holds a token: whoever
    has the operator's may decide, whoever has a viewer's may look, and stop the robot.
    """
    config, tokens, spec = prepare(
        robot, host=host, port=port, token=token, operator=operator, origins=origin, wait=120.0
    )

    def opened(address: str) -> None:
        print(f"the page, to talk and decide: {address}/#{tokens.operator}", flush=True)
        print(f"the page, to look and stop:   {address}/#{tokens.viewer}", flush=True)
        graphical = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if sys.stdout.isatty() and (graphical or sys.platform == "darwin"):
            webbrowser.open(f"{address}/#{tokens.operator}")

    return serve_robot(config, robot, spec, attach, opened)
