"""`sensebind calibrate`: finds the lens of a camera from views of a printed board."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sensebind.agent.cli.signals import until_signal
from sensebind.errors import (
    ConfigurationError,
    EndedError,
    InputError,
    SourceError,
    StorageError,
)

if TYPE_CHECKING:
    import threading

    import numpy as np

    from sensebind.agent.robot.config import RobotConfig
    from sensebind.perception.geometry.calibration import Calibrator

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
_LOOK_SECONDS = 0.5  # between two views of a live camera
_OPEN_SECONDS = 10.0


def calibrate(
    robot: Annotated[
        Path | None, typer.Argument(help="The robot's YAML file; not needed for --print-board.")
    ] = None,
    stream: Annotated[str, typer.Option(help="The camera; the only one by default.")] = "",
    board: Annotated[str, typer.Option(help="Squares of the board, columns x rows.")] = "5x7",
    square: Annotated[float, typer.Option(help="Side of a square, metres.")] = 0.04,
    marker: Annotated[float, typer.Option(help="Side of a marker, metres.")] = 0.03,
    lens: Annotated[
        Literal["plumb_bob", "rational_polynomial", "equidistant"],
        typer.Option(help="Model of the lens; equidistant for a fisheye."),
    ] = "plumb_bob",
    images: Annotated[
        Path | None, typer.Option(help="Folder of images in place of the camera.")
    ] = None,
    views: Annotated[int, typer.Option(min=10, help="Views to take of a camera.")] = 20,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; STREAM.calibration.yaml by default."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    print_board: Annotated[
        Path | None, typer.Option(help="Write the board to print, .png or .pdf, and end.")
    ] = None,
) -> int:
    """Find a camera's lens from views of a ChArUco board, for `calibration:` in its file."""
    from sensebind.perception.geometry.calibration import Board, Calibrator

    shown = Board.parse(board, square, marker)
    if print_board is not None:
        if print_board.exists() and not force:
            raise StorageError(f"{print_board} exists already: choose another name, or --force")
        shown.print_to(print_board)
        print(
            f"{print_board}: print it at 100 %, glue it onto something flat, and measure a square: "
            f"it has {1000 * square:g} mm, or give what you measure as --square"
        )
        return 0
    if robot is None:
        raise ConfigurationError("name the robot's file, or give --print-board FILE")
    from sensebind.agent.robot.config_file import read_config
    from sensebind.perception.geometry.camera_info import write_camera_info

    config = read_config(robot)
    camera = _camera(config, stream)
    file = output or robot.parent / f"{camera}.calibration.yaml"
    if file.exists() and not force:
        raise StorageError(f"{file} exists already: choose another name with -o, or --force")
    calibrator = Calibrator(shown, lens)
    if images is not None:
        _from_folder(calibrator, images)
    else:
        with until_signal() as stop:
            _from_camera(calibrator, config, camera, views, stop)
    found = calibrator.solve()
    write_camera_info(file, found.intrinsics, camera)
    lens_found = found.intrinsics
    print(
        f"{file}: {found.views} views, reprojection error {found.error:.2f} pixels, corners in "
        f"{found.coverage:.0%} of the image, focal lengths {lens_found.fx:.1f} and "
        f"{lens_found.fy:.1f}, centre ({lens_found.cx:.1f}, {lens_found.cy:.1f})"
    )
    print(f"next: streams: {{{camera}: {{calibration: {file.name}}}}} in {robot}")
    return 0


def _camera(config: RobotConfig, wanted: str) -> str:
    """Return the stream that is meant.

    Raises:
        ConfigurationError: There is no such camera, or there are several.
    """
    names = {bus: name for name, bus in config.stream_names.items()}
    cameras = [names[bus] for bus, one in config.modalities.items() if one == "vision"]
    if wanted and wanted not in cameras:
        listed = ", ".join(cameras) or "none"
        raise ConfigurationError(f"the robot has no camera {wanted!r}; it has {listed}")
    if not wanted and len(cameras) != 1:
        listed = ", ".join(cameras) or "none"
        raise ConfigurationError(f"name the camera with --stream: the robot has {listed}")
    return wanted or cameras[0]


def _from_folder(calibrator: Calibrator, folder: Path) -> None:
    """Take the views of a folder.

    Raises:
        InputError: It holds no images, or one cannot be read.
    """
    from sensebind.perception.imagebind.preprocess.image import read_image

    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    files = sorted(one for one in folder.iterdir() if one.suffix.lower() in _PICTURES)
    if not files:
        raise InputError(f"{folder} holds no images ({', '.join(_PICTURES)})")
    for file in files:
        why = calibrator.add(read_image(file))
        if why:
            print(f"{file.name}: left out: {why}", file=sys.stderr)


def _from_camera(
    calibrator: Calibrator, config: RobotConfig, camera: str, views: int, stop: threading.Event
) -> None:
    """Take views of a camera until there are enough, or somebody ends it.

    Raises:
        SenseBindError: The camera cannot be opened.
    """
    print(f"show the board to {camera}; Ctrl-C ends with the views that there are")
    said = ""
    for image in _frames(config, camera, stop):
        why = calibrator.add(image)
        line = f"view {calibrator.views} of {views}, {calibrator.coverage:.0%} of the image" + (
            f" ({why})" if why else ""
        )
        if line != said:
            print(line)
            said = line
        if calibrator.views >= views:
            return


def _frames(config: RobotConfig, camera: str, stop: threading.Event) -> Iterator[np.ndarray]:
    """Yield the newest image twice a second."""
    if config.control_socket.exists():
        raise ConfigurationError(
            f"robot {config.name or 'robot'!r} runs and keeps its camera: stop it first"
        )
    worker = config.workers()[list(config.streams).index(camera)]
    with worker.source.build() as source:
        latest = time.monotonic()
        while not stop.is_set():
            try:
                observation = source.read_latest(max_age=1.0, timeout=1.0)
            except EndedError:  # a video has been played to its end
                return
            except SourceError:
                if time.monotonic() - latest > _OPEN_SECONDS:
                    raise
                continue
            latest = time.monotonic()
            yield observation.data
            stop.wait(_LOOK_SECONDS)
