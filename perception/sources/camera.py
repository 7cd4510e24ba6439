"""Cameras by OpenCV: a number, a V4L2 device, or a network stream. The newest frame only."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sensebind.credentials import without_credentials
from sensebind.errors import ConfigurationError, SourceError
from sensebind.perception.modality import Modality
from sensebind.perception.sources.base import Device
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.live_source import LiveSource

if TYPE_CHECKING:
    import cv2

_URL = re.compile(r"^(rtsps?|https?|udp|tcp|rtmp)://", re.IGNORECASE)
_V4L = Path("/sys/class/video4linux")


class Camera(LiveSource):
    """A camera: its index, its device (/dev/video0), or an rtsp://, http:// (MJPEG) or udp:// URL.

    A video file is a source of its own (`video:FILE`), as it has a clock of its own.

    Args:
        target: Index, device path or URL. Logins in it are never shown.
        stream: Name of the stream.
        width: Asked of the device, pixels; 0 leaves it.
        height: Asked of the device, pixels; 0 leaves it.
        fps: Asked of the device, pictures per second; 0 leaves it.
        timeout: How long a network camera may take to open, and to give a picture, seconds.
        frame_id: Coordinate frame of the optics.

    Raises:
        ConfigurationError: The target is neither of these.
    """

    modality = Modality.VISION

    def __init__(
        self,
        target: str,
        stream: str,
        width: int = 0,
        height: int = 0,
        fps: float = 0.0,
        timeout: float = 2.0,
        frame_id: str = "camera_optical",
    ) -> None:
        target = target or "0"
        self._url = bool(_URL.match(target))
        if not self._url and not target.isdecimal() and not target.startswith("/dev/"):
            raise ConfigurationError(
                f"{stream}: {_shown(target)!r} is not a camera: give an index such as camera:0, a "
                "device such as camera:/dev/video0, or an rtsp://, http:// or udp:// address; for "
                "a file, video:FILE"
            )
        if not timeout > 0:
            raise ConfigurationError(f"{stream}: a timeout of {timeout} s; give more than 0")
        super().__init__(stream, f"camera {_shown(target)}")
        self._target: str | int = int(target) if target.isdecimal() else target
        self._size, self._fps = (width, height), fps
        self._timeout = timeout
        self._capture: cv2.VideoCapture | None = None
        self._clock = DeviceClock()
        self.frame_id = frame_id

    @classmethod
    def find(cls) -> list[Device]:
        """List the cameras that the kernel knows."""
        nodes = sorted(_V4L.glob("video*"), key=lambda node: int(node.name[5:] or 0))
        found = []
        for node in nodes:
            name = (node / "name").read_text().strip() if (node / "name").exists() else node.name
            found.append(Device(f"camera:/dev/{node.name}", name))
        return found

    @property
    def clock(self) -> DeviceClock:
        """Counts how often the camera's time stamps could not be believed."""
        return self._clock

    def _open(self) -> None:
        import cv2

        self._clock.restart()
        capture = self._capture = cv2.VideoCapture()
        if self._url:
            limit = round(1000 * self._timeout)
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
            opened = capture.open(str(self._target), cv2.CAP_FFMPEG, limits)
        else:
            opened = capture.open(self._target)  # type: ignore[call-overload]
        if not opened:
            raise SourceError(f"cannot open the {self._device}: {self._why()}")
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a driver's queue holds old pictures
        wishes = {
            cv2.CAP_PROP_FRAME_WIDTH: self._size[0],
            cv2.CAP_PROP_FRAME_HEIGHT: self._size[1],
            cv2.CAP_PROP_FPS: self._fps,
        }
        for wish, value in wishes.items():
            if value:
                capture.set(wish, value)

    def _receive(self) -> None:
        import cv2

        assert self._capture is not None
        if not self._capture.grab():
            raise SourceError(f"the {self._device} gives no pictures: unplugged, or in use")
        at = self._clock.stamp(self._device_time())
        got, picture = self._capture.retrieve()
        if not got or picture is None or picture.ndim != 3 or picture.shape[2] != 3:
            self._refused += 1
            return
        self._deliver(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), at)

    def _close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _device_time(self) -> float | None:
        """Time of the picture by the device, seconds; not every one has it."""
        import cv2

        assert self._capture is not None
        milliseconds = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        return milliseconds / 1000 if milliseconds > 0 else None

    def _why(self) -> str:
        """The most likely reason, and the way out."""
        if self._url:
            return (
                f"no stream within {self._timeout:g} s; check the address, the network, "
                "and that the camera is on"
            )
        device = Path(
            f"/dev/video{self._target}" if isinstance(self._target, int) else self._target
        )
        if not device.exists():
            others = ", ".join(found.spec for found in self.find()) or "none"
            return f"{device} does not exist; cameras here: {others}"
        if not os.access(device, os.R_OK | os.W_OK):
            return f"no permission for {device}; add yourself to its group (usually video)"
        return f"{device} gives no video; it is in use, or is not a camera"


def _shown(target: str) -> str:
    """The address as it may be seen by anybody; people forget the scheme, and mistype spaces."""
    target = "%20".join(target.split())
    if _URL.match(target):
        return without_credentials(target)
    return without_credentials(f"rtsp://{target}").removeprefix("rtsp://")
