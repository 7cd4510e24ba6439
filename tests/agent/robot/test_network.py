"""The process of the servers for other machines: started again, and patient with its ports."""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from fixtures.waiting import PATIENCE, until

from sensebind.agent.robot.network import MetricsOptions, NetworkOptions
from sensebind.agent.robot.network_process import NetworkProcess
from sensebind.errors import BusError
from sensebind.perception.bus.pubsub import Publisher


def options(publisher: Publisher, port: int = 0) -> NetworkOptions:
    metrics = MetricsOptions(host="127.0.0.1", port=port)
    return NetworkOptions(publishers=(publisher.endpoint,), streams=("camera",), metrics=metrics)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return b'sensebind_stream_running{stream="camera"}' in answer.read()
    except OSError:
        return False


@pytest.mark.slow
def test_it_is_started_again_on_the_same_port_and_ends_with_its_maker(tmp_path: Path) -> None:
    with (
        Publisher(f"ipc://{tmp_path}/camera", "camera") as publisher,
        socket.socket() as taken,
    ):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        # As the port of a robot that was killed just now and whose processes still end.
        threading.Timer(0.5, taken.close).start()
        with NetworkProcess(options(publisher, port)) as network:
            address, pid = network.addresses["metrics"], network.pid
            assert address == f"http://127.0.0.1:{port}/metrics" and answers(address)
            assert pid != os.getpid()
            os.kill(pid, signal.SIGKILL)
            until(lambda: network.pid not in (0, pid) and answers(address))
            assert network.starts >= 2
        assert network.pid == 0 and not answers(address)


@pytest.mark.extended
def test_a_port_that_stays_in_use_is_an_error(tmp_path: Path) -> None:
    with (
        Publisher(f"ipc://{tmp_path}/camera", "camera") as publisher,
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(BusError, match="another port"),
        NetworkProcess(options(publisher, taken.getsockname()[1])),
    ):
        pass


FAILING = """
import sys, threading
from sensebind.agent.robot.network import be_process

def begin(line, stack):
    threading.Timer(0.1, lambda: 1 / 0).start()
    return {}

sys.exit(be_process(sys.argv[1:], begin))
"""


def test_a_thread_that_fails_ends_the_process_so_that_it_is_started_again() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        number = theirs.fileno()
        process = subprocess.Popen(
            [sys.executable, "-c", FAILING, str(number)],
            pass_fds=[number],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            ours.sendall(b"{}\n")
            _, said = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 70 and "ZeroDivisionError" in said
