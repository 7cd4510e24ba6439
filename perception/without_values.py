"""Models without values: what is loaded a moment later need not be made up before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class _NoInit(TorchFunctionMode):
    """Leaves out what `torch.nn.init` does, in this thread alone."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else named["tensor"]
        return func(*args, **named)


@contextmanager
def without_values() -> Iterator[None]:
    """Inside, modules are made on the meta device: shapes and types, no memory, no random numbers.

    PyTorch initialises such modules all the same, in Python and for nothing: a third of the time in
    which a small model is made.
    """
    with torch.device("meta"), _NoInit():
        yield
