"""How much memory a worker needs on this machine: measured, not estimated.

What a worker holds before its first percept depends on the libraries that are installed, on the
encoder, its precision and device, and on the visual cache. So a process of its own does what a
worker does until then, and says how large it became: it loads encoder and cache, and encodes one
observation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sensebind.errors import ConfigurationError
from sensebind.perception.modality import Modality
from sensebind.perception.workers.spec import WorkerSpec

if TYPE_CHECKING:
    from sensebind.perception.observation import Observation

_MODULE = "sensebind.perception.workers.memory_floor"
_SECONDS = 300.0  # for a large encoder on a slow disk
_ROOM = 1.15  # of what is suggested over what was measured: a worker that runs for days breathes


def check_memory(specs: Sequence[WorkerSpec]) -> None:
    """Refuse a limit that no worker can keep: it would be started again and again.

    Args:
        specs: Of all workers of a robot. Those without a limit are not measured.

    Raises:
        ConfigurationError: A limit is below what its worker needs to begin with.
    """
    processes: dict[str, list[WorkerSpec]] = {}
    for spec in specs:
        processes.setdefault(f"{spec.process}/" if spec.process else spec.stream, []).append(spec)
    for together in processes.values():
        limits = [(spec.max_memory, spec.stream) for spec in together if spec.max_memory]
        if not limits:
            continue
        limit, stream = min(limits)
        needed = measured(together)
        if limit < needed:
            raise ConfigurationError(
                f"{stream}: max_memory_mb is {limit >> 20}, and its worker has "
                f"{needed >> 20} MB on this machine when it has encoded its first observation: "
                f"give it {int(_ROOM * needed) >> 20} or more, or 0 for no limit"
            )


def measured(specs: Sequence[WorkerSpec]) -> int:
    """Return the resident bytes of the worker of some streams after their first observations.

    Raises:
        ConfigurationError: It cannot be started, for a reason that the message quotes.
    """
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", _MODULE],
            input=json.dumps([spec.model_dump(mode="json") for spec in specs]),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env={**os.environ, "PYTHONPATH": path},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"the memory of a worker cannot be measured: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        names = ", ".join(spec.stream for spec in specs)
        raise ConfigurationError(f"{names}: its worker cannot be loaded: {last}")
    return int(done.stdout.split()[-1])


def main() -> int:
    """Load what the worker of the streams on standard input loads, and print its resident bytes."""
    import psutil
    import torch

    from sensebind.perception.encoders.base import Embedding, StreamEncoder

    specs = [WorkerSpec.model_validate(one) for one in json.loads(sys.stdin.read())]
    torch.set_num_threads(max(spec.threads for spec in specs))
    held: list[object] = []
    encoders: dict[object, StreamEncoder] = {}
    for spec in specs:
        if spec.encoding not in encoders:
            encoders[spec.encoding] = spec.open_encoder()
        held.append(spec.source.build())
        [encoded] = encoders[spec.encoding].encode([_observation(spec.modality)])
        if spec.enhance is not None:
            enhance = spec.enhance.build()
            held.append(enhance)
            if isinstance(encoded, Embedding):
                enhance(encoded.vector[None])
    print(psutil.Process().memory_info().rss)
    return 0


def _observation(modality: Modality) -> Observation:
    """Return something that an encoder encodes."""
    import numpy as np

    from sensebind.perception.observation import Observation

    rng = np.random.default_rng(0)
    rate = 0
    match modality:
        case Modality.VISION:
            data = rng.integers(0, 255, (480, 640, 3), dtype=np.uint8)
        case Modality.AUDIO:
            rate = 16000
            data = (0.1 * rng.standard_normal(2 * rate)).astype(np.float32)
        case Modality.DEPTH:
            data = rng.uniform(0.5, 5.0, (240, 320)).astype(np.float32)
        case _:
            data = rng.uniform([1.4, -0.2, -0.5], [1.8, 0.2, 0.0], (2000, 3)).astype(np.float32)
    return Observation(data, "s", modality, time.time_ns(), time.monotonic(), 1, "f", rate)


if __name__ == "__main__":
    sys.exit(main())
