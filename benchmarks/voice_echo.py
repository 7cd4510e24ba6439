"""The robot's own voice in its microphone: who is taken for a person, and which persons are heard.

The robot speaks; the room gives it back at -6 and -20 dB of what was played, 20 to 200 ms late,
with a reverberation of 0.2 to 0.6 s, over a noise floor of -60 dBFS. Each trial has a room of its
own and an echo canceller that has heard nothing before, as in the first sentence after a start. In
the second part somebody else interrupts, as loud as the echo, and the robot falls silent when it
notices that. Sound goes block by block through the parts of `sensebind chat --voice`. The clock is
simulated, so that the machine's load changes nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from report import AtMost, Parser, Row, run
from scipy.signal import fftconvolve
from voice_sound import LEVEL, VOICES, heard_at, made, spoken

from sensebind.agent.robot.voice_section import VoiceConfig
from sensebind.agent.voice.espeak import espeak_library
from sensebind.agent.voice.grammar import Grammar
from sensebind.agent.voice.loudspeakers import PIECE_SECONDS
from sensebind.agent.voice.microphones import Block
from sensebind.agent.voice.own_voice import OwnVoice, Timeline
from sensebind.agent.voice.parts import BLOCK, RATE, Parts, Setup, make_part, make_parts
from sensebind.agent.voice.turn_taking import Ended, TurnTaking
from sensebind.agent.voice.written_out import written_out

GAINS = (-6, -20)
"""Of the echo against what was played, dB."""
ANSWERS = (
    "I see a red ball and a green chair in front of me.",
    "The lamp is on, and the door is closed.",
    "I hear a dog. It barks about two meters away, to the left.",
    "The thermostat is set to 21 degrees.",
    "I last saw the cat four minutes ago, next to the sofa.",
    "I have driven 0.5 m forward, and I stand still now.",
    "There are three chairs, two plants and a table around me.",
    "I do not know any dishwasher here.",
    "I will tell you when I hear the phone.",
    "The nearest thing is a box, 1.2 m in front of me.",
)
INTERRUPTIONS = (
    "what do you see",
    "turn off the radio",
    "no wait a moment",
    "where is the cat",
    "that is enough",
    "open the door please",
    "i meant the other chair",
    "hello robot",
)
AT = 1.0  # s of silence before the robot speaks
_LEAST_PART = 0.6  # s of the robot's speech that an interruption must overlap


@dataclass(frozen=True, slots=True)
class Room:
    """How a loudspeaker is heard by a microphone.

    Attributes:
        response: Impulse response from the loudspeaker to the microphone, at `RATE`.
    """

    response: np.ndarray

    @staticmethod
    def drawn(gain: float, rng: np.random.Generator) -> Room:
        """Draw a room: one direct sound, and noise behind it that decays exponentially.

        Args:
            gain: Of the whole, dB.
            rng: Draws delay, reverberation time and the noise.
        """
        late, decay = rng.uniform(0.02, 0.2), rng.uniform(0.2, 0.6)
        behind = np.arange(round(decay * RATE)) / RATE
        tail = rng.standard_normal(len(behind)) * 10 ** (-3 * behind / decay)
        tail[: RATE // 200] = 0.0  # the first reflection takes 5 ms more
        tail *= 10 ** (-rng.uniform(0, 6) / 20) / np.linalg.norm(tail)
        tail[0] = 1.0
        whole = np.concatenate([np.zeros(round(late * RATE)), tail])
        return Room((whole * 10 ** (gain / 20) / np.linalg.norm(whole)).astype(np.float32))

    def heard(self, played: np.ndarray) -> np.ndarray:
        """Return what the microphone hears of a sound."""
        return fftconvolve(played, self.response)[: len(played)].astype(np.float32)


@dataclass(slots=True)
class Trial:
    """What came of one sentence of the robot.

    Attributes:
        began: When somebody was noticed, seconds; infinity for never.
        ended: When the robot had said all, had nobody interrupted it.
        heard: What was understood, in words.
    """

    began: float
    ended: float
    heard: str = ""


def trial(parts: Parts, said: str, room: Room, person: np.ndarray, config: VoiceConfig) -> Trial:
    """Let the robot speak in a room.

    Args:
        parts: Of its voice; each trial has an echo canceller of its own.
        said: By the robot.
        room: Where.
        person: What else is heard, from the beginning of the trial on; it sets its length.
        config: Of the voice.
    """
    library = espeak_library()
    speech = made(written_out(said), config.language, config.speed)
    given = Timeline(library.rate)
    own = OwnVoice(make_part("echo", config.echo, Setup(config)), given)
    parts.activity.reset()
    turns = TurnTaking(parts.activity, parts.recogniser, config.endpoint, config.endpoint_part)
    begin = round(AT * library.rate)
    played = heard_at(np.pad(speech, (begin, 0)), library.rate)
    played = np.pad(played, (0, max(0, len(person) - len(played))))[: len(person)]
    floor = np.random.default_rng(7).normal(0.0, 1e-3, len(person)).astype(np.float32)
    echo = room.heard(played)
    found = Trial(float("inf"), AT + len(speech) / library.rate)
    step, at = round(PIECE_SECONDS * library.rate), 0
    for start in range(0, len(person) - BLOCK + 1, BLOCK):
        now = (start + BLOCK) / RATE
        while at < len(speech) and AT + at / library.rate <= now:
            given.add(speech[at : at + step], AT + at / library.rate)
            at += step
        span = slice(start, start + BLOCK)
        block = own.without(Block(person[span] + echo[span] + floor[span], now))
        for what in turns.add(block):
            if isinstance(what, Ended):
                found.heard = f"{found.heard} {what.heard.text}".strip()
            elif found.began == float("inf"):
                found.began = now
                speech = speech[:at]  # the piece that is being played is played to its end
                played[round((AT + at / library.rate) * RATE) :] = 0.0
                echo = room.heard(played)
    return found


def _seconds(said: str, config: VoiceConfig) -> float:
    """How long the robot says something."""
    library = espeak_library()
    return len(made(written_out(said), config.language, config.speed)) / library.rate


def alone(parts: Parts, config: VoiceConfig, gain: int, count: int, verbose: bool) -> Row:
    """Measure how often the robot takes its own voice for somebody's."""
    rng, wrong = np.random.default_rng([11, -gain]), 0
    for number in range(count):
        said, room = ANSWERS[number % len(ANSWERS)], Room.drawn(gain, rng)
        silence = np.zeros(round((AT + _seconds(said, config) + 1.5) * RATE), np.float32)
        found = trial(parts, said, room, silence, config)
        wrong += found.began < float("inf")
        if verbose and found.began < float("inf"):
            print(f"{gain} dB: took itself for somebody at {found.began:.2f} s", file=sys.stderr)
    return AtMost(f"false barge-ins, echo at {gain} dB", wrong, 0, count)


