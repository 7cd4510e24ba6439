"""/metrics for Prometheus: what `sensebind top` shows, as counters and gauges."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Self

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sensebind.agent.robot.monitor import Monitor, StreamRow
from sensebind.errors import BusError
from sensebind.perception.frames.service import FrameServer

_GAUGES = {
    "rate": ("percepts_per_second", "Percepts per second lately"),
    "age_ms": ("age_milliseconds", "Age of the newest observation"),
    "encode_ms": ("encode_milliseconds", "What the newest encoding took"),
    "memory": ("memory_bytes", "Resident memory of the worker"),
}
_COUNTERS = {
    "received": "Percepts that came",
    "superseded": "Percepts that gave way to newer ones before anybody looked",
    "lost": "Percepts that were published and never came",
    "gaps": "Times in a row that percepts were lost",
    "malformed": "Messages that could not be understood",
    "dropped": "Observations that were left out for want of time",
    "refused": "Observations that were malformed",
    "unchanged": "Observations that looked like the one before",
    "clamped": "Capture times that could not be true",
    "unkept": "Frames that could not be stored",
    "restarts": "Starts of the worker after the first",
    "rivals": "Percepts left out as another publisher has the name of the stream",
}
_FRAME_COUNTERS = {
    "served": "Frames that were given",
    "refused": "Requests for what is no frame, or is not kept",
    "unanswered": "Answers that were lost, as who asked was gone or did not read them",
    "turned_away": "Connection attempts without a key that is allowed",
}


class _Streams(Collector):
    """Reads the monitor whenever Prometheus asks."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Metric]:
        rows = self._monitor.rows()
        running = GaugeMetricFamily(
            "sensebind_stream_running", "Whether the worker perceives", labels=["stream"]
        )
        ended = GaugeMetricFamily(
            "sensebind_stream_ended", "Whether the source has come to its end", labels=["stream"]
        )
        for row in rows:
            running.add_metric([row.stream], float(row.state == "running"))
            ended.add_metric([row.stream], float(row.state == "ended"))
        yield running
        yield ended
        for attribute, (name, text) in _GAUGES.items():
            yield _gauge(f"sensebind_stream_{name}", text, attribute, rows)
        for attribute, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"sensebind_stream_{attribute}", text, labels=["stream"])
            for row in rows:
                counter.add_metric([row.stream], getattr(row, attribute))
            yield counter


class _Frames(Collector):
    """Reads the frame servers' counts whenever Prometheus asks."""

    def __init__(self, servers: Sequence[FrameServer]) -> None:
        self._servers = servers

    def collect(self) -> Iterator[Metric]:
        for attribute, text in _FRAME_COUNTERS.items():
            counter = CounterMetricFamily(f"sensebind_frames_{attribute}", text, labels=["address"])
            for server in self._servers:
                counter.add_metric([server.endpoint], getattr(server.counts, attribute))
            yield counter


class MetricsServer:
    """Serves /metrics over HTTP. A context manager.

    Args:
        monitor: What to tell of.
        port: 0 takes a free one. `host`: 127.0.0.1 is for this machine only.
        frames: Frame servers to tell of, too.

    Raises:
        BusError: The port is in use or the host is none of ours.
    """

    def __init__(
        self,
        monitor: Monitor,
        port: int,
        host: str = "127.0.0.1",
        frames: Sequence[FrameServer] = (),
    ) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Streams(monitor))
        registry.register(_Frames(frames))
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise BusError(
                f"metrics cannot be served at {host}:{port}: {error.strerror or error}; choose "
                "another port in metrics:"
            ) from error
        self.address = f"http://{host}:{self._server.server_port}/metrics"

    def close(self) -> None:
        """Stop serving; may be called again."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _gauge(name: str, text: str, attribute: str, rows: list[StreamRow]) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=["stream"])
    for row in rows:
        value = float(getattr(row, attribute))
        if math.isfinite(value):  # before the first percept there is no age
            gauge.add_metric([row.stream], value)
    return gauge
