"""Cameras on the network of this machine: real streams through OpenCV's readers."""

import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket

import cv2
import numpy as np
import pytest

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
        first = camera.read()
        time.sleep(0.6)
        second = camera.read()  # even in order: a camera keeps no older one
        assert second.sequence > first.sequence + 5
        assert time.monotonic() - second.monotonic < 0.3
        assert camera.dropped >= second.sequence - first.sequence - 1


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
    camera = Camera(f"http://127.0.0.1:{mjpeg.port}/", "camera", timeout=1.0)
    with camera:
        assert camera.read().data.shape == (48, 64, 3)
        mjpeg.unplug()
        with pytest.raises(SourceError, match="gives no pictures"):
            for _ in range(100):
                camera.read(3.0)
    with pytest.raises(SourceError, match="no stream within 1 s"), camera:
        raise AssertionError("a camera that is off was opened")
    again = MjpegCamera(mjpeg.port)
    try:
        with camera:
            assert camera.read().sequence > 0
    finally:
        again.unplug()


def test_rtsp() -> None:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if not Path("/usr/bin/python3").exists():
        pytest.skip("no system python3 for the RTSP server")
    server = subprocess.Popen(
        ["/usr/bin/python3", str(RTSP_SERVER), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not server.stdout or server.stdout.readline() != b"ready\n":
            pytest.skip("no RTSP server: apt install gir1.2-gst-rtsp-server-1.0 python3-gi")
        with Camera(f"rtsp://127.0.0.1:{port}/camera", "camera", timeout=5.0) as camera:
            seen = [camera.read() for _ in range(5)]
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
