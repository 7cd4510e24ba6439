"""Opens encoders by name: "imagebind", "clip:DIRECTORY", "pe_audio:DIRECTORY", or a plug-in's."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from sensebind.errors import (
    ConfigurationError,
    MissingDependencyError,
    SenseBindError,
    one_line,
)
from sensebind.perception.encoders.base import EncoderOptions, StreamEncoder
from sensebind.perception.encoders.names import (
    BUILT_IN,
    OWN,
    PACKAGE,
    check_encoder,
    parted,
    plugins,
)
from sensebind.perception.modality import Modality

Factory = Callable[[str, Modality, EncoderOptions], StreamEncoder]


def open_encoder(
    spec: str, own: Path, modality: Modality, options: EncoderOptions
) -> StreamEncoder:
    """Load the encoder that a configuration names.

    Args:
        spec: "NAME", or "NAME:TARGET"; built-in ones take a directory as target.
        own: Directory of the robot's own ImageBind: the target of "imagebind" without one.
        modality: What the stream is encoded as.
        options: How and where it computes.

    Raises:
        ConfigurationError: There is no such encoder, or it does not encode this modality.
        CheckpointError: Its weights are missing or damaged.
        MissingDependencyError: It needs a package that is not installed.
    """
    name, target = parted(spec)
    factory = _factory(spec)
    try:
        encoder = factory(target or (str(own) if name == OWN else ""), modality, options)
        encoded = frozenset(encoder.modalities)
    except SenseBindError:
        raise
    except Exception as error:
        if name in BUILT_IN:
            raise
        raise ConfigurationError(
            f"encoder {spec} failed: {type(error).__name__}: {one_line(error)}"
        ) from error
    if modality not in encoded:
        raise ConfigurationError(
            f"encoder {spec} encodes {', '.join(sorted(encoded))}, not {modality.value}"
        )
    return encoder


def space_of(spec: str, own: Path, modality: Modality) -> str:
    """Return the `space_id` of an encoder, without its weights where it can say it so.

    Raises:
        SenseBindError: As `open_encoder`.
    """
    name, target = parted(spec)
    identify: Callable[[str], str] | None = getattr(_factory(spec), "identify", None)
    if identify is not None:
        return identify(target or (str(own) if name == OWN else ""))
    return open_encoder(spec, own, modality, EncoderOptions()).space_id


def _factory(spec: str) -> Factory:
    """Import what builds an encoder; the built-in ones come first."""
    check_encoder(spec)
    name, _ = parted(spec)
    try:
        if name in BUILT_IN:
            module, _, attribute = BUILT_IN[name].partition(":")
            return getattr(importlib.import_module(f"{PACKAGE}.{module}"), attribute)
        return plugins()[name].load()
    except Exception as error:  # a plug-in's own code may raise anything while it is imported
        if name in BUILT_IN and not isinstance(error, ImportError):
            raise
        raise MissingDependencyError(
            f"encoder {name!r} cannot be loaded: {one_line(error)}"
        ) from error
