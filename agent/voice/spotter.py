"""Spotting the stop word in everything that the microphone hears, without a language model.

It hears the raw microphone: neither voice activity nor the gate for the robot's own voice stands
before it. A false stop costs a word, a missed one may cost a leg.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sensebind.agent.voice.parts import RATE, Setup, load
from sensebind.agent.voice.recogniser import english_model, pcm

_PRONUNCIATIONS = {"stop": "S T AA P"}
_LONGEST = 30 * RATE  # samples after which the search begins again: its memory grows
_TAIL = RATE  # samples that are heard again then
_SEED = 21


class SphinxSpotter:
    """Hears "stop" by pocketsphinx's keyword spotting."""

    def __init__(self, setup: Setup) -> None:
        """Load the acoustic model.

        Raises:
            MissingDependencyError: pocketsphinx is not installed.
        """
        pocketsphinx = load("pocketsphinx")
        with tempfile.TemporaryDirectory(prefix="sensebind-voice-") as folder:
            words, keys = Path(folder) / "words.dict", Path(folder) / "keys.list"
            lines = [f"{word} {phones}\n" for word, phones in _PRONUNCIATIONS.items()]
            words.write_text("".join(lines), encoding="utf-8")
            threshold = setup.config.stop_threshold
            keys.write_text(
                "".join(f"{word} /{threshold:g}/\n" for word in _PRONUNCIATIONS), encoding="utf-8"
            )
            self._decoder: Any = pocketsphinx.Decoder(
                hmm=str(english_model() / "en-us"),
                dict=str(words),
                kws=str(keys),
                loglevel="FATAL",
            )
        self._noise = np.random.default_rng(_SEED)
        self._heard = 0
        self._tail = np.zeros(0, np.float32)
        self._decoder.start_utt()

    def add(self, block: np.ndarray) -> bool:
        """Take the next block; see `Spotter.add`."""
        self._decoder.process_raw(pcm(block, self._noise), False, False)
        self._heard += len(block)
        spotted = self._decoder.hyp() is not None
        self._tail = np.concatenate([self._tail, block])[-_TAIL:]
        if spotted or self._heard > _LONGEST:
            self._decoder.end_utt()
            self._decoder.start_utt()
            self._heard = 0
            if spotted:
                self._tail = self._tail[:0]
            else:  # a word that has begun is heard whole
                self._decoder.process_raw(pcm(self._tail, self._noise), False, False)
        return spotted
