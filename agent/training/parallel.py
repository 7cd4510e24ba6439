"""Work side by side on few, busy cores.

PyTorch splits every single operation over the cores and waits for the slowest: on cores that are
shared with other programs most of the time goes into waiting. Here each task keeps to one thread,
and tasks meet once per step.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def made_ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The items of an endless iterator, each made in a thread while the one before it is in use."""
    with ThreadPoolExecutor(1) as maker:

        def taken() -> Iterator[T]:
            coming = maker.submit(next, items)
            while True:
                item = coming.result()
                coming = maker.submit(next, items)
                yield item

        yield taken()


class Workers:
    """A few threads whose torch operations keep to one thread each; a context manager.

    Args:
        count: How many; None takes one per core, at most four.

    Attributes:
        count: Number of threads.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count or min(os.cpu_count() or 1, 4)
        self._pool = ThreadPoolExecutor(
            self.count, initializer=torch.set_num_threads, initargs=(1,)
        )
        self._threads_before = torch.get_num_threads()

    def __enter__(self) -> Self:
        torch.set_num_threads(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        torch.set_num_threads(self._threads_before)

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """The results in the order of the items; items in front start first."""
        return list(self._pool.map(function, items))

    def backward(
        self, outputs: Sequence[Tensor], grads: Sequence[Tensor], module: nn.Module
    ) -> None:
        """Back-propagates several graphs of one module side by side and sums into `.grad`.

        The order of the sum is fixed: the same graphs give the same bits.

        Args:
            outputs: The end of each graph.
            grads: The gradient of each.
            module: Whose parameters the graphs depend on.
        """
        parameters = [value for value in module.parameters() if value.requires_grad]

        def one(index: int) -> tuple[Tensor | None, ...]:
            return torch.autograd.grad(outputs[index], parameters, grads[index], allow_unused=True)

        for found in self.map(one, range(len(outputs))):
            for parameter, grad in zip(parameters, found, strict=True):
                if grad is not None:
                    total = parameter.grad
                    parameter.grad = grad if total is None else total + grad
