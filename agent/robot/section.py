"""What all sections of `robot.yaml` have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

IMPORT_PATH = r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$"
"""`package.module:name`, as `python:` and `motion: {class: …}` name what they import."""


class Section(BaseModel):
    """A section of the file; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)
