"""The processes of one training, as `torchrun` starts them, on one machine or several.

    torchrun --nproc-per-node 2 -m -- sensebind train llama --base my-adapter --accumulate 2

Every process holds the whole model and draws the same dialogs; the passes of a step are shared out,
and gradients are summed. So a recipe comes to the same weights, up to rounding, on any number of
processes. Only the first one reports, and writes what all read: the working folder lies where all
of them reach it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed

from sensebind.errors import ConfigurationError

_LONGEST_WAIT = timedelta(hours=12)
"""For the first process, which may encode all images of a large collection meanwhile."""
_SUMMED_AT_ONCE = 1 << 24  # numbers: 64 MB

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those of a training.

    Attributes:
        rank: Its number, from 0.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this one reports and writes."""
        return self.rank == 0

    def share(self, parts: Sequence[T]) -> Sequence[T]:
        """What of a step's passes this process makes."""
        return parts[self.rank :: self.count]

    def check(self, accumulate: int) -> None:
        """Refuse passes that cannot be shared out evenly.

        Raises:
            ConfigurationError: They cannot; names a number that can.
        """
        if accumulate % self.count:
            fitting = -(-accumulate // self.count) * self.count
            raise ConfigurationError(
                f"{self.count} processes cannot share {accumulate} passes evenly: "
                f"give --accumulate {fitting}"
            )

    def sums(self, *numbers: float) -> list[float]:
        """Numbers of all processes, each summed over them."""
        if self.count == 1:
            return list(numbers)
        summed = torch.tensor(numbers, dtype=torch.float64)
        distributed.all_reduce(summed)
        return summed.tolist()

    def sum_gradients(self, weights: Iterable[Tensor]) -> None:
        """Sums the gradients of weights over all processes; one that has none adds nothing."""
        if self.count == 1:
            return
        waiting: list[Tensor] = []
        for weight in weights:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            waiting.append(weight.grad)
            if sum(one.numel() for one in waiting) >= _SUMMED_AT_ONCE:
                _sum(waiting)
                waiting = []
        if waiting:
            _sum(waiting)

    def first_then_all(self, make: Callable[[], T]) -> T:
        """Calls a function in the first process, then in the others, which find what it wrote.

        Where the first one fails, so do all, instead of waiting for it.
        """
        if self.count == 1:
            return make()
        made, failure = None, None
        if self.first:
            try:
                made = make()
            except Exception as error:
                failure = error
        (failed,) = self.sums(float(failure is not None))
        if failure is not None:
            raise failure
        if failed:
            raise ConfigurationError(
                "the first process could not make what all need: see its error"
            )
        return made if self.first and made is not None else make()


ALONE = Processes()


@contextmanager
def joined() -> Iterator[Processes]:
    """This process among those that `torchrun` started; one alone without it.

    Raises:
        ConfigurationError: The others cannot be reached.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield ALONE
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        distributed.init_process_group(backend, timeout=_LONGEST_WAIT)
    except (RuntimeError, ValueError) as error:
        raise ConfigurationError(f"the other processes cannot be reached: {error}") from error
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


@torch.no_grad()
def _sum(gradients: Sequence[Tensor]) -> None:
    flat = torch.cat([one.reshape(-1).float() for one in gradients])
    distributed.all_reduce(flat)
    pieces = flat.split([one.numel() for one in gradients])
    for one, piece in zip(gradients, pieces, strict=True):
        one.copy_(piece.view_as(one))
