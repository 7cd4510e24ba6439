"""The modalities, and all that is said and known of each: one row of one table.

Everything else looks a modality up here, so that a new one is one row (and the encoder and codec
that it needs). What a row leaves empty is not offered: without a `tool` there is no tool to ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Modality(StrEnum):
    """The modalities of ImageBind, by its own names."""

    VISION = "vision"
    TEXT = "text"
    AUDIO = "audio"
    DEPTH = "depth"
    THERMAL = "thermal"
    IMU = "imu"
    POINT = "point"


@dataclass(frozen=True, slots=True)
class ModalityInfo:
    """What is known of a modality.

    Attributes:
        name: ImageBind's name.
        sense: Sense slot of the language model, and what people call it, such as "hearing".
        enhanced: Whether the visual cache enhances its embeddings: all but images, which the
            language model was taught with.
        media: Media type of a kept sample; "" keeps none.
        verb: What the robot does: "I see a dog".
        third: The same of a stream: "camera sees".
        past: The same of what is remembered: "seen by camera".
        noun: What a person shows: "a sound".
        question: What the language model is asked about it alone.
        tool: Name of the tool that perceives it now.
        tool_summary: What that tool does, for the language model.
        nothing: What the tool answers when there is nothing to perceive.
        unknown: What is said of something that the weights do not know.
    """

    name: str
    sense: str = ""
    enhanced: bool = True
    media: str = ""
    verb: str = "I perceive"
    third: str = "perceives"
    past: str = "perceived"
    noun: str = ""
    question: str = "what do you perceive?"
    tool: str = ""
    tool_summary: str = ""
    nothing: str = "nothing is perceived"
    unknown: str = "I perceive something I do not know."


MODALITY_INFO: dict[str, ModalityInfo] = {
    info.name: info
    for info in (
        ModalityInfo(
            "vision",
            sense="sight",
            enhanced=False,
            media="image/jpeg",
            verb="I see",
            third="sees",
            past="seen",
            noun="image",
            question="what do you see?",
            tool="look",
            tool_summary="Looks with the camera, now.",
            nothing="nothing is in view",
            unknown="I see something I do not know.",
        ),
        ModalityInfo(
            "audio",
            sense="hearing",
            media="audio/flac",
            verb="I hear",
            third="hears",
            past="heard",
            noun="sound",
            question="what do you hear?",
            tool="listen",
            tool_summary="Listens with the microphone, now.",
            nothing="it is silent",
            unknown="I hear something I do not know.",
        ),
        ModalityInfo(
            "point",
            sense="scan",
            media="application/x-sensebind-points",
            verb="I notice",
            third="scans",
            past="scanned",
            noun="point cloud",
            question="what is near you?",
            tool="scan",
            tool_summary="Scans what is near with the lidar, now.",
            nothing="nothing is near",
            unknown="There is something near me that I do not know.",
        ),
        ModalityInfo("text"),
        ModalityInfo("depth"),
        ModalityInfo("thermal"),
        ModalityInfo("imu"),
    )
}
"""Every modality by its name."""


def modality_info(name: str) -> ModalityInfo:
    """Return what is known of a modality; of one that has no row, what is true of any.

    Example:
        >>> modality_info("audio").sense
        'hearing'
        >>> modality_info("radar").verb
        'I perceive'
    """
    return MODALITY_INFO.get(name) or ModalityInfo(name)


def sense_of(modality: str) -> str:
    """Return the sense slot of a modality; a video is seen, what has no slot keeps its name."""
    return modality_info("vision" if modality == "video" else modality).sense or modality


def modality_of(sense: str) -> str:
    """Return the modality that people call so, such as "hearing"; "" if there is none."""
    return next((info.name for info in MODALITY_INFO.values() if info.sense == sense), "")


def senses() -> tuple[str, ...]:
    """Return the senses that people speak of: sight, hearing, scan."""
    return tuple(info.sense for info in MODALITY_INFO.values() if info.sense)
