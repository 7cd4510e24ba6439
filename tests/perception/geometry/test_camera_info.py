"""Calibration files: of ROS, of ours, and damaged ones."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.errors import ConfigurationError, StorageError
from sensebind.perception.geometry.camera_info import read_camera_info, write_camera_info
from sensebind.perception.geometry.lens import Intrinsics

# As `rosrun camera_calibration cameracalibrator.py` leaves it in ost.yaml.
OST = """\
image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [438.783367, 0.000000, 305.593336, 0.000000, 437.302876, 243.738352, 0.0, 0.0, 1.0]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.361976, 0.110510, 0.001014, 0.000505, 0.000000]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
projection_matrix:
  rows: 3
  cols: 4
  data: [393.653800, 0.0, 322.797939, 0.0, 0.0, 393.653800, 241.090902, 0.0, 0.0, 0.0, 1.0, 0.0]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "camera.yaml"
    file.write_text(text)
    return file


def test_a_file_of_ros_is_read(tmp_path: Path) -> None:
    found = read_camera_info(written(tmp_path, OST))
    assert found == Intrinsics(
        438.783367,
        437.302876,
        305.593336,
        243.738352,
        640,
        480,
        "plumb_bob",
        (-0.361976, 0.110510, 0.001014, 0.000505, 0.0),
    )


@pytest.mark.parametrize(
    ("model", "data", "lens", "coefficients"),
    [
        ("plumb_bob", "[0, 0, 0, 0, 0]", "plumb_bob", ()),
        ("rational_polynomial", "[1, 2, 0, 0, 3, 4, 5, 6]", "rational_polynomial", 8),
        ("equidistant", "[0.1, 0.02, 0, 0]", "equidistant", 4),
        ("fisheye", "[0.1, 0.02, 0, 0]", "equidistant", 4),
        ("plumb_bob", "[0.1, 0.2, 0, 0, 0.3, 0, 0, 0]", "plumb_bob", 5),
        ("''", "[0.1, 0.2, 0, 0]", "plumb_bob", 4),
    ],
)
def test_every_model_of_ros_is_read(
    tmp_path: Path, model: str, data: str, lens: str, coefficients: object
) -> None:
    text = OST.replace("distortion_model: plumb_bob", f"distortion_model: {model}")
    text = text.replace("[-0.361976, 0.110510, 0.001014, 0.000505, 0.000000]", data)
    found = read_camera_info(written(tmp_path, text))
    assert found.model == lens
    count = len(found.distortion)
    assert (
        found.distortion == coefficients
        if isinstance(coefficients, tuple)
        else (count == coefficients)
    )


@given(
    focal=st.floats(1, 5000),
    bent=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    model=st.sampled_from(["plumb_bob", "equidistant"]),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, focal: float, bent: list[float], model: str
) -> None:
    lens = Intrinsics(focal, focal / 2, 100.25, 50.5, 320, 240, model, tuple(bent))  # type: ignore[arg-type]
    file = tmp_path_factory.mktemp("info") / "camera.yaml"
    write_camera_info(file, lens)
    found = read_camera_info(file)
    assert (found.fx, found.fy, found.cx, found.cy) == (lens.fx, lens.fy, lens.cx, lens.cy)
    assert found.distortion == (lens.distortion if any(bent) else ())


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("camera_matrix:", "matrix:", "no camera_matrix: write one with `sensebind calibrate`"),
        ("image_width: 640", "image_width: wide", "image_width is 'wide'"),
        ("image_height: 480", "", "image_height is None"),
        ("438.783367", "0.0", "never calibrated"),
        ("plumb_bob", "thin_prism", "no distortion model 'thin_prism'; there are plumb_bob"),
        ("[-0.361976, 0.110510,", "[-0.361976,", "plumb_bob"),
        ("438.783367, ", "", "camera_matrix has 8 numbers, not 9"),
        ("438.783367", "many", "camera_matrix is not a list of numbers"),
        ("438.783367", ".nan", "not finite"),
        ("305.593336", "3055.9", "outside of the image"),
        ("rows: 3", "rows: [", "not a camera_info file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, before: str, after: str, words: str) -> None:
    text = OST.replace(before, after, 1)
    if words == "plumb_bob":
        text = text.replace("0.001014, ", "")  # three coefficients
    with pytest.raises(ConfigurationError, match=words) as error:
        read_camera_info(written(tmp_path, text))
    assert "camera.yaml" in str(error.value) and "\n" not in str(error.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("none.yaml", "bytes.yaml", "."):
        with pytest.raises(ConfigurationError, match=str(tmp_path)):
            read_camera_info(tmp_path / name)
    with pytest.raises(StorageError, match="cannot be written"):
        write_camera_info(tmp_path / "none" / "a.yaml", Intrinsics(1, 1, 0, 0, 2, 2))


@settings(max_examples=60)
@given(text=st.text(max_size=80), line=st.integers(0, 20))
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, line: int
) -> None:
    lines: list[str] = list(OST.splitlines())
    lines[line : line + 1] = [text]
    file = tmp_path_factory.mktemp("info") / "camera.yaml"
    file.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    try:
        read_camera_info(file)
    except ConfigurationError as error:
        assert str(error)
