"""The section `voice:` of `robot.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat, model_validator

from sensebind.agent.robot.section import Section

PHONES = (
    "AA",
    "AE",
    "AH",
    "AO",
    "AW",
    "AY",
    "B",
    "CH",
    "D",
    "DH",
    "EH",
    "ER",
    "EY",
    "F",
    "G",
    "HH",
    "IH",
    "IY",
    "JH",
    "K",
    "L",
    "M",
    "N",
    "NG",
    "OW",
    "OY",
    "P",
    "R",
    "S",
    "SH",
    "T",
    "TH",
    "UH",
    "UW",
    "V",
    "W",
    "Y",
    "Z",
    "ZH",
)
"""Those of the CMU Pronouncing Dictionary."""


class VoiceConfig(Section):
    """How a robot is spoken with, see `sensebind chat --voice`.

    Attributes:
        microphone: Name of a stream whose source is a microphone, which then serves both the voice
            and the encoder; or a source of its own, such as microphone:default. By default the
            first such stream, else the default device.
        loudspeaker: "default", the number of a device, or a part of its name.
        activity: Part that says when somebody speaks.
        recogniser: Part that understands it.
        spotter: Part that hears the stop word.
        speaker: Part that speaks.
        echo: Part that takes the robot's own voice out of what is heard; none where the device
            does that, or with headphones.
        language: Voice of the speaker, such as en-us or en+f3.
        speed: Words per minute.
        endpoint: Seconds of silence that end an utterance which is a whole sentence.
        endpoint_part: Seconds of silence that end any other.
        barge_in: Whether speaking interrupts the robot. Without it, what is said while the robot
            speaks is not understood; the stop word always is.
        sentences: What people may say in addition to what follows from the robot's tools: words,
            (a|b), [what may be left out], <object> and <number>.
        words: Pronunciations by word, in the phones of the CMU dictionary: {rover: R OW V ER}.
        stop_threshold: Of the stop word, as pocketsphinx takes it: a smaller one hears more, also
            where nobody said it.
    """

    microphone: str = ""
    loudspeaker: str = "default"
    activity: str = "silero"
    recogniser: str = "pocketsphinx"
    spotter: str = "pocketsphinx"
    speaker: str = "espeak"
    echo: str = "webrtc"
    language: Annotated[str, Field(pattern=r"^[A-Za-z0-9+_-]{2,40}$")] = "en-us"
    speed: Annotated[int, Field(ge=80, le=450)] = 170
    endpoint: Annotated[FiniteFloat, Field(ge=0.1, le=5)] = 0.4
    endpoint_part: Annotated[FiniteFloat, Field(ge=0.1, le=5)] = 1.0
    barge_in: bool = True
    sentences: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = ()
    words: dict[Annotated[str, Field(pattern=r"^[a-z']+$")], str] = Field(default_factory=dict)
    stop_threshold: Annotated[float, Field(gt=0, le=1)] = 1e-10

    @model_validator(mode="after")
    def _makes_sense(self) -> VoiceConfig:
        if self.endpoint_part < self.endpoint:
            raise ValueError("endpoint_part is at least endpoint: half a sentence is waited for")
        for word, phones in self.words.items():
            if unknown := [one for one in phones.split() if one not in PHONES] or not phones:
                raise ValueError(
                    f"words: {word}: {unknown or 'nothing'} is not a phone; there are "
                    f"{' '.join(PHONES)}"
                )
        return self
