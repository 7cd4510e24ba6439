"""What people who look at a running robot are shown beyond its percepts."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import Any

import httpx

from sensebind.agent.conditioning.tagging import Tagger, vocabulary
from sensebind.agent.conditioning.words import Words
from sensebind.agent.robot.tools import ToolContext
from sensebind.errors import InputError, ToolError
from sensebind.tools.detection import distinct

_DEVICE_SECONDS = 2.0  # longest wait for the devices of a home


class Looking:
    """Answers those who look. Nothing here acts, and nothing is loaded before somebody asks."""

    def __init__(self, context: ToolContext) -> None:
        """Keep where things come from.

        Args:
            context: The robot's, which its tools were made from.
        """
        self._context = context

    @cached_property
    def words(self) -> Words:
        """The vocabulary of the robot's weights, embedded."""
        weights = self._context.config.weights
        return Tagger(weights, vocabulary(weights))

    def detections(self) -> dict[str, Any]:
        """Return what the robot's detector finds in the newest image of its first camera.

        Returns:
            `reference` of the image, its `size` (width and height in pixels), and `found`:
            `label`, `score` and `box` (x0, y0, x1, y1 in pixels) of each.

        Raises:
            InputError: The robot has no detector.
            SourceError: There is no image, or it is stale.
        """
        detector = self._context.detector
        if detector is None:
            raise InputError("the robot has no detector")
        frame = self._context.detected()
        found = distinct(detector.detect(frame.data))
        height, width = frame.data.shape[:2]
        plain = [asdict(one) for one in found]
        return {"reference": frame.reference, "size": [width, height], "found": plain}

    def devices(self) -> dict[str, str]:
        """Return the state of the devices of the simulated home, by name.

        They are those of the tool `house`; a robot without it has none that say how they are.

        Raises:
            ToolError: They do not answer.
        """
        home = self._context.home
        if home is None or all(tool.kind != "house" for tool in self._context.config.tools):
            return {}
        try:
            # No proxy of the environment's stands between this machine and itself.
            url = f"{home.server.house}/status"
            answer = httpx.get(url, timeout=_DEVICE_SECONDS, trust_env=False)
            answer.raise_for_status()
            states = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ToolError(f"the devices of the home do not answer: {error}") from error
        return {str(name): str(state) for name, state in states.items()}

    def pose(self) -> list[float] | None:
        """Return where the robot is: x, y in metres and heading in radians; None if unknown."""
        motion = self._context.motion
        if motion is None:
            return None
        try:
            return list(motion.pose())
        except (ToolError, OSError):  # the base is silent: it is not known
            return None
