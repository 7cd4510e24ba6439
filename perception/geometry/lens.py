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
from typing import Literal, Self, get_args

import numpy as np

from sensebind.errors import ConfigurationError

LensModel = Literal["plumb_bob", "rational_polynomial", "equidistant"]
LENS_MODELS: tuple[LensModel, ...] = get_args(LensModel)
COEFFICIENTS: dict[LensModel, tuple[int, ...]] = {
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (8,),
    "equidistant": (0, 4),
}
"""How many distortion coefficients each model has."""
_ASPECT = 0.01  # relative difference of two aspect ratios that are the same but for rounding
_BISECTIONS = 50  # halve an interval of a few radians to less than 1e-12
_TANGENTIAL = 12  # the tangential part is small: every round gains two digits or more
_NOTHING = 1e-12  # a coefficient that bends nothing within 89 degrees
_CLOSE = 1e-6  # of the normalized plane, by which an inverted distortion may miss


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
        points = np.asarray(points, np.float64).reshape(-1, 3)
        x, y, z = points.T
        with np.errstate(all="ignore"):
            if self.model == "equidistant":
                across = np.hypot(x, y)
                angle = np.arctan2(across, z)
                scale = np.where(across > 0, self._bent(angle) / across, 1.0 / z)
                seen = (angle < self._limit()) & (np.hypot(across, z) > 0)
                flat = np.stack([x * scale, y * scale], axis=1)
            else:
                flat = np.stack([x / z, y / z], axis=1)
                radius = np.hypot(*flat.T)
                seen = (z > 0) & (radius < self._limit())
                scale = np.where(radius > 0, self._bent(radius) / radius, 1.0)
                flat = flat * scale[:, None] + self._tangential(flat)
            pixels = flat * [self.fx, self.fy] + [self.cx, self.cy]
        pixels[~seen] = np.nan
        return pixels

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Return the directions that pixels look into.

        Args:
            pixels: [N, 2].

        Returns:
            Unit vectors float64 [N, 3] in the optical frame; NaN for pixels that no direction
            falls on under this lens model.
        """
        pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
        flat = (pixels - [self.cx, self.cy]) / [self.fx, self.fy]
        with np.errstate(all="ignore"):
            if self.model == "equidistant":
                radius = np.hypot(*flat.T)
                angle = self._unbent(radius)
                side = np.where(radius > 0, np.sin(angle) / radius, 1.0)
                return np.stack([flat[:, 0] * side, flat[:, 1] * side, np.cos(angle)], axis=1)
            straight = flat
            for _ in range(_TANGENTIAL if any(self._full()[2:4]) else 1):
                bent = flat - self._tangential(straight)
                radius = np.hypot(*bent.T)
                scale = np.where(radius > 0, self._unbent(radius) / radius, 1.0)
                straight = bent * scale[:, None]
            rays = np.concatenate([straight, np.ones((len(straight), 1))], axis=1)
            missed = np.abs((self.project(rays) - pixels) / [self.fx, self.fy]).max(axis=1)
            rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        rays[~(missed < _CLOSE)] = np.nan
        return rays

    def _full(self) -> tuple[float, ...]:
        """Return k1, k2, p1, p2, k3, k4, k5, k6, or the four of an equidistant lens."""
        length = 4 if self.model == "equidistant" else 8
        return (*self.distortion, *[0.0] * (length - len(self.distortion)))

    def _polynomials(self) -> tuple[np.polynomial.Polynomial, np.polynomial.Polynomial]:
        """Return numerator and denominator of the radial factor, in the squared radius."""
        if self.model == "equidistant":
            return np.polynomial.Polynomial([1.0, *self._full()]), np.polynomial.Polynomial([1.0])
        k1, k2, _, _, k3, k4, k5, k6 = self._full()
        return np.polynomial.Polynomial([1, k1, k2, k3]), np.polynomial.Polynomial([1, k4, k5, k6])

    def _bent(self, radius: np.ndarray) -> np.ndarray:
        """Return the distorted radius of an undistorted one (or of an angle), radially."""
        over, under = self._polynomials()
        square = radius * radius
        return radius * over(square) / under(square)

    def _unbent(self, bent: np.ndarray) -> np.ndarray:
        """Return the undistorted radius (or angle) of a distorted one; NaN where there is none.

        Up to `_limit` the distorted radius grows with the undistorted one, so halving finds it.
        """
        limit = self._limit()
        if not any(self._full()):
            return np.where(bent < limit, bent, np.nan)
        high = np.full(bent.shape, 1e-3)
        for _ in range(40):  # out to where the distorted radius is reached, or the model ends
            short = (self._bent(high) < bent) & (high < limit)
            if not short.any():
                break
            high = np.where(short, np.minimum(2 * high, limit), high)
        reached = (self._bent(high) >= bent) & np.isfinite(bent)
        low = np.zeros_like(high)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            below = self._bent(middle) < bent
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.where(reached, (low + high) / 2, np.nan)

    def _limit(self) -> float:
        """Return the radius (or angle) up to which the distorted radius grows.

        The derivative of r N(u) / D(u) with u = r² has the sign of (N + 2 u N') D - 2 u N D'.
        """
        over, under = self._polynomials()
        u = np.polynomial.Polynomial([0.0, 2.0])  # 2 u
        slope = (over + u * over.deriv()) * under - u * over * under.deriv()
        end = math.pi if self.model == "equidistant" else math.inf
        for polynomial in (slope, under):
            polynomial = polynomial.trim(_NOTHING)  # whose division would overflow
            roots = polynomial.roots() if polynomial.degree() else np.zeros(0)
            real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)]
            if len(real):
                end = min(end, math.sqrt(float(real.min())))
        return end

    def _tangential(self, flat: np.ndarray) -> np.ndarray:
        """Return what decentred lenses add to points [N, 2] of the normalized plane."""
        _, _, p1, p2, *_ = self._full()
        x, y = flat.T
        square = x * x + y * y
        return np.stack(
            [
                2 * p1 * x * y + p2 * (square + 2 * x * x),
                p1 * (square + 2 * y * y) + 2 * p2 * x * y,
            ],
            axis=1,
        )
