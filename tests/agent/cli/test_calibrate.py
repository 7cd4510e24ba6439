"""`sensebind calibrate`, from a folder of rendered views to a stream with intrinsics."""

from pathlib import Path

import cv2
import pytest
from fixtures.charuco_views import MATRIX, views

from sensebind.agent.cli import main
from sensebind.agent.robot.config_file import read_config
from sensebind.perception.geometry.calibration import Board

ROBOT = "streams: {camera: {source: 'camera:0', mount: {xyz: [0, 0, 1]}%s}}\n"


def run(code: int, *arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(["calibrate", *arguments])
    assert end.value.code == code


def test_a_folder_of_views_becomes_a_calibration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "views").mkdir()
    for number, image in enumerate(views(Board(), 11)):
        cv2.imwrite(str(tmp_path / f"views/{number:02}.png"), image)
    (tmp_path / "views" / "11.png").write_bytes((tmp_path / "views" / "10.png").read_bytes())
    file = tmp_path / "rover.yaml"
    file.write_text(ROBOT % "")
    folder = str(tmp_path / "views")
    run(0, str(file), "--images", folder)
    said = capsys.readouterr()
    assert "reprojection error 0." in said.out and "% of the image" in said.out
    assert "11.png: left out: it is as one before" in said.err
    file.write_text(ROBOT % ", calibration: camera.calibration.yaml")
    lens = read_config(file).places().cameras["camera"].intrinsics
    assert (lens.fx, lens.fy) == pytest.approx((MATRIX[0, 0], MATRIX[1, 1]), rel=0.01)
    run(2, str(file), "--images", folder)
    assert "camera.calibration.yaml exists already" in capsys.readouterr().err
    run(2, str(file), "--images", folder, "--force", "--board", "6x7")
    assert "0 different views of the board: 10 are needed" in capsys.readouterr().err


def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rover.yaml"
    file.write_text("streams: {camera: {source: 'camera:0'}, rear: {source: 'camera:1'}}\n")
    for arguments, words in (
        ([], "name the robot's file"),
        ([str(file)], "name the camera with --stream: the robot has camera, rear"),
        ([str(file), "--stream", "eye"], "no camera 'eye'; it has camera, rear"),
        ([str(file), "--stream", "rear", "--images", str(tmp_path / "none")], "is not a folder"),
        ([str(file), "--stream", "rear", "--images", str(tmp_path)], "holds no images"),
        ([str(file), "--board", "five"], "such as 5x7"),
    ):
        run(2, *arguments)
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1


def test_a_video_of_the_board_is_a_camera(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    video = cv2.VideoWriter(str(tmp_path / "board.avi"), codec, 10.0, (640, 480))
    for image in views(Board(), 2):
        for _ in range(3):
            video.write(image)
    video.release()
    file = tmp_path / "rover.yaml"
    file.write_text("streams: {camera: {source: 'video:board.avi', speed: 1}}\n")
    run(2, str(file))
    said = capsys.readouterr()
    assert "view 1 of 20" in said.out
    assert "different views of the board: 10 are needed" in said.err


def test_a_board_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "board.png"
    run(0, "--print-board", str(file), "--board", "4x6", "--square", "0.03", "--marker", "0.02")
    assert "it has 30 mm" in capsys.readouterr().out and file.stat().st_size > 1000
    run(2, "--print-board", str(file))
    assert "exists already" in capsys.readouterr().err
