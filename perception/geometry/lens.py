"""The lens of a camera: from directions to pixels and back, with the distortion models of ROS.

Pixels are counted as OpenCV and ROS count them: the middle of the top left pixel is (0, 0), so an
image reaches from -0.5 to width - 0.5. Directions are in the optical frame of REP 103: x to the
right, y down, z ahead.

The models are those of `sensor_msgs/CameraInfo`, whose coefficients are OpenCV's:

- `plumb_bob`: k1, k2, p1, p2[, k3] of Brown and Conrady (D. C. Brown, "Decentering distortion of
  lenses", Photogrammetric Engineering 32(3), 1966), as in OpenCV's "Camera Calibration and 3D
  Reconstruction";
- `rational_polynomial`: k1, k2, p1, p2, k3, k4, k5, k6; the radial part is a quotient;
- `equidistant`: k1 to k4 of J. Kannala and S. Brandt (IEEE PAMI 28(8), 2006), as in `cv2.fisheye`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Self, get_args

from sensebind.errors import ConfigurationError

if TYPE_CHECKING:  # reading a robot's file checks numbers and projects nothing
    import numpy as np

    from sensebind.perception.geometry.distortion import Distortion

LensModel = Literal["plumb_bob", "rational_polynomial", "equidistant"]
LENS_MODELS: tuple[LensModel, ...] = get_args(LensModel)
COEFFICIENTS: dict[LensModel, tuple[int, ...]] = {
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (8,),
    "equidistant": (0, 4),
}
"""How many distortion coefficients each model has."""
_ASPECT = 0.01  # relative difference of two aspect ratios that are the same but for rounding


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A camera's focal lengths, principal point and distortion.

    Attributes:
        fx: Focal length along the rows, pixels.
        fy: Focal length along the columns, pixels.
        cx: Column of the principal point, pixels.
        cy: Row of the principal point, pixels.
        width: Of the images that these numbers are for, pixels; 0 where that is not known.
        height: Of these images, pixels; 0 likewise.
        model: How the lens distorts.
        distortion: Coefficients of the model; none for a lens that does not distort.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int = 0
    height: int = 0
    model: LensModel = "plumb_bob"
    distortion: tuple[float, ...] = ()

    @classmethod
    def pinhole(cls, width: int, height: int, field_of_view: float) -> Self:
        """Return the intrinsics of a lens without distortion that looks through the middle.

        Args:
            width: Of its images, pixels.
            height: Of its images, pixels.
            field_of_view: Horizontal, from edge to edge, radians.
        """
        focal = width / 2 / math.tan(field_of_view / 2)
        return cls(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)

    def check(self) -> Self:
        """Return these intrinsics.

        Raises:
            ConfigurationError: They cannot be those of a camera; the message names the number.
        """
        numbers = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if not all(map(math.isfinite, numbers)):
            raise ConfigurationError("intrinsics hold a number that is not finite")
        if self.fx <= 0 or self.fy <= 0:
            raise ConfigurationError(
                f"focal lengths of {self.fx:g} and {self.fy:g} pixels: both are more than 0 "
                "(0 stands in the file of a camera that was never calibrated)"
            )
        if self.model not in LENS_MODELS:
            raise ConfigurationError(
                f"no distortion model {self.model!r}; there are {', '.join(LENS_MODELS)}"
            )
        wanted = COEFFICIENTS[self.model]
        if len(self.distortion) not in wanted:
            counts = " or ".join(map(str, wanted))
            raise ConfigurationError(
                f"{len(self.distortion)} distortion coefficients; {self.model} has {counts}"
            )
        if bool(self.width) != bool(self.height) or min(self.width, self.height) < 0:
            raise ConfigurationError(f"images of {self.width} x {self.height} pixels")
        if self.width and not (-0.5 <= self.cx < self.width and -0.5 <= self.cy < self.height):
            raise ConfigurationError(
                f"the principal point ({self.cx:g}, {self.cy:g}) lies outside of the image of "
                f"{self.width} x {self.height} pixels"
            )
        return self

    def resized(self, width: int, height: int) -> Intrinsics:
        """Return the intrinsics of the same camera for images of another size.

        The image is taken to be scaled as a whole: a pixel's middle (u, v) comes to lie at
        ((u + 0.5) s - 0.5, (v + 0.5) s - 0.5).

        Args:
            width: Of the images, pixels.
            height: Of the images, pixels.

        Raises:
            ConfigurationError: The images have another aspect ratio, so they are cut out of the
                calibrated ones in an unknown way; or they do not reach the principal point.
        """
        if (width, height) == (self.width, self.height):
            return self
        if not self.width:
            if not (self.cx < width and self.cy < height):
                raise ConfigurationError(
                    f"the principal point ({self.cx:g}, {self.cy:g}) lies outside of images of "
                    f"{width} x {height} pixels: the intrinsics are for larger ones; add their "
                    "width and height"
                )
            return replace(self, width=width, height=height)
        across, down = width / self.width, height / self.height
        if abs(across / down - 1) > _ASPECT:
            raise ConfigurationError(
                f"the camera was calibrated with images of {self.width} x {self.height} pixels, "
                f"and these have {width} x {height}, another aspect ratio: calibrate at this size"
            )
        return replace(
            self,
            fx=self.fx * across,
            fy=self.fy * down,
            cx=(self.cx + 0.5) * across - 0.5,
            cy=(self.cy + 0.5) * down - 0.5,
            width=width,
            height=height,
        )

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return where directions fall in the image.

        Args:
            points: [N, 3] in the optical frame, metres or any other unit.

        Returns:
            Pixels float64 [N, 2]; NaN behind the camera, and where the lens model has no meaning:
            beyond the angle at which its polynomial turns around, far directions would come back
            into the image. Pixels outside of the image are returned as they are.
        """
        import numpy as np

        directions = np.asarray(points, np.float64).reshape(-1, 3)
        return self._distortion().bend(directions) * [self.fx, self.fy] + [self.cx, self.cy]

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Return the directions that pixels look into.

        Args:
            pixels: [N, 2].

        Returns:
            Unit vectors float64 [N, 3] in the optical frame; NaN for pixels that no direction
            falls on under this lens model.
        """
        import numpy as np

        places = np.asarray(pixels, np.float64).reshape(-1, 2)
        return self._distortion().straighten((places - [self.cx, self.cy]) / [self.fx, self.fy])

    def _distortion(self) -> Distortion:
        from sensebind.perception.geometry.distortion import Distortion

        return Distortion(self.distortion, self.model == "equidistant")