def interrupted(
    parts: Parts, config: VoiceConfig, gain: int, count: int, verbose: bool
) -> list[Row]:
    """Measure which persons are heard who are as loud as the echo."""
    rng, missed, early, right = np.random.default_rng([12, -gain]), 0, 0, 0
    delays: list[float] = []
    for number in range(count):
        said, room = ANSWERS[number % len(ANSWERS)], Room.drawn(gain, rng)
        text = INTERRUPTIONS[number % len(INTERRUPTIONS)]
        speech = spoken(text, *VOICES[1:][number % (len(VOICES) - 1)])
        robot = made(written_out(said), config.language, config.speed)
        level = np.sqrt(np.mean(robot**2)) * 10 ** (gain / 20)
        at = AT + rng.uniform(0.3, len(robot) / espeak_library().rate - _LEAST_PART)
        person = np.pad(speech * (level / LEVEL), (round(at * RATE), round(2.5 * RATE)))
        found = trial(parts, said, room, person.astype(np.float32), config)
        early += found.began < at
        missed += not at <= found.began < found.ended
        right += found.heard == text
        if at <= found.began < found.ended:
            delays.append(found.began - at)
        if verbose:
            late = found.began - at
            print(
                f"{gain} dB: {text!r} noticed after {late:.2f} s: {found.heard!r}", file=sys.stderr
            )
    return [
        AtMost(f"interruptions not noticed while it spoke, echo at {gain} dB", missed, 0, count),
        AtMost(f"noticed before anybody spoke, echo at {gain} dB", early, 0, count),
        AtMost(f"noticed after, echo at {gain} dB, p50, ms", _percentile(delays, 50), None, count),
        AtMost(f"noticed after, echo at {gain} dB, p95, ms", _percentile(delays, 95), None, count),
    ]


def _percentile(seconds: Sequence[float], share: float) -> float:
    return 1e3 * float(np.percentile(seconds, share)) if seconds else float("inf")


def measure(options: argparse.Namespace) -> list[Row]:
    """Measure both parts at both levels."""
    config = VoiceConfig(echo=options.echo)
    parts = make_parts(Setup(config, Grammar(INTERRUPTIONS)))
    rows: list[Row] = []
    for gain in GAINS:
        rows.append(alone(parts, config, gain, round(options.alone / 2), options.v))
    for gain in GAINS:
        rows += interrupted(parts, config, gain, round(options.interrupted / 2), options.v)
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--alone", 200, 8, "sentences that nobody interrupts, half at each level")
    parser.amount("--interrupted", 100, 8, "sentences that somebody interrupts, half at each level")
    parser.add_argument("--echo", default="webrtc", help="part that cancels; none for comparison")
    parser.add_argument("-v", action="store_true", help="print each")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
