"""`sensebind stop`: stops a running robot at once, from any terminal or script."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.attached import stop_running


def stop(
    robot: Annotated[Path, typer.Argument(help="The robot's YAML file.")],
    reason: Annotated[str, typer.Option(help="For the audit log.")] = "",
) -> int:
    """Stop what moves, end every answer, and reject what waits for approval.

    It replaces no emergency stop: a robot near people has a button that cuts the power of its base.
    """
    return stop_running(robot, reason)
