"""QR codes, barcodes and ArUco markers on the newest frame, with their place where size is known.

OpenCV's own detectors; they need no weights.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel

from sensebind.errors import InputError, SourceError
from sensebind.perception.percept import Observation
from sensebind.tools.ranging import Mount, Position
from sensebind.tools.risk import Origin, Risk, label

MAX_TEXT = 200  # characters of a code that are told
MAX_MARKERS = 16


@dataclass(frozen=True, slots=True)
class Marker:
    """A code in a picture.

    Attributes:
        kind: `qr`, `barcode` or `aruco`.
        text: What it says; an ArUco marker's number.
        corners: Four (x, y) in pixels, clockwise from the code's own top left.
        position: Where it is, seen from the robot; None where its size is not known.
    """

    kind: str
    text: str
    corners: tuple[tuple[float, float], ...]
    position: Position | None = None


class MarkerReader:
    """Finds codes in pictures. Not for several threads at once."""

    def __init__(
        self,
        *,
        dictionary: str = "DICT_4X4_50",
        sizes: dict[str, float] | None = None,
        mount: Mount | None = None,
    ) -> None:
        """Args:
            dictionary: OpenCV's name of the ArUco dictionary.
            sizes: Kind to the length of its side, metres; gives positions, with a mount.
            mount: How the camera sits.

        Raises:
            InputError: There is no such dictionary.
        """
        number = getattr(cv2.aruco, dictionary, None)
        if not dictionary.startswith("DICT_") or number is None:
            raise InputError(f"OpenCV has no ArUco dictionary {dictionary!r}, such as DICT_4X4_50")
        self._aruco = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(number))
        self._qr = cv2.QRCodeDetector()
        self._barcode = cv2.barcode.BarcodeDetector()
        self._sizes = sizes or {}
        self._mount = mount

    def read(self, image: np.ndarray) -> list[Marker]:
        """Finds the codes of a picture.

        Args:
            image: uint8 [H, W, 3] RGB.

        Raises:
            InputError: It is no such picture.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InputError(f"a frame is uint8 [H, W, 3], not {image.dtype} {list(image.shape)}")
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        found: list[tuple[str, str, Any]] = []
        read, texts, corners, _ = self._qr.detectAndDecodeMulti(grey)
        if read:
            found += [("qr", text, box) for text, box in zip(texts, corners, strict=True) if text]
        read, texts, _, corners = self._barcode.detectAndDecodeWithType(grey)
        if read:
            pairs = zip(texts, corners, strict=True)
            found += [("barcode", text, box) for text, box in pairs if text]
        boxes, numbers, _ = self._aruco.detectMarkers(grey)
        if numbers is not None:
            pairs = zip(np.ravel(numbers), boxes, strict=True)
            found += [("aruco", str(int(number)), box) for number, box in pairs]
        height, width = image.shape[:2]
        return [self._marker(*one, width, height) for one in found[:MAX_MARKERS]]

    def _marker(self, kind: str, text: str, box: Any, width: int, height: int) -> Marker:
        corners = np.asarray(box, np.float64).reshape(-1, 2)[:4]
        plain = tuple((float(x), float(y)) for x, y in corners)
        return Marker(kind, text, plain, self._position(kind, corners, width, height))

    def _position(self, kind: str, corners: np.ndarray, width: int, height: int) -> Position | None:
        side, mount = self._sizes.get(kind), self._mount
        if side is None or mount is None or len(corners) != 4:
            return None
        half = side / 2
        square = np.array([[-half, half, 0], [half, half, 0], [half, -half, 0], [-half, -half, 0]])
        focal = width / 2 / math.tan(mount.field_of_view / 2)
        lens = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        solved, _, place = cv2.solvePnP(
            square, corners, lens, np.zeros(5), flags=cv2.SOLVEPNP_IPPE_SQUARE
        )
        if not solved:
            return None
        right, down, depth = (float(v) for v in np.ravel(place))  # optical frame: z is ahead
        cos, sin = math.cos(mount.tilt), math.sin(mount.tilt)
        ahead = depth * cos - down * sin + mount.forward
        left = mount.left - right
        return Position(ahead, left, math.hypot(ahead, left))


class _Nothing(BaseModel):
    """No arguments."""


def markers_tool(
    reader: MarkerReader, frame: Callable[[], Observation], *, max_age: float = 1.0
) -> BaseTool:
    """Returns the `read_codes` tool, which reads all codes on the newest frame.

    Args:
        reader: What finds them.
        frame: Where the newest frame comes from.
        max_age: Seconds after which a frame is too old to answer from.
    """

    def read_codes() -> tuple[str, dict[str, Any]]:
        try:
            observation = frame()
        except SourceError as error:
            raise ToolException(f"there is no picture: {error}") from error
        age = time.monotonic() - observation.monotonic
        if age > max_age:
            raise ToolException(f"the newest picture is {age:.1f} s old")
        found = reader.read(observation.data)
        told = "; ".join(_told(one) for one in found) or "no codes"
        return told, {
            "reference": observation.reference,
            "age_ms": round(age * 1000, 1),
            "codes": [asdict(one) for one in found],
        }

    return StructuredTool.from_function(
        read_codes,
        name="read_codes",
        description="Reads QR codes, barcodes and ArUco markers in view.",
        args_schema=_Nothing,
        response_format="content_and_artifact",
        metadata=label(Risk.OBSERVE, origin=Origin.OUTSIDE),
        handle_tool_error=lambda error: f"error: {error}",
    )


def _told(marker: Marker) -> str:
    text = marker.text if len(marker.text) <= MAX_TEXT else marker.text[: MAX_TEXT - 1] + "…"
    where = f" {marker.position}" if marker.position is not None else ""
    return f"{marker.kind} {text!r}{where}"
