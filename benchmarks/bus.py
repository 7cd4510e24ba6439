"""The bus alone: throughput beside bare pyzmq, keys, a stopped subscriber, mutated messages.

Throughput is counted in one process over ipc, in rounds of 4 messages, which no queue loses: header
and an embedding of 1,024 float32, for bare pyzmq the very same bytes, and both take turns. In both
each end has a context of its own, as in two processes.
`--stopped` is how long one subscriber is stopped with SIGSTOP while another listens; `--mutations`
is how many damaged messages the decoder is given. Exit code 1 when a bar is missed.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import zmq
from report import AtMost, Parser, Row, run

from sensebind.errors import MessageError, SenseBindError
from sensebind.perception.bus.curve_keys import KeyRing, allow_key, new_keys
from sensebind.perception.bus.heartbeat import Heartbeat, decode_heartbeat, encode_heartbeat
from sensebind.perception.bus.pubsub import Publisher, Subscriber
from sensebind.perception.percept import (
    Modality,
    Percept,
    PerceptHeader,
    decode_message,
    encode_message,
)

WIDTH = 1024
ROUND = 4
TURNS = 9
STOPPED = """
import sys
from sensebind.perception.bus.pubsub import Subscriber
with Subscriber([sys.argv[1]]) as subscriber:
    while not subscriber.receive(0.2).percepts:
        pass
    print("ready", flush=True)
    while True:
        subscriber.receive(1.0)
"""


def percept(payload: bytes | None = None) -> Percept:
    """Return a percept like those of the shipped weights, or wider."""
    embedding = np.zeros(WIDTH, np.float32)
    embedding[7] = 1.0
    header = PerceptHeader(
        stream="camera",
        modality=Modality.VISION,
        sequence=0,
        captured_at=time.time_ns(),
        published_at=0,
        monotonic=time.monotonic(),
        shape=(WIDTH,),
        model="0" * 64,
        observation="frame:camera@1700000000000000000",
        encode_ms=12.5,
    )
    return Percept(header, embedding, payload)


@dataclass(frozen=True)
class Speed:
    """Messages per second, and microseconds of processor time that each took in all threads."""

    rate: float
    cost: float


def bare(seconds: float, path: str) -> Speed:
    """Return the speed of bare pyzmq multipart with the same bytes, between the same ends."""
    frames = encode_message(percept())
    contexts = zmq.Context(), zmq.Context()
    sink, source = contexts[0].socket(zmq.SUB), contexts[1].socket(zmq.XPUB)
    source.bind(path)
    sink.setsockopt(zmq.SUBSCRIBE, b"percept/")
    sink.connect(path)
    source.recv()

    def one_round() -> None:
        for _ in range(ROUND):
            source.send_multipart(frames)
        for _ in range(ROUND):
            sink.recv_multipart()

    speed = _speed(one_round, seconds)
    for context in contexts:
        context.destroy(linger=0)
    return speed


def ours(seconds: float, endpoint: str, rings: tuple[KeyRing, KeyRing] | None = None) -> Speed:
    """Return the speed from `publish` to `receive`: encoded, sent, decoded, checked."""
    given = percept()
    with (
        Publisher(endpoint, "camera", keys=rings[0] if rings else None) as publisher,
        Subscriber([publisher.endpoint], keys=rings[1] if rings else None) as subscriber,
    ):
        while not subscriber.receive(0.1).heartbeats:
            pass
        due = 0

        def one_round() -> None:
            nonlocal due
            for _ in range(ROUND):
                publisher.publish(given)
            due += ROUND
            newest = 0
            while newest < due:
                news = subscriber.receive(0.1).percepts
                newest = news["camera"].header.sequence if news else newest

        speed = _speed(one_round, seconds)
        lost = subscriber.stats()["camera"].lost
    if lost > due / 100:
        raise SenseBindError(f"{lost} of {due} percepts were lost: the figure means nothing")
    return speed


def codec(seconds: float) -> float:
    """Return percepts per second that one thread encodes and decodes, without any socket."""
    given, count, start = percept(), 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        decode_message(encode_message(given))
        count += 1
    return count / seconds


def _speed(one_round: Callable[[], None], seconds: float) -> Speed:
    """Measure rounds of so many messages that no queue overflows."""
    for _ in range(20):
        one_round()
    rounds, start, cost = 0, time.perf_counter(), time.process_time()
    while (spent := time.perf_counter() - start) < seconds:
        one_round()
        rounds += 1
    count = rounds * ROUND
    return Speed(count / spent, 1e6 * (time.process_time() - cost) / count)


def _median(speeds: list[Speed]) -> Speed:
    return Speed(median(s.rate for s in speeds), median(s.cost for s in speeds))


def throughput(seconds: float, directory: Path) -> list[Row]:
    """Compare with bare pyzmq in the same run; over CURVE beside it."""
    robot, agent = new_keys(directory / "robot"), new_keys(directory / "agent")
    allow_key(directory / "robot", agent, "agent")
    allow_key(directory / "agent", robot, "robot")
    rings = KeyRing.load(directory / "robot"), KeyRing.load(directory / "agent")
    plains, buses = [], []
    for turn in range(TURNS):  # so that what else runs on the machine falls on both
        plains.append(bare(seconds / TURNS, f"ipc://{directory}/bare{turn}"))
        buses.append(ours(seconds / TURNS, f"ipc://{directory}/ours{turn}"))
    plain, bus = _median(plains), _median(buses)
    pairs = list(zip(plains, buses, strict=True))
    share = median(b.rate / a.rate for a, b in pairs)
    share_of_time = median(a.cost / b.cost for a, b in pairs)
    curve = ours(seconds, "tcp://127.0.0.1:*", rings)
    counts = [int(speed.rate * seconds) for speed in (plain, bus, curve)]
    return [
        Row("bare pyzmq, ipc, messages per second", plain.rate, None, counts[0]),
        Row("bare pyzmq, ipc, processor time each, us", plain.cost, None, counts[0]),
        Row("bus, ipc, percepts per second", bus.rate, None, counts[1]),
        Row("bus, ipc, processor time each, us", bus.cost, None, counts[1]),
        Row("bus of bare pyzmq, %", 100 * share, 50.0, counts[1]),
        Row("bus of bare pyzmq, processor time, %", 100 * share_of_time, None, counts[1]),
        Row("bus, tcp with CURVE, percepts per second", curve.rate, None, counts[2]),
        Row("bus, tcp with CURVE, processor time each, us", curve.cost, None, counts[2]),
        Row("codec alone, percepts per second", codec(seconds), None, int(seconds)),
    ]


def strangers(directory: Path, seconds: float = 2.0) -> list[Row]:
    """Listen without a key and with a wrong one: nothing may come, and it must be counted."""
    stranger = new_keys(directory / "stranger")
    allow_key(directory / "stranger", directory / "robot/own.key", "robot")
    rows = []
    cases = {"without a key": None, "with a wrong key": KeyRing.load(stranger.parent)}
    for name, ring in cases.items():
        with Publisher(
            "tcp://127.0.0.1:*", "camera", keys=KeyRing.load(directory / "robot")
        ) as publisher:
            with Subscriber([publisher.endpoint], keys=ring) as subscriber:
                got, until = 0, time.monotonic() + seconds
                while time.monotonic() < until:
                    publisher.publish(percept())
                    news = subscriber.receive(0.05)
                    got += len(news.percepts) + len(news.heartbeats)
            rows.append(AtMost(f"{name}: messages received", got, 0, int(seconds / 0.05)))
            rows.append(Row(f"{name}: attempts counted", publisher.turned_away, 1, 1))
    return rows


def stopped(seconds: float, directory: Path) -> list[Row]:
    """Stop one subscriber; the publisher's memory must stay, and another must lose nothing."""
    payload = os.urandom(40_000)  # a picture
    memory = psutil.Process().memory_info
    with Publisher(f"ipc://{directory}/stopped", "camera") as publisher:
        command = [sys.executable, "-c", STOPPED, publisher.endpoint]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            stop = threading.Event()
            feeder = threading.Thread(target=_feed, args=(publisher, payload, stop))
            feeder.start()
            assert process.stdout is not None
            process.stdout.readline()
            with Subscriber([publisher.endpoint]) as other:
                _listen(other, 2.0)
                os.kill(process.pid, signal.SIGSTOP)
                _listen(other, 2.0)  # queues and the kernel's buffers fill
                start = memory().rss
                _listen(other, seconds)
                growth = (memory().rss - start) / 1e6
                lost = other.stats()["camera"].lost
                received = other.stats()["camera"].received
            stop.set()
            feeder.join()
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    return [
        AtMost("stopped subscriber: growth of the publisher, MB", growth, 2.0, int(seconds)),
        AtMost("stopped subscriber: percepts another lost", lost, 0, received),
    ]


