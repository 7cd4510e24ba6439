"""From a publisher in another process to our source: a ROS 2 topic over zenoh, beside our own bus.

Images of some 4 KB and 346 KB go from one process through a zenoh router in a second one to
`ZenohTopic` here, decoded; the same bytes go over the bus as the payload of percepts, from the same
publisher, in turns. Each carries the monotonic time at which it was handed over; a latency ends
when `read` or `receive` returns. Needs `pip install 'sensebind[zenoh]'`.
"""

import contextlib
import json
import socket
import struct
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from bus import percept
from report import AtMost, Parser, Row, run

from sensebind.errors import SenseBindError, SourceError
from sensebind.perception.bus.pubsub import Publisher, Subscriber
from sensebind.perception.ros.extra import import_zenoh
from sensebind.perception.ros.messages import header
from sensebind.perception.ros.node import RosNode
from sensebind.perception.ros.session import session_to
from sensebind.perception.ros.types import known_types
from sensebind.perception.sources.zenoh_topic import ZenohTopic

IMAGE = "sensor_msgs/msg/Image"
SIZES = {"4 KB": (36, 37), "346 KB": (300, 384)}  # rows and columns of rgb8
TURNS = 5
PATIENCE = 20.0  # seconds until something must have come
_SENT = struct.Struct("<q")


def stamped(size: tuple[int, int]) -> np.ndarray:
    """Return pixels that begin with the time of now."""
    pixels = np.zeros(3 * size[0] * size[1], np.uint8)
    pixels[:8] = np.frombuffer(_SENT.pack(time.monotonic_ns()), np.uint8)
    return pixels


def since(data: bytes) -> float:
    """Return how long ago these bytes were made, ms."""
    return (time.monotonic_ns() - _SENT.unpack(data[:8])[0]) / 1e6


def publish_on_demand(endpoint: str, bus: str) -> None:
    """Publish so many messages of a size in so many seconds each, as lines on standard input say.

    Args:
        endpoint: Of the zenoh router.
        bus: Where to publish percepts.
    """
    types = known_types()
    with (
        session_to([endpoint]) as session,
        RosNode(session, "publisher") as node,
        Publisher(bus, "camera") as publisher,
    ):
        topics = {name: node.publisher(f"/size{i}", IMAGE) for i, name in enumerate(SIZES)}

        def over_zenoh(name: str) -> None:
            height, width = SIZES[name]
            topics[name].publish(
                types.new(
                    IMAGE,
                    header=header(time.time_ns(), "optical"),
                    height=height,
                    width=width,
                    encoding="rgb8",
                    is_bigendian=0,
                    step=3 * width,
                    data=stamped(SIZES[name]),
                )
            )

        def over_the_bus(name: str) -> None:
            publisher.publish(percept(stamped(SIZES[name]).tobytes()))

        print("ready", flush=True)
        for line in sys.stdin:
            way, name, count, pause = json.loads(line)
            for _ in range(count):
                (over_zenoh if way == "zenoh" else over_the_bus)(name)
                time.sleep(pause)


def route(endpoint: str) -> None:
    """Be a zenoh router until standard input ends."""
    zenoh = import_zenoh()
    config = zenoh.Config()
    config.insert_json5("mode", '"router"')
    config.insert_json5("listen/endpoints", json.dumps([endpoint]))
    config.insert_json5("scouting/multicast/enabled", "false")
    session = zenoh.open(config)
    try:
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        session.close()


@contextlib.contextmanager
def child(*arguments: str) -> Iterator[Callable[[str], None]]:
    """This script as another process; yields what writes a line to it."""
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    given = process.stdin

    def say(line: str) -> None:
        given.write(f"{line}\n")
        given.flush()

    try:
        if process.stdout.readline().strip() != "ready":
            raise SenseBindError(f"{arguments[0]} did not start")
        yield say
    finally:
        given.close()
        process.wait(PATIENCE)
        process.stdout.close()


def heard_from(source: ZenohTopic, count: int) -> list[float]:
    """Return the latencies of what the source reads, ms, until nothing comes any more."""
    found: list[float] = []
    while len(found) < count:
        try:
            found.append(since(source.read(1.0 if found else PATIENCE).data.tobytes()[:8]))
        except SourceError:
            break
    return found


def heard_on(subscriber: Subscriber, count: int) -> list[float]:
    """The same of what the bus gives."""
    found: list[float] = []
    until = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < until:
        for one in subscriber.receive(1.0).percepts.values():
            assert one.payload is not None
            found.append(since(one.payload))
            until = time.monotonic() + 1.0
    return found


def measure(options: Namespace) -> list[Row]:
    """Let both ways take turns, and give percentiles of each."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ros-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            endpoint = f"tcp/127.0.0.1:{probe.getsockname()[1]}"
        bus = f"ipc://{Path(folder) / 'camera'}"
        stack.enter_context(child("--route", endpoint))
        say = stack.enter_context(child("--publish", endpoint, bus))
        subscriber = stack.enter_context(Subscriber([bus]))
        sources = {
            name: stack.enter_context(
                ZenohTopic(f"/size{i}", f"size{i}", connect=endpoint, timeout=3600)
            )
            for i, name in enumerate(SIZES)
        }
        while not subscriber.receive(0.1).heartbeats:
            pass
        each = max(1, int(options.messages) // TURNS)
        rows: list[Row] = []
        for name, source in sources.items():
            times: dict[str, list[float]] = {"zenoh": [], "bus": []}
            for turn in range(TURNS + 1):  # the first warms up
                for way in times:
                    say(json.dumps([way, name, each, 1 / options.rate]))
                    heard = (
                        heard_from(source, each) if way == "zenoh" else heard_on(subscriber, each)
                    )
                    times[way] += heard if turn else []
            bars = {"zenoh": (1.0, 20.0), "bus": (None, None)}
            for way, found in times.items():
                title = f"{name}, {'ROS topic over zenoh to source' if way == 'zenoh' else 'bus'}"
                for percent, bar in zip((50, 99), bars[way], strict=True):
                    value = float(np.percentile(found, percent)) if found else float("inf")
                    rows.append(AtMost(f"{title}, p{percent}, ms", value, bar, len(found)))
                lost = TURNS * each - len(found)
                rows.append(Row(f"{title}, not read (newest wins)", lost, None, TURNS * each))
    return rows


def main() -> int:
    """Parse the command line and run, here or as one of the other processes."""
    if sys.argv[1:2] == ["--publish"]:
        publish_on_demand(*sys.argv[2:])
        return 0
    if sys.argv[1:2] == ["--route"]:
        route(sys.argv[2])
        return 0
    parser = Parser(__doc__)
    parser.amount("--messages", 2000, 200, "of each size and way")
    parser.amount("--rate", 100.0, 100.0, "messages per second")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
