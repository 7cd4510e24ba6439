"""People's recordings: what is understood of them, and what is wrongly taken for a command.

Voices of machines say little about people. These clips are from Debian's packages, none of which is
ours to pass on; get and unpack them first:

    mkdir clips && cd clips
    apt-get download pocketsphinx-testdata asterisk-core-sounds-en-g722 alsa-utils ktuberling-data
    for package in *.deb; do dpkg -x $package .; done
    python benchmarks/voice_people.py --clips clips

- pocketsphinx-testdata 0.8+5prealpha+1-15 (BSD-2, BSD-3): commands, cards, digits, an audiobook;
- asterisk-core-sounds-en-g722 1.6.1-1 (CC-BY-SA-3.0): Allison Smith, words and prompts;
- alsa-utils 1.2.8-1 (GPL-2): the names of loudspeakers;
- ktuberling-data 4:22.12.3-1 (GPL-2+, CC-BY): words for children.

First the robot of a simulated home hears them all with its own sentences. One of them is said
("hello"); whatever else it understands is wrong. Then the sentences whose words are known are added
to it, as `voice: {sentences: [...]}` does, and those are counted that are understood.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from report import AtMost, Parser, Row, run
from voice import TOOLS, utterances
from voice_sound import blocks, heard_at, levelled

from sensebind.agent.robot.voice_section import VoiceConfig
from sensebind.agent.voice.parts import RATE, Parts, Setup, make_parts
from sensebind.agent.voice.phrases import Phrases
from sensebind.agent.voice.written_out import number_words, ordinal_words
from sensebind.errors import InputError
from sensebind.perception.imagebind.preprocess.audio_files import read_audio
from sensebind.perception.simhome.catalog import KINDS

_SPHINX = "usr/share/pocketsphinx/test/data"
_ASTERISK = "usr/share/asterisk/sounds/en_US_f_Allison"
_ALSA = "usr/share/sounds/alsa"
_KTUBERLING = "usr/share/ktuberling/sounds/en"
_BOOK = f"{_SPHINX}/librivox/sense_and_sensibility_01_austen_64kb"
_SPOKEN = {
    f"{_SPHINX}/goforward.raw": "go forward ten meters",
    f"{_SPHINX}/something.raw": "go somewhere and do something",
    f"{_SPHINX}/tidigits/dhd.2934z.raw": "two nine three four zero",
    f"{_SPHINX}/cards/001.wav": "ten of clubs",
    f"{_SPHINX}/cards/002.wav": "four queen of clubs",
    f"{_SPHINX}/cards/003.wav": "seven of clubs",
    f"{_SPHINX}/cards/004.wav": "five five",
    f"{_SPHINX}/cards/005.wav": "eight of spades four of clubs seven of hearts",
    f"{_BOOK}-0880.wav": "he was not an ill disposed young man",
    f"{_BOOK}-0930.wav": "he might even have been made amiable himself",
}
"""What is said, as the packages' own transcriptions have it."""
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_PHONETIC = (
    *("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india"),
    *("juliet", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra"),
    *("tango", "uniform", "victor", "whiskey", "x ray", "yankee", "zulu"),
)
_WORDS = ("ball", "flower", "hair", "mouth", "nose", "umbrella", "skirt")
_PROMPTS = {
    "hello": "hello",
    "hello-world": "hello world",
    "goodbye": "goodbye",
    "one-moment-please": "one moment please",
    "please-try-again": "please try again",
    "telephone-number": "telephone number",
    "do-not-disturb": "do not disturb",
    "call-waiting": "call waiting",
    "digits/today": "today",
    "digits/tomorrow": "tomorrow",
    "digits/yesterday": "yesterday",
    "digits/minus": "minus",
}


def known() -> dict[str, str]:
    """Return what is said in which file; names of files say it where nothing else does."""
    found = dict(_SPOKEN)
    for name in ("Front_Center", "Front_Left", "Front_Right", "Rear_Center", "Rear_Left"):
        found[f"{_ALSA}/{name}.wav"] = name.casefold().replace("_", " ")
    for name in ("Rear_Right", "Side_Left", "Side_Right"):
        found[f"{_ALSA}/{name}.wav"] = name.casefold().replace("_", " ")
    for number in (*range(21), 30, 40, 50, 60, 70, 80, 90):
        found[f"{_ASTERISK}/digits/{number}.g722"] = number_words(number)
        if number:
            found[f"{_ASTERISK}/digits/h-{number}.g722"] = ordinal_words(number)
    for series, names in (("day", _DAYS), ("mon", _MONTHS)):
        for number, word in enumerate(names):
            found[f"{_ASTERISK}/digits/{series}-{number}.g722"] = word
    for word in _PHONETIC:
        found[f"{_ASTERISK}/phonetic/{word[0]}_p.g722"] = word
    found |= {f"{_ASTERISK}/{name}.g722": text for name, text in _PROMPTS.items()}
    found |= {f"{_KTUBERLING}/{word}.ogg": word for word in _WORDS}
    return found


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording.

    Attributes:
        name: Of its file.
        sound: float32 [n] at `RATE`, half a second of silence before it and two after.
        text: What is said; "" where nobody wrote it down.
    """

    name: str
    sound: np.ndarray
    text: str = ""


def read(file: Path) -> np.ndarray:
    """Return a recording at `RATE`, at the level of other speech."""
    if file.suffix == ".raw":
        samples, rate = np.fromfile(file, "<i2").astype(np.float32) / 32768, RATE
    elif file.suffix == ".g722":
        with av.open(str(file), format="g722") as container:
            parts = [one.to_ndarray().ravel() for one in container.decode(audio=0)]
        samples, rate = np.concatenate(parts).astype(np.float32) / 32768, RATE
    else:
        whole, rate = read_audio(file)
        samples = whole[0]
    return np.pad(levelled(heard_at(samples, rate)), (RATE // 2, 2 * RATE))


def clips(folder: Path, most: int) -> list[Clip]:
    """Return the recordings of the packages.

    Args:
        folder: Where they are unpacked.
        most: How many of those whose words nobody wrote down.

    Raises:
        InputError: There are none.
    """
    texts = known()
    others = [
        *sorted((folder / _ASTERISK).glob("*.g722")),
        *sorted((folder / _KTUBERLING).glob("*.ogg")),
        folder / _SPHINX / "numbers.raw",
    ]
    others = [one for one in others if str(one.relative_to(folder)) not in texts and one.exists()]
    chosen = others[:: max(1, -(-len(others) // most))]
    files = [(folder / name, text) for name, text in texts.items() if (folder / name).exists()]
    files += [(one, "") for one in chosen]
    if len(files) < 40:
        raise InputError(f"{folder} holds {len(files)} of the recordings: see --help")
    found = ((file.name, read(file), text) for file, text in files)
    return [Clip(*one) for one in found if len(one[1]) < _LONGEST * RATE]


_LONGEST = 12.0  # s of a clip; a menu that is read out says nothing new


def heard(parts: Parts, config: VoiceConfig, clip: Clip) -> str:
    """Return what is understood of a recording; "" for nothing."""
    parts.activity.reset()
    found = utterances(parts, config, clip.sound)
    return " ".join(one.heard.text for one in found if one.heard.text)


def with_sentences(phrases: Phrases, texts: Iterable[str]) -> Phrases:
    """Return what may be said to a robot, and these sentences in addition."""
    return Phrases(phrases.tools, phrases.objects, phrases.streams, more=sorted(set(texts)))


def measure(options: argparse.Namespace) -> list[Row]:
    """Let the robot hear every recording with its own sentences, then with theirs."""
    config = VoiceConfig()
    phrases = Phrases(TOOLS, KINDS, ["camera", "microphone", "lidar"])
    every = clips(options.clips, options.others)
    parts = make_parts(Setup(config, phrases.grammar()))
    wrong = stops = 0
    for clip in every:
        spotted = sum(parts.spotter.add(one.samples) for one in blocks(clip.sound))
        text = heard(parts, config, clip)
        wrong += text not in ("", clip.text)
        stops += spotted
        if text or spotted:
            print(f"{clip.name} ({clip.text}): {text!r}, stops {spotted}", file=sys.stderr)
    said = [one for one in every if one.text]
    theirs = make_parts(
        Setup(config, with_sentences(phrases, (one.text for one in said)).grammar())
    )
    right = mistaken = 0
    for clip in said:
        text = heard(theirs, config, clip)
        right += text == clip.text
        mistaken += bool(text) and text != clip.text
        if options.v and text != clip.text:
            print(f"{clip.name}: {clip.text!r} -> {text!r}", file=sys.stderr)
    return [
        AtMost("recordings taken for a command of the robot", wrong, 0, len(every)),
        AtMost("stops spotted where nobody said so", stops, None, len(every)),
        Row("recordings understood, once expected", right / len(said), None, len(said)),
        AtMost("recordings taken for another sentence", mistaken / len(said), None, len(said)),
    ]


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of unpacked packages")
    parser.amount("--others", 100, 10, "recordings without a transcription, at most about")
    parser.add_argument("-v", action="store_true", help="print what was not understood")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
