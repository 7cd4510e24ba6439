"""The voice: what it understands and mistakes, where it cuts, stops, and how soon it answers.

Everything is spoken by eSpeak NG, in eight voices of other speeds, and mixed with the radio and the
dog of a simulated home at 20, 10 and 5 dB. It goes through voice activity, recognition and the stop
word's spotter block by block, as in a conversation. These are machines' voices: people are
understood worse. Nothing was tuned on the sentences that are drawn here.

The last rows need a robot: its home, its encoders and its language model run as in
`sensebind chat --voice`, in real time.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from report import AtMost, Parser, Row, run
from voice_sound import VOICES, blocks, noise, noisy, spoken

from sensebind.agent.cli.voice import OwnDialog
from sensebind.agent.corpus.grammar import Grammar as Templates
from sensebind.agent.robot.robot import Robot
from sensebind.agent.robot.simhome import simhome_robot
from sensebind.agent.robot.voice_section import VoiceConfig
from sensebind.agent.voice.conversation import Conversation
from sensebind.agent.voice.grammar import Grammar
from sensebind.agent.voice.loudspeakers import FileLoudspeaker
from sensebind.agent.voice.microphones import Block, FileEar
from sensebind.agent.voice.mouth import Mouth
from sensebind.agent.voice.parts import BLOCK, RATE, Parts, Setup, make_parts
from sensebind.agent.voice.phrases import Phrases, sentences_of
from sensebind.agent.voice.turn_taking import Ended, TurnTaking
from sensebind.perception.simhome.catalog import KINDS

LEVELS = (20, 10, 5)
"""Signal-to-noise ratios, dB."""
UNEXPECTED = (
    "the cake needs another ten minutes",
    "we met at the station last summer",
    "have you paid the electricity bill",
    "the neighbours have bought a new car",
    "it was warmer than we had expected",
    "he forgot his umbrella on the bus",
    "could i borrow your bicycle for a day",
    "the doctor said it was nothing serious",
    "there are no tickets left for sunday",
    "my shoulder hurts when i lift my arm",
    "she wants to study law in the spring",
    "the shop round the corner sells stamps",
    "we ran out of sugar and flour",
    "they got married in a small village",
    "his new job starts in february",
    "somebody parked in front of our garage",
    "that was the best concert of the year",
    "the dentist moved to another street",
    "i cannot find my glasses anywhere",
    "do you want tea or coffee",
    "the garden is full of weeds",
    "our flight was delayed by three hours",
    "he speaks spanish and a little french",
    "the baby slept through the night",
    "her parents live near the coast",
    "we should leave before it gets dark",
    "the lift is broken again",
    "nobody told me about the party",
    "put the letters on the kitchen table",
    "i will call you when i get home",
)
"""What people say to one another, and to no robot."""
POLITE = frozenset({"please", "robot", "hey", "can", "could", "you", "now", "a", "an", "the"})
"""Words that change nothing about what is asked for."""
SAME = {
    "drive": "go",
    "move": "go",
    "forward": "ahead",
    "backwards": "back",
    "switch": "turn",
    "shut": "close",
    "one": "a",
    "thanks": "thank",
}
"""Words that ask for the same as others."""
SWITCHES = ("lamp_on", "lamp_off", "radio_on", "radio_off", "fan_on", "fan_off")
DOORS = ("door_open", "door_close", "thermostat_get", "house_status", "watch_list", "clock")
ASKED = ("detect", "recall", "watch_add")
MOVING = ("drive", "turn", "go_to", "approach")
TEMPERATURE = {"type": "integer", "minimum": 10, "maximum": 30}
THERMOSTAT = {"properties": {"temperature": TEMPERATURE}, "required": ["temperature"]}
TOOLS = [
    *({"name": name, "risk": "change", "schema": {}} for name in (*SWITCHES, *DOORS)),
    {"name": "thermostat_set", "risk": "change", "schema": THERMOSTAT},
    *({"name": name, "risk": "observe", "schema": {}} for name in ASKED),
    *({"name": name, "risk": "move", "schema": {}} for name in MOVING),
]
"""Those of the robot of a simulated home, as far as sentences follow from them."""
ACTING = {*SWITCHES, "door_open", "door_close", "thermostat_set", "watch_add", *MOVING}
"""Tools that change something or move; the others answer."""
LEAD = "[please|robot|hey robot|can you|could you]"
PARTS = ("understanding", "unexpected", "endpoints", "stops", "answers")
QUESTIONS = ("what do you see", "what do you hear", "is there a dog", "what is near you")
PAUSE = 0.5  # seconds
_AUDIBLE = 0.01  # of full scale, -40 dBFS


def utterances(parts: Parts, config: VoiceConfig, samples: np.ndarray) -> list[Ended]:
    """Return what is understood of a sound."""
    turns = TurnTaking(parts.activity, parts.recogniser, config.endpoint, config.endpoint_part)
    found = [one for block in blocks(samples) for one in turns.add(block)]
    return [one for one in [*found, *turns.finish()] if isinstance(one, Ended)]


def meaning(text: str) -> str:
    """Return a sentence without words that change nothing, and with one word for each meaning."""
    words = [SAME.get(word, word) for word in text.split()]
    return " ".join(word for word in words if word not in POLITE)


class Voice:
    """The parts and the sentences of the robot of a simulated home."""

    def __init__(self, tools: Sequence[Any], seed: int) -> None:
        self.phrases = Phrases(tools, KINDS, ["camera", "microphone", "lidar"])
        self.config = VoiceConfig()
        self.grammar = self.phrases.grammar()
        self.parts = make_parts(Setup(self.config, self.grammar))
        sentences, rules = self.phrases.templates()
        orders = [one for tool in TOOLS if tool["name"] in ACTING for one in sentences_of(tool)]
        self.orders = Grammar([f"{LEAD} {one} [please]" for one in orders], rules)
        self.templates = Templates(rules, {str(i): [one] for i, one in enumerate(sentences)})
        self.rng = random.Random(seed)

    def acts(self, text: str) -> bool:
        """Whether a sentence asks for something to be done, and not only for an answer."""
        return self.orders.accepts(text)

    def sentence(self) -> str:
        """Return a sentence of the grammar: a template, then its choices, each as likely."""
        return self.templates.sample(self.rng.choice(self.templates.intents), self.rng)

    def heard(self, samples: np.ndarray) -> str:
        """Return what is understood of a sound; "" for nothing."""
        return " ".join(
            one.heard.text for one in utterances(self.parts, self.config, samples)
        ).strip()


def understanding(voice: Voice, count: int, level: int) -> list[Row]:
    """Measure commands that are understood, and those that are mistaken for others."""
    right = wrong = acted = 0
    for number in range(count):
        said = voice.sentence()
        samples = noisy(spoken(said, *VOICES[number % len(VOICES)]), level, voice.rng)
        text = voice.heard(samples)
        right += meaning(text) == meaning(said)
        mistaken = bool(text) and meaning(text) != meaning(said)
        wrong += mistaken
        acted += mistaken and voice.acts(text)
        if text != said and "-v" in sys.argv:
            print(f"{level} dB: {said!r} -> {text!r}", file=sys.stderr)
    bar = 0.9 if level == 20 else None
    return [
        Row(f"commands understood at {level} dB", right / count, bar, count),
        AtMost(f"commands taken for others at {level} dB", wrong / count, None, count),
        AtMost(f"commands taken for another order at {level} dB", acted / count, 0.01, count),
    ]


def unexpected(voice: Voice, level: int) -> list[Row]:
    """Measure how much that nobody says to a robot is taken for a command."""
    wrong = acted = 0
    for number, said in enumerate(UNEXPECTED):
        text = voice.heard(noisy(spoken(said, *VOICES[number % len(VOICES)]), level, voice.rng))
        wrong += bool(text)
        acted += voice.acts(text)
        if text and "-v" in sys.argv:
            print(f"{level} dB: {said!r} -> {text!r}", file=sys.stderr)
    count = len(UNEXPECTED)
    return [
        AtMost(f"other sentences taken for commands at {level} dB", wrong / count, None, count),
        AtMost(f"other sentences taken for orders at {level} dB", acted / count, 0.01, count),
    ]


def endpoints(voice: Voice, count: int) -> list[Row]:
    """Measure how often a pause of half a second between two words ends an utterance."""
    cut = part = tried = 0
    while tried < count:
        words = voice.sentence().split()
        if len(words) < 2:
            continue
        tried += 1
        at = voice.rng.randrange(1, len(words))
        begin, rest = " ".join(words[:at]), " ".join(words[at:])
        how = VOICES[tried % len(VOICES)]
        gap = np.zeros(round(PAUSE * RATE), np.float32)
        samples = np.concatenate([spoken(begin, *how), gap, spoken(rest, *how)])
        ended = utterances(voice.parts, voice.config, noisy(samples, 20, voice.rng))
        if len(ended) < 2:
            continue
        if voice.grammar.accepts(begin):
            part += 1
        else:
            cut += 1
    return [
        AtMost("pauses of 0.5 s that cut a sentence", cut / count, 0.03, count),
        AtMost("pauses after what is a command by itself", part / count, None, count),
    ]


def stops(voice: Voice, count: int, level: int) -> list[Row]:
    """Measure stop words that are missed, half of them while the robot speaks."""
    missed, delays = 0, []
    for number in range(count):
        word = spoken("stop", *VOICES[number % len(VOICES)])
        samples = noisy(word, level, voice.rng)
        if number % 2:
            own = spoken("I see a red ball and a green chair in front of me", "en-us", 170)
            own = np.resize(own, len(samples)) * 10 ** (-20 / 20)
            samples = samples + own
        end = (RATE // 2 + len(word)) / RATE
        found = [b.at for b in blocks(samples) if voice.parts.spotter.add(b.samples)]
        missed += not found
        delays += [found[0] - end] if found else []
    late = 1e3 * float(np.percentile(delays, 95)) if delays else float("inf")
    return [
        AtMost(
            f"stop words missed at {level} dB", missed / count, 0.0 if level == 20 else None, count
        ),
        AtMost(f"stop spotted after its end at {level} dB, p95, ms", late, 300.0, len(delays)),
    ]


def false_stops(voice: Voice, minutes: float) -> Row:
    """Measure stops that nobody said, while a radio plays and a dog barks."""
    found = 0
    for _ in range(round(minutes * 6)):
        heard = noise(10 * RATE, 0, voice.rng)
        found += sum(voice.parts.spotter.add(one.samples) for one in blocks(heard))
    return AtMost("false stops an hour", found * 60 / minutes, 2.0, round(minutes))


class _Ear(FileEar):
    """A file that notes when it began to be heard."""

    begun = float("inf")

    def blocks(self) -> Iterator[Block | None]:
        for block in super().blocks():
            if block is not None:
                self.begun = min(self.begun, block.at - BLOCK / RATE)
            yield block


class _Loudspeaker(FileLoudspeaker):
    """A file that notes when the first sound was given to it."""

    first = float("inf")

    def write(self, piece: np.ndarray) -> None:
        if np.abs(piece).max() > _AUDIBLE:
            self.first = min(self.first, time.monotonic())
        super().write(piece)


def answers(robot: Robot, voice: Voice, count: int) -> list[Row]:
    """Measure from the last sound of a question to the first one of its answer, in real time."""
    found: list[float] = []
    unanswered = 0
    for number in range(count):
        with tempfile.TemporaryDirectory() as folder:
            question = QUESTIONS[number % len(QUESTIONS)]
            said = spoken(question, *VOICES[number % len(VOICES)])
            soundfile.write(
                Path(folder) / "question.wav", noisy(said, 20, voice.rng), RATE, subtype="FLOAT"
            )
            speaker = voice.parts.speaker
            out = _Loudspeaker(Path(folder) / "answer.wav", speaker.rate)
            partner = OwnDialog(robot.agent, f"voice {number}")
            shown: list[tuple[str, str]] = []
            with Mouth(speaker, out) as mouth, _Ear(Path(folder) / "question.wav") as ear:
                talk = Conversation(
                    partner,
                    voice.parts,
                    mouth,
                    voice.phrases,
                    show=lambda who, what, shown=shown: shown.append((who, what)),
                )
                talk.run(ear)
            late = out.first - ear.begun - (RATE // 2 + len(said)) / RATE
            understood = ("you", question) in shown
            if "-v" in sys.argv:
                print(f"{question!r}: {1e3 * late:.0f} ms, {shown}", file=sys.stderr)
            unanswered += not understood
            found += [late] if understood else []
    return [
        AtMost("questions that were not understood", unanswered / count, None, count),
        AtMost("first sound of an answer, p50, ms", _percentile(found, 50), 600.0, len(found)),
        AtMost("first sound of an answer, p90, ms", _percentile(found, 90), 900.0, len(found)),
    ]


def _percentile(seconds: Sequence[float], share: float) -> float:
    return 1e3 * float(np.percentile(seconds, share)) if seconds else float("inf")


def measure(options: argparse.Namespace) -> list[Row]:
    """Measure everything, part by part."""
    rows: list[Row] = []
    voice = Voice(TOOLS, options.seed)
    wanted = options.only or PARTS
    if "understanding" in wanted:
        for level in options.level or LEVELS:
            rows += understanding(voice, options.commands, level)
    if "unexpected" in wanted:
        for level in options.level or LEVELS:
            rows += unexpected(voice, level)
    if "endpoints" in wanted:
        rows += endpoints(voice, options.pauses)
    if "stops" in wanted:
        for level in options.level or LEVELS:
            rows += stops(voice, options.stops, level)
        rows.append(false_stops(voice, options.minutes))
    if "answers" in wanted:
        with Robot(simhome_robot(options.seed), transient=True) as robot:
            robot.agent.await_senses()
            rows += answers(robot, voice, options.answers)
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--commands", 200, 16, "commands at each level of noise")
    parser.amount("--pauses", 200, 8, "sentences with a pause")
    parser.amount("--stops", 200, 16, "stop words at each level of noise")
    parser.amount("--minutes", 60.0, 1.0, "minutes of radio and dog")
    parser.amount("--answers", 40, 4, "questions that a robot answers")
    parser.add_argument("--seed", type=int, default=7180, help="which home, and which sentences")
    parser.add_argument("--only", action="append", choices=PARTS, help="a part alone; repeatable")
    parser.add_argument(
        "--level", action="append", type=int, choices=LEVELS, help="dB of noise; repeatable"
    )
    parser.add_argument("-v", action="store_true", help="print what was not understood")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
