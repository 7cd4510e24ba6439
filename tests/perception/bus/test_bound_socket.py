"""A bound socket keeps its address and its options when it is renewed."""

from __future__ import annotations

from pathlib import Path

import pytest
import zmq

from sensebind.errors import BusError
from sensebind.perception.bus.bound_socket import BoundSocket


def test_a_renewed_socket_has_the_same_address_and_options() -> None:
    bound = BoundSocket(zmq.ROUTER, "tcp://127.0.0.1:*", options={zmq.ROUTER_MANDATORY: 1})
    endpoint, before = bound.endpoint, bound.socket
    assert not endpoint.endswith("*") and bound.guards == () and not bound.serve()
    for _ in range(2):
        with pytest.raises(zmq.ZMQError) as error:  # a ROUTER without the option says nothing
            bound.socket.send_multipart([b"nobody", b"hello"], zmq.NOBLOCK)
        assert error.value.errno == zmq.EHOSTUNREACH
        bound.renew()
    assert bound.endpoint == endpoint and bound.socket is not before and before.closed
    with pytest.raises(BusError, match="choose another port"):
        BoundSocket(zmq.ROUTER, endpoint)
    bound.close()
    bound.close()
    BoundSocket(zmq.ROUTER, endpoint).close()


def test_nothing_is_left_open_where_nothing_can_be_bound(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="directory must exist"):
        BoundSocket(zmq.PUB, f"ipc://{tmp_path}/no/socket")
    with pytest.raises(BusError, match="can be reached from other machines"):
        BoundSocket(zmq.PUB, "tcp://0.0.0.0:*")
