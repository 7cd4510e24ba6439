"""A process that imports torch once and then forks workers within milliseconds.

A fresh interpreter needs seconds to import torch on a busy machine; a robot should not be blind
that long. The supervisor starts this launcher (a fresh process, without any of the agent's threads
and sockets) and asks it over a socket pair (`launch_messages`) to start and kill workers, and to
fork a spare of itself, with a socket of its own, that takes its place when it is killed. The
launcher is single-threaded and opens nothing that a fork must not share. Workers end with the
launcher, and the launcher and its spare end with the supervisor, so no process is ever left over.

The fork server of the standard library (`multiprocessing`) imports once, too, but has no spare:
when it is killed, the next process waits until a fresh one has imported torch again.
`benchmarks/recovery.py` kills both; the standard library's was gone for 25 and 27 s, on two cores
with seventeen other processes at work. It also takes its orders as pickles.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import os
import selectors
import shutil
import signal
import socket as sockets
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from sensebind.errors import MessageError
from sensebind.perception.workers.launch_messages import (
    COMMANDS,
    Answer,
    Command,
    End,
    Ended,
    Kill,
    Lines,
    Ready,
    Spare,
    Start,
    Started,
    encode,
)
from sensebind.perception.workers.spec import EXIT_LACK, WorkerSpec
from sensebind.perception.workers.worker import die_with_parent, run_worker

log = logging.getLogger(__name__)

_NICE = 3  # encoders come after what drives the robot, and after what stops it
STOP_SECONDS = 1.0  # of grace for workers that are to end; then they are killed
_MAX_PASSED = 2  # a spare's control socket and lifeline


@dataclass(slots=True)
class _Child:
    name: str
    complaint: int  # read end of the pipe for its last words


class Launcher:
    """Forks workers on request, reports when they end, and takes them along when it ends.

    Args:
        control: To the supervisor.
        lifeline: Write end of a pipe that its workers hold open, too, and nobody else: when it
            closes, all of them are gone.
        maker: Process id of the launcher that this one is a spare of; 0 for none.
    """

    def __init__(self, control: sockets.socket, lifeline: int, maker: int = 0) -> None:
        self._control = control
        self._lifeline = lifeline
        self._maker = maker
        self._children: dict[int, _Child] = {}
        self._lines = Lines(COMMANDS)
        self._passed: list[int] = []  # file descriptors for a spare

    @property
    def spare(self) -> bool:
        """Whether the launcher that it is a spare of still lives."""
        return self._maker != 0 and os.getppid() == self._maker

    def serve(self) -> Launcher | None:
        """Obey until the other end of the control socket is closed, then end all workers.

        Returns:
            None; but in a process that was forked to be the spare, its launcher, to be served next.
        """
        with _bell() as (ring, ear), selectors.DefaultSelector() as selector:
            self._private = (ring, ear, self._control)
            selector.register(ear, selectors.EVENT_READ)
            selector.register(self._control, selectors.EVENT_READ)
            with contextlib.suppress(ConnectionError):
                self._say(Ready(os.getpid()))
                while True:
                    ready = {key.fileobj for key, _ in selector.select()}
                    if ear in ready:
                        ear.recv(4096)
                    if self._control in ready:
                        if (commands := self._hear()) is None:
                            break
                        for command in commands:
                            if (spare := self._obey(command)) is not None:
                                return spare
                    self._reap()
        self._end_all()
        return None

    def _hear(self) -> list[Command] | None:
        """Read the commands that have come; None when nobody is there to give any."""
        data, passed, _, _ = sockets.recv_fds(self._control, 65536, _MAX_PASSED)
        for descriptor in passed:
            os.set_inheritable(descriptor, False)
        self._passed += passed
        try:
            return self._lines.take(data) if data else None
        except MessageError as error:
            log.error("a launcher ends, and its workers with it: %s", error)
            return None

    def _obey(self, command: Command) -> Launcher | None:
        """Carry out a command; returns a launcher in a process that was forked to be the spare."""
        match command:
            case Start(name, workers, restarts):
                self._start(name, workers, restarts)
            case Spare():
                return self._fork_spare()
            case End(pid) | Kill(pid):
                if pid in self._children:  # not reaped, so it is not another process
                    os.kill(pid, signal.SIGTERM if isinstance(command, End) else signal.SIGKILL)
        return None

    def _fork_spare(self) -> Launcher | None:
        """Fork; returns a launcher with the descriptors that were passed in the forked process."""
        passed, self._passed = self._passed, []
        if len(passed) != _MAX_PASSED:  # none were free here: its other ends are closed soon
            log.warning("no spare launcher can be forked: too few descriptors are free")
            for descriptor in passed:
                os.close(descriptor)
            return None
        control, lifeline = passed
        launcher = os.getpid()
        try:
            if os.fork() == 0:
                self._leave()
                os.close(self._lifeline)
                return Launcher(sockets.socket(fileno=control), lifeline, launcher)
        except OSError as error:  # the workers run without a spare as well
            log.warning("no spare launcher can be forked: %s", error.strerror)
        os.close(control)
        os.close(lifeline)
        return None

    def _start(self, name: str, workers: Sequence[str], restarts: int) -> None:
        specs = [WorkerSpec.model_validate(json.loads(worker)) for worker in workers]
        launcher = os.getpid()
        try:
            read, write = os.pipe()
        except OSError as error:
            self._cannot_start(name, error)
            return
        try:
            pid = os.fork()
        except OSError as error:
            os.close(read)
            os.close(write)
            self._cannot_start(name, error)
            return
        if pid == 0:
            os.close(read)
            self._become_worker(specs, restarts, write, launcher)
        os.close(write)
        os.set_blocking(read, False)
        self._children[pid] = _Child(name, read)
        self._say(Started(name, pid))

    def _cannot_start(self, name: str, error: OSError) -> None:
        """Report that a worker could not even be forked; the others run on."""
        words = f"its process cannot be started: {error.strerror}"
        self._say(Ended(name, EXIT_LACK, words))

    def _become_worker(
        self, specs: list[WorkerSpec], restarts: int, complaint: int, launcher: int
    ) -> NoReturn:
        """Run the worker in the forked process; never returns into the launcher's loop."""
        code = 1
        try:
            self._leave()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            die_with_parent(launcher)
            os.nice(_NICE)
            code = run_worker(specs, lambda text: _write(complaint, text), restarts)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def _leave(self) -> None:
        """Give up, in a forked process, what belongs to the launcher alone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for private in self._private:
            private.close()
        # Of a spare whose command came together with the one that is carried out: its end would
        # not be noticed while a worker holds them.
        for descriptor in self._passed:
            os.close(descriptor)
        for child in self._children.values():
            os.close(child.complaint)

    def _reap(self) -> None:
        """Report the workers that have ended."""
        while (ended := _waited()) is not None:
            pid, status = ended
            child = self._children.pop(pid, None)
            if child is None:
                continue  # the spare; the supervisor has noticed by its socket
            words = ""
            with contextlib.suppress(BlockingIOError):
                words = os.read(child.complaint, 4096).decode("utf-8", "replace")
            os.close(child.complaint)
            self._say(Ended(child.name, os.waitstatus_to_exitcode(status), words))

    def _end_all(self) -> None:
        """Let the workers finish, and kill those that do not."""
        for pid in self._children:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._children and time.monotonic() < deadline:
            ended = _waited()
            if ended is None:
                time.sleep(0.01)
            else:
                self._children.pop(ended[0], None)
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._children.clear()

    def _say(self, message: Answer) -> None:
        self._control.sendall(encode(message))


@contextlib.contextmanager
def _bell() -> Iterator[tuple[sockets.socket, sockets.socket]]:
    """A pair of sockets whose second can be read when a child has ended.

    The signal is given up before its socket is closed: a child that ends in between would have the
    interpreter complain.
    """
    ring, ear = sockets.socketpair()
    with ring, ear:
        ring.setblocking(False)
        ear.setblocking(False)
        signal.set_wakeup_fd(ring.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # its wakeup byte is what counts
        try:
            yield ring, ear
        finally:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _waited() -> tuple[int, int] | None:
    """Return process id and status of a child that has ended, if there is one."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:  # there are no children
        return None
    return (pid, status) if pid else None


def _write(pipe: int, text: str) -> None:
    os.write(pipe, text.encode()[:4000])


def main(arguments: list[str]) -> int:
    """Run `python -m …fork_server CONTROL_FD LIFELINE_FD DIRECTORY [MODULE ...]`.

    The directory, where the workers' sockets are, is removed at the end, as nobody else may be left
    to do so.
    """
    # Ctrl-C, or a SIGTERM to a whole group, is for the supervisor, who then closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    control, lifeline, directory = int(arguments[0]), int(arguments[1]), arguments[2]
    os.set_inheritable(control, False)
    os.set_inheritable(lifeline, False)
    for module in arguments[3:]:
        with contextlib.suppress(ImportError):  # the worker that needs it says so in its own words
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # keeps the collector of a worker from copying the pages that all share
    launcher = Launcher(sockets.socket(fileno=control), lifeline)
    try:
        while (spare := launcher.serve()) is not None:
            launcher = spare
    except OSError as error:  # such as no descriptor left; the supervisor puts another in its place
        log.warning("a launcher ends: %s", error)
        return 1
    if not launcher.spare:  # a spare leaves that to the launcher that still lives
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # nobody waits until the interpreter has tidied up what it imported
