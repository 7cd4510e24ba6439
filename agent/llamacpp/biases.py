"""Biases of a loaded model that may be rewritten between two tokens: the attention injection.

A GGUF of architecture `llama` may carry `blk.N.attn_output.bias`, which llama.cpp adds after
`o_proj`: where a condition of one token enters (arXiv 2309.03905). On a CPU it reads them from the
mapped file whenever it computes, so what is written into the file counts from the next token on.

That file must be nobody else's, for another process would perceive what this one does. The user's
file is not copied for it either: llama.cpp loads a model from several files, and the biases lie in
a second one, a few kilobytes large, that has no name.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

TENSOR = "blk.{layer}.attn_output.bias"
_MAGIC, _VERSION = b"GGUF", 3
_UINT16, _FLOAT32 = 2, 0  # type of a metadata value; of a tensor
_ALIGNMENT = 32  # of tensors, GGUF's default


class BiasFile:
    """A GGUF of zeros that belongs to this process alone, the second file of a model.

    On Linux it lies in memory (`memfd_create`), and ends with the process, however that ends.
    Elsewhere it is a file of mode 0600 that loses its name as soon as it is mapped; only zeros are
    written to it before.

    Attributes:
        layers: How many biases.
        width: Numbers of each.
    """

    def __init__(self, layers: int, width: int) -> None:
        """Make the file; `close` it when the model is freed.

        Args:
            layers: Of the model.
            width: Of its residual stream.
        """
        self.layers, self.width = layers, width
        self._step = -(-4 * width // _ALIGNMENT) * _ALIGNMENT  # bytes from one bias to the next
        header = _header(layers, width, self._step)
        self._start = len(header)
        self._named: Path | None = None
        if hasattr(os, "memfd_create"):
            self._descriptor = os.memfd_create("sensebind-condition", os.MFD_CLOEXEC)
        else:
            self._descriptor, name = tempfile.mkstemp(prefix="sensebind-", suffix=".gguf")
            self._named = Path(name)
        os.pwrite(self._descriptor, header + bytes(layers * self._step), 0)

    @contextmanager
    def path(self) -> Iterator[Path]:
        """A name by which the file can be opened, inside only."""
        try:
            yield self._named or Path(f"/proc/self/fd/{self._descriptor}")
        finally:
            if self._named is not None:
                self._named.unlink(missing_ok=True)

    def write(self, vectors: np.ndarray) -> None:
        """Change the biases of the loaded model.

        Args:
            vectors: Float32 [layers, width].
        """
        rows = np.zeros((self.layers, self._step // 4), np.float32)
        rows[:, : self.width] = vectors
        os.pwrite(self._descriptor, rows.tobytes(), self._start)

    def close(self) -> None:
        """Give the file back; the model must be freed."""
        os.close(self._descriptor)


def _header(layers: int, width: int, step: int) -> bytes:
    """Everything of the file before the data: GGUF 3, the second of two files."""
    parts = [_MAGIC, struct.pack("<IQQ", _VERSION, layers, 1)]
    parts += [_string("split.no"), struct.pack("<IH", _UINT16, 1)]
    for layer in range(layers):
        parts.append(_string(TENSOR.format(layer=layer)))
        parts.append(struct.pack("<IQIQ", 1, width, _FLOAT32, layer * step))
    header = b"".join(parts)
    return header + bytes(-len(header) % _ALIGNMENT)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data
