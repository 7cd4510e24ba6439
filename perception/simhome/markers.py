"""Draws the signs with markers of a scene into the image of the camera."""

from __future__ import annotations

import math

import numpy as np

from sensebind.perception.simhome.scene import Marker

_CELLS = 6  # of a marker of 4 x 4 bits with its black edge
_MARGIN = 1.25  # cells of white around it, which its detector needs
_LIGHT, _DARK = 0.92, 0.06
_SAMPLES = 4  # in a pixel, along rows and along columns


class MarkerPainter:
    """One marker on its sign.

    Args:
        marker: What stands where.
    """

    def __init__(self, marker: Marker) -> None:
        import cv2  # takes a while, and most homes have no markers

        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
        self._bits = cv2.aruco.generateImageMarker(dictionary, marker.number, _CELLS) > 127
        self._middle = np.array([marker.x, marker.y, marker.z])
        cos, sin = math.cos(marker.heading), math.sin(marker.heading)
        self._normal = np.array([cos, sin, 0.0])
        self._right = np.array([-sin, cos, 0.0])  # of one who stands before it
        self._cell = marker.side / _CELLS

    def paint(
        self,
        color: np.ndarray,
        origin: np.ndarray,
        rays: np.ndarray,
        distance: np.ndarray,
        level: float,
        size: int,
    ) -> None:
        """Draw it where nothing is before it; changes `color` in place.

        Args:
            color: float32 [N, 3], of every pixel.
            origin: Of the rays, metres.
            rays: float64 [N, 3], unit vectors, row by row of a square image.
            distance: float64 [N] to what each ray hits, metres.
            level: Brightness of the light.
            size: Side of the image, pixels.
        """
        facing = float(self._normal @ (origin - self._middle))
        if facing <= 0:  # it is seen from behind
            return
        slope = rays @ self._normal
        with np.errstate(divide="ignore"):
            reach = np.where(slope < 0, -facing / slope, np.inf)
        near = np.flatnonzero(reach < distance)
        away = origin + reach[near, None] * rays[near] - self._middle
        half = (_CELLS / 2 + _MARGIN) * self._cell
        border = reach[near] * 4 / size  # pixels that it covers a part of
        touched = (np.abs(away @ self._right) < half + border) & (
            np.abs(away[:, 2]) < half + border
        )
        index = near[touched]
        if not index.size:
            return
        covered, light = self._sampled(origin, rays, index, facing, size)
        color[index] *= (1 - covered)[:, None]
        color[index] += (light * level)[:, None].astype(color.dtype)

    def _sampled(
        self, origin: np.ndarray, rays: np.ndarray, index: np.ndarray, facing: float, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return which share of pixels it covers, and how bright it makes them, each [K].

        Rays between those of the pixels are interpolated on the plane at depth 1, where they lie on
        a regular grid.
        """
        middle = size * (size // 2) + size // 2
        axis = rays[[middle, middle - 1, middle - size, middle - size - 1]].sum(axis=0)
        plane = rays / (rays @ axis)[:, None]
        across, down = plane[1] - plane[0], plane[size] - plane[0]
        offsets = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
        covered, light = np.zeros(len(index)), np.zeros(len(index))
        for right in offsets:
            for below in offsets:
                ray = plane[index] + right * across + below * down
                away = origin - facing * ray / (ray @ self._normal)[:, None] - self._middle
                column = away @ self._right / self._cell + _CELLS / 2
                row = _CELLS / 2 - away[:, 2] / self._cell
                sign = (np.minimum(column, row) > -_MARGIN) & (
                    np.maximum(column, row) < _CELLS + _MARGIN
                )
                inside = (np.minimum(column, row) >= 0) & (np.maximum(column, row) < _CELLS)
                cells = np.clip(np.stack([row, column]), 0, _CELLS - 1).astype(int)
                white = ~inside | self._bits[cells[0], cells[1]]
                covered += sign
                light += np.where(sign, np.where(white, _LIGHT, _DARK), 0.0)
        return covered / _SAMPLES**2, light / _SAMPLES**2
