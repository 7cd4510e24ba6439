"""QR codes, barcodes and ArUco markers on the newest frame, with their place where size is known.

OpenCV's own detectors; they need no weights.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from langchain_core.tools import BaseTool

from sensebind.errors import ConfigurationError, InputError, ToolError
from sensebind.perception.geometry.tree import Camera
from sensebind.tools.base import MAX_AGE, FrameProvider, make_tool, newest_frame, shortened
from sensebind.tools.ranging import Position
from sensebind.tools.risk import Origin, Risk, label

MAX_TEXT = 200  # characters of a code that are reported
MAX_MARKERS = 16
KINDS = ("qr", "barcode", "aruco")


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
        sizes: Mapping[str, float] | None = None,
        camera: Camera | None = None,
    ) -> None:
        """Prepare the readers.

        Args:
            dictionary: OpenCV's name of the dictionary of ArUco markers or AprilTags.
            sizes: Length of a side in metres, by kind ("aruco") or by kind and text ("aruco 7");
                gives positions, with a camera.
            camera: Gives the images: its lens, and where it sits.

        Raises:
            InputError: There is no such dictionary, or a size is of no kind of codes.
        """
        number = getattr(cv2.aruco, dictionary, None)
        if not dictionary.startswith("DICT_") or number is None:
            raise InputError(f"OpenCV has no ArUco dictionary {dictionary!r}, such as DICT_4X4_50")
        for name in sizes or {}:
            if name.partition(" ")[0] not in KINDS:
                raise InputError(f"a size of {name!r}: give one of {', '.join(KINDS)}, or aruco 7")
        parameters = cv2.aruco.DetectorParameters()
        parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        self._aruco = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(number), parameters)
        self._qr = cv2.QRCodeDetector()
        self._barcode = cv2.barcode.BarcodeDetector()
        self._sizes = dict(sizes or {})
        self._camera = camera

    def read(self, image: np.ndarray) -> list[Marker]:
        """Finds the codes of a picture.

        Args:
            image: uint8 [H, W, 3] RGB.

        Raises:
            InputError: It is not such an image.
            ToolError: The camera was calibrated for images of another shape.
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
        return Marker(kind, text, plain, self._position(kind, text, corners, width, height))

    def _position(
        self, kind: str, text: str, corners: np.ndarray, width: int, height: int
    ) -> Position | None:
        """Returns where the middle of a code of known size is.

        Its corners are straightened first, so that the pose can be computed for a pinhole of focal
        length 1, whatever the lens.
        """
        side, camera = self._sizes.get(f"{kind} {text}", self._sizes.get(kind)), self._camera
        if side is None or camera is None or len(corners) != 4:
            return None
        try:
            rays = camera.intrinsics.resized(width, height).rays(corners)
        except ConfigurationError as error:
            raise ToolError(str(error)) from error
        if not (rays[:, 2] > 0).all():  # out of what the lens is calibrated for
            return None
        half = side / 2
        square = np.array([[-half, half, 0], [half, half, 0], [half, -half, 0], [-half, -half, 0]])
        solved, _, place = cv2.solvePnP(
            square,
            rays[:, :2] / rays[:, 2:],
            np.eye(3),
            np.zeros(4),
            flags=cv2.SOLVEPNP_IPPE_SQUARE,
        )
        if not solved:
            return None
        return Position.of(camera.pose.apply(np.ravel(place)))


def markers_tool(
    reader: MarkerReader, frame: FrameProvider, *, max_age: float = MAX_AGE
) -> BaseTool:
    """Returns the `read_codes` tool, which reads all codes on the newest frame.

    Args:
        reader: What finds them.
        frame: Where the newest frame comes from.
        max_age: Seconds after which a frame is too old to answer from.
    """

    def read_codes() -> tuple[str, dict[str, Any]]:
        newest = newest_frame(frame, max_age)
        found = reader.read(newest.image)
        told = "; ".join(_in_words(one) for one in found) or "no codes"
        return told, {
            "reference": newest.reference,
            "age_ms": newest.age_ms,
            "codes": [asdict(one) for one in found],
        }

    return make_tool(
        read_codes,
        "Reads QR codes, barcodes and ArUco markers in view.",
        metadata=label(Risk.OBSERVE, origin=Origin.OUTSIDE),
    )


def _in_words(marker: Marker) -> str:
    where = f" {marker.position}" if marker.position is not None else ""
    return f"{marker.kind} {shortened(marker.text, MAX_TEXT)!r}{where}"
