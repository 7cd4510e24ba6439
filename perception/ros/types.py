"""Types of ROS 2 messages: their hashes, and their bytes (CDR). No ROS is needed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sensebind.errors import InputError, one_line
from sensebind.perception.ros.definitions import AUDIO_COMMON, VISION_MSGS
from sensebind.perception.ros.extra import import_typesys

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore


class Types:
    """The types of a distribution of ROS 2, of audio_common and of vision_msgs.

    What SenseBind reads and writes is defined alike in Humble, Jazzy and Kilted.

    Raises:
        MissingDependencyError: rosbags is not installed.
    """

    def __init__(self) -> None:
        typesys = import_typesys()
        self._store: Typestore = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
        for name, text in (AUDIO_COMMON | VISION_MSGS).items():
            self._store.register(typesys.get_types_from_msg(text, name))
        self._hashes: dict[str, str] = {}

    def hash(self, name: str) -> str:
        """Return the hash of a type: RIHS01, the SHA-256 of its description (REP 2016).

        Raises:
            InputError: The type is not known.
        """
        if name not in self._hashes:
            self._known(name)
            self._hashes[name] = self._store.hash_rihs01(name)
        return self._hashes[name]

    def has(self, name: str) -> bool:
        """Whether a type is known."""
        return name in self._store.fielddefs

    def new(self, name: str, /, **fields: Any) -> Any:
        """Return a message of a type; every field has to be given.

        Raises:
            InputError: The type is not known.
        """
        self._known(name)
        return self._store.types[name](**fields)

    def encode(self, message: Any, name: str) -> bytes:
        """Return a message as CDR, with its encapsulation header.

        Raises:
            InputError: The type is not known, or the message does not fit it.
        """
        self._known(name)
        try:
            return bytes(self._store.serialize_cdr(message, name))
        except Exception as error:  # generated code: what it raises depends on the field
            raise InputError(f"a message does not fit {name}: {one_line(error)}") from error

    def decode(self, data: bytes, name: str) -> Any:
        """Return the message that CDR holds; its fields are attributes.

        Raises:
            InputError: The type is not known, or the bytes are not such a message.
        """
        self._known(name)
        try:
            return self._store.deserialize_cdr(data, name)
        except Exception as error:  # made of what a stranger sent: it may fail in any way
            raise InputError(f"a message of type {name} is malformed: {one_line(error)}") from error

    def _known(self, name: str) -> None:
        if not self.has(name):
            raise InputError(f"type {name} is not known: it is neither of ROS 2 nor of vision_msgs")


@lru_cache(maxsize=1)
def known_types() -> Types:
    """Return the types that are known, which take a moment to load.

    Raises:
        MissingDependencyError: rosbags is not installed.
    """
    return Types()
