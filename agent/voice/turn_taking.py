"""Where an utterance begins and ends.

It begins when somebody has spoken for a moment, and ends with silence: a short one after a whole
sentence of the grammar, a longer one after anything else, as people pause in the middle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sensebind.agent.voice.microphones import Block
from sensebind.agent.voice.parts import BLOCK, RATE, Activity, Heard, Recogniser

SPEECH = 0.5
"""Probability from which a block counts as speech, as Silero's authors recommend."""
SILENCE = 0.35
"""Probability below which it counts as silence; in between it is what the block before was."""
BEGIN_SECONDS = 0.09
"""Of speech that begin an utterance: three blocks. A click or a bark's beginning is shorter."""
_BEFORE_SECONDS = 0.4  # of sound before an utterance was noticed that belong to it
_LONGEST = 15.0  # seconds of an utterance; what goes on for longer is not said to a robot
_LOOKS = 4  # blocks between two looks at what was understood so far, in silence


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody begins to speak.

    Attributes:
        at: When, monotonic seconds.
    """

    at: float


@dataclass(frozen=True, slots=True)
class Ended:
    """Somebody has spoken.

    Attributes:
        heard: What was understood.
        began_at: When it began, monotonic seconds.
        spoke_until: When the last block of speech ended, monotonic seconds.
        seconds: Of speech.
    """

    heard: Heard
    began_at: float
    spoke_until: float
    seconds: float


class TurnTaking:
    """Finds utterances in what is heard; used by one thread."""

    def __init__(
        self, activity: Activity, recogniser: Recogniser, endpoint: float, endpoint_part: float
    ) -> None:
        """Prepare.

        Args:
            activity: Says when somebody speaks.
            recogniser: Understands it.
            endpoint: Seconds of silence after a whole sentence.
            endpoint_part: Seconds of silence after anything else.
        """
        self._activity = activity
        self._recogniser = recogniser
        self._endpoint = endpoint
        self._endpoint_part = endpoint_part
        self._before: deque[np.ndarray] = deque(maxlen=round(_BEFORE_SECONDS * RATE / BLOCK))
        self._speech = 0  # blocks of it in a row
        self._voiced = 0  # blocks of it in this utterance
        self._silence = 0  # blocks of it in a row
        self._speaking = False
        self._open = False
        self._began_at = self._until = 0.0

    @property
    def listening(self) -> bool:
        """Whether an utterance is under way."""
        return self._open

    def reset(self) -> None:
        """Forget what was heard: what comes does not continue it."""
        self._activity.reset()
        self._before.clear()
        self._open = self._speaking = False
        self._speech = self._silence = self._voiced = 0

    def add(self, block: Block) -> Iterator[Began | Ended]:
        """Take the next block; yield what begins or ends with it.

        Args:
            block: What was heard.
        """
        probability = self._activity.add(block.samples if block.voice is None else block.voice)
        if block.own:
            probability = 0.0
        if probability >= SPEECH or (self._speaking and probability >= SILENCE):
            self._speaking, self._silence = True, 0
            self._speech += 1
            self._voiced += 1
            self._until = block.at
        else:
            self._speaking, self._speech = False, 0
            self._silence += 1
        if not self._open:
            self._before.append(block.samples)
            if self._speech * BLOCK >= BEGIN_SECONDS * RATE:
                yield self._begin(block)
            return
        self._recogniser.add(block.samples)
        if self._is_over(block):
            yield self._end()

    def finish(self) -> Iterator[Ended]:
        """End the utterance that is under way: nothing more will be heard."""
        if self._open:
            yield self._end()

    def _begin(self, block: Block) -> Began:
        self._open = True
        self._voiced = self._speech
        self._began_at = block.at - self._speech * BLOCK / RATE
        self._recogniser.begin()
        for samples in self._before:
            self._recogniser.add(samples)
        self._before.clear()
        return Began(self._began_at)

    def _is_over(self, block: Block) -> bool:
        silence = self._silence * BLOCK / RATE
        if silence >= self._endpoint_part or block.at - self._began_at > _LONGEST:
            return True
        if silence < self._endpoint or (self._silence % _LOOKS and silence > self._endpoint * 1.5):
            return False
        return self._recogniser.so_far().whole is not False

    def _end(self) -> Ended:
        self._open = False
        heard = self._recogniser.end()
        return Ended(heard, self._began_at, self._until, self._voiced * BLOCK / RATE)
