"""Real devices that go away and come back: how soon is it told, and does the stream resume?

A robot listens to an RTSP camera (GStreamer's server), a microphone of PulseAudio (a pipe source)
and a VLP-16 (packets to its data sheet over UDP), all on this machine. One after the other is
switched off for `--seconds` and on again. A stream is marked gone when its heartbeat says that it
waits for its device, which may take the device's own timeout and a second; it has resumed with the
first percept that was captured after the device was back. Meanwhile the others must go on.

Needs `pip install 'sensebind[microphone,lidar]'` and Debian's pulseaudio, libportaudio2,
libasound2-plugins, python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-base and -good.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from report import AtMost, Parser, Row, run

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.monitor import StreamRow
from sensebind.agent.robot.robot import Robot
from sensebind.errors import MissingDependencyError, SenseBindError

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))
from fixtures.vlp16 import (  # noqa: E402  # pyright: ignore[reportMissingImports]
    PACKET_SECONDS,
    packets,
    room,
)

TIMEOUTS = {"camera": 2.0, "microphone": 1.0, "lidar": 1.0}  # of the devices, seconds
FRESH_MS = 1500.0  # age of what a stream shows while its device is there
PATIENCE = 60.0
SOUND_RATE = 48_000


class Device(Protocol):
    """Something that can be switched off and on, and is off at the end of its context."""

    def on(self) -> None: ...
    def off(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class Camera:
    """An RTSP server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: subprocess.Popen[bytes] | None = None

    def on(self) -> None:
        script = str(TESTS / "fixtures" / "rtsp_server.py")
        self._server = subprocess.Popen(
            ["/usr/bin/python3", script, str(self._port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if not self._server.stdout or self._server.stdout.readline() != b"ready\n":
            raise MissingDependencyError("no RTSP server: see --help for the packages")

    def off(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.communicate()

    def __enter__(self) -> Self:
        self.on()
        return self

    def __exit__(self, *_: object) -> None:
        self.off()


class Microphone:
    """A PulseAudio server whose one microphone is a pipe, fed with a tone."""

    def __init__(self, folder: Path) -> None:
        self._pipe, self._address = folder / "pipe", folder / "native"
        os.environ |= {"XDG_RUNTIME_DIR": str(folder), "PULSE_SERVER": f"unix:{self._address}"}
        self._module = ""
        self._ended = threading.Event()
        self._feeder = threading.Thread(target=self._feed, daemon=True)

    def __enter__(self) -> Self:
        try:
            self._server = subprocess.Popen(
                [
                    "pulseaudio",
                    "-n",
                    "--daemonize=no",
                    "--exit-idle-time=-1",
                    "--use-pid-file=no",
                    "--disallow-exit",
                    f"--load=module-native-protocol-unix socket={self._address} auth-anonymous=1",
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise MissingDependencyError("no PulseAudio: apt install pulseaudio") from None
        _await(self._address.exists, "PulseAudio did not start")
        self._feeder.start()
        self.on()
        return self

    def on(self) -> None:
        loaded = ["load-module", "module-pipe-source", "source_name=pipe", f"file={self._pipe}"]
        loaded += ["format=s16le", f"rate={SOUND_RATE}", "channels=1"]
        self._module = self._pactl(*loaded)

    def off(self) -> None:
        self._pactl("unload-module", self._module)

    def _pactl(self, *words: str) -> str:
        done = subprocess.run(["pactl", *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def _feed(self) -> None:
        """Write without a pause while there is a pipe: PulseAudio stalls when nothing comes."""
        while not self._ended.wait(0.02):
            with contextlib.suppress(OSError), self._pipe.open("r+b", buffering=0) as pipe:
                os.set_blocking(pipe.fileno(), False)
                begun, written = time.monotonic(), 0
                while self._pipe.exists() and not self._ended.wait(0.005):
                    due = int((time.monotonic() - begun + 0.05) * SOUND_RATE)
                    tone = np.sin(2 * np.pi * 440 * np.arange(written, due) / SOUND_RATE)
                    pipe.write((8192 * tone).astype("<i2").tobytes())  # what is too much is lost
                    written = due

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._feeder.join()
        self._server.kill()
        self._server.wait()


class Lidar:
    """A VLP-16 that sends its packets in real time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._turns = list(packets(room(), turns=4))
        self._ended = threading.Event()

    def on(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, args=(self._ended,), daemon=True)
        self._thread.start()

    def off(self) -> None:
        self._ended.set()
        self._thread.join()

    def _send(self, ended: threading.Event) -> None:
        begun, sent = time.monotonic(), 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not ended.wait(0.01):
                due = int((time.monotonic() - begun) / PACKET_SECONDS)
                for number in range(sent, due):
                    packet = self._turns[number % len(self._turns)]
                    out.sendto(packet, ("127.0.0.1", self._port))
                sent = due

    def __enter__(self) -> Self:
        self.on()
        return self

    def __exit__(self, *_: object) -> None:
        self.off()


def measure(only: list[str] | None, seconds: float, checkpoint: Path | None) -> list[Row]:
    """Switch each device off and on."""
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sensebind-devices-")))
        rtsp, udp = _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM)
        make: dict[str, Callable[[], Device]] = {
            "camera": lambda: Camera(rtsp),
            "microphone": lambda: Microphone(folder),
            "lidar": lambda: Lidar(udp),
        }
        targets: dict[str, dict[str, Any]] = {
            "camera": {"source": f"camera:rtsp://127.0.0.1:{rtsp}/camera"},
            "microphone": {"source": "microphone:pulse", "hop": 0.5},
            "lidar": {"source": f"velodyne:127.0.0.1:{udp}"},
        }
        devices = {name: stack.enter_context(make[name]()) for name in only or make}
        streams = {
            name: {"source": targets[name] | {"timeout": TIMEOUTS[name]}, "threshold": 0}
            for name in devices
        }
        config = {"checkpoint": checkpoint, "streams": streams, "frames": None}
        robot = stack.enter_context(Robot(RobotConfig.model_validate(config)))
        for name, device in devices.items():
            rows += _trial(robot, name, device, seconds)
    return rows


def _trial(robot: Robot, name: str, device: Device, seconds: float) -> list[Row]:
    def rows() -> dict[str, StreamRow]:
        return {row.stream: row for row in robot.monitor.rows()}

    def fresh(row: StreamRow) -> bool:
        return row.state == "running" and row.age_ms < FRESH_MS

    _await(lambda: all(map(fresh, rows().values())), "not all streams came up")
    begun = time.monotonic()
    device.off()
    _await(lambda: rows()[name].state == "waiting", f"nobody noticed that the {name} is gone")
    marked, oldest = time.monotonic() - begun, 0.0
    while time.monotonic() < begun + seconds:
        oldest = max([oldest, *(row.age_ms for key, row in rows().items() if key != name)])
        time.sleep(0.05)
    back = time.monotonic()
    device.on()
    _await(
        lambda: rows()[name].age_ms / 1000 < time.monotonic() - back, f"the {name} did not resume"
    )
    resumed = time.monotonic() - back
    named = f"{name}, off for {seconds:g} s"
    return [
        AtMost(f"{named}: marked gone after, s", marked, TIMEOUTS[name] + 1, 1),
        Row(f"{named}: resumed after, s", resumed, None, 1),
        AtMost(f"{named}: age of the others at most, ms", oldest, FRESH_MS, 1),
    ]


def _await(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SenseBindError(f"{otherwise} within {PATIENCE:g} s")
        time.sleep(0.02)


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--seconds", 10.0, 4.0, "that a device is off")
    parser.add_argument("--only", action="append", choices=TIMEOUTS, help="may be repeated")
    parser.add_argument("--checkpoint", type=Path, help="the embedded one")
    return run(parser, lambda o: measure(o.only, o.seconds, o.checkpoint))


if __name__ == "__main__":
    sys.exit(main())
