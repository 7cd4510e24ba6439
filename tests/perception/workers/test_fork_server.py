"""Tests of the launcher's hold on signals."""

from __future__ import annotations

import socket
import subprocess
import sys

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
