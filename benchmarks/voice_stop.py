"""The threshold of the stop word: how many stops it spots, and in how much else it hears one.

Four sentences with "stop" and twenty without, each by four voices of eSpeak NG with white noise at
`--level` dB, go to the spotter that ships. Voices of machines: people's are not measured here.
"""

import sys
from argparse import Namespace

import numpy as np
from report import Parser, Row, run

from sensebind.agent.robot.voice_section import VoiceConfig
from sensebind.agent.voice.espeak import espeak_library
from sensebind.agent.voice.grammar import Grammar
from sensebind.agent.voice.parts import BLOCK, RATE, Setup
from sensebind.agent.voice.spotter import SphinxSpotter
from sensebind.perception.imagebind.preprocess.audio import mono, resample

THRESHOLDS = (1e-10, 1e-15, 1e-20, 1e-25, 1e-30)
VOICES = (("en-us", 160), ("en-gb-x-rp", 150), ("en-us+f3", 170), ("en-us+m3", 185))
STOPS = ("stop", "stop now", "please stop", "stop the robot")
OTHERS = (
    *("turn on the lamp", "turn off the radio", "what do you hear", "open the door"),
    *("close the door", "drive forward one meter", "turn left", "go to the dog"),
    *("what time is it", "is anything near me", "set the thermostat to twenty two degrees"),
    *("when did you last hear the cat", "start the fan", "put it on top of the shelf"),
    *("that was the last spot", "hello who are you", "yes open the door"),
    *("the weather is nice today", "how many chairs do you see", "drop it"),
)


def spoken(text: str, voice: str, speed: int, level: float, rng: np.random.Generator) -> np.ndarray:
    """A sentence with noise, half a second before it and a second behind: float32 [N], 16 kHz."""
    library, pieces = espeak_library(), list[np.ndarray]()
    library.speak(text, voice, speed, lambda piece: not pieces.append(piece))
    sound = np.concatenate(pieces)[None]
    heard = 0.5 * resample(mono(sound, library.rate), library.rate, RATE)[0].numpy()
    padded = np.pad(heard, (RATE // 2, RATE))
    noise = rng.standard_normal(len(padded)) * np.sqrt(np.mean(heard**2)) * 10 ** (-level / 20)
    return (padded + noise).astype(np.float32)


def spotted(sound: np.ndarray, threshold: float) -> bool:
    """Whether a spotter that has heard nothing before hears a stop."""
    setup = Setup(VoiceConfig(stop_threshold=threshold), Grammar(["stop"]))
    spotter = SphinxSpotter(setup)
    starts = range(0, len(sound) - BLOCK, BLOCK)
    return any([spotter.add(sound[at : at + BLOCK]) for at in starts])


def measure(options: Namespace) -> list[Row]:
    """Speak everything once, and let each threshold hear it."""
    rng = np.random.default_rng(3)
    voices = VOICES[: int(options.voices)]
    sounds = {
        name: [spoken(text, *voice, options.level, rng) for text in texts for voice in voices]
        for name, texts in (("stops", STOPS), ("others", OTHERS))
    }
    rows = []
    for threshold in THRESHOLDS:
        for name, what in (("stops", "stops spotted"), ("others", "stops heard in others")):
            found = sum(spotted(sound, threshold) for sound in sounds[name])
            rows.append(Row(f"{threshold:g}: {what}", found, None, len(sounds[name])))
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--voices", 4, 1, "voices")
    parser.add_argument("--level", type=float, default=20.0, help="dB of speech over noise, 20")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
