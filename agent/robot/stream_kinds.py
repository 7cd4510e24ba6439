"""Which kind of source a stream of a robot's file has, and what it perceives."""

from __future__ import annotations

from sensebind.agent.robot.sections import StreamConfig
from sensebind.errors import ConfigurationError
from sensebind.perception.modality import Modality
from sensebind.perception.sources.registry import check_kind

_MODALITIES = {
    "camera": Modality.VISION,
    "video": Modality.VISION,
    "microphone": Modality.AUDIO,
    "audio": Modality.AUDIO,
    "velodyne": Modality.POINT,
    "cloud": Modality.POINT,
    "ouster": Modality.POINT,
    "lidar": Modality.POINT,
}
"""What a kind of source gives, and what a sensor of the simulated home is called."""


def kind_of(stream: StreamConfig) -> str:
    """Return the kind of a stream's source."""
    spec = stream.source
    options = spec if isinstance(spec, dict) else {"source": spec}
    return str(options.get("source", "")).partition(":")[0]


def stream_modality(name: str, stream: StreamConfig) -> Modality:
    """Return what a stream perceives.

    Args:
        name: Of the stream in the file.
        stream: Its section.

    Raises:
        ConfigurationError: There is no such kind of source, or the file must say what it gives and
            does not.
    """
    if stream.modality is not None:
        return Modality(stream.modality)
    kind = kind_of(stream)
    sensor = stream.source.get("sensor", name) if isinstance(stream.source, dict) else name
    known = _MODALITIES.get(str(sensor) if kind == "simhome" else kind)
    if known is not None:
        return known
    try:
        check_kind(kind)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from error
    raise ConfigurationError(
        f"{name}: say what a source {kind!r} gives: modality: vision, audio, point or depth"
    )
