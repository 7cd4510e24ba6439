"""`sensebind init`: a first robot.yaml for the devices of this machine."""

import re
from pathlib import Path
from typing import Annotated

import typer


def init(
    name: Annotated[str, typer.Argument(help="Of the robot; NAME.yaml is written.")] = "robot",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> int:
    """Look for devices, and write a robot.yaml with comments."""
    from sensebind.agent.robot.starter import starter
    from sensebind.errors import ConfigurationError, StorageError
    from sensebind.perception.sources.registry import find_sources
    from sensebind.printable import printable

    name = name.removesuffix(".yaml")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", name):
        raise ConfigurationError(f"{name!r}: a robot's name has letters, digits, - and _, up to 32")
    file = Path(f"{name}.yaml")
    if file.exists() and not force:
        raise ConfigurationError(f"{file} exists already: choose another name, or --force")
    made = starter(name, find_sources(), str(file))
    try:
        file.write_text(made.text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error
    print(f"{file}: {len(made.found)} device{'s' * (len(made.found) != 1)} found")
    for device in made.found:
        print(f"  {printable(device.spec)}: {printable(device.name)}")
    for problem in made.missing:
        print(f"  missing: {printable(problem)}")
    print(f"next: sensebind doctor {file}, then sensebind chat {file}")
    return 0
