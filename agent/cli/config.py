"""`sensebind config`: what may be in the file of a robot, and whether one is right."""

from __future__ import annotations

import json

import typer

from sensebind.agent.cli.options import RobotFile
from sensebind.agent.cli.output import lightly, loading

app = typer.Typer(help="Robot files: what may be in them, and whether one is right.")


@app.command("schema")
def schema() -> int:
    """Print the JSON schema of a robot's file, for editors."""
    from sensebind.agent.robot.config import RobotConfig

    print(json.dumps(RobotConfig.model_json_schema(), indent=2))
    return 0


@app.command("check")
def check(robot: RobotFile) -> int:
    """Read a robot's file, and report what is wrong with it, with line and field.

    Where a stream has `max_memory_mb` its worker is loaded once, to see whether it can keep it.
    """
    with loading("reading the robot's file"), lightly():
        from sensebind.agent.robot.config_file import read_config
        from sensebind.perception.workers.memory_floor import check_memory

        workers = read_config(robot).check()
    check_memory(workers)
    names = [one.stream for one in workers]
    print(f"{robot}: {len(names)} stream{'s' * (len(names) != 1)}: {', '.join(names)}")
    return 0
