"""How words are pronounced: by the recogniser's dictionary, and by eSpeak NG's phonemes.

The dictionary is American, so that "car" and "door" of most other people, who leave out the r, fit
other words better: each word gets the pronunciations of British voices, too. A word without any
would make pocketsphinx refuse the whole grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from sensebind.errors import InputError

# IPA as eSpeak NG's English voices write it, to the phones of the CMU dictionary; longest first.
_PHONES = {
    "tʃ": "CH",
    "dʒ": "JH",
    "aɪə": "AY AH",
    "aɪɚ": "AY ER",
    "eɪ": "EY",
    "aɪ": "AY",
    "aʊ": "AW",
    "ɔɪ": "OY",
    "oʊ": "OW",
    "əʊ": "OW",
    "iə": "IY AH",
    "ɪɹ": "IH R",
    "ɛɹ": "EH R",
    "ʊɹ": "UH R",
    "ɔːɹ": "AO R",
    "oːɹ": "AO R",
    "ɑːɹ": "AA R",
    "əl": "AH L",
    "n̩": "AH N",
    "l̩": "AH L",
    "ɑː": "AA",
    "ɔː": "AO",
    "iː": "IY",
    "uː": "UW",
    "ɜː": "ER",
    "ɚ": "ER",
    "ɝ": "ER",
    "oː": "AO",
    "æ": "AE",
    "ʌ": "AH",
    "ə": "AH",
    "ɐ": "AH",
    "ɑ": "AA",
    "a": "AA",
    "ɔ": "AO",
    "ɒ": "AA",
    "ɛ": "EH",
    "e": "EH",
    "ɪ": "IH",
    "ᵻ": "IH",
    "i": "IY",
    "ʊ": "UH",
    "u": "UW",
    "o": "OW",
    "b": "B",
    "d": "D",
    "f": "F",
    "ɡ": "G",
    "g": "G",
    "h": "HH",
    "j": "Y",
    "k": "K",
    "x": "K",
    "l": "L",
    "m": "M",
    "n": "N",
    "ŋ": "NG",
    "p": "P",
    "ɹ": "R",
    "r": "R",
    "s": "S",
    "ʃ": "SH",
    "t": "T",
    "ɾ": "T",
    "ʔ": "T",
    "θ": "TH",
    "ð": "DH",
    "v": "V",
    "w": "W",
    "z": "Z",
    "ʒ": "ZH",
}
AMERICAN = "en-us"
"""Voice of eSpeak NG for words that the dictionary lacks."""
BRITISH = ("en", "en-gb-x-rp")
"""Voices of eSpeak NG that say words otherwise."""
_TURN = ("AH", "UH")
"""Phones that the vowel of a British "turn" lies between.

With them "turn" in commands of three or four words by eight voices was understood 24 times of 32
(AH; 21 with UH), with ER alone 15 times.
"""
_MARKS = re.compile("[ˈˌ̩‿ʰ̃ː]")
_LONGEST_FIRST = sorted(_PHONES, key=len, reverse=True)
_ANOTHER = re.compile(r"\(\d+\)$")  # of several pronunciations of a word


def phones_of(phonemes: Iterable[str]) -> str:
    """Return the CMU phones of phonemes in the International Phonetic Alphabet.

    Args:
        phonemes: As eSpeak NG gives them.

    Raises:
        InputError: There is one that English does not have.
    """
    found: list[str] = []
    for phoneme in phonemes:
        rest = re.sub("[ˈˌ]", "", phoneme)
        while rest:
            part = next((one for one in _LONGEST_FIRST if rest.startswith(one)), "")
            if part:
                found.append(_PHONES[part])
                rest = rest[len(part) :]
            elif _MARKS.match(rest):
                rest = rest[1:]
            else:
                raise InputError(f"no English phone for {rest!r}")
    return " ".join(found)


def _without_r(phones: list[str]) -> Iterable[list[str]]:
    """British pronunciations: the vowel of "turn" has no r, which no phone of the model says."""
    for vowel in ("ER", *_TURN):
        yield [vowel if one == "ER" else one for one in phones]


def dictionary_of(
    words: Iterable[str],
    file: Path,
    own: Mapping[str, str],
    phonemes: Callable[[str, str], list[str]],
) -> dict[str, list[str]]:
    """Return the pronunciations of words, each once, the most usual first.

    Args:
        words: In small letters.
        file: A dictionary in CMU's format.
        own: Pronunciations that precede those of the file.
        phonemes: Returns the phonemes of a word by a voice of eSpeak NG, in the International
            Phonetic Alphabet.

    Raises:
        InputError: A word cannot be pronounced; `voice: {words}` can say how.
    """
    wanted = set(words)
    found = {word: [phones] for word, phones in own.items() if word in wanted}
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            word, _, phones = line.strip().partition(" ")
            word = _ANOTHER.sub("", word)
            if word in wanted and word not in own:
                found.setdefault(word, []).append(phones.strip())
    for word in sorted(wanted - found.keys()):
        try:
            phones = phones_of(phonemes(word, AMERICAN))
        except InputError as error:
            raise InputError(
                f"the voice cannot pronounce {word!r} ({error}): say how in voice: {{words}}"
            ) from error
        if not phones:
            raise InputError(f"the voice cannot pronounce {word!r}: say how in voice: {{words}}")
        found[word] = [phones]
    for word in wanted - own.keys():
        for voice in BRITISH:
            with suppress(InputError):  # it has one already
                said = phones_of(phonemes(word, voice)).split()
                found[word] += [" ".join(one) for one in _without_r(said) if one]
    return {word: list(dict.fromkeys(every)) for word, every in found.items()}
