"""Calibration files of cameras, as ROS' `camera_calibration` writes them, and its messages.

The YAML form is that of `camera_calibration_parsers`; what is used of it are `image_width`,
`image_height`, `camera_matrix`, `distortion_model` and `distortion_coefficients`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import yaml

from sensebind.errors import ConfigurationError, StorageError
from sensebind.perception.geometry.lens import LENS_MODELS, Intrinsics, LensModel

_MAX_BYTES = 1_000_000
_OTHER_NAMES = {"fisheye": "equidistant", "": "plumb_bob", "none": "plumb_bob"}
"""What some drivers write; the empty name is that of a lens without distortion."""


def read_camera_info(path: Path) -> Intrinsics:
    """Read a calibration file.

    Raises:
        ConfigurationError: It cannot be read, is not such a file, or holds numbers that cannot be
            those of a camera; the message names the file and the field.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigurationError(f"{path} is larger than {_MAX_BYTES // 1_000_000} MB")
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise ConfigurationError(f"{path}: not a camera_info file: {problem}") from error
    if not isinstance(fields, dict) or "camera_matrix" not in fields:
        raise ConfigurationError(
            f"{path}: not a camera_info file, it has no camera_matrix: write one with `sensebind "
            "calibrate`, or with ROS' camera_calibration"
        )
    try:
        matrix = _numbers(fields, "camera_matrix", 9)
        found = _intrinsics(
            matrix,
            str(fields.get("distortion_model") or ""),
            _numbers(fields, "distortion_coefficients", None),
            _size(fields, "image_width"),
            _size(fields, "image_height"),
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return found


def of_message(message: Any, *, rectified: bool = False) -> Intrinsics:
    """Return the intrinsics that a `sensor_msgs/CameraInfo` holds.

    Args:
        message: Has its fields as attributes, of ROS 1 or ROS 2.
        rectified: Whether the images have been rectified (`image_rect`): they have the focal
            lengths of the projection matrix then, and no distortion.

    Raises:
        ConfigurationError: The camera was not calibrated, or the image is a part of the calibrated
            one.
    """

    def field(name: str) -> Any:
        return (
            getattr(message, name, None)
            if hasattr(message, name)
            else getattr(message, name.upper())
        )

    roi = message.roi
    if int(roi.x_offset) or int(roi.y_offset):
        raise ConfigurationError(
            f"the image begins at ({roi.x_offset}, {roi.y_offset}) of the calibrated one: parts of "
            "images are not supported"
        )
    width, height = int(message.width), int(message.height)
    if rectified:
        fx, _, cx, _, _, fy, cy, *_ = (float(number) for number in field("p"))
        return Intrinsics(fx, fy, cx, cy, width, height).check()
    matrix = [float(number) for number in field("k")]
    bent = [float(number) for number in field("d")]
    return _intrinsics(matrix, str(message.distortion_model), bent, width, height)


def write_camera_info(path: Path, intrinsics: Intrinsics, name: str = "camera") -> None:
    """Write a calibration file, as `camera_calibration` does.

    Args:
        path: Of the file; a file that exists is replaced.
        intrinsics: Of the camera, with the size of its images.
        name: Of the camera.

    Raises:
        StorageError: It cannot be written.
    """
    one = intrinsics
    matrix = [one.fx, 0.0, one.cx, 0.0, one.fy, one.cy, 0.0, 0.0, 1.0]
    straight = [one.fx, 0.0, one.cx, 0.0, 0.0, one.fy, one.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    coefficients = list(one.distortion) or [0.0] * (4 if one.model == "equidistant" else 5)
    fields = {
        "image_width": one.width,
        "image_height": one.height,
        "camera_name": name,
        "camera_matrix": _matrix(3, 3, matrix),
        "distortion_model": one.model,
        "distortion_coefficients": _matrix(1, len(coefficients), coefficients),
        "rectification_matrix": _matrix(3, 3, [1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0]),
        "projection_matrix": _matrix(3, 4, straight),
    }
    text = yaml.safe_dump(fields, sort_keys=False, default_flow_style=None, width=100)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def _matrix(rows: int, columns: int, data: Sequence[float]) -> dict[str, Any]:
    return {"rows": rows, "cols": columns, "data": [float(number) for number in data]}


def _intrinsics(
    matrix: Sequence[float], model: str, distortion: Sequence[float], width: int, height: int
) -> Intrinsics:
    """Return checked intrinsics; trailing zeros that a model does not have are left out.

    Raises:
        ConfigurationError: They cannot be those of a camera.
    """
    name = _OTHER_NAMES.get(model.strip().lower(), model.strip().lower())
    if name not in LENS_MODELS:
        raise ConfigurationError(
            f"no distortion model {model!r}; there are {', '.join(LENS_MODELS)}"
        )
    kept = tuple(distortion)
    if not any(kept) and name != "rational_polynomial":
        kept = ()
    elif name == "plumb_bob" and len(kept) == 8 and any(kept[5:]):
        name = "rational_polynomial"  # OpenCV's own files do not name the model
    elif name in ("plumb_bob", "rational_polynomial"):
        kept = _shortened(kept, 5 if name == "plumb_bob" else 8)
    found = Intrinsics(matrix[0], matrix[4], matrix[2], matrix[5], width, height)
    return replace(found, model=cast(LensModel, name), distortion=kept).check()


def _shortened(numbers: tuple[float, ...], length: int) -> tuple[float, ...]:
    """Leave out zeros behind the coefficients of a model: OpenCV has room for fourteen."""
    return numbers[:length] if not any(numbers[length:]) else numbers


def _numbers(fields: dict[Any, Any], name: str, count: int | None) -> list[float]:
    value = fields.get(name)
    data = value.get("data") if isinstance(value, dict) else value
    if data is None and count is None:
        return []
    if not isinstance(data, list) or not all(
        isinstance(one, int | float) and not isinstance(one, bool) for one in data
    ):
        raise ConfigurationError(f"{name} is not a list of numbers")
    if count is not None and len(data) != count:
        raise ConfigurationError(f"{name} has {len(data)} numbers, not {count}")
    return [float(one) for one in data]


def _size(fields: dict[Any, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 100_000:
        raise ConfigurationError(f"{name} is {value!r}: give the pixels of the calibrated images")
    return value
