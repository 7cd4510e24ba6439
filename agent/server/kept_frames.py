"""Frames that a robot keeps, as its page shows them: pictures, sounds, and sweeps from above."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.server.content import wav_of_samples
from sensebind.agent.server.scene import from_above, lidar_poses, packed
from sensebind.errors import InputError, SenseBindError, one_line
from sensebind.perception.frames.service import FrameClient
from sensebind.perception.frames.store import Frame
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.modality import Modality

_SECONDS = 2.0  # longest wait for a frame


class KeptFrames:
    """Fetches frames of a running robot by reference, one at a time."""

    def __init__(self, config: RobotConfig) -> None:
        """Connect to nothing yet.

        Args:
            config: The robot's file.
        """
        self._endpoint = config.frames_endpoint
        self._lidars = lidar_poses(config)
        self._turn = asyncio.Lock()

    async def message(self, reference: str) -> bytes:
        """Return a frame as a message for the page.

        Its header has `type` "frame", the `reference` and the `modality`; a sweep's has `points`,
        and of what cannot be shown it says why in `gone`. The payload is a JPEG or a WAV file.

        Args:
            reference: `frame:<stream>@<ns>`.
        """
        head = {"type": "frame", "reference": reference}
        try:
            async with self._turn:
                return await asyncio.to_thread(self._fetch, reference, head)
        except SenseBindError as error:
            return packed(head | {"gone": one_line(error)}, b"")

    def _fetch(self, reference: str, head: Mapping[str, str]) -> bytes:
        if not self._endpoint:
            raise InputError("this robot keeps no frames")
        with FrameClient(self._endpoint, timeout=_SECONDS) as frames:
            return shown(frames.get(reference), self._lidars, head)


def shown(frame: Frame, lidars: Mapping[str, Transform], head: Mapping[str, str]) -> bytes:
    """Return a frame as a message for the page; see `KeptFrames.message`.

    Args:
        frame: The frame.
        lidars: Poses of lidars, by stream.
        head: What its header holds in addition.

    Raises:
        InputError: It is damaged, or of a modality that the page cannot show.
    """
    about = {**head, "modality": frame.modality.value, "at": frame.captured_at / 1e9}
    match frame.modality:
        case Modality.VISION:
            return packed(about, frame.payload)
        case Modality.AUDIO:
            return packed(about, wav_of_samples(frame.decode(), frame.rate))
        case Modality.POINT:
            points = from_above(frame.decode(), lidars.get(frame.stream))
            return packed({**about, "points": points}, b"")
    raise InputError(f"a frame of {frame.modality.value} is not shown on the page")
