"""A process that imports torch once and then forks workers within milliseconds.

A fresh interpreter needs seconds to import torch on a busy machine; a robot should not be blind
that long. The supervisor starts this launcher (a fresh process, without any of the agent's threads
and sockets) and asks it over a socket pair, in lines of JSON, to start and kill workers. The
launcher is single-threaded and opens nothing that a fork must not share. Workers end with the
launcher, and the launcher ends with the supervisor, so no process is ever left over.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket as sockets
import sys
import time
from dataclasses import dataclass
from typing import Any, NoReturn

from sensebind.perception.specs import WorkerSpec
from sensebind.perception.worker import die_with_parent, run_worker

STOP_SECONDS = 2.0  # of grace; all is over within three
_MAX_LINE = 1024 * 1024


@dataclass(slots=True)
class _Child:
    name: str
    complaint: int  # read end of the pipe for its last words


class Launcher:
    """Forks workers on request, reports when they end, and takes them along when it ends."""

    def __init__(self, control: sockets.socket) -> None:
        self._control = control
        self._children: dict[int, _Child] = {}
        self._pending = b""

    def serve(self) -> None:
        """Obey until the other end of the control socket is closed, then end all workers."""
        bell, ear = sockets.socketpair()
        bell.setblocking(False)
        ear.setblocking(False)
        signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # its wakeup byte is what counts
        self._private = (bell, ear, self._control)
        with selectors.DefaultSelector() as selector:
            selector.register(ear, selectors.EVENT_READ)
            selector.register(self._control, selectors.EVENT_READ)
            with contextlib.suppress(ConnectionError):
                while True:
                    for key, _ in selector.select():
                        if key.fileobj is ear:
                            ear.recv(4096)
                        elif not self._obey():
                            self._end_all()
                            return
                    self._reap()
        self._end_all()

    def _obey(self) -> bool:
        """Read commands and carry them out; False when nobody is there to give any."""
        data = self._control.recv(65536)
        self._pending += data
        *lines, self._pending = self._pending.split(b"\n")
        if not data or len(self._pending) > _MAX_LINE:
            return False
        for line in lines:
            command = json.loads(line)
            if "start" in command:
                self._start(command["start"], command["workers"], command["restarts"])
            for word, number in (("kill", signal.SIGKILL), ("end", signal.SIGTERM)):
                if command.get(word) in self._children:  # not reaped, so it is no other process
                    os.kill(command[word], number)
        return True

    def _start(self, name: str, workers: list[dict[str, Any]], restarts: int) -> None:
        specs = [WorkerSpec.model_validate(worker) for worker in workers]
        read, write = os.pipe()
        launcher = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self._become_worker(specs, restarts, write, launcher)
        os.close(write)
        os.set_blocking(read, False)
        self._children[pid] = _Child(name, read)
        self._say({"started": name, "pid": pid})

    def _become_worker(
        self, specs: list[WorkerSpec], restarts: int, complaint: int, launcher: int
    ) -> NoReturn:
        """Run the worker in the forked process; never returns into the launcher's loop."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            die_with_parent(launcher)
            for private in self._private:
                private.close()
            for child in self._children.values():
                os.close(child.complaint)
            code = run_worker(specs, lambda text: _write(complaint, text), restarts)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def _reap(self) -> None:
        """Report the workers that have ended."""
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self._children.pop(pid)
            words = ""
            with contextlib.suppress(BlockingIOError):
                words = os.read(child.complaint, 4096).decode("utf-8", "replace")
            os.close(child.complaint)
            code = os.waitstatus_to_exitcode(status)
            self._say({"ended": child.name, "pid": pid, "code": code, "words": words})

    def _end_all(self) -> None:
        """Let the workers finish, and kill those that do not."""
        for pid in self._children:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._children and time.monotonic() < deadline:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            self._children.pop(pid, None)
            if pid == 0:
                time.sleep(0.01)
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._children.clear()

    def _say(self, message: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(message).encode() + b"\n")


def _write(pipe: int, text: str) -> None:
    os.write(pipe, text.encode()[:4000])


def main(arguments: list[str]) -> int:
    """Run `python -m sensebind.perception.launcher CONTROL_FD DIRECTORY [MODULE ...]`.

    The directory, where the workers' sockets are, is removed at the end, as nobody else may be left
    to do so.
    """
    # Ctrl-C, or a SIGTERM to a whole group, is for the supervisor, who then closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control = sockets.socket(fileno=int(arguments[0]))
    for module in arguments[2:]:
        with contextlib.suppress(ImportError):  # the worker that needs it says so in its own words
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # keeps the collector of a worker from copying the pages that all share
    Launcher(control).serve()
    shutil.rmtree(arguments[1], ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
