"""References (`$ref`): looked up in the document and in JSON Schema's own meta-schemas.

Nothing is fetched.
"""

from typing import Any

from jsonschema_specifications import REGISTRY
from referencing import Registry, Specification
from referencing.exceptions import Unresolvable

POINTERS = Specification.OPAQUE
"""How a document that is not a schema is referred to: by JSON pointers alone (RFC 6901)."""


def registry_of(root: Any, specification: Specification[Any]) -> tuple[Registry[Any], str]:
    """Returns a registry that holds a document and the meta-schemas, and the document's base URI.

    Args:
        root: The document.
        specification: How it names its parts: that of a draft of JSON Schema, or `POINTERS`.
    """
    resource = specification.create_resource(root)
    base = resource.id() or ""
    return REGISTRY.with_resource(base, resource).crawl(), base


def look_up(resolver: Any, reference: Any) -> Any:
    """Returns what a reference leads to (`referencing`'s `Resolved`).

    Args:
        resolver: Of the place where the reference stands.
        reference: A URI with a fragment; percent-encoding is undone.

    Raises:
        LookupError: It leads nowhere, or is not a reference.
    """
    try:
        return resolver.lookup(reference)
    except (Unresolvable, ValueError, LookupError, TypeError) as error:
        raise LookupError(f"{str(reference)[:120]} is not there") from error
