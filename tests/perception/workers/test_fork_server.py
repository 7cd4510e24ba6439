"""What the launcher keeps of signals and descriptors, and what its forks do not."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

from sensebind.perception.modality import Modality
from sensebind.perception.workers.launch_messages import (
    ANSWERS,
    Answer,
    Lines,
    Ready,
    Spare,
    Start,
    Started,
    encode,
)
from sensebind.perception.workers.spec import FactorySpec, WorkerSpec

SERVE_AND_LEAVE = """
import os, signal, socket, sys
from sensebind.perception.workers.fork_server import Launcher
launcher = Launcher(socket.socket(fileno=int(sys.argv[1])), lifeline=-1)
launcher.serve()
del launcher  # as at the end of the process: its sockets close
os.kill(os.getpid(), signal.SIGCHLD)  # as when a child ends in that moment
print(signal.set_wakeup_fd(-1), signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL)
"""


def test_a_child_that_ends_after_the_launcher_wakes_nobody() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE_AND_LEAVE, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        assert b"Ready" in ours.recv(4096)
        ours.close()  # nobody is left to give commands
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == ""
    assert out.split() == ["-1", "True"]


SERVE = """
import socket, sys, time
from sensebind.perception.workers import fork_server
fork_server.run_worker = lambda *_: time.sleep(120)
launcher = fork_server.Launcher(socket.socket(fileno=int(sys.argv[1])), lifeline=int(sys.argv[2]))
while launcher is not None:
    launcher = launcher.serve()
"""


def heard(control: socket.socket, kind: type[Answer]) -> Answer:
    lines = Lines(ANSWERS)
    control.settimeout(60.0)
    while True:
        for one in lines.take(control.recv(4096)):
            if isinstance(one, kind):
                return one


def test_a_worker_that_is_started_with_the_spare_holds_nothing_of_it() -> None:
    """The launcher reads both commands at once, and what came with them, before it forks either."""
    worker = WorkerSpec(
        stream="ear",
        modality=Modality.AUDIO,
        source=FactorySpec(factory="nowhere:nothing"),
        checkpoint=Path("/nowhere"),
    )
    started = encode(Start("ear", [worker.model_dump_json()], 0))
    pairs = [socket.socketpair() for _ in range(2)]
    (ours, theirs), (spare_ours, spare_theirs) = pairs
    lifeline, held = os.pipe()
    with ours, theirs, spare_ours, spare_theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(theirs.fileno()), str(held)],
            pass_fds=[theirs.fileno(), held],
        )
        try:
            heard(ours, Ready)
            spare_lifeline, spare_held = os.pipe()
            descriptors = [spare_theirs.fileno(), spare_held]
            socket.send_fds(ours, [started + encode(Spare())], descriptors)
            spare_theirs.close()
            os.close(spare_held)
            heard(ours, Started)
            spare = heard(spare_ours, Ready)
            assert isinstance(spare, Ready)
            os.kill(spare.pid, signal.SIGKILL)
            spare_ours.settimeout(10.0)
            assert spare_ours.recv(4096) == b""  # though the worker lives
            assert select.select([spare_lifeline], [], [], 60.0)[0]
            assert os.read(spare_lifeline, 1) == b""
            os.close(spare_lifeline)
        finally:
            ours.close()
            theirs.close()
            os.close(held)
            process.wait(60)
            os.close(lifeline)
