"""A zenoh session on a ROS 2 graph, and who publishes there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sensebind.errors import ConfigurationError, InputError, SourceError, one_line
from sensebind.perception.ros.extra import import_zenoh
from sensebind.perception.ros.names import Entity, publishers_key

ROUTER = "tcp/127.0.0.1:7447"
"""Where rmw_zenoh's router listens (`ros2 run rmw_zenoh_cpp rmw_zenohd`)."""
_ENDPOINT = re.compile(r"(?:tcp|tls|quic|udp|ws|unixsock-stream)/[^\s/#?]\S*")
_GRAPH_SECONDS = 2.0  # longest wait for the tokens of a graph


def checked_endpoints(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return the endpoints of a router or peer, of which one is connected to.

    Args:
        given: One, or several in order of preference, such as "tcp/192.168.1.20:7447".

    Raises:
        ConfigurationError: There is none, or it is not one of zenoh.
    """
    endpoints = (given,) if isinstance(given, str) else tuple(given)
    for one in endpoints or ("",):
        if not isinstance(one, str) or not _ENDPOINT.fullmatch(one):
            raise ConfigurationError(
                f"connect: {str(one)[:200]!r} is not an endpoint of zenoh such as {ROUTER}"
            )
    return endpoints


def open_session(connect: Sequence[str]) -> Any:
    """Open a session that talks with one router or peer, and with nobody else.

    The caller closes it, whatever happens: one that is left to the garbage collector keeps its
    threads, its connection, and its tokens, by which the graph goes on counting it.

    Args:
        connect: Checked endpoints; the first that answers is used.

    Raises:
        SourceError: None of them answers.
        MissingDependencyError: eclipse-zenoh is not installed.
    """
    zenoh = import_zenoh()
    config = zenoh.Config()
    # A client opens no port and follows no gossip, so that it meets only whom the user named. It
    # connects again by itself when the router was away, and declares again what it had declared.
    for key, value in {
        "mode": "client",
        "connect/endpoints": list(connect),
        "listen/endpoints": [],
        "scouting/multicast/enabled": False,
        "scouting/gossip/enabled": False,
        "timestamping/enabled": True,  # what is published for late subscribers is kept by its time
    }.items():
        config.insert_json5(key, json.dumps(value))
    try:
        return zenoh.open(config)
    except zenoh.ZError as error:
        raise SourceError(
            f"no zenoh router or peer answers at {', '.join(connect)} ({one_line(error)}): start "
            "one (ros2 run rmw_zenoh_cpp rmw_zenohd), or name another as connect"
        ) from error


@contextmanager
def session_to(connect: Sequence[str]) -> Iterator[Any]:
    """A session that is closed in the end; see `open_session`."""
    session = open_session(connect)
    try:
        yield session
    finally:
        session.close()


def publishers(session: Any, domain: int, topic: str = "") -> list[Entity]:
    """Return the publishers on a graph, by topic; malformed tokens are left out.

    Args:
        session: An open session.
        domain: ROS_DOMAIN_ID.
        topic: With its namespace; "" is all.
    """
    found = []
    # Read to the end: a full queue of replies holds up the whole session. Each token has a key of
    # its own, so that no two are taken for one, as replies of a query on one key would be.
    for reply in session.liveliness().get(publishers_key(domain, topic), timeout=_GRAPH_SECONDS):
        if (sample := reply.ok) is None:
            continue
        try:
            found.append(Entity.parse(str(sample.key_expr)))
        except InputError:
            continue
    return sorted(found, key=lambda one: (one.topic, one.type, one.session, one.entity_id))
