"""Before a turn begins, the senses perceive what the last one changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from sensebind.agent.assistant import TurnRecord
from sensebind.agent.conditioning.awareness import SOUND_WINDOW, Awareness
from sensebind.errors import SourceError
from sensebind.perception.modality import Modality

LONGEST = SOUND_WINDOW + 2.0
"""Seconds after an act in which a turn may wait for the senses."""


class Settling:
    """Keeps a turn from answering with what was perceived before the robot acted."""

    def __init__(
        self, awareness: Awareness, modalities: Mapping[str, str], acting: frozenset[str]
    ) -> None:
        """Nothing has acted yet.

        Args:
            awareness: The newest percepts.
            modalities: Of each stream.
            acting: Names of the tools that change what is perceived.
        """
        self._awareness = awareness
        self._modalities = modalities
        self._acting = acting
        self._acted = 0.0  # monotonic, end of the last turn that used one of them

    def took(self, record: TurnRecord) -> None:
        """Note a turn that has ended."""
        if any(call.name in self._acting for call in record.tool_calls):
            self._acted = time.monotonic()

    def settle(self, cancelled: threading.Event) -> None:
        """Wait until the senses perceive what the last turn changed, or the turn is cancelled.

        A window of sound that began before the radio was turned off still holds its music.

        Args:
            cancelled: Set when the turn is cancelled.
        """
        wanted = {
            stream: self._acted + (SOUND_WINDOW if modality == Modality.AUDIO.value else 0.0)
            for stream, modality in self._modalities.items()
        }
        until = self._acted + LONGEST
        while time.monotonic() < until and not self._perceived(wanted):
            if cancelled.wait(0.05):
                return

    def _perceived(self, since: Mapping[str, float]) -> bool:
        """Whether each stream has a percept that was captured after its time."""
        try:
            return all(
                self._awareness.newest(stream).header.monotonic >= moment
                for stream, moment in since.items()
            )
        except SourceError:
            return False
