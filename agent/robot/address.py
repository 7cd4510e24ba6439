"""Where a running robot is reached: all that a client needs of its file.

Commands such as `sensebind stop` read a robot's file for its name alone. The schema of all sections
takes longer to build than a stop may take, and whether the file is right matters to the robot that
is started from it: one that runs has read it already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sensebind.agent.robot.run_directory import NAME_PATTERN, control_socket, running_robots
from sensebind.agent.robot.yaml_text import MAX_BYTES, parse_fields, read_text

if TYPE_CHECKING:
    from sensebind.agent.robot.sections import LlmConfig


_NAME_LINE = re.compile(r"^name:\W*([A-Za-z0-9][A-Za-z0-9_-]{0,31})(?![\w-])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RobotAddress:
    """A robot of this machine that is reached by its name.

    Attributes:
        name: As its file says; "" where that does not.
        file: The robot's file.
    """

    name: str
    file: Path

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a robot's name; its other fields are not looked at.

        Raises:
            ConfigurationError: The file cannot be read, is not YAML, or its name is wrong.
        """
        _, fields = parse_fields(read_text(file), str(file))
        name = fields.get("name", "")
        if not isinstance(name, str) or re.fullmatch(NAME_PATTERN, name) is None:
            from sensebind.agent.robot.config_file import read_config

            name = read_config(file).name  # which says what is wrong with it, and where
        return cls(name, file)

    @classmethod
    def meant(cls, file: Path) -> Self | None:
        """Guess which robot is to stop by a file that `read` refuses, as one that is half written.

        Returns:
            The robot that runs and whose name a line `name: …` of the file begins with, or the only
            one that runs; None where that leaves none, or several, or the file cannot be read.
        """
        try:
            with file.open("rb") as stream:
                text = stream.read(MAX_BYTES).decode("utf-8", "replace")
        except OSError:
            return None
        running = running_robots()
        named = running & set(_NAME_LINE.findall(text))
        found = named or running
        return cls(found.pop(), file) if len(found) == 1 else None

    @property
    def control_socket(self) -> Path:
        """Where clients of this machine talk with the robot."""
        return control_socket(self.name)

    @property
    def llm(self) -> LlmConfig | None:
        """The language model; the whole file is read for it.

        Raises:
            ConfigurationError: A field is wrong.
        """
        from sensebind.agent.robot.config_file import read_config

        return read_config(self.file).llm
