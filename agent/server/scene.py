"""What viewers are shown of the streams, made from percepts and kept frames as they come.

It works while somebody looks, in threads of its own, and always on the newest percept: a robot is
never waited for, and never slowed.
"""

from __future__ import annotations

import contextlib
import logging
import math
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import msgspec
import numpy as np

from sensebind.agent.conditioning.words import Words
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.monitor import Monitor, StreamRow
from sensebind.agent.robot.places import over_the_floor
from sensebind.agent.server.spectrum import BANDS, HOP, Spectra
from sensebind.errors import ConfigurationError, SenseBindError
from sensebind.perception.frames.service import FrameClient
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Percept

log = logging.getLogger(__name__)

MAX_POINTS = 1500
"""Points of a sweep that viewers are shown."""
_LEVELS = 32  # loudness values of one window of sound
_FLOOR, _CEILING = 0.05, 1.8  # metres; what lies below and above is in nobody's way
_QUIET = -90.0  # dBFS that stand for silence
_ROWS_SECONDS = 0.5  # between two looks how the streams are doing
_FRAME_SECONDS = 1.0  # longest wait for a kept frame

Show = Callable[[str, bytes | str], None]
"""Takes a key, and the newest message of it: a text, or bytes as `packed` makes them."""


def packed(header: Mapping[str, Any], payload: bytes) -> bytes:
    """Return a binary message: length of the header (uint32, little-endian), header, payload."""
    head = msgspec.json.encode(header)
    return struct.pack("<I", len(head)) + head + payload


class Scene:
    """Listens to a running robot, and makes what its viewers are shown. A context manager.

    Attributes:
        words: Names what is perceived; None names nothing.
    """

    def __init__(self, config: RobotConfig, show: Show) -> None:
        """Prepare; entering connects.

        Args:
            config: The robot's file.
            show: Called from threads of this scene.
        """
        self._config = config
        self._show = show
        self.words: Words | None = None
        self._lidars = lidar_poses(config)
        self._spectra = Spectra()
        self._newest: dict[str, Percept] = {}
        self._skipped: dict[str, int] = {}
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name="scene", daemon=True),
            threading.Thread(target=self._watch, name="scene-rows", daemon=True),
        ]
        names = config.stream_names.values()
        self._monitor = Monitor(config.endpoints.values(), listeners=[self._take], expected=names)

    def __enter__(self) -> Self:
        """Connect and begin.

        Raises:
            BusError: An endpoint is refused.
        """
        self._monitor.start()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._monitor.stop()

    def _take(self, percept: Percept) -> None:
        """Keep the newest percept of a stream; called in the listening thread, and only keeps."""
        name = percept.header.stream
        with self._changed:
            if name in self._newest:
                self._skipped[name] = self._skipped.get(name, 0) + 1
            self._newest[name] = percept
            self._changed.notify()

    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            frames = None
            if self._config.frames_endpoint:
                frames = FrameClient(self._config.frames_endpoint, timeout=_FRAME_SECONDS)
                stack.callback(frames.close)
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._newest or self._stop.is_set())
                    if self._stop.is_set():
                        return
                    taken, self._newest = self._newest, {}
                for name, percept in taken.items():
                    try:
                        self._perceived(name, percept, frames)
                    except SenseBindError as error:  # a frame that is not kept any more
                        log.debug("%s is not shown: %s", name, error)
                    except Exception:  # a bug costs this percept, and not all that come
                        log.exception("%s is not shown", name)

    def _watch(self) -> None:
        while not self._stop.wait(_ROWS_SECONDS):
            try:
                rows = [_row(one) for one in self._monitor.rows()]
                for row in rows:
                    row["skipped"] = self._skipped.get(row["stream"], 0)
                self._show("streams", _text({"type": "streams", "rows": rows}))
            except SenseBindError as error:
                log.warning("the streams are not shown any more: %s", error)
                return
            except Exception:  # a bug costs this look, and not all that come
                log.exception("the streams are not shown")

    # --- percepts -------------------------------------------------------------------------------

    def _perceived(self, name: str, percept: Percept, frames: FrameClient | None) -> None:
        header = percept.header
        about: dict[str, Any] = {
            "stream": name,
            "at": header.captured_at / 1e9,
            "age_ms": round(1000 * (time.monotonic() - header.monotonic), 1),
            "tags": self._tags(percept),
            "state": _state(percept),
            "confidence": round(header.confidence, 3),
        }
        payload = percept.payload
        match header.modality:
            case Modality.VISION:
                if payload is None and frames is not None:
                    payload = frames.get(header.observation).payload
                if payload is not None:
                    self._show(f"camera {name}", packed({"type": "camera"} | about, payload))
            case Modality.AUDIO:
                columns = b""
                if frames is not None:
                    frame = frames.get(header.observation)
                    samples = frame.decode()
                    about["levels"] = levels(samples)
                    at = header.captured_at
                    columns = self._spectra.columns(name, at, samples, frame.rate).tobytes()
                    about |= {"bands": BANDS, "hop": HOP, "highest": frame.rate / 2}
                self._show(f"sound {name}", packed({"type": "sound"} | about, columns))
            case Modality.POINT:
                found = [{"position": one.position, "size": one.size} for one in header.things]
                points: list[list[float]] = []
                if frames is not None:
                    points = from_above(frames.get(header.observation).decode(), self._pose(name))
                shown = {"things": _in_robots_frame(found, self._pose(name)), "points": points}
                self._show(f"scan {name}", _text({"type": "scan"} | about | shown))
            case _:
                self._show(f"other {name}", _text({"type": "other"} | about))

    def _pose(self, name: str) -> Transform | None:
        return self._lidars.get(name)

    def _tags(self, percept: Percept) -> list[dict[str, Any]]:
        words = self.words
        if words is None or not percept.header.present or not percept.header.known:
            return []
        found = words.tags(percept.embedding)
        return [{"word": one.word, "score": round(one.score, 3)} for one in found]


