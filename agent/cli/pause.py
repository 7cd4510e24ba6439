"""`sensebind pause` and `resume`: closes sensors of a robot, and opens them again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import RobotFile

Stream = Annotated[str, typer.Argument(help="Name of a stream, or all.")]


def pause(robot: RobotFile, stream: Stream) -> int:
    """Close a sensor until it is resumed, also over restarts. What relies on it stops first."""
    return _change(robot, stream, closing=True)


def resume(robot: RobotFile, stream: Stream) -> int:
    """Open a sensor that was paused."""
    return _change(robot, stream, closing=False)


def _change(robot: Path, stream: str, *, closing: bool) -> int:
    from sensebind.agent.robot.config_file import read_config
    from sensebind.agent.robot.pausing import SharedPauses
    from sensebind.agent.robot.run_directory import is_running

    config = read_config(robot)
    shared = SharedPauses(config)
    paused = shared.pause(stream) if closing else shared.resume(stream)
    when = (
        ""
        if is_running(config.run_name)
        else " (the robot does not run; it holds from its next start)"
    )
    print((f"paused: {', '.join(sorted(paused))}" if paused else "nothing is paused") + when)
    return 0
