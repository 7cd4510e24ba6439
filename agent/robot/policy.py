"""A robot's policy: what its file lets tools do, and what it must not let them do."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from difflib import get_close_matches

from langchain_core.tools import BaseTool

from sensebind.agent.approval import Policy
from sensebind.agent.robot.body_sections import MOVING
from sensebind.agent.robot.config import RobotConfig
from sensebind.errors import ConfigurationError
from sensebind.tools.risk import Risk, risk_of

log = logging.getLogger(__name__)


def policy_of(config: RobotConfig) -> Policy:
    """Return the policy that a robot's file describes."""
    section = config.policy
    rates = {Risk(name): count for name, count in section.rates.items()}
    default = Policy()
    return Policy(
        approved=frozenset(section.approved),
        forbidden=frozenset(section.forbidden),
        rates=dict(default.rates) | rates,
        max_sight_age=section.max_sight_age,
        spoken=frozenset(section.spoken),
    )


def unknown_names(config: RobotConfig, tools: Sequence[BaseTool]) -> list[str]:
    """Return a line for every name in the policy that no tool of the robot has.

    What is misspelt there forbids nothing, and nobody would notice.

    Args:
        config: The robot's file.
        tools: All that the robot has.
    """
    known = sorted({*MOVING, *(tool.name for tool in tools)})
    found = []
    for key in ("approved", "forbidden", "spoken"):
        for name in getattr(config.policy, key):
            if name not in known:
                near = get_close_matches(name, known, n=1, cutoff=0.6)
                meant = f": did you mean {near[0]}?" if near else ""
                found.append(f"policy: {key}: the robot has no tool {name!r}{meant}")
    return found


def warn_of_unknown_names(config: RobotConfig, tools: Sequence[BaseTool]) -> None:
    """Log what `unknown_names` returns."""
    for line in unknown_names(config, tools):
        log.warning("%s", line)


def check_unasked(policy: Policy, tools: Sequence[BaseTool]) -> None:
    """Refuse tools that would move the robot without a question and without limits.

    Raises:
        ConfigurationError: One of them does; the message says what it lacks.
    """
    for tool in tools:
        policy.asks(tool)  # refuses those of a robot that does not guard itself
        if tool.name in policy.approved and risk_of(tool) is Risk.MOVE and tool.name not in MOVING:
            raise ConfigurationError(
                f"policy: approved: {tool.name} moves the robot, and keeps neither the fence nor "
                f"max_distance: only {', '.join(MOVING)} of motion: may move it without a question"
            )
