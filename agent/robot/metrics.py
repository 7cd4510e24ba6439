"""/metrics for Prometheus: what `sensebind top` shows, as counters and gauges."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Self

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sensebind.agent.robot.monitor import Monitor, StreamRow
from sensebind.errors import BusError, ConfigurationError, SenseBindError
from sensebind.perception.bus.addresses import is_loopback
from sensebind.perception.frames.service import FrameServer
from sensebind.perception.http_server import (
    LOCAL_HOSTS,
    HttpRules,
    HttpServer,
    Receive,
    Scope,
    Send,
    listen,
)

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
        states = GaugeMetricFamily(
            "sensebind_stream_state", "1 for the state of the worker", labels=["stream", "state"]
        )
        for row in rows:
            states.add_metric([row.stream, row.state], 1.0)
        yield states
        yield from self._watches()
        for attribute, (name, text) in _GAUGES.items():
            yield _gauge(f"sensebind_stream_{name}", text, attribute, rows)
        for attribute, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"sensebind_stream_{attribute}", text, labels=["stream"])
            for row in rows:
                counter.add_metric([row.stream], getattr(row, attribute))
            yield counter

    def _watches(self) -> Iterator[Metric]:
        """Whether anybody watches the workers."""
        watches = self._monitor.watches()
        age = GaugeMetricFamily(
            "sensebind_watch_age_seconds", "Since the supervisor's last report", labels=["robot"]
        )
        errors = CounterMetricFamily(
            "sensebind_watch_errors", "Errors in watching, which went on", labels=["robot"]
        )
        revived = CounterMetricFamily(
            "sensebind_watch_revived", "Starts of the watching thread again", labels=["robot"]
        )
        for watch in watches:
            age.add_metric([watch.robot], watch.age)
            errors.add_metric([watch.robot], watch.errors)
            revived.add_metric([watch.robot], watch.revived)
        yield from (age, errors, revived)


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
        monitor: What to report.
        port: 0 takes a free one.
        host: Interface; 127.0.0.1 is for this machine only, any other needs a token.
        frames: Frame servers to report, too.
        token: What callers must know, as `Authorization: Bearer TOKEN`; "" asks for nothing.

    Raises:
        BusError: The port is in use or the host is none of ours.
        ConfigurationError: Other machines could read it without a token.

    Attributes:
        address: URL of /metrics.
    """

    def __init__(
        self,
        monitor: Monitor,
        port: int,
        host: str = "127.0.0.1",
        frames: Sequence[FrameServer] = (),
        token: str = "",
    ) -> None:
        local = is_loopback(host)
        if not local and not token:
            raise ConfigurationError(
                f"metrics: {host} can be reached from other machines: give a token, such as "
                "token: env:METRICS_TOKEN"
            )
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Streams(monitor))
        self._registry.register(_Frames(frames))
        try:
            listener = listen(host, port)
        except BusError as error:
            raise BusError(f"metrics: {error}; choose another port in metrics:") from error
        rules = HttpRules(hosts=LOCAL_HOSTS if local else frozenset(), token=token)
        self._server = HttpServer(self._app, listener, rules, "metrics")
        self._server.start()
        self.address = f"http://{host}:{self._server.port}/metrics"

    async def _app(self, scope: Scope, _receive: Receive, send: Send) -> None:
        status, kind, body = 404, "text/plain", b"there is /metrics\n"
        if scope["path"] == "/metrics":
            try:
                status, kind, body = 200, CONTENT_TYPE_LATEST, generate_latest(self._registry)
            except SenseBindError as error:
                status, body = 503, f"{error}\n".encode()
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def close(self) -> None:
        """Stop serving; may be called again."""
        self._server.stop()

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
