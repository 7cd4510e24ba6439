"""SimHome as a process of its own, in real time: sensors, robot and house on loopback ports.

The process steps the home, publishes its sensors over ZeroMQ (`wire.py`), takes commands for the
robot and serves the house API over HTTP. It ends with its parent, however that ends.
"""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Self

from sensebind.errors import ConfigurationError
from sensebind.perception.percept import unpack_header
from sensebind.perception.simhome.options import SimHomeOptions
from sensebind.perception.simhome.scene import Scene

_START_SECONDS = 60.0  # importing on a loaded machine takes a while
_STOP_SECONDS = 5.0


class SimHomeServer:
    """Starts and stops a SimHome process.

    Use it as a context manager, or call `start` and `stop`. As with every spawned process, a
    script that does so keeps its own work behind `if __name__ == "__main__"`.

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
        self._process: BaseProcess | None = None
        self._control: Connection | None = None
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
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int:
        """Number of the process; 0 before `start`."""
        return (self._process.pid or 0) if self._process is not None else 0

    def start(self) -> None:
        """Starts the process; returns when all three addresses serve.

        Raises:
            ConfigurationError: It did not come up, for instance because a port is in use.
        """
        if self._process is not None:
            raise ConfigurationError("this SimHome server was started already; stop it first")
        context = multiprocessing.get_context("spawn")
        self._control, theirs = context.Pipe()
        process = self._process = context.Process(
            target=_serve, args=(theirs, self._options), name="simhome", daemon=True
        )
        process.start()
        theirs.close()  # so that the end of the process is seen as the end of the pipe
        try:
            answer = self._first_word()
        except BaseException:  # Ctrl-C too: the process must not be left alone
            self.stop()
            raise
        if "error" in answer:
            self.stop()
            raise ConfigurationError(f"SimHome did not start: {answer['error']}")
        self._addresses = answer

    def _first_word(self) -> dict[str, str]:
        assert self._control is not None and self._process is not None
        if not self._control.poll(_START_SECONDS):
            return {"error": f"no sign of life within {_START_SECONDS:g} s"}
        try:
            return unpack_header(self._control.recv_bytes())
        except EOFError:
            self._process.join(_STOP_SECONDS)
            return {"error": f"its process ended with code {self._process.exitcode}"}

    def stop(self) -> None:
        """Ends the process and waits for it; a server that was not started is left alone."""
        process, control = self._process, self._control
        self._process = self._control = None
        self._addresses = {}
        if control is not None:
            control.close()  # the process ends itself when its parent is gone
        if process is None:
            return
        process.join(_STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()

    def __enter__(self) -> Self:
        """Starts the process; see `start`."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process."""
        self.stop()


def _serve(control: Connection, options: SimHomeOptions) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who then stops us
    # Imported by the child only: its parent needs no simulator and no web server.
    from sensebind.perception.simhome.process import serve

    serve(control, options)
