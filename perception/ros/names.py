"""Names of a ROS 2 graph as rmw_zenoh writes them: keys of topics, liveliness tokens, QoS, GIDs.

Every node and publisher declares a liveliness token whose key expression says all about it, and
messages travel under a key that holds the type's hash, so that two sides with different definitions
never meet. The formats are those of rmw_zenoh's design document
(https://github.com/ros2/rmw_zenoh/blob/rolling/docs/design.md):

    topic   DOMAIN/TOPIC/TYPE/HASH
    token   @ros2_lv/DOMAIN/SESSION/NODE_ID/ENTITY_ID/KIND/ENCLAVE/NAMESPACE/NODE
            /TOPIC/TYPE/HASH/QOS (of a publisher or subscription)

with each slash inside a part replaced by a percent sign.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sensebind.errors import ConfigurationError, InputError

ADMIN_SPACE = "@ros2_lv"
"""What all tokens begin with. A wildcard never matches it, so queries have to name it."""
NODE, PUBLISHER, SUBSCRIPTION = "NN", "MP", "MS"
UNHASHED = "TypeHashNotSupported"
"""What stands for the hash in Humble, which has none."""
MAX_DOMAIN = 232  # ROS 2's own limit

_DEPTH = 42  # of the QoS that rmw_zenoh leaves out of a token
_NAME = re.compile("(?:/[A-Za-z_][A-Za-z0-9_]*)+")
_DDS = re.compile(r"([A-Za-z]\w*)::(msg|srv|action)::dds_::([A-Za-z]\w*)_", re.ASCII)
_ROS = re.compile(r"([A-Za-z]\w*)/(msg|srv|action)/([A-Za-z]\w*)", re.ASCII)
_PARTS_OF_A_NODE, _PARTS_OF_AN_ENDPOINT = 9, 13


@dataclass(frozen=True, slots=True)
class Qos:
    """Quality of service, as far as rmw_zenoh makes a difference by it.

    Attributes:
        reliable: Reliable, else best effort.
        transient_local: Whether late subscribers get what was published before.
        keep_all: Keep all, else keep last.
        depth: How many are kept.
    """

    reliable: bool = True
    transient_local: bool = False
    keep_all: bool = False
    depth: int = 10

    def token(self) -> str:
        """Return the last part of a liveliness token; what is rmw_zenoh's default stays empty."""
        reliability = "" if self.reliable else "2"
        durability = "1" if self.transient_local else ""
        history = "2" if self.keep_all else ""
        depth = "" if self.depth == _DEPTH else str(self.depth)
        return f"{reliability}:{durability}:{history},{depth}:,:,:,,"

    @classmethod
    def parse(cls, text: str) -> Qos:
        """Read the last part of a liveliness token.

        Raises:
            InputError: It is malformed.
        """
        parts = text.split(":")
        history, comma, depth = (parts[2] if len(parts) >= 6 else "").partition(",")
        if not comma or (depth and not (depth.isascii() and depth.isdigit() and len(depth) < 20)):
            raise InputError(f"{text[:80]!r} is not a quality of service of rmw_zenoh")
        return cls(
            parts[0] in ("", "1"), parts[1] == "1", history == "2", int(depth) if depth else _DEPTH
        )


RELIABLE = Qos()
"""ROS' default: reliable, the last ten are kept."""
SENSOR_DATA = Qos(reliable=False, depth=5)
"""ROS' profile for sensors: best effort, and few are kept."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A node or an endpoint of one, as its liveliness token describes it.

    Attributes:
        kind: `NODE`, `PUBLISHER`, `SUBSCRIPTION`, or another of rmw_zenoh's.
        domain: ROS_DOMAIN_ID.
        session: Id of the zenoh session.
        node_id: Of the node in its session.
        entity_id: Of the endpoint in its session; that of the node for a node.
        namespace: Of the node, such as "/rover"; "/" is none.
        node: Name of the node.
        topic: With its namespace, such as "/rover/camera"; "" for a node.
        type: Of the messages, such as "sensor_msgs/msg/Image".
        hash: Of the type, such as "RIHS01_…", or `UNHASHED`.
        qos: Of the endpoint.
    """

    kind: str
    domain: int
    session: str
    node_id: int
    entity_id: int
    namespace: str
    node: str
    topic: str = ""
    type: str = ""
    hash: str = ""
    qos: Qos = Qos()

    def token(self) -> str:
        """Return its liveliness token."""
        parts = [
            ADMIN_SPACE,
            str(self.domain),
            self.session,
            str(self.node_id),
            str(self.entity_id),
            self.kind,
            "%",  # the enclave of SROS, which nobody set
            mangled(self.namespace),
            self.node,
        ]
        if self.topic:
            parts += [mangled(self.topic), dds_type(self.type), self.hash, self.qos.token()]
        return "/".join(parts)

    def key(self) -> str:
        """Return the key expression of its messages."""
        return f"{self.domain}/{self.topic.strip('/')}/{dds_type(self.type)}/{self.hash}"

    @classmethod
    def parse(cls, token: str) -> Entity:
        """Read a liveliness token, which anybody on the network may have written.

        Raises:
            InputError: It is malformed, or of an older or newer format.
        """
        parts = token.split("/")
        if len(parts) < _PARTS_OF_A_NODE or parts[0] != ADMIN_SPACE or not all(parts):
            raise InputError(f"{token[:200]!r} is not a liveliness token of rmw_zenoh")
        numbers = (parts[1], parts[3], parts[4])
        if not all(one.isascii() and one.isdigit() and len(one) < 20 for one in numbers):
            raise InputError(f"{token[:200]!r} has an id that is not a number")
        domain, node_id, entity_id = map(int, numbers)
        namespace = parts[7].replace("%", "/")
        about = (parts[5], domain, parts[2], node_id, entity_id, namespace, parts[8])
        if parts[5] == NODE:
            return cls(*about)
        if len(parts) < _PARTS_OF_AN_ENDPOINT:
            raise InputError(f"{token[:200]!r} does not say what is published")
        topic = parts[9].replace("%", "/")
        return cls(*about, topic, ros_type(parts[10]), parts[11], Qos.parse(parts[12]))

    def gid(self) -> bytes:
        """Return the 16 bytes by which ROS knows the endpoint: XXH3-128 of its token.

        Raises:
            MissingDependencyError: xxhash is not installed.
        """
        from sensebind.perception.ros.extra import import_xxhash

        # rmw_zenoh writes the low half first, each half with its lowest byte first.
        return import_xxhash().xxh3_128_intdigest(self.token().encode()).to_bytes(16, "little")


