"""`sensebind ui`: the page of a robot, in a browser."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from sensebind.errors import ConfigurationError

if TYPE_CHECKING:
    from sensebind.agent.server.tokens import Tokens

PORT = 8080


def ui(
    robot: Annotated[
        Path | None, typer.Argument(help="The robot's YAML file; a simulated home by default.")
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    attach: Attach = False,
    token: Token = "",
    operator: Operator = "",
    origin: Origins = None,
    seed: Annotated[int, typer.Option(min=0, help="Which simulated home.")] = 7180,
) -> int:
    """Show a robot in the browser: what it perceives, the conversation, and what waits for you.

    It opens the page where there is a browser and a terminal. The address holds a token: whoever
    has the operator's may decide, whoever has a viewer's may look, and stop the robot.
    """
    if robot is not None:
        return _show(robot, host, port, attach, token, operator, origin)
    if attach:
        raise ConfigurationError("--attach needs the robot's file: ui rover.yaml --attach")
    from sensebind.agent.robot.simhome import write_simhome_robot

    with tempfile.TemporaryDirectory(prefix="sensebind-") as folder:
        file = write_simhome_robot(Path(folder), seed)
        return _show(file, host, port, attach, token, operator, origin)


def _show(
    robot: Path,
    host: str,
    port: int,
    attach: bool,
    token: str,
    operator: str,
    origins: list[str] | None,
) -> int:
    config, tokens, spec = prepare(
        robot, host=host, port=port, token=token, operator=operator, origins=origins, wait=120.0
    )

    say = partial(print, flush=True)
    return serve_robot(config, robot, spec, attach, lambda address: show_page(address, tokens, say))


def show_page(address: str, tokens: Tokens, say: Callable[[str], None]) -> None:
    """Print both addresses of a page, and open the operator's.

    It is opened at a terminal, where there is a display and a browser that draws on it: one that
    draws in the terminal would take it from whoever types there.

    Args:
        address: Where the page is served.
        tokens: Of those who may see it.
        say: Prints a line.
    """
    say(f"the page, to talk and decide: {address}/#{tokens.operator}")
    say(f"the page, to look and stop:   {address}/#{tokens.viewer}")
    graphical = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not sys.stdout.isatty() or not (graphical or sys.platform == "darwin"):
        return
    with suppress(webbrowser.Error):  # there is none
        browser = webbrowser.get()
        if type(browser) is not webbrowser.GenericBrowser:  # the kind of w3m, lynx, links
            browser.open(f"{address}/#{tokens.operator}")
