"""Wires the senses of a robot: which source, encoder and cache each worker process gets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sensebind.checkpoints.layout import CacheSettings, imagebind_directory
from sensebind.errors import CheckpointError
from sensebind.perception.percept import Modality
from sensebind.perception.workers.spec import FactorySpec, WorkerSpec

SIMHOME_STREAMS: dict[str, str] = {
    "camera": Modality.VISION.value,
    "microphone": Modality.AUDIO.value,
    "lidar": Modality.POINT.value,
}
"""Streams of a SimHome robot and what each perceives, as `Awareness` takes them."""

SOUND_WINDOW = 2.0
"""Seconds of sound that a percept of the microphone speaks of."""

_SOURCE = "sensebind.perception.sources.simhome:SimHomeSource"
_ENHANCER = "sensebind.memory.visual_cache:load_enhancer"
_RATES = {"camera": 10.0, "microphone": 6.0, "lidar": 5.0}  # percepts per second, at most
_HOP = 2  # a window of sound every 0.2 s, so that what is heard is never older than what is seen


def simhome_workers(
    sensors: str,
    checkpoint: Path,
    cache: CacheSettings | None = None,
    cached: tuple[str, ...] = ("microphone", "lidar"),
) -> list[WorkerSpec]:
    """Return the workers of a SimHome robot: camera, microphone and lidar.

    Args:
        sensors: `SimHomeServer.sensors`.
        checkpoint: Directory with `imagebind/` and, for a cache, `visual_cache/`.
        cache: How to enhance; None leaves the cache off.
        cached: Streams whose embeddings are enhanced. Sight needs it least: the language model
            was taught with images.

    Raises:
        CheckpointError: The directory lacks a part that is needed.
    """
    enhance = None
    if cache is not None:
        directory = checkpoint / "visual_cache"
        if not directory.is_dir():
            raise CheckpointError(f"no visual cache at {directory}: build one, or turn it off")
        enhance = FactorySpec(
            factory=_ENHANCER, arguments={"directory": str(directory), **asdict(cache)}
        )
    workers = []
    for stream, modality in SIMHOME_STREAMS.items():
        arguments: dict[str, object] = {"address": sensors, "stream": stream}
        if stream == "microphone":
            arguments["hop"] = _HOP
        workers.append(
            WorkerSpec(
                stream=stream,
                modality=Modality(modality),
                source=FactorySpec(factory=_SOURCE, arguments=arguments),
                checkpoint=imagebind_directory(checkpoint),
                enhance=enhance if stream in cached else None,
                rate=_RATES[stream],
            )
        )
    return workers
