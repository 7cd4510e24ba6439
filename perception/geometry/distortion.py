"""What lenses do to directions, by the distortion models of `lens.py`; on many directions at once.

Directions are in the optical frame, x right, y down, z ahead. A lens brings them to the normalized
plane, in units of the focal length: that of a pinhole has (x / z, y / z) there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_BISECTIONS = 50  # halve an interval of a few radians to less than 1e-12
_TANGENTIAL = 12  # the tangential part is small: every round gains two digits or more
_NOTHING = 1e-12  # a coefficient that bends nothing within 89 degrees
_CLOSE = 1e-6  # of the normalized plane, by which an inverted distortion may miss


@dataclass(frozen=True, slots=True)
class Distortion:
    """How a lens distorts.

    Attributes:
        coefficients: Of its model; missing ones are 0.
        equidistant: Whether they are those of an equidistant lens, of the angle; else of the
            radial quotient k1, k2, p1, p2, k3, k4, k5, k6, whose last three may be missing.
    """

    coefficients: tuple[float, ...] = ()
    equidistant: bool = False

    def bend(self, directions: np.ndarray) -> np.ndarray:
        """Return where directions fall in the normalized plane.

        Args:
            directions: float64 [N, 3], of any length.

        Returns:
            float64 [N, 2]; NaN behind the lens, and where the model has no meaning: beyond the
            angle at which its polynomial turns around, far directions would come back.
        """
        x, y, z = directions.T
        with np.errstate(all="ignore"):
            if self.equidistant:
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
        flat[~seen] = np.nan
        return flat

    def straighten(self, flat: np.ndarray) -> np.ndarray:
        """Return the directions that fall on places of the normalized plane.

        Args:
            flat: float64 [N, 2].

        Returns:
            Unit vectors float64 [N, 3]; NaN where no direction falls.
        """
        with np.errstate(all="ignore"):
            if self.equidistant:
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
            missed = np.abs(self.bend(rays) - flat).max(axis=1)
            rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        rays[~(missed < _CLOSE)] = np.nan
        return rays

    def _full(self) -> tuple[float, ...]:
        """Return k1, k2, p1, p2, k3, k4, k5, k6, or the four of an equidistant lens."""
        length = 4 if self.equidistant else 8
        return (*self.coefficients, *[0.0] * (length - len(self.coefficients)))

    def _polynomials(self) -> tuple[np.polynomial.Polynomial, np.polynomial.Polynomial]:
        """Return numerator and denominator of the radial factor, in the squared radius."""
        if self.equidistant:
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
        end = math.pi if self.equidistant else math.inf
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
