"""An optional sink into the Rerun viewer, rate-limited: a viewer that keeps everything fills up."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sensebind.errors import ConfigurationError, MissingDependencyError
from sensebind.perception.percept import Modality, Percept
from sensebind.perception.storage.private_files import make_private


class RerunSink:
    """A listener that shows pictures, ages and encoding times of percepts in Rerun.

    Args:
        address: Of a running viewer, such as rerun+http://127.0.0.1:9876/proxy; "" writes a file.
        file: The .rrd file to write instead.
        rate: At most so many percepts per second of each stream; the others are counted.
        rerun: The `rerun` package; imported by default.

    Raises:
        MissingDependencyError: rerun-sdk is not installed.
        ConfigurationError: Neither an address nor a file is given, or it cannot be written.

    Attributes:
        left_out: Percepts that were not shown, to keep to `rate`.
    """

    def __init__(
        self, address: str = "", file: Path | None = None, rate: float = 5.0, rerun: Any = None
    ) -> None:
        if not address and file is None:
            raise ConfigurationError("rerun: give the address of a viewer, or a file to write")
        self._rerun = rerun if rerun is not None else _import_rerun()
        self._interval = 1 / rate
        self._due: dict[str, float] = {}
        self.left_out = 0
        self._rerun.init("sensebind")
        if file is not None:
            try:
                make_private(file)
            except OSError as error:
                raise ConfigurationError(
                    f"rerun: {file} cannot be written: {error.strerror}"
                ) from error
            self._rerun.save(file)
        else:
            self._rerun.connect_grpc(address)

    def __call__(self, percept: Percept) -> None:
        """Show a percept, unless one of its stream was shown just before."""
        header, now = percept.header, time.monotonic()
        if now < self._due.get(header.stream, 0.0):
            self.left_out += 1
            return
        self._due[header.stream] = now + self._interval
        rerun = self._rerun
        rerun.set_time("captured", timestamp=header.captured_at / 1e9)
        if percept.payload is not None and header.modality is Modality.VISION:
            picture = rerun.EncodedImage(contents=percept.payload, media_type="image/jpeg")
            rerun.log(f"{header.stream}/picture", picture)
        rerun.log(f"{header.stream}/encode_ms", rerun.Scalars(header.encode_ms))
        rerun.log(f"{header.stream}/age_ms", rerun.Scalars(1000 * (now - header.monotonic)))
        rerun.log(f"{header.stream}/present", rerun.Scalars(float(header.present)))


def _import_rerun() -> Any:
    try:
        import rerun  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingDependencyError(
            "the Rerun viewer needs rerun-sdk: pip install 'sensebind[rerun]'"
        ) from error
    return rerun