def levels(samples: np.ndarray, count: int = _LEVELS) -> list[float]:
    """Return how loud a window of sound is along its time, dBFS.

    Args:
        samples: float32 in -1..1.
        count: Most values.
    """
    mono = samples if samples.ndim == 1 else samples.mean(axis=-1)
    parts = np.array_split(mono.astype(np.float64), max(1, min(count, len(mono))))
    power = [float(np.mean(part**2)) if len(part) else 0.0 for part in parts]
    return [round(max(_QUIET, 10 * math.log10(max(one, 1e-12))), 1) for one in power]


def from_above(points: np.ndarray, pose: Transform | None) -> list[list[float]]:
    """Return a sweep from above, in the robot's frame: x ahead and y left, metres.

    Args:
        points: [N, 3] in the sensor's frame.
        pose: Of the sensor; None where it is not known, and then its frame is the robot's.
    """
    kept = points[np.isfinite(points[:, :3]).all(axis=1), :3]
    if pose is not None:
        kept = pose.apply(kept)
        kept = kept[(kept[:, 2] > _FLOOR) & (kept[:, 2] < _CEILING)]
    kept = kept[:: max(1, -(-len(kept) // MAX_POINTS))]
    return [[round(float(x), 2), round(float(y), 2)] for x, y, _ in kept]


def _in_robots_frame(things: list[dict[str, Any]], pose: Transform | None) -> list[dict[str, Any]]:
    """Objects whose positions are in the robot's frame; heights are above the floor already."""
    if pose is None:
        return things
    moved = []
    for one in things:
        x, y, z = over_the_floor(pose, one["position"])
        moved.append(one | {"position": [round(x, 3), round(y, 3), z]})
    return moved


def lidar_poses(config: RobotConfig) -> dict[str, Transform]:
    """Return where a robot's lidars sit, by stream; of none where its file does not say it."""
    names = config.stream_names
    try:
        return {names[one]: pose for one, pose in config.places().lidars.items()}
    except ConfigurationError as error:
        log.warning("the lidar is drawn in its own frame: %s", error)
        return {}


def _state(percept: Percept) -> str:
    if not percept.header.present:
        return "nothing"
    return "present" if percept.header.known else "unknown"


def _row(row: StreamRow) -> dict[str, Any]:
    return {
        "stream": row.stream,
        "modality": row.modality,
        "state": row.state,
        "detail": row.detail,
        "rate": round(row.rate, 2),
        "aim": round(row.aim, 2),
        "age_ms": round(row.age_ms) if math.isfinite(row.age_ms) else None,
        "encode_ms": round(row.encode_ms, 1),
        "drops": row.dropped + row.lost + row.superseded,
        "dropped": row.dropped,
        "lost": row.lost,
        "superseded": row.superseded,
        "restarts": row.restarts,
    }


def _text(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(value).decode()