def _feed(publisher: Publisher, payload: bytes, stop: threading.Event) -> None:
    while not stop.wait(1 / 30):
        publisher.publish(percept(payload))


def _listen(subscriber: Subscriber, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        subscriber.receive(0.1)


def mutations(count: int) -> list[Row]:
    """Give the decoders damaged messages: each must be refused, or be whole."""
    chance = random.Random(0)
    beat = Heartbeat(stream="camera", epoch="e", sequence=1, monotonic=1.0)
    good = [encode_message(percept(b"jpeg")), encode_heartbeat(beat)]
    decoders = (decode_message, decode_heartbeat)
    refused = crashed = 0
    for number in range(count):
        frames = [bytearray(frame) for frame in good[number % 2]]
        for _ in range(chance.randint(1, 3)):
            _damage(frames, chance)
        try:
            decoders[number % 2]([bytes(frame) for frame in frames])
        except MessageError:
            refused += 1
        except Exception as error:
            crashed += 1
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
    return [
        AtMost("mutated messages: other errors than a refusal", crashed, 0, count),
        Row("mutated messages: refused", refused, None, count),
    ]


def _damage(frames: list[bytearray], chance: random.Random) -> None:
    frame = chance.choice(frames) if frames else bytearray()
    kind = chance.randrange(5)
    if kind == 0 and frame:
        frame[chance.randrange(len(frame))] ^= chance.randrange(1, 256)
    elif kind == 1 and frame:
        del frame[chance.randrange(len(frame)) :]
    elif kind == 2:
        at = chance.randrange(len(frame) + 1)
        frame[at:at] = chance.randbytes(chance.randrange(1, 20))
    elif kind == 3 and frames:
        frames.pop(chance.randrange(len(frames)))
    else:
        frames.insert(chance.randrange(len(frames) + 1), bytearray(chance.randbytes(5)))


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--seconds", 3.0, 0.5, "of each throughput")
    parser.amount("--stopped", 10.0, 3.0, "seconds of SIGSTOP")
    parser.amount("--mutations", 50_000, 5_000, "damaged messages")

    def measure(options: Namespace) -> list[Row]:
        with tempfile.TemporaryDirectory(prefix="bus-") as name:
            directory = Path(name)
            rows = throughput(options.seconds, directory)
            rows += strangers(directory)
            rows += stopped(options.stopped, directory)
        return rows + mutations(options.mutations)

    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
