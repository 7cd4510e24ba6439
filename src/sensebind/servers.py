"""Every server of this package: what listens, in which process, who can reach it, what guards it.

A test finds all places in the code that listen and compares them with this list, starts each kind
of server, and does to it what strangers do. A new server is entered here, or the test fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["SERVERS", "Reach", "Server", "Wire"]


class Reach(StrEnum):
    """Who can connect."""

    PROCESS = "this process"
    USER = "this user"  # a socket file of mode 0600, or in a folder of mode 0700
    MACHINE = "this machine"
    NETWORK = "other machines, where the robot's file says so"


class Wire(StrEnum):
    """What is spoken."""

    HTTP = "HTTP"
    ZEROMQ = "ZeroMQ"
    LINES = "lines of JSON"
    DATAGRAMS = "datagrams"
    STDIO = "standard input and output"


@dataclass(frozen=True, slots=True)
class Server:
    """Something that takes in what others send.

    Attributes:
        name: Short, for tables.
        module: The module that binds or listens; "" for what has no socket.
        process: Where it runs: what an attacker may bring down with it.
        wire: What is spoken.
        reach: Who can connect.
        guard: What keeps others out, and what bounds those who are let in.
        maker: The module that makes it, where `module` binds for several; "" for that one itself.
    """

    name: str
    module: str
    process: str
    wire: Wire
    reach: Reach
    guard: str
    maker: str = ""


_RULES = "Host, Origin, Sec-Fetch-Site, type and size of bodies, head, time, connections"
_CURVE = "CURVE keys for all but this machine; eight messages for each subscriber"

SERVERS = (
    Server(
        "bus of a worker",
        "sensebind.perception.bus.bound_socket",
        "worker",
        Wire.ZEROMQ,
        Reach.USER,
        "folder of mode 0700",
        "sensebind.perception.bus.pubsub",
    ),
    Server(
        "sound of a microphone",
        "sensebind.perception.sources.shared_sound",
        "worker",
        Wire.ZEROMQ,
        Reach.USER,
        "folder of mode 0700; nothing while the stream is paused",
    ),
    Server(
        "reports of the supervisor",
        "sensebind.perception.bus.bound_socket",
        "robot",
        Wire.ZEROMQ,
        Reach.USER,
        "folder of mode 0700",
        "sensebind.perception.bus.watch_report",
    ),
    Server(
        "frames on this machine",
        "sensebind.perception.bus.bound_socket",
        "robot or network",
        Wire.ZEROMQ,
        Reach.USER,
        "folder of mode 0700; requests of 256 bytes",
        "sensebind.perception.frames.service",
    ),
    Server(
        "bus for other machines",
        "sensebind.perception.bus.bound_socket",
        "network",
        Wire.ZEROMQ,
        Reach.NETWORK,
        _CURVE,
        "sensebind.perception.bus.proxy",
    ),
    Server(
        "proxy of a fleet",
        "sensebind.perception.bus.bound_socket",
        "`sensebind proxy`",
        Wire.ZEROMQ,
        Reach.NETWORK,
        f"{_CURVE}; at most 1,024 topics",
        "sensebind.perception.bus.proxy",
    ),
    Server(
        "frames for other machines",
        "sensebind.perception.bus.bound_socket",
        "network",
        Wire.ZEROMQ,
        Reach.NETWORK,
        _CURVE,
        "sensebind.perception.frames.service",
    ),
    Server(
        "keys of the bus",
        "sensebind.perception.bus.curve_keys",
        "whoever has a gate",
        Wire.ZEROMQ,
        Reach.PROCESS,
        "ZeroMQ's own questions (inproc)",
    ),
    Server(
        "metrics",
        "sensebind.perception.http_server",
        "network",
        Wire.HTTP,
        Reach.NETWORK,
        f"{_RULES}; a token for all but this machine",
        "sensebind.agent.robot.metrics",
    ),
    Server(
        "API and page",
        "sensebind.perception.http_server",
        "server",
        Wire.HTTP,
        Reach.NETWORK,
        f"{_RULES}; tokens of API, viewer and operator; requests a minute; pings of WebSockets",
        "sensebind.agent.server.process",
    ),
    Server(
        "Foxglove",
        "sensebind.perception.http_server",
        "robot",
        Wire.HTTP,
        Reach.MACHINE,
        f"{_RULES}; pages of Foxglove alone; pings of WebSockets",
        "sensebind.agent.robot.foxglove",
    ),
    Server(
        "SimHome's house",
        "sensebind.perception.simhome.loopback",
        "simhome",
        Wire.HTTP,
        Reach.MACHINE,
        _RULES,
        "sensebind.perception.simhome.house_api",
    ),
    Server(
        "SimHome's sensors",
        "sensebind.perception.simhome.loopback",
        "simhome",
        Wire.ZEROMQ,
        Reach.MACHINE,
        "takes nothing in but subscriptions",
        "sensebind.perception.simhome.process",
    ),
    Server(
        "SimHome's base",
        "sensebind.perception.simhome.loopback",
        "simhome",
        Wire.ZEROMQ,
        Reach.USER,
        "socket of mode 0600 in a folder of mode 0700",
        "sensebind.perception.simhome.wheels",
    ),
    Server(
        "control",
        "sensebind.agent.robot.control",
        "robot",
        Wire.LINES,
        Reach.USER,
        "socket of mode 0600; 16 clients, 10 s to ask and to read, 64 MB",
    ),
    Server(
        "motion",
        "sensebind.tools.motion.process",
        "motion",
        Wire.LINES,
        Reach.USER,
        "socket of mode 0600",
    ),
    Server(
        "sweeps",
        "sensebind.tools.motion.relay",
        "motion",
        Wire.ZEROMQ,
        Reach.MACHINE,
        "takes nothing in but subscriptions",
    ),
    Server(
        "a base for trials",
        "sensebind.tools.motion.simulation",
        "simulation",
        Wire.DATAGRAMS,
        Reach.MACHINE,
        "runs in trials and benchmarks alone",
    ),
    Server(
        "a Velodyne's packets",
        "sensebind.perception.sources.velodyne",
        "worker or motion",
        Wire.DATAGRAMS,
        Reach.NETWORK,
        "one sender's packets of the right size",
    ),
    Server(
        "rogue of chaos",
        "sensebind.agent.robot.bus_faults",
        "chaos",
        Wire.ZEROMQ,
        Reach.USER,
        "runs in `sensebind chaos` alone",
    ),
    Server(
        "probe of doctor",
        "sensebind.agent.robot.doctor",
        "doctor",
        Wire.DATAGRAMS,
        Reach.MACHINE,
        "binds a port, closes it, and listens to nothing",
    ),
    Server("MCP", "", "mcp", Wire.STDIO, Reach.PROCESS, "has no socket; tools that observe"),
)
"""All servers. Those that face a network are in no robot's main process."""
