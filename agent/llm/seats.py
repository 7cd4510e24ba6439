"""Dialog sessions that wait for their next turn, and what each has read, to be read once only."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sensebind.agent.gated_llama.session import Session

MAX_IDLE = 4


@dataclass(slots=True)
class Seat:
    """A dialog session and the prompt it has read last.

    Attributes:
        session: The session.
        read: Ids of the tokens that it has read.
    """

    session: Session
    read: list[int] = field(default_factory=list)

    def shared(self, token_ids: list[int]) -> int:
        """How many first tokens it shares with a prompt."""
        same = 0
        for ours, theirs in zip(self.read, token_ids, strict=False):
            if ours != theirs:
                break
            same += 1
        return same


class Seats:
    """The idle sessions of one model, newest last. Its caller holds a lock."""

    def __init__(self) -> None:
        self._idle: list[Seat] = []

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, token_ids: list[int], new: Callable[[], Session]) -> Seat:
        """Take the idle session that has read most of a prompt, or a new one.

        One that would forget more than half of what it has read is another dialog's, which may go
        on: a branch of it takes along what the two share, such as a system prompt with its tools.

        Args:
            token_ids: The prompt.
            new: Makes a session.
        """
        idle = [(seat.shared(token_ids), seat) for seat in self._idle]
        shared, best = max(idle, key=lambda one: one[0], default=(0, None))
        if best is None or not shared:
            return Seat(new())
        if 2 * shared < len(best.read):
            return Seat(best.session.branch(shared), best.read[:shared])
        self._idle.remove(best)
        return best

    def give_back(self, seat: Seat) -> None:
        """Keep a session for its next turn; the one that waited longest may go."""
        self._idle.append(seat)
        del self._idle[:-MAX_IDLE]
