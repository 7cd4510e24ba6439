"""SimHome as a process of its own, in real time: sensors, robot and house on loopback ports.

The process steps the home, publishes its sensors over ZeroMQ (`wire.py`), takes commands for the
robot and serves the house API over HTTP. It ends with its parent, however that ends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import select
import socket as sockets
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Self

from sensebind.errors import ConfigurationError
from sensebind.perception.process import start_module
from sensebind.perception.simhome.loopback import remove_private
from sensebind.perception.simhome.options import SimHomeOptions, dump_options
from sensebind.perception.simhome.scene import Scene

_PROCESS = "sensebind.perception.simhome.process"
_RAYS_ONLY = {"MUJOCO_GL": "disable"}  # keeps the simulator from importing OpenGL
_START_SECONDS = 60.0  # importing on a loaded machine takes a while
_STOP_SECONDS = 1.5


class SimHomeServer:
    """Starts and stops a SimHome process.

    Use it as a context manager, or call `start` and `stop`.

    Args:
        options: What to serve; a scene or a seed alone takes the defaults.

    Raises:
        ConfigurationError: A rate is out of range.
    """

    def __init__(self, options: SimHomeOptions | Scene | int) -> None:
        if not isinstance(options, SimHomeOptions):
            options = SimHomeOptions(options)
        for rate in (options.camera_rate, options.lidar_rate):
            if not 0 < rate <= 60:
                raise ConfigurationError(f"a sensor rate of {rate} Hz; give one up to 60 Hz")
        self._options = options
        self._kill_at = math.inf  # monotonic time at which a process that is to end is killed
        self._folder: Path | None = None  # of the robot's socket, where the options name none
        self._process: subprocess.Popen[bytes] | None = None
        self._control: sockets.socket | None = None
        self._addresses: dict[str, str] = {}

    @property
    def sensors(self) -> str:
        """Address for `SimHomeSource`, such as "tcp://127.0.0.1:5601"; "" before `start`."""
        return self._addresses.get("sensors", "")

    @property
    def robot(self) -> str:
        """Address for `RobotClient`; "" before `start`."""
        return self._addresses.get("robot", "")

    @property
    def house(self) -> str:
        """Base URL of the house API, such as "http://127.0.0.1:8000"; "" before `start`."""
        return self._addresses.get("house", "")

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int:
        """Number of the process; 0 before `start`."""
        process = self._process
        return process.pid if process is not None else 0

    def start(self) -> None:
        """Starts the process; returns when all three addresses serve, the sensors before that.

        Raises:
            ConfigurationError: It did not come up, for instance because a port is in use.
        """
        if self._process is not None:
            raise ConfigurationError("this SimHome server was started already; stop it first")
        if not self._options.robot_path:
            self._folder = Path(tempfile.mkdtemp(prefix="sensebind-home-"))  # of mode 0700
            self._options = replace(self._options, robot_path=str(self._folder / "robot"))
        self._kill_at = math.inf
        self._control, theirs = sockets.socketpair()
        with theirs:  # closed here, so that the end of the process is seen as the end of the line
            number = theirs.fileno()
            self._process = start_module(_PROCESS, [str(number)], [number], _RAYS_ONLY)
        try:
            answer = self._first_word()
        except BaseException:  # Ctrl-C too: the process must not be left alone
            self.stop()
            raise
        if "error" in answer:
            self.stop()
            refusal = ConfigurationError(f"SimHome did not start: {answer['error']}")
            passing = OSError(errno.EADDRINUSE, "Address already in use")
            raise refusal from passing if answer.get("passing") else None
        self._addresses = answer

    def _first_word(self) -> dict[str, str]:
        assert self._control is not None and self._process is not None
        self._control.settimeout(_START_SECONDS)
        try:
            with self._control.makefile("rb") as answers, contextlib.suppress(ConnectionError):
                self._control.sendall(dump_options(self._options))
                if line := answers.readline():
                    return json.loads(line)
        except TimeoutError:
            return {"error": f"no sign of life within {_START_SECONDS:g} s"}
        return {"error": f"its process ended with code {self._process.wait()}"}

    def wait(self, timeout: float) -> bool:
        """Waits for the process to end, which is noticed at once.

        Args:
            timeout: Seconds after which the wait is over.

        Returns:
            Whether it has ended, or was never started.
        """
        process, control = self._process, self._control
        if process is None or control is None:
            return True
        poll = select.poll()
        poll.register(control, select.POLLIN)
        if poll.poll(1000 * timeout):  # it has nothing more to say, so this is its end
            process.wait()
        return process.poll() is not None

    def end(self) -> None:
        """Has the process end, without waiting for it."""
        if self._control is not None:
            self._kill_at = min(self._kill_at, time.monotonic() + _STOP_SECONDS)
            with contextlib.suppress(OSError):
                self._control.shutdown(sockets.SHUT_WR)

    def stop(self) -> None:
        """Ends the process and waits for it; a server that was not started is left alone."""
        self.end()
        process, control = self._process, self._control
        self._process = self._control = None
        self._addresses = {}
        if control is not None:
            control.close()  # the process ends itself when its parent is gone
        if process is not None:
            try:
                process.wait(max(self._kill_at - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._folder is not None:
            remove_private(self._folder / "robot")
            self._folder = None
            self._options = replace(self._options, robot_path="")

    def __enter__(self) -> Self:
        """Starts the process; see `start`."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process."""
        self.stop()
