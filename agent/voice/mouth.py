"""What the robot says aloud: sentence after sentence in a thread, and cut off at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Self

import numpy as np

from sensebind.agent.voice.loudspeakers import PIECE_SECONDS, Loudspeaker
from sensebind.agent.voice.own_voice import Timeline
from sensebind.agent.voice.parts import Speaker
from sensebind.errors import one_line

_MOST_WAITING = 256  # sentences; a robot that says more than that at once is cut short
_COUNTING = 0.25  # seconds in which a sentence that was cut is made to its end, to know its length


class Answer:
    """What is said in one go, and how much of it was heard; made by `Mouth.begin`.

    Attributes:
        said: What was heard of it, sentence by sentence.
        cut: Whether it was cut off.
        left: Sentences that are not said yet.
        first_sound_at: When its first sound was played, monotonic; infinity before that.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.cut = False
        self.left = 0
        self.first_sound_at = float("inf")


class Mouth:
    """Speaks. A context manager; methods are thread-safe.

    Attributes:
        ended_at: When the robot spoke last, monotonic; minus infinity if it never has.
        played: What the loudspeaker was given, and when.
        trouble: What went wrong with speaking last; "" if nothing.
    """

    def __init__(self, speaker: Speaker, loudspeaker: Loudspeaker) -> None:
        """Prepare.

        Args:
            speaker: Makes speech.
            loudspeaker: Plays it.
        """
        self._speaker = speaker
        self._loudspeaker = loudspeaker
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Answer, str]] = deque()
        self._answer = Answer()
        self._speaking = False
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="mouth", daemon=True)
        self.ended_at = float("-inf")
        self.trouble = ""
        self.played = Timeline(speaker.rate)

    def __enter__(self) -> Self:
        self._loudspeaker.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join()
        self._loudspeaker.__exit__()

    @property
    def speaking(self) -> bool:
        """Whether the robot speaks, or is about to."""
        with self._changed:
            return self._speaking or bool(self._waiting)

    def begin(self) -> Answer:
        """Begin an answer; one before it that is still being said is cut off."""
        with self._changed:
            self._cut()
            self._answer = Answer()
            return self._answer

    def say(self, answer: Answer, text: str) -> None:
        """Say a sentence of an answer; nothing of one that was cut.

        Args:
            answer: That it belongs to.
            text: In words, numbers and signs.
        """
        with self._changed:
            if not answer.cut and text.strip() and len(self._waiting) < _MOST_WAITING:
                answer.left += 1
                self._waiting.append((answer, text.strip()))
                self._changed.notify_all()

    def cut(self) -> bool:
        """Stop speaking at once, and drop what waits; returns whether anything was to be said."""
        with self._changed:
            return self._cut()

    def wait(self, answer: Answer) -> None:
        """Wait until an answer is said, or cut.

        Args:
            answer: As `begin` has returned it.
        """
        with self._changed:
            self._changed.wait_for(lambda: not answer.left or self._ending)

    def _cut(self) -> bool:
        speaking = self._speaking or bool(self._waiting)
        self._answer.cut = True
        for answer, _ in self._waiting:
            answer.left -= 1
        self._waiting.clear()
        self._changed.notify_all()
        return speaking

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ending)
                if self._ending:
                    return
                answer, text = self._waiting.popleft()
                self._speaking = True
            said = ""
            try:
                said = self._say(answer, text)
            except Exception as error:  # a device that went: the robot goes on without a voice
                self.trouble = one_line(error)
            with self._changed:
                if said:
                    answer.said.append(said)
                answer.left -= 1
                self._speaking = False
                self.ended_at = time.monotonic()
                self._changed.notify_all()

    def _say(self, answer: Answer, text: str) -> str:
        """Say a sentence; returns as much of it as was heard."""
        played = made = 0
        cut_at = 0.0
        step = max(1, round(PIECE_SECONDS * self._speaker.rate))

        def write(samples: np.ndarray) -> bool:
            nonlocal played, made, cut_at
            made += len(samples)
            for begin in range(0, len(samples), step):
                if answer.cut:
                    cut_at = cut_at or time.monotonic()
                    return time.monotonic() - cut_at < _COUNTING
                piece = samples[begin : begin + step]
                now = time.monotonic()
                answer.first_sound_at = min(answer.first_sound_at, now)
                self.played.add(piece, now)
                self._loudspeaker.write(piece)
                played += len(piece)
            return True

        self._speaker.say(text, write)
        if answer.cut:
            self._loudspeaker.drop()
            return _part(text, played / made if made else 0.0)
        with self._changed:
            more = bool(self._waiting)
        if not more:
            self._loudspeaker.drain()
        return text


def _part(text: str, share: float) -> str:
    """The words of a text of which a share was heard; half a word was not said."""
    words = text.split()
    return " ".join(words[: int(share * len(words))])
