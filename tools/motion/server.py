"""Starts the driving process, keeps it alive, and shows it that somebody looks after it."""

from __future__ import annotations

import logging
import shutil
import socket as sockets
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from sensebind.errors import ConfigurationError
from sensebind.perception.process import start_module
from sensebind.tools.motion.settings import MotionSettings, dump_settings

log = logging.getLogger(__name__)

_PROCESS = "sensebind.tools.motion.process"
_WISHES = 128  # about the lidar, after which they are counted from 0 again
_BEAT_SECONDS = 0.06
_START_SECONDS = 30.0  # importing on a loaded machine takes a while
_STOP_SECONDS = 2.5  # for the base to come to stand, which stands by itself if this is not enough
_CLOSE_SECONDS = 4.0  # for the robot to stand and the lidar to be closed, when it is paused
_PAUSE = 1.0  # seconds from one start to the next
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class MotionServer:
    """The driving process. A context manager; leaving it stops the base and ends the process.

    A thread shows the process every 60 ms that this one is alive. When it hangs or is stopped, the
    robot stands within the lease and moves again only when the beats are back; when it ends,
    however that happens, the process stops the base and ends, too. A process that ends is started
    again.

    Args:
        settings: How to drive.
        path: Socket for clients, of mode 0600; by default in a private directory.
        paused: Whether the lidar stays closed at first, see `pause`.

    Raises:
        ConfigurationError: A setting is out of range.

    Attributes:
        starts: How many times the process has been started.

    Example:
        ```python
        with MotionServer(settings) as server, MotionClient(server.address) as robot:
            tools = motion_tools(Motion(robot))
        ```
    """

    def __init__(
        self, settings: MotionSettings, path: Path | None = None, paused: bool = False
    ) -> None:
        self._settings = settings.check()
        self._lock = threading.Condition()
        self._wish = int(paused)  # twice its number, and 1 where the lidar is to be closed
        self._fulfilled = -1  # the wish that the process has fulfilled last
        self._runs = False
        self._path = path
        self._own: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._control: sockets.socket | None = None
        self._stop = threading.Event()
        self._kill_at = 0.0  # monotonic time at which a process that is to end is killed
        self._thread: threading.Thread | None = None
        self.starts = 0

    @property
    def address(self) -> Path:
        """Path of the socket for clients.

        Raises:
            ConfigurationError: The process has not been started.
        """
        if self._path is None:
            raise ConfigurationError("the driving process has not been started")
        return self._path

    @property
    def pid(self) -> int:
        """Process id; 0 while it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    def __enter__(self) -> Self:
        """Start the process.

        Raises:
            ConfigurationError: It did not come up; the message says why.
        """
        if self._thread is not None:
            raise ConfigurationError("this driving process was started already")
        if self._path is None:
            self._own = Path(tempfile.mkdtemp(prefix="sensebind-motion-"))  # of mode 0700
            self._path = self._own / "socket"
        self._stop.clear()
        try:
            self._start()
        except BaseException:  # Ctrl-C, too: no process may be left alone
            self._end()
            raise
        self._thread = threading.Thread(target=self._look_after, name="motion-server", daemon=True)
        self._thread.start()
        return self

    def begin_to_end(self) -> None:
        """Have the process stop the base and end, without waiting for it."""
        if not self._stop.is_set():
            self._kill_at = time.monotonic() + _STOP_SECONDS
        self._stop.set()
        if (control := self._control) is not None:
            with suppress(OSError):
                control.shutdown(sockets.SHUT_WR)

    def __exit__(self, *_: object) -> None:
        """Stop the base and end the process."""
        self.begin_to_end()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._end()

    def pause(self, paused: bool) -> None:
        """Close the lidar and keep it closed, or open it again.

        The robot stands before its lidar is closed, and does not drive until it is open again. A
        process that does not close it in time is killed, whereupon the base stands by itself, and
        started again with the lidar closed. To open it is not waited for.

        Args:
            paused: Whether it is to be closed.
        """
        with self._lock:
            self._wish = wish = 2 * ((self._wish // 2 + 1) % _WISHES) + paused
            if not paused or self._lock.wait_for(lambda: self._is_over(wish), _CLOSE_SECONDS):
                return
            process = self._process
        log.error("the driving process does not close the lidar: it is killed, and started again")
        if process is not None:
            process.kill()
            process.wait()

    def _is_over(self, wish: int) -> bool:
        """Whether a wish was fulfilled, or need not be: the next process starts with it."""
        return not self._runs or self._fulfilled == wish or self._wish != wish

    def _note(self, *, runs: bool, fulfilled: int) -> int:
        """Note what the process does; returns what it is to do."""
        with self._lock:
            self._runs, self._fulfilled = runs, fulfilled
            self._lock.notify_all()
            return self._wish

    def _start(self) -> None:
        self._control, theirs = sockets.socketpair()
        wish = self._note(runs=True, fulfilled=-1)
        with theirs:  # closed here, so that the end of the process is the end of the line
            number = theirs.fileno()
            self._process = start_module(
                _PROCESS,
                [str(number), str(self.address), str(wish)],
                [number],
                _ONE_THREAD,
            )
        self.starts += 1
        self._control.settimeout(_START_SECONDS)
        answer = b""
        try:
            self._control.sendall(dump_settings(self._settings))
            with self._control.makefile("rb", buffering=0) as lines:
                answer = lines.readline()
        except TimeoutError:
            answer = f"error no sign of life within {_START_SECONDS:g} s".encode()
        except OSError:
            pass
        if answer != b"ready\n":
            why = answer.decode(errors="replace").removeprefix("error ").strip()
            code = self._process.wait() if not why else 0
            raise ConfigurationError(
                f"the driving process did not start: {why or f'it ended with code {code}'}"
            )
        self._control.settimeout(0.0)

    def _look_after(self) -> None:
        """Beat, and start the process again when it has ended."""
        started = time.monotonic()
        while not self._stop.wait(_BEAT_SECONDS):
            if self._beat():
                continue
            log.warning("the driving process ended, starting it again")
            if self._stop.wait(max(0.0, started + _PAUSE - time.monotonic())):
                return
            started = time.monotonic()
            self._end(keep=True)
            try:
                self._start()
            except (ConfigurationError, OSError) as error:  # as when no descriptors are left
                log.warning("the driving process: %s", error)

    def _beat(self) -> bool:
        """Show that this process lives; returns whether the other one does."""
        control = self._control
        if control is None:
            return False
        try:
            control.send(bytes([self._wish]))
        except BlockingIOError:  # it is stopped; it finds all beats when it goes on
            return True
        except OSError:
            return False
        try:
            said = control.recv(4096)
        except BlockingIOError:  # it has nothing to say
            return True
        except OSError:
            return False
        if said:
            self._note(runs=True, fulfilled=said[-1])
        return bool(said)

    def _end(self, keep: bool = False) -> None:
        process, control = self._process, self._control
        self._process = self._control = None
        if control is not None:
            control.close()  # it stops the base and ends
        if process is not None:
            try:
                ends = self._kill_at - time.monotonic() if self._stop.is_set() else _STOP_SECONDS
                process.wait(max(ends, 0.0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._note(runs=False, fulfilled=-1)
        if not keep and self._own is not None:
            with suppress(OSError):
                shutil.rmtree(self._own)
            self._own = self._path = None
