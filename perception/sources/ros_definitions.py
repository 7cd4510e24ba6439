"""Decodes messages of ROS by the definitions in a bag, or by the standard ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sensebind.errors import InputError, MissingDependencyError, one_line
from sensebind.perception.ros.definitions import AUDIO_COMMON
from sensebind.perception.sources.ros_kinds import type_name

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

MISSING = "reading bags needs rosbags: pip install 'sensebind[ros]'"
_IDL_SEPARATOR = "=" * 80 + "\n"

Decode = Callable[[bytes], Any]


class Definitions:
    """Finds out how the messages of each type are decoded.

    Types that are perceived have had one definition in every distribution of ROS 2, and one in
    ROS 1. So a file whose recorder did not find the definition, or that has it in part, is read
    all the same.

    Raises:
        MissingDependencyError: rosbags is not installed.
    """

    def __init__(self) -> None:
        self._standard = _standard()
        self._known: dict[tuple[str, str, str, str], Decode] = {}

    def decoder(self, name: str, encoding: str, schema_encoding: str, text: str) -> Decode:
        """What turns the bytes of a message into an object with its fields.

        Args:
            name: The type, as ROS 1 or ROS 2 writes it.
            encoding: Of the messages: "cdr" (ROS 2) or "ros1".
            schema_encoding: Of the definition: "ros2msg", "ros2idl", "ros1msg", or "".
            text: The definition, with those of the types in it; may be empty.

        Raises:
            InputError: The encoding is not one of ROS, or the type has no definition.
        """
        key = (name, encoding, schema_encoding, text)
        if key not in self._known:
            self._known[key] = self._made(type_name(name), encoding, schema_encoding, text)
        return self._known[key]

    def _made(self, name: str, encoding: str, schema_encoding: str, text: str) -> Decode:
        standard = self._standard.get(encoding)
        if standard is None:
            raise InputError(
                f"messages of type {name} are encoded as {encoding!r}; bags of ROS (cdr, ros1) are "
                "read, and recordings of SenseBind as replay:FILE"
            )
        store, reason = standard, "it is not in the file"
        try:
            own = _parsed(name, schema_encoding, text)
            if own is not None and _fields(standard, name) <= _fields(own, name):
                store = own
        except Exception as error:  # made of what the file says: it may fail in any way
            reason = f"the one in the file cannot be read: {one_line(error)}"
        if name not in store.fielddefs:
            raise InputError(
                f"type {name} has no definition: {reason}; record with a sourced workspace"
            )
        decode = store.deserialize_cdr if encoding == "cdr" else store.deserialize_ros1
        return lambda data: decode(data, name)


@lru_cache(maxsize=1)
def _standard() -> dict[str, Typestore]:
    """The definitions that ROS comes with, by the encoding of the messages."""
    try:
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    except ImportError as error:
        raise MissingDependencyError(MISSING) from error
    stores = {
        "cdr": get_typestore(Stores.ROS2_HUMBLE),
        "ros1": get_typestore(Stores.ROS1_NOETIC),
    }
    for store in stores.values():
        for name, text in AUDIO_COMMON.items():
            store.register(get_types_from_msg(text, name))
    return stores


def _parsed(name: str, encoding: str, text: str) -> Typestore | None:
    """A store of the definitions that a file brings; None where it brings none."""
    from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

    if not text.strip():
        return None
    store = get_typestore(Stores.EMPTY)
    if encoding in ("ros2msg", "ros1msg"):
        store.register(get_types_from_msg(text, name))
    elif encoding == "ros2idl":
        for part in text.split(_IDL_SEPARATOR):
            idl = part.partition("\n")[2] if part.startswith("IDL: ") else part
            if idl.strip():
                store.register(get_types_from_idl(idl))
    else:
        return None
    return store


def _fields(store: Typestore, name: str) -> set[str]:
    """Names of the fields of a type; none where it is unknown."""
    definitions: Mapping[str, Any] = store.fielddefs
    return {field for field, _ in definitions[name][1]} if name in definitions else set()
