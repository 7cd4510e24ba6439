"""The 33 bytes that rmw_zenoh attaches to every message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.errors import InputError
from sensebind.perception.ros.attachments import Attachment
from sensebind.perception.ros.names import SENSOR_DATA, Entity

GID = bytes.fromhex("00112233445566778899aabbccddeeff")
NUMBER = st.integers(-(2**63), 2**63 - 1)


def test_numbers_have_64_bits_with_the_lowest_byte_first() -> None:
    packed = Attachment(0x0102030405060708, 0x1112131415161718, GID).pack()
    assert packed.hex() == "0807060504030201181716151413121110" + GID.hex()


@given(NUMBER, NUMBER, st.binary(min_size=16, max_size=16))
def test_they_go_both_ways(sequence: int, stamp: int, gid: bytes) -> None:
    attached = Attachment(sequence, stamp, gid)
    assert Attachment.parse(attached.pack()) == attached


@given(st.binary(max_size=70))
def test_anything_else_is_refused(data: bytes) -> None:
    if len(data) == 33 and data[16] == 16:
        return
    with pytest.raises(InputError, match="attachment of"):
        Attachment.parse(data)


@pytest.mark.parametrize("made", [Attachment(2**63, 0, GID), Attachment(1, 1, GID[:8])])
def test_what_does_not_fit_is_refused(made: Attachment) -> None:
    with pytest.raises(InputError):
        made.pack()


def test_zenohs_own_serializer_writes_the_same_where_the_width_is_named() -> None:
    """And not where it is not: a plain int would take 4 bytes, which rmw_zenoh refuses."""
    zenoh = pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
    whole, now = zenoh.ext.Int64, 1_700_000_000_123_456_789
    theirs = zenoh.ext.z_serialize((whole(7), whole(now), GID)).to_bytes()
    assert theirs == Attachment(7, now, GID).pack()
    assert len(zenoh.ext.z_serialize(7).to_bytes()) == 4


def test_the_gid_is_that_of_rmw_zenohs_own_hash() -> None:
    """What its simplified_xxhash3.cpp makes of this token, as another client's tests record it."""
    pytest.importorskip("xxhash", reason="pip install 'sensebind[zenoh]'")
    about = (23, "aac3178e146ba6f1fc6e6a4085e77f21", 0, 1, "/raft_test", "raft_fixture")
    string = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
    entity = Entity("MP", *about, "/raft_test/chatter", "std_msgs/msg/String", string, SENSOR_DATA)
    assert entity.gid().hex() == "e4f56c26790a63265397a613657e3aab"
