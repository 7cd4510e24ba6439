"""A node on a ROS 2 graph: what it publishes and what it listens to, as rmw_zenoh does it."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from typing import Any, Self

from sensebind.errors import SourceError, one_line
from sensebind.perception.ros.attachments import Attachment
from sensebind.perception.ros.extra import import_zenoh
from sensebind.perception.ros.names import (
    NODE,
    PUBLISHER,
    RELIABLE,
    SENSOR_DATA,
    SUBSCRIPTION,
    Entity,
    Qos,
    checked_domain,
    checked_namespace,
    checked_topic,
)
from sensebind.perception.ros.types import known_types


class RosPublisher:
    """Publishes messages of one type under one topic; `RosNode.publisher` makes it.

    Attributes:
        entity: What its liveliness token says.
    """

    def __init__(self, session: Any, entity: Entity) -> None:
        """Declare it.

        Args:
            session: An open zenoh session.
            entity: What to publish.
        """
        zenoh = import_zenoh()
        self.entity = entity
        self._gid = entity.gid()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()  # messages leave in the order of their numbers
        # As in rmw_zenoh: with keep-all who publishes waits for a network that is behind, so that
        # everything arrives; else what does not fit is dropped, and a robot never waits.
        control = zenoh.CongestionControl
        blocks = control.BLOCK if entity.qos.keep_all else control.DROP
        if entity.qos.transient_local:
            self._publisher = zenoh.ext.declare_advanced_publisher(
                session,
                entity.key(),
                congestion_control=blocks,
                cache=zenoh.ext.CacheConfig(entity.qos.depth),
                publisher_detection=True,
            )
        else:
            self._publisher = session.declare_publisher(entity.key(), congestion_control=blocks)
        self._token = session.liveliness().declare_token(entity.token())

    def publish(self, message: Any) -> None:
        """Publish a message.

        Raises:
            InputError: It does not fit the type.
            SourceError: The session is closed.
        """
        self.publish_bytes(known_types().encode(message, self.entity.type))

    def publish_bytes(self, data: bytes) -> None:
        """Publish a message that is CDR already.

        Raises:
            SourceError: The session is closed.
        """
        zenoh = import_zenoh()
        with self._lock:
            attached = Attachment(next(self._numbers), time.time_ns(), self._gid)
            try:
                self._publisher.put(data, attachment=attached.pack())
            except zenoh.ZError as error:
                raise SourceError(
                    f"{self.entity.topic} cannot be published: {one_line(error)}"
                ) from error

    def close(self) -> None:
        """Leave the graph."""
        self._token.undeclare()
        self._publisher.undeclare()


class Subscription:
    """Keeps the newest messages of a topic; `RosNode.subscribe` makes it.

    zenoh's own queue is not used: once it is full it holds up the whole session, and what other
    topics send then is lost. Neither is a callback: one that is slower than its topic is called for
    every message all the same, ever later. A ring gives its oldest place to the newest message.

    Attributes:
        publisher: What is listened to.
    """

    def __init__(self, session: Any, publisher: Entity, mine: Entity, kept: int) -> None:
        """Declare it, and begin to listen in a thread.

        Args:
            session: An open zenoh session.
            publisher: What to listen to.
            mine: What its own liveliness token says.
            kept: Messages that wait to be read.
        """
        zenoh = import_zenoh()
        self.publisher = publisher
        self._closed: type[Exception] = zenoh.ZError
        ring = zenoh.handlers.RingChannel(kept)
        if mine.qos.transient_local:
            # What publishers keep has one key, whoever keeps it, and zenoh makes one reply of those
            # unless consolidation is off, as it is in an advanced subscriber.
            history = zenoh.ext.HistoryConfig(detect_late_publishers=True, max_samples=kept)
            self._subscriber = zenoh.ext.declare_advanced_subscriber(
                session, mine.key(), ring, history=history
            )
        else:
            self._subscriber = session.declare_subscriber(mine.key(), ring)
        # Drivers that publish only while somebody listens count these tokens.
        self._token = session.liveliness().declare_token(mine.token())
        self._kept: deque[Any] = deque(maxlen=kept)
        self._changed = threading.Condition()
        name = f"listen-{publisher.topic}"
        self._thread = threading.Thread(target=self._listen, name=name, daemon=True)
        self._thread.start()

    def next(self, timeout: float) -> Any:
        """Return the oldest sample that is kept, waiting for it; None where nothing came.

        Args:
            timeout: Seconds.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._kept, timeout)
            return self._kept.popleft() if self._kept else None

    def close(self) -> None:
        """Leave the graph, and join the thread."""
        self._token.undeclare()
        self._subscriber.undeclare()
        self._thread.join()

    def _listen(self) -> None:
        """Hand on what comes: a channel cannot be waited for with a timeout, a condition can."""
        channel = self._subscriber.handler  # the subscriber cannot be undeclared while it waits
        try:
            while True:
                sample = channel.recv()
                with self._changed:
                    self._kept.append(sample)
                    self._changed.notify()
        except self._closed:
            return


