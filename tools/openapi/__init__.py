"""OpenAPI 3.0 and 3.1 documents: operations, and how their requests are written."""

from sensebind.tools.openapi.document import (
    MAX_DOCUMENT_BYTES,
    Operation,
    Unusable,
    parse_document,
    read_document,
    read_operations,
)

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "Operation",
    "Unusable",
    "parse_document",
    "read_document",
    "read_operations",
]
