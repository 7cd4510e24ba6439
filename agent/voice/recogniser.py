"""Recognition by pocketsphinx: a grammar, and a loop of phones next to it that anything fits.

Three things are known of it, and met here. It understands least in digital silence, so that a noise
floor is added. Its search for the best path returns half a sentence with confidence, so that it is
off and only whole sentences of the grammar count. It maps whatever it hears onto the grammar, and
its probability says nothing: so the sound is scored by a loop of phones, too, and where that fits
much better than the sentence, it was something else.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sensebind.agent.robot.voice_section import PHONES
from sensebind.agent.voice.espeak import espeak_library
from sensebind.agent.voice.grammar import Grammar
from sensebind.agent.voice.parts import RATE, Heard, Setup, load
from sensebind.agent.voice.pronunciations import dictionary_of

NOISE_FLOOR = 1e-3
"""Of full scale, -60 dBFS: 46 of 50 clean commands are understood with it, 38 of 100 without."""
UNLIKE = 12e-4
"""What a sentence loses where none of its phones was heard; see `Fit.unlike`."""
MISFIT = 18e-4
"""Up to which a sentence counts; see `Fit.misfit`.

Chosen with 280 commands and 64 other sentences in the noise of a radio and a dog at 20 dB, most of
them made to begin like a command ("what color was the car"): below it lie 95 % of the commands that
were read right, and five other sentences. The margin alone lets eight through for as many commands.
"""
MOST_OUTSIDE = 0.5
"""Of sound before and behind the words, in frames for each frame of them."""
_BEAMS = {"beam": 1e-70, "pbeam": 1e-70, "wbeam": 1e-50}
"""How much less likely a path may be than the best one before the search drops it.

With pocketsphinx's own (1e-48, 1e-48, 7e-29) the right sentence is dropped where a bark covers a
word: of 13 commands that were misread so, 12 are read right with these, for 1.4 of the time.
"""
_CLASSES = (
    "P B",
    "T D",
    "K G",
    "CH JH SH ZH",
    "F V TH DH HH",
    "S Z",
    "M N NG",
    "L R W Y ER",
    "IY IH EY",
    "EH AE",
    "AA AO AH",
    "OW UH UW",
    "AY",
    "AW",
    "OY",
)
_CLASS = {phone: number for number, one in enumerate(_CLASSES) for phone in one.split()}
"""Phones that are easily taken for one another, in noise and by other voices, share a number."""
_LOUD = 0.25  # of the words' mean power: what is louder next to them belongs to a longer sentence
_FRAME = RATE // 100
_LEAST = 1e-9  # of a score, which is a probability
_FULL_SCALE = 32767
_SEED = 20


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a sentence fits the sound.

    pocketsphinx scores each frame of 10 ms by its distance from the sound that fits best of all.

    Attributes:
        margin: By which phones in any order fit better than the sentence's, for each frame of it.
        unlike: How many of the phones in any order are of another class than the sentence's, left
            out or too many, for each phone of the sentence.
        outside: Frames about as loud before and behind the sentence, for each frame of it.
    """

    margin: float
    unlike: float
    outside: float

    @property
    def misfit(self) -> float:
        """How badly the sentence fits, by the scores of its sounds and by what they are."""
        return self.margin + UNLIKE * self.unlike


class SphinxRecogniser:
    """Understands the sentences of a grammar, in English."""

    def __init__(self, setup: Setup) -> None:
        """Load the acoustic model, and give words pronunciations that the dictionary lacks.

        Raises:
            MissingDependencyError: pocketsphinx or eSpeak NG is not installed.
            InputError: A word of the grammar cannot be pronounced.
        """
        self._grammar = setup.grammar
        self._sentences = sphinx_decoder(setup.grammar, setup.config.words)
        self._names = {f"phone{one.casefold()}": one for one in PHONES}
        self._phones = _phone_decoder(self._names)
        self._noise = np.random.default_rng(_SEED)
        self._begun = False
        self._heard: list[np.ndarray] = []  # of this utterance

    def begin(self) -> None:
        """Begin an utterance; see `Recogniser.begin`."""
        for decoder in (self._sentences, self._phones):
            if self._begun:
                decoder.end_utt()
            decoder.start_utt()
        self._begun = True
        self._heard.clear()

    def add(self, block: np.ndarray) -> None:
        """Take more of it; see `Recogniser.add`."""
        data = pcm(block, self._noise)
        self._heard.append(block)
        for decoder in (self._sentences, self._phones):
            decoder.process_raw(data, False, False)

    def so_far(self) -> Heard:
        """Return what it would be if it ended now; see `Recogniser.so_far`."""
        said = _text(self._sentences)
        return Heard(said, self._is_sentence(said))

    def end(self) -> Heard:
        """Return what was said; see `Recogniser.end`."""
        if not self._begun:
            return Heard(whole=False)
        self._begun = False
        for decoder in (self._sentences, self._phones):
            decoder.end_utt()
        said = _text(self._sentences)
        return Heard(said, True) if self._is_sentence(said) else Heard(whole=False)

    def _is_sentence(self, said: str) -> bool:
        """Whether it is a whole sentence of the grammar, and fits what was heard so far."""
        if not self._grammar.accepts(said):
            return False
        fit = self.fit()
        return fit.misfit <= MISFIT and fit.outside <= MOST_OUTSIDE

    def fit(self) -> Fit:
        """Return how well the last sentence fits the sound, next to a sequence of phones."""
        sentence = _segments(self._sentences)
        words = [one for one in sentence if one.said]
        if not words:
            return Fit(float("inf"), float("inf"), float("inf"))
        first, last = words[0].first, words[-1].last
        frames = last - first + 1
        inside = sum(one.deficit for one in sentence if first <= one.first and one.last <= last)
        phones = _segments(self._phones)
        loop = sum(one.deficit * one.share(first, last) for one in phones)
        said = [phone for one in words for phone in self._sentences.lookup_word(one.name).split()]
        heard = [
            self._names[one.name] for one in phones if one.said and one.share(first, last) > 0.5
        ]
        outside = _loud_outside(np.concatenate(self._heard), first, last)
        return Fit((inside - loop) / frames, edits(said, heard) / len(said), outside / frames)


