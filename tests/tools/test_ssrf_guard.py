"""Which addresses are public: also those that embed another one."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.tools.ssrf_guard import is_public

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "192.168.1.9",
    "172.16.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34"]


def forms(address: str) -> dict[str, str]:
    """IPv6 addresses that lead to an IPv4 address, as their RFCs write them."""
    v4 = IPv4Address(address)
    high, low = divmod(int(v4), 1 << 16)
    inverted = divmod(int(v4) ^ 0xFFFFFFFF, 1 << 16)
    server = "808:808"
    return {
        "mapped": f"::ffff:{address}",
        "translated": f"::ffff:0:{address}",
        "compatible": f"::{high:x}:{low:x}",
        "6to4": f"2002:{high:x}:{low:x}::1",
        "NAT64": f"64:ff9b::{high:x}:{low:x}",
        "Teredo client": f"2001:0:{server}:8000:63bf:{inverted[0]:x}:{inverted[1]:x}",
        "Teredo server": f"2001:0:{high:x}:{low:x}:8000:63bf:f7f7:f7f7",
        "ISATAP": f"2606:4700:1:1:0:5efe:{high:x}:{low:x}",
        "ISATAP, unique": f"2606:4700:1:1:200:5efe:{high:x}:{low:x}",
    }


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_stays_private_in_every_form(address: str) -> None:
    assert not is_public(address)
    for name, form in forms(address).items():
        assert not is_public(form), name
        assert not is_public(IPv6Address(form).exploded), name


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_stays_public_in_every_form(address: str) -> None:
    assert is_public(address)
    assert all(is_public(form) for form in forms(address).values())


@pytest.mark.parametrize(
    "address",
    [
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::1",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1:a00:1::",
        "::ffff:127.0.0.1%1",
        "fec0::1",
    ],
)
def test_what_is_not_of_the_internet_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["2606:4700:4700::1111", "2a00:1450:4001:81b::200e"])
def test_ordinary_addresses_are_public(address: str) -> None:
    assert is_public(address)


@given(st.integers(0, 2**32 - 1))
def test_every_form_is_decided_by_what_it_embeds(number: int) -> None:
    address = str(IPv4Address(number))
    ip = ipaddress.ip_address(address)
    wanted = ip.is_global and not ip.is_multicast
    assert {is_public(form) for form in forms(address).values()} == {wanted}
