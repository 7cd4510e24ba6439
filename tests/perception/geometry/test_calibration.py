"""Lenses are found again from rendered views of a board."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from fixtures.charuco_views import BENT, MATRIX, SIZE, views
from PIL import Image

from sensebind.errors import ConfigurationError, InputError, StorageError
from sensebind.perception.geometry.calibration import Board, Calibrator
from sensebind.perception.geometry.camera_info import read_camera_info, write_camera_info

BOARD = Board()


@pytest.fixture(scope="module")
def twenty() -> list[np.ndarray]:
    return views(BOARD, 20)


def test_a_lens_is_found_within_one_percent(twenty: list[np.ndarray], tmp_path: Path) -> None:
    calibrator = Calibrator(BOARD)
    taken = [calibrator.add(image) for image in twenty]
    assert taken.count("") >= 18
    found = calibrator.solve()
    lens = found.intrinsics
    assert (lens.fx, lens.fy) == pytest.approx((MATRIX[0, 0], MATRIX[1, 1]), rel=0.01)
    assert (lens.cx, lens.cy) == pytest.approx((MATRIX[0, 2], MATRIX[1, 2]), rel=0.01)
    assert found.error < 0.5 and found.coverage > 0.6 and found.uncertainty < 0.005
    # What counts in the end: where pixels look, also at the edges.
    rng = np.random.default_rng(0)
    points = np.column_stack(
        [rng.uniform(-0.55, 0.55, 100), rng.uniform(-0.4, 0.4, 100), np.ones(100)]
    )
    true, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), MATRIX, BENT)
    assert np.abs(lens.project(points) - true.reshape(-1, 2)).max() < 2.5
    write_camera_info(tmp_path / "camera.yaml", lens, "camera")
    assert read_camera_info(tmp_path / "camera.yaml") == lens


def test_a_view_counts_once(twenty: list[np.ndarray]) -> None:
    calibrator = Calibrator(BOARD)
    assert calibrator.add(twenty[0]) == ""
    assert calibrator.add(twenty[0]) == "it is as one before"
    assert calibrator.add(np.zeros((SIZE[1], SIZE[0], 3), np.uint8)) == (
        "0 of the board's corners are seen"
    )
    assert calibrator.views == 1
    with pytest.raises(InputError, match="a view of 64 x 48 pixels after views of 640 x 480"):
        calibrator.add(np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(InputError, match="1 different views of the board: 10 are needed"):
        calibrator.solve()


def test_views_that_are_too_similar_are_refused() -> None:
    calibrator = Calibrator(BOARD)
    for image in views(BOARD, 14, tilt=0.02):  # moved about, but never tilted
        calibrator.add(image)
    with pytest.raises(InputError, match="too similar: the board is tilted by 1 degrees"):
        calibrator.solve()


@pytest.mark.parametrize(
    ("size", "square", "marker", "words"),
    [
        ("5", 0.04, 0.03, "such as 5x7"),
        ("2x7", 0.04, 0.03, "3 to 30"),
        ("5x7", 0.03, 0.04, "smaller than its square"),
        ("5x7", 40.0, 30.0, "metres"),
    ],
)
def test_a_board_that_there_is_not(size: str, square: float, marker: float, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Board.parse(size, square, marker)


def test_a_printed_board_has_its_size(tmp_path: Path) -> None:
    board = Board.parse("8x11", 0.02, 0.015)
    board.print_to(tmp_path / "board.png")
    with Image.open(tmp_path / "board.png") as image:
        metres = image.width / image.info["dpi"][0] * 0.0254
        pixels = np.asarray(image)
    assert metres == pytest.approx(9 * 0.02, rel=1e-3)  # with half a square on either side
    corners, numbers, _, _ = cv2.aruco.CharucoDetector(board.made).detectBoard(pixels)
    assert len(numbers) == 7 * 10 and len(corners) == 70
    board.print_to(tmp_path / "board.pdf")
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(ConfigurationError, match=r"\.png or \.pdf"):
        board.print_to(tmp_path / "board.svg")
    with pytest.raises(StorageError, match="cannot be written"):
        board.print_to(tmp_path / "none" / "board.png")