def sphinx_decoder(grammar: Grammar, own: Any) -> Any:
    """Return pocketsphinx's decoder for a grammar.

    Args:
        grammar: What is said.
        own: Pronunciations by word that precede those of its dictionary.

    Raises:
        MissingDependencyError: pocketsphinx or eSpeak NG is not installed.
        InputError: A word of the grammar cannot be pronounced.
    """
    model = english_model()
    known = dictionary_of(
        grammar.words, model / "cmudict-en-us.dict", own, espeak_library().phonemes
    )
    return _decoder(known, grammar.jsgf, _BEAMS)


def _phone_decoder(names: dict[str, str]) -> Any:
    """The decoder for any sequence of phones."""
    jsgf = f"#JSGF V1.0;\ngrammar phones;\npublic <phones> = ({' | '.join(names)})+;"
    return _decoder({name: [phone] for name, phone in names.items()}, jsgf)


def _decoder(
    dictionary: dict[str, list[str]], jsgf: str, beams: dict[str, float] | None = None
) -> Any:
    pocketsphinx = load("pocketsphinx")
    with tempfile.TemporaryDirectory(prefix="sensebind-voice-") as folder:
        words, rules = Path(folder) / "words.dict", Path(folder) / "sentences.gram"
        lines = [
            f"{word}{f'({number})' if number > 1 else ''} {phones}\n"
            for word, every in sorted(dictionary.items())
            for number, phones in enumerate(every, 1)
        ]
        words.write_text("".join(lines), encoding="utf-8")
        rules.write_text(jsgf, encoding="utf-8")
        return pocketsphinx.Decoder(
            hmm=str(english_model() / "en-us"),
            dict=str(words),
            jsgf=str(rules),
            bestpath=False,
            loglevel="FATAL",
            **(beams or {}),
        )


def english_model() -> Path:
    """Return the folder of pocketsphinx's English model.

    Raises:
        MissingDependencyError: pocketsphinx is not installed.
    """
    pocketsphinx = load("pocketsphinx")
    return Path(pocketsphinx.get_model_path()) / "en-us"


def pcm(block: np.ndarray, noise: np.random.Generator) -> bytes:
    """Return sound as 16-bit samples, with a floor of white noise.

    Args:
        block: float32 [n] in -1..1.
        noise: Where the floor comes from.
    """
    sound = block + noise.normal(0.0, NOISE_FLOOR, len(block))
    return np.rint(np.clip(sound, -1.0, 1.0) * _FULL_SCALE).astype("<i2").tobytes()


@dataclass(frozen=True, slots=True)
class _Segment:
    """A word, a phone or a silence that was recognised: from a frame to a frame, and its score."""

    name: str
    first: int
    last: int
    deficit: float

    @property
    def said(self) -> bool:
        return not self.name.startswith("<")

    @property
    def frames(self) -> int:
        return self.last - self.first + 1

    def share(self, first: int, last: int) -> float:
        """How much of it lies between two frames."""
        return max(0, min(self.last, last) - max(self.first, first) + 1) / self.frames


def _segments(decoder: Any) -> list[_Segment]:
    if decoder.hyp() is None:
        return []
    return [
        _Segment(
            one.word,
            one.start_frame,
            one.end_frame,
            -math.log(max(one.ascore, _LEAST)),
        )
        for one in decoder.seg()
        if one.end_frame >= one.start_frame >= 0 and one.word != "(NULL)"
    ]


def edits(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return how many phones of one sequence are to be exchanged, left out or added for the other.

    Phones of one class count as the same (Levenshtein, over classes).
    """
    row = list(range(len(heard) + 1))
    for number, one in enumerate(said, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            same = _CLASS.get(one) == _CLASS.get(other)
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (not same)),
            )
    return row[-1]


def _loud_outside(sound: np.ndarray, first: int, last: int) -> int:
    """How many frames before and behind some are about as loud as these are on average."""
    whole = len(sound) // _FRAME
    power = np.mean(sound[: whole * _FRAME].reshape(whole, _FRAME) ** 2, axis=1)
    loud = power > _LOUD * float(np.mean(power[first : last + 1]))
    return int(loud[:first].sum() + loud[last + 1 :].sum())


def _text(decoder: Any) -> str:
    found = decoder.hyp()
    return "" if found is None else " ".join(found.hypstr.split())
