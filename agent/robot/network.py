"""The process that faces the network: bus, frames by reference and /metrics for other machines.

`python -m sensebind.agent.robot.network CONTROL_FD` reads `NetworkOptions` from the control socket,
as one line of JSON, and answers with another: the addresses, or why they cannot be served. It ends
when the other end of the socket is closed.

What strangers can send bytes to is not in the robot's main process: whatever they bring about there
(an assertion of libzmq ends the whole process) costs these servers alone, which are started again.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket as sockets
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from sensebind.agent.robot.monitor import Monitor
from sensebind.credentials import clean_logs
from sensebind.errors import SenseBindError, is_passing
from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.bus.proxy import Proxy
from sensebind.perception.frames.service import FrameServer
from sensebind.perception.workers.spec import FramesSpec
from sensebind.tools.secrets import read_secret

log = logging.getLogger(__name__)

_FAILED = 70  # EX_SOFTWARE of sysexits.h
_LAST_SECONDS = 1.0  # to close everything before the process ends anyway


class MetricsOptions(BaseModel):
    """Where /metrics is served.

    Attributes:
        host: Interface.
        port: 0 takes a free one.
        token: `env:NAME` or `file:PATH` of what callers must know; "" asks for nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int
    token: str = ""


class NetworkOptions(BaseModel):
    """What is served, and from where it comes.

    Attributes:
        publishers: Endpoints of the workers and of their supervisor.
        streams: Names of the streams, which /metrics shows before they are heard of.
        listen: Where all percepts are published; "" publishes none.
        store: The frame store; None if there is none.
        frames: Where frames are given by reference.
        keys: Key directory for what is not on this machine; None has no keys.
        metrics: Where /metrics is; None serves none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    publishers: tuple[str, ...]
    streams: tuple[str, ...]
    listen: str = ""
    store: FramesSpec | None = None
    frames: tuple[str, ...] = ()
    keys: Path | None = None
    metrics: MetricsOptions | None = None

    def at(self, addresses: dict[str, str]) -> Self:
        """Return these options with the ports that were taken, to be found there again."""
        changes: dict[str, object] = {}
        if "bus" in addresses:
            changes["listen"] = addresses["bus"]
        if "frames" in addresses:
            changes["frames"] = (*self.frames[:-1], addresses["frames"])
        if self.metrics is not None:
            port = int(addresses["metrics"].rpartition(":")[2].partition("/")[0])
            changes["metrics"] = self.metrics.model_copy(update={"port": port})
        return self.model_copy(update=changes)


def serve(options: NetworkOptions, stack: ExitStack) -> dict[str, str]:
    """Serve until the stack is closed.

    Returns:
        The addresses, by "bus", "frames" and "metrics".

    Raises:
        SenseBindError: Something cannot be served.
    """
    addresses: dict[str, str] = {}
    ring = KeyRing.load(options.keys) if options.keys is not None else None
    if options.listen:
        proxy = stack.enter_context(Proxy(options.publishers, options.listen, ring))
        addresses["bus"] = proxy.endpoint
    servers: list[FrameServer] = []
    if options.store is not None and options.frames:
        store = stack.enter_context(options.store.open())
        servers = [stack.enter_context(FrameServer(store, one, ring)) for one in options.frames]
        addresses["frames"] = servers[-1].endpoint
    if options.metrics is not None:
        from sensebind.agent.robot.metrics import MetricsServer

        metrics = options.metrics
        token = read_secret(metrics.token) if metrics.token else ""
        monitor = stack.enter_context(Monitor(options.publishers, expected=options.streams))
        server = MetricsServer(monitor, metrics.port, metrics.host, servers, token)
        addresses["metrics"] = stack.enter_context(server).address
    return addresses


def main(arguments: list[str]) -> int:
    """Be the process."""
    return be_process(
        arguments, lambda line, stack: serve(NetworkOptions.model_validate_json(line), stack)
    )


def be_process(arguments: list[str], begin: Callable[[bytes, ExitStack], dict[str, str]]) -> int:
    """Serve in a process of its own, until the other end of its control socket is closed.

    Args:
        arguments: Of the command line: the number of the control socket.
        begin: Takes the line with the options, and what is closed at the end; returns the
            addresses, by name.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the robot, who then ends this
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    clean_logs()
    threading.excepthook = _end
    descriptor = int(arguments[0])
    os.set_inheritable(descriptor, False)
    with sockets.socket(fileno=descriptor) as control, ExitStack() as stack:
        with control.makefile("rb", buffering=0) as lines:
            line = lines.readline()
        if not line:
            return 0
        try:
            addresses = begin(line, stack)
        except SenseBindError as error:
            with suppress(OSError):
                control.sendall(_line({"error": str(error), "passing": is_passing(error)}))
            return 1
        with suppress(OSError):
            control.sendall(_line({"addresses": addresses}))
            control.recv(1)  # nothing comes but the end
        ending = threading.Timer(_LAST_SECONDS, os._exit, [1])
        ending.daemon = True
        ending.start()
    return 0


def _end(failed: threading.ExceptHookArgs) -> None:
    """End the process with a server whose thread has ended: it is started again as a whole."""
    name = failed.thread.name if failed.thread is not None else "a thread"
    log.error("%s has failed", name, exc_info=failed.exc_value)
    os._exit(_FAILED)


def _line(answer: dict[str, object]) -> bytes:
    return json.dumps(answer).encode() + b"\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
