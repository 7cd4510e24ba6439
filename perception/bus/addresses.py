"""Which addresses are of this machine; without ZeroMQ, as robots' files are checked by it."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether an interface can be reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