class RosNode:
    """A node with its endpoints. A context manager; the session is its caller's.

    Example:
        ```python
        with session_to(["tcp/127.0.0.1:7447"]) as session, RosNode(session, "rover") as node:
            publisher = node.publisher("/chatter", "std_msgs/msg/String")
            publisher.publish(known_types().new("std_msgs/msg/String", data="hello"))
        ```

    Args:
        session: An open zenoh session.
        name: Of the node.
        namespace: Before its name and before relative topics.
        domain: ROS_DOMAIN_ID.

    Raises:
        ConfigurationError: A name or the domain is not one of ROS 2.
    """

    def __init__(self, session: Any, name: str, namespace: str = "/", domain: int = 0) -> None:
        self._session = session
        self._name = checked_topic(f"/{name}")[1:]
        self._namespace = checked_namespace(namespace)
        self._domain = checked_domain(domain)
        self._ids = itertools.count(1)
        self._publishers: list[RosPublisher] = []
        self._subscriptions: list[Subscription] = []
        node = Entity(NODE, self._domain, self._zid, 0, 0, self._namespace, self._name)
        self._token = session.liveliness().declare_token(node.token())

    def publisher(self, topic: str, type: str, qos: Qos = RELIABLE) -> RosPublisher:
        """Publish under a topic.

        Args:
            topic: Absolute, or relative to the namespace.
            type: Of the messages.
            qos: Announced to the graph; see `RosPublisher` for what it changes.

        Raises:
            ConfigurationError: It is not a topic of ROS 2.
            InputError: The type is not known.
        """
        full, hash = checked_topic(topic, self._namespace), known_types().hash(type)
        made = RosPublisher(self._session, self._entity(PUBLISHER, full, type, hash, qos))
        self._publishers.append(made)
        return made

    def subscribe(self, publisher: Entity, kept: int, qos: Qos = SENSOR_DATA) -> Subscription:
        """Listen to what a publisher publishes, and to others of its topic, type and hash.

        Args:
            publisher: As it is seen on the graph.
            kept: Messages that wait to be read; a newer one takes the place of the oldest.
            qos: Announced to the graph.
        """
        mine = self._entity(SUBSCRIPTION, publisher.topic, publisher.type, publisher.hash, qos)
        made = Subscription(self._session, publisher, mine, kept)
        self._subscriptions.append(made)
        return made

    def close(self) -> None:
        """Take the node and its endpoints from the graph."""
        while self._publishers:
            self._publishers.pop().close()
        while self._subscriptions:
            self._subscriptions.pop().close()
        self._token.undeclare()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _entity(self, kind: str, topic: str, type: str, hash: str, qos: Qos) -> Entity:
        number, name = next(self._ids), self._name
        about = (kind, self._domain, self._zid, 0, number, self._namespace, name)
        return Entity(*about, topic, type, hash, qos)

    @property
    def _zid(self) -> str:
        return str(self._session.zid())
