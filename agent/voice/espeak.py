"""Speech by eSpeak NG, through its own library: quick, small, and audibly a machine."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from sensebind.agent.voice.parts import Setup, load, missing
from sensebind.agent.voice.written_out import is_chinese, written_out
from sensebind.errors import ConfigurationError, SenseBindError

# From speak_lib.h of eSpeak NG.
_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: samples go to a function, in the calling thread
_DO_NOT_EXIT = 0x8000
_UTF8 = 1
_RATE = 1  # espeak_PARAMETER: words per minute
_IPA = 0x02
_SEPARATED = ord("_") << 8  # of phonemes
_FULL_SCALE = 32768.0
_CHINESE_VOICE = "cmn"

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class EspeakLibrary:
    """eSpeak NG in this process, of which there is one. Methods are thread-safe.

    Attributes:
        rate: Samples per second.
    """

    def __init__(self) -> None:
        """Load it.

        Raises:
            MissingDependencyError: It is not installed.
        """
        loader = load("espeakng_loader")
        try:
            self._library: Any = ctypes.CDLL(loader.get_library_path())
        except OSError as error:
            raise missing("eSpeak NG", error) from error
        data = str(loader.get_data_path())
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._lock = threading.Lock()
        self.rate = int(
            self._library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DO_NOT_EXIT)
        )
        if self.rate <= 0:
            raise SenseBindError(f"eSpeak NG does not start with its data in {data}")
        self._write: Callable[[np.ndarray], bool] = lambda _samples: False
        self._callback = _Callback(self._take)  # must live as long as the library calls it
        self._library.espeak_SetSynthCallback(self._callback)
        self._failure: BaseException | None = None

    def speak(self, text: str, voice: str, speed: int, write: Callable[[np.ndarray], bool]) -> None:
        """Speak a text as it is.

        Args:
            text: In words.
            voice: Of eSpeak NG, such as en-us or en+f3.
            speed: Words per minute.
            write: Takes pieces of float32 [n]; speaking ends when it returns False.

        Raises:
            ConfigurationError: There is no such voice.
        """
        with self._lock:
            self._choose(voice)
            self._library.espeak_SetParameter(_RATE, speed, 0)
            self._write, self._failure = write, None
            data = text.encode("utf-8", "replace") + b"\0"
            self._library.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None)
            self._write = lambda _samples: False
            if self._failure is not None:
                raise self._failure

    def phonemes(self, text: str, voice: str = "en-us") -> list[str]:
        """Return the phonemes of a text, in the International Phonetic Alphabet.

        Raises:
            ConfigurationError: There is no such voice.
        """
        with self._lock:
            self._choose(voice)
            data = ctypes.c_char_p(text.encode("utf-8", "replace"))
            pointer = ctypes.cast(ctypes.pointer(data), ctypes.POINTER(ctypes.c_void_p))
            said: bytes = self._library.espeak_TextToPhonemes(pointer, _UTF8, _IPA | _SEPARATED)
        return [one for one in said.decode().replace(" ", "_").split("_") if one]

    def _choose(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ConfigurationError(f"voice: language: eSpeak NG has no voice {voice!r}")

    def _take(self, samples: Any, count: int, _events: Any) -> int:
        """Hand on what was made; returns 1 to end speaking."""
        if not samples or count <= 0:
            return 0
        piece = np.ctypeslib.as_array(samples, (count,)).astype(np.float32) / _FULL_SCALE
        try:
            return 0 if self._write(piece) else 1
        except BaseException as error:  # it cannot pass through the library's own frames
            self._failure = error
            return 1


@cache
def espeak_library() -> EspeakLibrary:
    """Return the library, which is loaded once.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return EspeakLibrary()


class EspeakSpeaker:
    """Speaks English with the voice of the robot's file, and Chinese with eSpeak NG's own.

    Attributes:
        rate: Samples per second.
    """

    def __init__(self, setup: Setup) -> None:
        """Load eSpeak NG.

        Raises:
            MissingDependencyError: It is not installed.
            ConfigurationError: It has no such voice.
        """
        self._library = espeak_library()
        self._voice = setup.config.language
        self._speed = setup.config.speed
        self.rate = self._library.rate
        self._library.phonemes("hello", self._voice)  # a voice that is not there is said now

    def say(self, text: str, write: Callable[[np.ndarray], bool]) -> None:
        """Speak; see `Speaker.say`."""
        voice = _CHINESE_VOICE if is_chinese(text) else self._voice
        self._library.speak(written_out(text), voice, self._speed, write)
