"""Which machines a tool may talk to: public ones, and private ones that were allowed by name.

A name is resolved once, its addresses are checked, and the connection goes to the address that was
checked: a name that answers differently the second time gains nothing.
"""

import ipaddress
import socket
from collections.abc import Collection

import httpx

from sensebind.errors import InputError


def checked_address(host: str, port: int, allowed: Collection[str] = ()) -> str:
    """Resolves a host and returns the address to connect to.

    Args:
        host: Name or address.
        port: Port, for the resolver.
        allowed: Hosts, as written, that may be private.

    Raises:
        InputError: The host has no address, or a private one and is not allowed.
    """
    bare = host.strip("[]").rstrip(".").lower()
    try:
        found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"{host} cannot be found: {error}") from error
    addresses = [str(info[4][0]) for info in found]
    if bare not in {one.lower() for one in allowed}:
        for address in addresses:
            if not _is_public(address):
                raise InputError(
                    f"{host} is at the private address {address}: allow it by name if it is yours"
                )
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return ip.is_global and not ip.is_multicast


class GuardedTransport(httpx.BaseTransport):
    """Sends requests to checked addresses only; every request is checked, redirects too."""

    def __init__(self, allowed: Collection[str] = (), *, verify: bool = True) -> None:
        """Args:
        allowed: Hosts that may be private.
        verify: Whether certificates are checked (they always are, for https).
        """
        self._allowed = tuple(allowed)
        self._inner = httpx.HTTPTransport(verify=verify, trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request to the address of its host."""
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        address = checked_address(host, port, self._allowed)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)  # the Host header stays as it is
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Closes the connections."""
        self._inner.close()
