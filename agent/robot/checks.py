"""One result of `sensebind doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check went; only "bad" keeps SenseBind from working."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One result.

    Attributes:
        name: What was looked at.
        verdict: How it is.
        found: What was found.
        mend: How to mend it; empty where nothing has to be done.
    """

    name: str
    verdict: Verdict
    found: str
    mend: str = ""
