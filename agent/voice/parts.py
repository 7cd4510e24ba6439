"""What a voice is made of. Each part can be replaced by a package of yours, by an entry point.

    [project.entry-points."sensebind.voice"]
    "recogniser.whisper" = "my_package.whisper:Whisper"

`voice: {recogniser: whisper}` in the robot's file then takes that class, which is called with the
`Setup` of the voice.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Protocol

import numpy as np

from sensebind.agent.robot.voice_section import VoiceConfig
from sensebind.agent.voice.grammar import Grammar
from sensebind.errors import ConfigurationError, MissingDependencyError

GROUP = "sensebind.voice"
RATE = 16_000
"""Samples per second of what is heard."""
BLOCK = 512
"""Samples in which sound is handed on: 32 ms, which is what Silero's detector takes."""

_BUILT_IN = {
    "activity.silero": "sensebind.agent.voice.activity:SileroActivity",
    "recogniser.pocketsphinx": "sensebind.agent.voice.recogniser:SphinxRecogniser",
    "spotter.pocketsphinx": "sensebind.agent.voice.spotter:SphinxSpotter",
    "speaker.espeak": "sensebind.agent.voice.espeak:EspeakSpeaker",
    "echo.webrtc": "sensebind.agent.voice.webrtc:WebrtcEcho",
    "echo.none": "sensebind.agent.voice.webrtc:NoEcho",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recogniser made of an utterance.

    Attributes:
        text: In words; "" where nothing was understood.
        whole: Whether it is a whole sentence, after which nothing more need come. None where the
            recogniser does not know.
    """

    text: str = ""
    whole: bool | None = None


class Activity(Protocol):
    """Says how likely it is that somebody speaks."""

    def add(self, block: np.ndarray) -> float:
        """Return the probability of speech in the next block.

        Args:
            block: float32 [BLOCK] in -1..1.
        """
        ...

    def reset(self) -> None:
        """Forget what came before: what comes does not continue it."""
        ...


class Recogniser(Protocol):
    """Understands one utterance after the other."""

    def begin(self) -> None:
        """Begin an utterance; one that was not ended is forgotten."""
        ...

    def add(self, block: np.ndarray) -> None:
        """Take more of it.

        Args:
            block: float32 [n] in -1..1, `RATE` samples per second.
        """
        ...

    def so_far(self) -> Heard:
        """Return what it would be if it ended now."""
        ...

    def end(self) -> Heard:
        """End the utterance and return what was said."""
        ...


class Spotter(Protocol):
    """Spots the stop word in everything that the microphone hears."""

    def add(self, block: np.ndarray) -> bool:
        """Take the next block; return whether the word was spotted now.

        Args:
            block: float32 [n] in -1..1, `RATE` samples per second.
        """
        ...


class Speaker(Protocol):
    """Turns text into speech.

    Attributes:
        rate: Samples per second.
    """

    rate: int

    def say(self, text: str, write: Callable[[np.ndarray], bool]) -> None:
        """Speak.

        Args:
            text: A sentence or two.
            write: Takes pieces of float32 [n] in -1..1 as they are made; speaking ends when it
                returns False.
        """
        ...


class Echo(Protocol):
    """Takes what a loudspeaker plays out of what a microphone hears."""

    def without(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
        """Return the next block without the echo; it may be some milliseconds late.

        Args:
            heard: float32 [BLOCK] in -1..1, `RATE` samples per second.
            played: What the loudspeaker was given in the same time, as `heard`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What parts are made with.

    Attributes:
        config: The section `voice:` of the robot's file.
        grammar: What people are expected to say.
    """

    config: VoiceConfig = field(default_factory=VoiceConfig)
    grammar: Grammar = field(default_factory=lambda: Grammar(["stop"]))


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a voice.

    Attributes:
        activity: Says when somebody speaks.
        recogniser: Understands what is said.
        spotter: Hears the stop word.
        speaker: Speaks.
        echo: Takes the robot's own voice out of what is heard.
    """

    activity: Activity
    recogniser: Recogniser
    spotter: Spotter
    speaker: Speaker
    echo: Echo


def make_parts(setup: Setup) -> Parts:
    """Make the parts that the robot's file names.

    Raises:
        ConfigurationError: There is no part of a name.
        MissingDependencyError: A part needs a package that is not installed.
    """
    config = setup.config
    return Parts(
        make_part("activity", config.activity, setup),
        make_part("recogniser", config.recogniser, setup),
        make_part("spotter", config.spotter, setup),
        make_part("speaker", config.speaker, setup),
        make_part("echo", config.echo, setup),
    )


def make_part(kind: str, name: str, setup: Setup) -> Any:
    """Make one part.

    Args:
        kind: activity, recogniser, spotter, speaker or echo.
        name: As the robot's file names it.
        setup: What it is made with.

    Raises:
        ConfigurationError: There is no part of this name.
        MissingDependencyError: It needs a package that is not installed.
    """
    wanted = f"{kind}.{name}"
    plugins = {point.name: point for point in entry_points(group=GROUP)}
    if wanted in _BUILT_IN:
        module, _, attribute = _BUILT_IN[wanted].partition(":")
        return getattr(importlib.import_module(module), attribute)(setup)
    if wanted in plugins:
        try:
            made = plugins[wanted].load()
        except (ImportError, AttributeError) as error:
            raise MissingDependencyError(
                f"voice: {kind}: {name} of {plugins[wanted].value} cannot be loaded: {error}"
            ) from error
        return made(setup)
    known = sorted(
        one.partition(".")[2] for one in {*_BUILT_IN, *plugins} if one.startswith(f"{kind}.")
    )
    raise ConfigurationError(
        f"voice: {kind}: there is no {name!r}; there are {', '.join(known)} (a package adds one by "
        f"an entry point {wanted} of the group {GROUP})"
    )


def load(module: str) -> Any:
    """Import a package of the extra.

    Args:
        module: Its name.

    Raises:
        MissingDependencyError: It cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise missing(module, error) from error


def missing(package: str, error: Exception) -> MissingDependencyError:
    """Return the error that names the extra.

    Args:
        package: That cannot be imported.
        error: Why.
    """
    return MissingDependencyError(
        f"the voice needs {package} ({error}): pip install 'sensebind[voice]'"
    )
