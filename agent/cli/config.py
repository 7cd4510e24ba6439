"""`sensebind config`: what may be in the file of a robot, and whether one is right."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from sensebind.agent.cli.options import RobotFile
from sensebind.agent.cli.output import loading

_LIGHT = {"OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}

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
    with loading("reading the robot's file"), _lightly():
        from sensebind.agent.robot.config_file import read_config
        from sensebind.perception.workers.memory_floor import check_memory

        workers = read_config(robot).check()
    check_memory(workers)
    print(f"{robot}: {len(workers)} streams: {', '.join(one.stream for one in workers)}")
    return 0


@contextmanager
def _lightly() -> Iterator[None]:
    """Import without what takes time and is of no use here; processes started later are as ever.

    NumPy's BLAS would start threads, and pydantic would look for plug-ins in all packages.
    """
    given = {name: os.environ.get(name) for name in _LIGHT}
    os.environ |= {name: given[name] or value for name, value in _LIGHT.items()}
    try:
        yield
    finally:
        for name, value in given.items():
            if value is None:
                del os.environ[name]
