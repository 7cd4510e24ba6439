"""Which machines a tool may talk to: public ones, and private ones that were allowed by name.

A name is resolved once, its addresses are checked, and the connection goes to the address that was
checked: a name that answers differently the second time gains nothing.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from sensebind.errors import InputError

Embedded = Callable[[int], Sequence[int]]


def _last(bits: int) -> Sequence[int]:
    return (bits & 0xFFFFFFFF,)


# What leads to an IPv4 address whatever the rest says: a translator or a tunnel takes the address
# that is embedded. (IANA's registry of special-purpose IPv6 addresses, and the RFC that is named.)
_EMBEDDING: tuple[tuple[IPv6Network, Embedded], ...] = (
    (IPv6Network("::ffff:0:0/96"), _last),  # IPv4-mapped, RFC 4291
    (IPv6Network("::ffff:0:0:0/96"), _last),  # IPv4-translated, RFC 2765
    (IPv6Network("::/96"), _last),  # IPv4-compatible, RFC 4291; :: and ::1 are no one's
    (IPv6Network("64:ff9b::/96"), _last),  # NAT64, RFC 6052
    (IPv6Network("2002::/16"), lambda bits: (bits >> 80 & 0xFFFFFFFF,)),  # 6to4, RFC 3056
    # Teredo, RFC 4380: its server, and the client with all bits inverted.
    (IPv6Network("2001::/32"), lambda bits: (bits >> 64 & 0xFFFFFFFF, ~bits & 0xFFFFFFFF)),
)
# NAT64 for local use, RFC 8215: each network chooses where in it the address stands, so nobody
# else can know whom it leads to.
_UNKNOWN = (IPv6Network("64:ff9b:1::/48"),)
_UNICAST = IPv6Network("2000::/3")  # all that IANA has given out for the internet, RFC 4291
_ISATAP = (0x00005EFE, 0x02005EFE)  # begin of the lower 64 bits, RFC 5214


def is_public(address: str) -> bool:
    """Whether an address is reached through the internet, and is nobody's private one.

    An IPv6 address that embeds an IPv4 address is as public as that.

    Args:
        address: IPv4 or IPv6, with or without a zone.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast
    if any(ip in network for network in _UNKNOWN):
        return False
    bits = int(ip)
    for network, embedded in _EMBEDDING:
        if ip in network:
            return all(is_public(str(IPv4Address(one))) for one in embedded(bits))
    # Python calls all global that no registry names, such as the old site-local addresses.
    return ip in _UNICAST and ip.is_global and _tunnel_is_public(ip)


def _tunnel_is_public(ip: IPv6Address) -> bool:
    """Whether the IPv4 address of an ISATAP tunnel, if it is one, is public."""
    bits = int(ip)
    if bits >> 32 & 0xFFFFFFFF not in _ISATAP:
        return True
    return is_public(str(IPv4Address(bits & 0xFFFFFFFF)))


async def checked_address(host: str, port: int, allowed: Collection[str] = ()) -> str:
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
        addresses = await _resolved(bare, port)
    except (OSError, UnicodeError) as error:
        raise InputError(f"{host} cannot be found: {error}") from error
    if bare not in {one.lower() for one in allowed}:
        for address in addresses:
            if not is_public(address):
                raise InputError(
                    f"{host} is at the private address {address}: allow it by name if it is yours"
                )
    return addresses[0]


async def _resolved(host: str, port: int) -> list[str]:
    """Returns the addresses of a host; a resolver that hangs is left behind.

    Threads of asyncio's own are waited for when the program ends; this one is not.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def tell(answer: list[str] | OSError | UnicodeError) -> None:
        if found.done():
            return  # nobody waits any more
        if isinstance(answer, list):
            found.set_result(answer)
        else:
            found.set_exception(answer)

    def ask() -> None:
        answer: list[str] | OSError | UnicodeError
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer = [str(one[4][0]) for one in answers]
        except (OSError, UnicodeError) as error:
            answer = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, answer)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    return await found
