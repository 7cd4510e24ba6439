"""The packages of the extra `zenoh`, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from sensebind.errors import MissingDependencyError

MISSING = "topics of ROS 2 over zenoh need eclipse-zenoh, rosbags and xxhash: {}"
INSTALL = "pip install 'sensebind[zenoh]'"


def import_zenoh() -> Any:
    """Return the module `zenoh`.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return _imported("zenoh")


def import_xxhash() -> Any:
    """Return the module `xxhash`.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return _imported("xxhash")


def import_typesys() -> Any:
    """Return the module `rosbags.typesys`.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return _imported("rosbags.typesys")


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(MISSING.format(INSTALL)) from error
