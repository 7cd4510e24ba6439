"""Parquet tables of image-text pairs, as collections and Hugging Face datasets keep them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensebind.errors import InputError, MissingDependencyError, one_line

_ROWS = 32  # at once: images may lie in the table, and a few bytes may unpack to a long text
_NAMES = {
    "url": "url",
    "image": "image",
    "jpg": "image",
    "png": "image",
    "caption": "caption",
    "text": "caption",
    "txt": "caption",
    "conversations": "conversations",
    "messages": "conversations",
    "instruction": "instruction",
    "input": "input",
    "output": "output",
}
"""What columns are called, in any case, and what they are in an item."""


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file as items of the official forms.

    An image may be a path, an address, its bytes, or what the `datasets` library writes: bytes and
    path.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read, or has none of the columns.
        MissingDependencyError: pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise MissingDependencyError(
            "Parquet files need pyarrow: pip install 'sensebind[datasets]'"
        ) from error
    try:
        with parquet.ParquetFile(path) as table:
            found: dict[str, str] = {}  # item's field to column; the first one of several
            for column in table.schema_arrow.names:
                if (field := _NAMES.get(column.lower())) is not None:
                    found.setdefault(field, column)
            if not {"caption", "conversations", "instruction"} & found.keys():
                raise InputError(
                    f"{path} is a table without a column caption, text, conversations or "
                    f"instruction; it has {', '.join(table.schema_arrow.names)[:200]}"
                )
            for batch in table.iter_batches(_ROWS, columns=list(found.values())):
                for row in batch.to_pylist():
                    named = {field: row[column] for field, column in found.items()}
                    item = {field: value for field, value in named.items() if value is not None}
                    if isinstance(stored := item.get("image"), dict):
                        item["image"] = stored.get("bytes") or stored.get("path")
                    yield item
    except (ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error
