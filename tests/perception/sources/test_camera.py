"""Cameras on the network of this machine: real streams through OpenCV's readers."""

import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from fixtures.ports import free_port
from fixtures.waiting import PATIENCE, failure_of, until

from sensebind.errors import ConfigurationError, SourceError, StaleError
from sensebind.perception.sources import camera as module
from sensebind.perception.sources.base import Device, Source
from sensebind.perception.sources.camera import Camera
from sensebind.perception.sources.conformance import SourceConformance

FPS = 20
RTSP_SERVER = Path(__file__).parents[2] / "fixtures" / "rtsp_server.py"


class MjpegCamera:
    """An HTTP camera whose pictures grow brighter; it can be unplugged."""

    def __init__(self, port: int = 0, fps: float = FPS) -> None:
        gone = self.gone = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                number = 0
                while not gone.wait(1 / fps):
                    picture = np.full((48, 64, 3), 5 * number % 250, np.uint8)
                    body = cv2.imencode(".jpg", picture)[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}"
                    try:
                        self.wfile.write(head.encode() + b"\r\n\r\n" + body + b"\r\n")
                    except OSError:
                        return
                    number += 1

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def unplug(self) -> None:
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def mjpeg() -> Iterator[MjpegCamera]:
    camera = MjpegCamera()
    yield camera
    camera.unplug()


class TestMjpeg(SourceConformance):
    @pytest.fixture(autouse=True)
    def _camera(self, mjpeg: MjpegCamera) -> None:
        self.port = mjpeg.port

    def make_source(self) -> Source:
        return Camera(f"http://127.0.0.1:{self.port}/stream.mjpg", "camera")


def test_the_newest_picture_only(mjpeg: MjpegCamera) -> None:
    with Camera(f"http://127.0.0.1:{mjpeg.port}/", "camera") as camera:
        seen = [camera.read(PATIENCE)]

        def keeps_no_older_one() -> bool:  # which reading in order would give after a pause
            time.sleep(0.6)
            seen.append(camera.read(PATIENCE))
            new = time.monotonic() - seen[-1].monotonic < 0.3  # or the machine was slow just now
            return new and seen[-1].sequence > seen[-2].sequence + 5

        until(keeps_no_older_one)
        assert camera.dropped >= seen[-1].sequence - seen[0].sequence - len(seen) + 1


@pytest.mark.extended
@pytest.mark.parametrize("fps", [10, 20])
def test_pictures_that_ffmpeg_counts_as_25_a_second_are_not_old(fps: int) -> None:
    """MJPEG over HTTP has no times: FFmpeg numbers its pictures as if there were 25 a second."""
    server = MjpegCamera(fps=fps)
    ages, late = [], 0
    try:
        with Camera(f"http://127.0.0.1:{server.port}/", "camera") as camera:
            begun = time.monotonic()
            while time.monotonic() < begun + 8:
                try:
                    ages.append(time.monotonic() - camera.read_latest(1.0, 1.0).monotonic)
                except StaleError:
                    late += 1
            jumps = camera.clock.jumps
    finally:
        server.unplug()
    assert len(ages) > 20 and np.median(ages[-20:]) < 0.15  # it was 5 and 1.6 s at 118378e
    assert late <= 2 and jumps <= 1  # those of a busy machine


def test_a_camera_that_goes_is_an_error_and_comes_back(mjpeg: MjpegCamera) -> None:
    camera = Camera(f"http://127.0.0.1:{mjpeg.port}/", "camera", timeout=5.0)
    with camera:
        assert camera.read(PATIENCE).data.shape == (48, 64, 3)
        mjpeg.unplug()
        assert "gives no pictures" in failure_of(camera)
    with pytest.raises(SourceError, match="no stream within 5 s"), camera:
        raise AssertionError("a camera that is off was opened")
    again = MjpegCamera(mjpeg.port)
    try:
        with camera:
            assert camera.read(PATIENCE).sequence > 0
    finally:
        again.unplug()


def test_rtsp() -> None:
    port = free_port()
    if not Path("/usr/bin/python3").exists():
        pytest.skip("no system Python for the RTSP server: apt install python3")
    server = subprocess.Popen(
        ["/usr/bin/python3", str(RTSP_SERVER), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not server.stdout or server.stdout.readline() != b"ready\n":
            pytest.skip("no RTSP server: apt install gir1.2-gst-rtsp-server-1.0 python3-gi")
        with Camera(f"rtsp://127.0.0.1:{port}/camera", "camera", timeout=20.0) as camera:
            seen = [camera.read(PATIENCE) for _ in range(5)]
            assert seen[0].data.shape == (48, 64, 3)
            assert (np.diff([one.monotonic for one in seen]) >= 0).all()
            assert any((seen[0].data != one.data).any() for one in seen[1:])
    finally:
        server.kill()
        server.communicate()


@pytest.mark.parametrize("target", ["garden", "ftp://x", "-1", "clip.mp4"])
def test_what_is_no_camera_is_refused(target: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a camera: give an index"):
        Camera(target, "camera")


def test_a_missing_device_names_those_that_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_V4L", tmp_path)
    (tmp_path / "video2").mkdir()
    (tmp_path / "video2" / "name").write_text("Garden Cam\n")
    assert Camera.find() == [Device("camera:/dev/video2", "Garden Cam")]
    words = "/dev/video77 does not exist; cameras here: camera:/dev/video2"
    with pytest.raises(SourceError, match=words), Camera("77", "camera"):
        raise AssertionError("a device that does not exist was opened")


def test_a_password_is_never_shown() -> None:
    camera = Camera("rtsp://me:secret@127.0.0.1:9/x", "camera", timeout=0.2)
    with pytest.raises(SourceError) as caught, camera:
        raise AssertionError("nobody listens there")
    assert "secret" not in str(caught.value) and "127.0.0.1" in str(caught.value)
