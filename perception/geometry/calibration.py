"""Finds the intrinsics of a camera from views of a ChArUco board, with OpenCV.

A board is a chess board whose white squares hold ArUco markers, so its corners are known by number
also where a part of it is out of the image.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from sensebind.errors import ConfigurationError, InputError, StorageError
from sensebind.perception.geometry.lens import Intrinsics, LensModel

ENOUGH_VIEWS = 10
"""Views without which nothing is computed."""
WANTED_VIEWS = 20
_CORNERS = 8  # of a view that counts
_MOVED = 0.03  # of the image's width, by which corners have moved in another view
_GRID = (8, 6)  # cells that coverage is counted in
_COVERED = 0.4  # share of them that corners must have been seen in
_TILTED = 0.1  # radians, standard deviation of how views are tilted
_SURE = 0.01  # relative standard deviation of a focal length, above which views are too similar
_WORST = 2.0  # pixels that corners may lie from where they are computed to be, on average
_DPI = 300


@dataclass(frozen=True)
class Board:
    """A ChArUco board; square 0 is the top left one, and black.

    Attributes:
        columns: Squares along its width.
        rows: Squares along its height.
        square: Length of a square's side, metres.
        marker: Length of a marker's side, metres.
    """

    columns: int = 5
    rows: int = 7
    square: float = 0.04
    marker: float = 0.03

    @classmethod
    def parse(cls, size: str, square: float, marker: float) -> Board:
        """Return the board of a size such as "5x7".

        Raises:
            ConfigurationError: There is no such board.
        """
        match = re.fullmatch(r"\s*(\d{1,3})\s*[xX×]\s*(\d{1,3})\s*", size)
        if match is None:
            raise ConfigurationError(f"a board of {size!r}: give columns x rows, such as 5x7")
        columns, rows = int(match[1]), int(match[2])
        if not (3 <= columns <= 30 and 3 <= rows <= 30):
            raise ConfigurationError(f"a board of {columns} x {rows} squares: give 3 to 30 of each")
        if not (math.isfinite(square) and 0 < marker < square <= 1):
            raise ConfigurationError(
                f"squares of {square:g} m with markers of {marker:g} m: metres, and a marker is "
                "smaller than its square"
            )
        return cls(columns, rows, square, marker)

    @cached_property
    def made(self) -> cv2.aruco.CharucoBoard:
        """OpenCV's board."""
        needed = self.columns * self.rows // 2
        names = ((50, "DICT_4X4_50"), (250, "DICT_4X4_250"), (1000, "DICT_4X4_1000"))
        name = next(one for most, one in names if needed <= most)
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
        return cv2.aruco.CharucoBoard(
            (self.columns, self.rows), self.square, self.marker, dictionary
        )

    def image(self, pixels: int) -> np.ndarray:
        """Return the board as grey pixels, uint8 [H, W], without a margin.

        Args:
            pixels: Of a square's side.
        """
        return self.made.generateImage((self.columns * pixels, self.rows * pixels))

    def print_to(self, path: Path) -> None:
        """Write the board in its true size, with a white margin of half a square.

        Raises:
            ConfigurationError: The file is neither a PNG nor a PDF.
            StorageError: It cannot be written.
        """
        if path.suffix.lower() not in (".png", ".pdf"):
            raise ConfigurationError(f"{path}: a board is written as .png or .pdf")
        pixels = max(24, round(self.square / 0.0254 * _DPI))
        dpi = pixels / self.square * 0.0254  # so that a square has its size to the micrometre
        image = np.pad(self.image(pixels), pixels // 2, constant_values=255)
        try:
            if path.suffix.lower() == ".pdf":
                Image.fromarray(image).save(path, resolution=dpi)
            else:
                Image.fromarray(image).save(path, dpi=(dpi, dpi))
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found.

    Attributes:
        intrinsics: Of the camera.
        error: Root mean square of how far corners lie from where they are computed to be, pixels.
        coverage: Share of the image in which corners were seen, 0..1.
        views: How many were used.
        uncertainty: Standard deviation of the focal length, relative; NaN for a fisheye, of which
            OpenCV does not say it.
    """

    intrinsics: Intrinsics
    error: float
    coverage: float
    views: int
    uncertainty: float


class Calibrator:
    """Collects views of a board.

    Args:
        board: What is shown.
        lens: Model of the lens.

    Example:
        ```python
        calibrator = Calibrator(Board())
        for image in images:
            print(calibrator.add(image) or "taken")
        write_camera_info(Path("camera.yaml"), calibrator.solve().intrinsics)
        ```
    """

    def __init__(self, board: Board, lens: LensModel = "plumb_bob") -> None:
        self._board = board
        self._lens: LensModel = lens
        self._detector = cv2.aruco.CharucoDetector(board.made)
        self._size: tuple[int, int] | None = None
        self._corners: list[np.ndarray] = []  # [K, 2] pixels of each view
        self._numbers: list[np.ndarray] = []  # [K]

    @property
    def views(self) -> int:
        """How many views count."""
        return len(self._corners)

    @property
    def coverage(self) -> float:
        """Share of the image in which corners were seen, 0..1."""
        if self._size is None or not self._corners:
            return 0.0
        cells = np.concatenate(self._corners) / self._size * _GRID
        return len(np.unique(np.floor(cells), axis=0)) / (_GRID[0] * _GRID[1])

    def add(self, image: np.ndarray) -> str:
        """Take in a view.

        Args:
            image: uint8 [H, W, 3] RGB.

        Returns:
            Why it does not count, or "".

        Raises:
            InputError: It is of another size than those before.
        """
        size = (image.shape[1], image.shape[0])
        if self._size is not None and size != self._size:
            raise InputError(
                f"a view of {size[0]} x {size[1]} pixels after views of {self._size[0]} x "
                f"{self._size[1]}: calibrate one size at a time"
            )
        self._size = size
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        corners, numbers, _, _ = self._detector.detectBoard(grey)
        if numbers is None or len(numbers) < _CORNERS:
            return f"{0 if numbers is None else len(numbers)} of the board's corners are seen"
        corners, numbers = corners.reshape(-1, 2), numbers.ravel()
        if any(self._alike(corners, numbers, number) for number in range(self.views)):
            return "it is as one before"
        self._corners.append(corners.astype(np.float64))
        self._numbers.append(numbers)
        return ""

    def _alike(self, corners: np.ndarray, numbers: np.ndarray, before: int) -> bool:
        """Return whether a view's corners lie where those of an earlier one do."""
        assert self._size is not None
        _, mine, theirs = np.intersect1d(numbers, self._numbers[before], return_indices=True)
        if len(mine) < _CORNERS:
            return False
        moved = np.abs(corners[mine] - self._corners[before][theirs]).max()
        return bool(moved < _MOVED * self._size[0])

    def solve(self) -> Calibration:
        """Compute the intrinsics.

        Raises:
            InputError: There are too few views, they are too similar, or they do not fit together;
                the message says what to do.
        """
        if self.views < ENOUGH_VIEWS:
            raise InputError(
                f"{self.views} different views of the board: {ENOUGH_VIEWS} are needed, and "
                f"{WANTED_VIEWS} are better; move and tilt it, near and far, into every corner"
            )
        if self.coverage < _COVERED:
            raise InputError(
                f"the board was seen in {self.coverage:.0%} of the image, and distortion shows at "
                "its edges: hold it nearer, and into every corner"
            )
        assert self._size is not None
        known = np.asarray(self._board.made.getChessboardCorners())
        objects = [known[numbers].astype(np.float32) for numbers in self._numbers]
        seen = [corners.astype(np.float32) for corners in self._corners]
        try:
            found, error, uncertainty, tilt = self._solved(objects, seen, self._size)
        except cv2.error as problem:
            raise InputError(
                "the views do not fit together: is the board flat, and --board its size? "
                f"({' '.join(str(problem).split())[-120:]})"
            ) from problem
        if not error < _WORST:
            raise InputError(
                f"corners lie {error:.1f} pixels from where they should: is the board flat and "
                "still, is --board its size, and does --lens fit?"
            )
        # Without a tilt, a near board and a far one with a longer lens look the same, and OpenCV is
        # sure of a focal length that is wrong by a factor of two.
        if tilt < _TILTED or uncertainty > _SURE:
            raise InputError(
                f"the views are too similar: the board is tilted by {math.degrees(tilt):.0f} "
                "degrees on average; tilt it by 20 to 40, to all four sides"
            )
        return Calibration(found.check(), error, self.coverage, self.views, uncertainty)

    def _solved(
        self, objects: Sequence[np.ndarray], seen: Sequence[np.ndarray], size: tuple[int, int]
    ) -> tuple[Intrinsics, float, float, float]:
        """Return intrinsics, root mean square error in pixels, relative uncertainty, and tilt."""
        matrix: Any = np.eye(3)
        if self._lens == "equidistant":
            flags = _flag("CALIB_RECOMPUTE_EXTRINSIC") | _flag("CALIB_FIX_SKEW")
            error, matrix, bent, turns, _ = cv2.fisheye.calibrate(
                [one[:, None].astype(np.float64) for one in objects],
                [one[:, None].astype(np.float64) for one in seen],
                size,
                matrix,
                np.zeros((4, 1)),
                flags=flags,
            )
            uncertainty = math.nan
        else:
            flags = cv2.CALIB_RATIONAL_MODEL if self._lens == "rational_polynomial" else 0
            none: Any = None
            error, matrix, bent, turns, _, deviations, _, _ = cv2.calibrateCameraExtended(
                objects, seen, size, none, none, flags=flags
            )
            deviations = np.ravel(deviations)
            uncertainty = float(max(deviations[0] / matrix[0, 0], deviations[1] / matrix[1, 1]))
        count = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}[self._lens]
        found = Intrinsics(
            float(matrix[0, 0]),
            float(matrix[1, 1]),
            float(matrix[0, 2]),
            float(matrix[1, 2]),
            *size,
            self._lens,
            tuple(float(one) for one in np.ravel(bent)[:count]),
        )
        normals = np.array([cv2.Rodrigues(np.asarray(one))[0][:, 2] for one in turns])
        tilt = float(normals[:, :2].std(axis=0).max())
        return found, float(error), uncertainty, tilt


def _flag(name: str) -> int:
    """Return a flag of the fisheye model, which OpenCV 5 has moved."""
    return int(getattr(cv2.fisheye, name, 0) or getattr(cv2, name))
