"""`sensebind stop`: stops a running robot at once, from any terminal or script."""

from pathlib import Path
from typing import Annotated

import typer


def stop(
    robot: Annotated[Path, typer.Argument(help="The robot's YAML file.")],
    reason: Annotated[str, typer.Option(help="For the audit log.")] = "",
) -> int:
    """Stop what moves, end every answer, and reject what waits for approval.

    It replaces no emergency stop: a robot near people has a button that cuts the power of its base.
    """
    from sensebind.agent.robot.client import AttachedRobot
    from sensebind.agent.robot.config_file import read_config

    AttachedRobot(read_config(robot)).stop(reason or "sensebind stop")
    print("stopped")
    return 0