def mangled(name: str) -> str:
    """Return a name as one part of a token."""
    return name.replace("/", "%")


def publishers_key(domain: int, topic: str = "") -> str:
    """Return the key expression that the tokens of publishers match.

    Args:
        domain: ROS_DOMAIN_ID.
        topic: With its namespace; "" is any.
    """
    # Lyrical adds a part at the end; ** is that, or nothing.
    return f"{ADMIN_SPACE}/{domain}/*/*/*/{PUBLISHER}/*/*/*/{mangled(topic) or '*'}/*/*/*/**"


def dds_type(name: str) -> str:
    """Return a type's name as DDS declares it, `sensor_msgs::msg::dds_::Image_`.

    Raises:
        InputError: It is not a type of ROS 2.
    """
    match = _ROS.fullmatch(name)
    if match is None:
        raise InputError(f"{name[:200]!r} is not a type of ROS 2 such as sensor_msgs/msg/Image")
    return f"{match[1]}::{match[2]}::dds_::{match[3]}_"


def ros_type(name: str) -> str:
    """Return a type's name as ROS 2 writes it, `sensor_msgs/msg/Image`.

    Raises:
        InputError: DDS does not declare a type of ROS 2 so.
    """
    match = _DDS.fullmatch(name)
    if match is None:
        raise InputError(f"{name[:200]!r} is not a type of ROS 2 as DDS declares it")
    return f"{match[1]}/{match[2]}/{match[3]}"


def checked_topic(topic: str, namespace: str = "/") -> str:
    """Return the full name of a topic.

    Args:
        topic: Absolute ("/camera/image_raw"), or relative to the namespace ("image_raw").
        namespace: Such as "/rover".

    Raises:
        ConfigurationError: It is not a name of ROS 2; wildcards are none.
    """
    prefix = checked_namespace(namespace)
    full = topic if topic.startswith("/") else f"{prefix.rstrip('/')}/{topic}"
    if not _NAME.fullmatch(full) or len(full) > 255:
        raise ConfigurationError(
            f"{topic[:200]!r} is not a topic of ROS 2: parts of letters, digits and _ with slashes "
            "between them, such as /camera/image_raw"
        )
    return full


def checked_namespace(namespace: str) -> str:
    """Return a namespace, which begins with a slash; "" is "/".

    Raises:
        ConfigurationError: It is not a name of ROS 2.
    """
    full = namespace if namespace.startswith("/") else f"/{namespace}"
    if full != "/" and not _NAME.fullmatch(full):
        raise ConfigurationError(
            f"{namespace[:200]!r} is not a namespace of ROS 2, such as /rover: parts of letters, "
            "digits and _"
        )
    return full


def as_name(text: str) -> str:
    """Return a name of ours as one that ROS allows: what is not a letter or digit becomes _."""
    plain = re.sub("[^A-Za-z0-9_]", "_", text)
    return plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"


def checked_domain(domain: int) -> int:
    """Return a domain.

    Raises:
        ConfigurationError: It is outside of what ROS_DOMAIN_ID may be.
    """
    if not 0 <= domain <= MAX_DOMAIN:
        raise ConfigurationError(f"domain {domain}: ROS_DOMAIN_ID is from 0 to {MAX_DOMAIN}")
    return domain
