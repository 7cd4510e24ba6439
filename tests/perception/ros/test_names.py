"""Keys, tokens and names against the examples of rmw_zenoh's design document."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.ros.names import (
    NODE,
    PUBLISHER,
    SENSOR_DATA,
    SUBSCRIPTION,
    Entity,
    Qos,
    as_name,
    checked_domain,
    checked_namespace,
    checked_topic,
    dds_type,
    publishers_key,
    ros_type,
)

STRING_HASH = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
LISTENER = "@ros2_lv/2/aac3178e146ba6f1fc6e6a4085e77f21/0/0/NN/%/%/listener"
TALKS = (
    "@ros2_lv/2/8b20917502ee955ac4476e0266340d5c/0/10/MP/%/%/talker/%chatter/"
    f"std_msgs::msg::dds_::String_/{STRING_HASH}/::,7:,:,:,,"
)


def test_tokens_are_those_of_the_design_document() -> None:
    node = Entity(NODE, 2, "aac3178e146ba6f1fc6e6a4085e77f21", 0, 0, "/", "listener")
    assert node.token() == LISTENER and Entity.parse(LISTENER) == node
    about = ("8b20917502ee955ac4476e0266340d5c", 0, 10, "/", "talker")
    talks = Entity(
        PUBLISHER, 2, *about, "/chatter", "std_msgs/msg/String", STRING_HASH, Qos(depth=7)
    )
    assert talks.token() == TALKS and Entity.parse(TALKS) == talks


@pytest.mark.parametrize(
    ("domain", "topic", "key"),
    [
        (0, "/chatter", f"0/chatter/std_msgs::msg::dds_::String_/{STRING_HASH}"),
        (0, "/robot1/chatter", f"0/robot1/chatter/std_msgs::msg::dds_::String_/{STRING_HASH}"),
    ],
)
def test_keys_are_those_of_the_design_document(domain: int, topic: str, key: str) -> None:
    about = (PUBLISHER, domain, "8b20", 0, 10, "/", "talker")
    assert Entity(*about, topic, "std_msgs/msg/String", STRING_HASH).key() == key


def test_a_namespace_stands_in_one_part() -> None:
    entity = Entity.parse(TALKS.replace("/%/%/talker/%chatter", "/%/%rover%head/talker/%rover%a"))
    assert (entity.namespace, entity.topic) == ("/rover/head", "/rover/a")
    assert "/%rover%head/talker/%rover%a/" in entity.token()


def test_a_part_that_a_later_rmw_zenoh_adds_is_left_out() -> None:
    assert Entity.parse(f"{TALKS}/cpu") == Entity.parse(TALKS)


@pytest.mark.parametrize(
    ("qos", "text"),
    [
        (Qos(depth=42), "::,:,:,:,,"),  # all of it rmw_zenoh's default
        (Qos(), "::,10:,:,:,,"),
        (SENSOR_DATA, "2::,5:,:,:,,"),
        (Qos(transient_local=True, depth=1), ":1:,1:,:,:,,"),
        (Qos(keep_all=True), "::2,10:,:,:,,"),
    ],
)
def test_quality_of_service(qos: Qos, text: str) -> None:
    assert qos.token() == text and Qos.parse(text) == qos


@pytest.mark.parametrize(
    "token",
    [
        "",
        "@ros2_lv/0/a/0/0/NN/%/%",  # no node
        LISTENER.replace("@ros2_lv", "@ros"),
        LISTENER.replace("/2/", "/two/"),
        LISTENER.replace("/%/%/", "//%/"),
        TALKS.replace("std_msgs::msg::dds_::String_", "String"),
        TALKS.replace("::,7:,:,:,,", "reliable"),
        TALKS.replace("::,7:,:,:,,", "::,-7:,:,:,,"),
        TALKS.partition("/%chatter")[0],
        "@ros2_lv/0/q1w2e3/MP/_/talker/chatter/dds_::std_msgs::msg::String/2:1:2,10",  # of 2023
    ],
)
def test_what_is_not_a_token_is_refused(token: str) -> None:
    with pytest.raises(InputError):
        Entity.parse(token)


@given(st.text(alphabet="@ros2_lv/%:,0129MPNa", max_size=120))
def test_no_token_does_more_than_be_refused(text: str) -> None:
    for token in (text, f"@ros2_lv/0/a/0/1/MP/%/%/n/%t/{text}"):
        try:
            Entity.parse(token)
        except InputError:
            continue


@pytest.mark.parametrize("name", ["sensor_msgs/msg/Image", "std_srvs/srv/Trigger"])
def test_types_go_both_ways(name: str) -> None:
    assert ros_type(dds_type(name)) == name
    assert re.fullmatch(r"\w+::(msg|srv)::dds_::\w+_", dds_type(name))


@pytest.mark.parametrize("name", ["Image", "sensor_msgs/Image", "a/msg/*", "a/msg/B/c", "a/msg/"])
def test_other_types_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="not a type of ROS 2"):
        dds_type(name)


def test_topics_are_absolute_or_below_the_namespace() -> None:
    assert checked_topic("/camera/image_raw", "/rover") == "/camera/image_raw"
    assert checked_topic("image_raw", "rover") == "/rover/image_raw"
    assert checked_topic("image_raw") == "/image_raw"
    assert checked_namespace("") == "/"


@pytest.mark.parametrize(
    "topic", ["", "/", "/a//b", "/a/", "/a/*", "/**", "/a b", "/9", "/a$*", "~x"]
)
def test_wildcards_and_other_names_are_refused(topic: str) -> None:
    with pytest.raises(ConfigurationError, match="not a topic of ROS 2"):
        checked_topic(topic)


def test_domains_are_those_of_ros() -> None:
    assert checked_domain(232) == 232
    with pytest.raises(ConfigurationError, match="from 0 to 232"):
        checked_domain(233)


def test_names_of_ours_become_names_of_ros() -> None:
    assert [as_name(one) for one in ("rover.front-cam", "9", "")] == ["rover_front_cam", "_9", "_"]


def test_the_tokens_of_publishers_are_asked_for() -> None:
    zenoh = pytest.importorskip("zenoh", reason="pip install 'sensebind[zenoh]'")
    mine = zenoh.KeyExpr(publishers_key(2, "/chatter"))
    assert mine.intersects(TALKS) and mine.intersects(f"{TALKS}/cpu")
    subscription = TALKS.replace(f"/{PUBLISHER}/", f"/{SUBSCRIPTION}/")
    for other in (LISTENER, subscription, TALKS.replace("%chatter", "%rover%chatter")):
        assert not mine.intersects(other)
    assert zenoh.KeyExpr(publishers_key(2)).intersects(TALKS)
