"""The order of actions: what one message of the model asks for runs in the order it was asked.

LangGraph runs all calls of a message at once, in threads. Calls that act wait here for those before
them. A movement whose predecessor failed does not run: it was meant to begin where that one ends.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

ARRIVAL = 5.0  # seconds to wait for a call that should come first, and has not begun
_TICK = 0.05  # seconds between two looks whether the turn was cancelled
_KEPT = 64  # messages whose calls are remembered


class Place:
    """A call's place among the acting calls of its message.

    Attributes:
        failed: Whether it is a movement that was not made as it was meant; set by whoever runs it.
    """

    def __init__(self, order: "CallOrder", key: str, index: int, before: Sequence[int]) -> None:
        self.failed = False
        self._order = order
        self._key = key
        self._index = index
        self._before = before
        self._since = time.monotonic()
        self._missing = False

    def ready(self, turn: threading.Event | None) -> bool:
        """Whether it may go on: all before it have ended, or there is no more use in waiting."""
        return self._order.ready(self, turn)

    def wait(self, turn: threading.Event | None) -> None:
        """Waits until it is `ready`."""
        self._order.wait(self, turn)

    def refusal(self, *, moves: bool) -> str:
        """Returns why it must not run, for the model; empty if it may.

        Args:
            moves: Whether it is a movement.
        """
        if self._missing:
            return "the action before it has not begun"
        if moves and self._order.any_failed(self):
            return "the movement before it failed, so this one would begin in the wrong place"
        return ""

    def leave(self) -> None:
        """Lets the next one go on."""
        self._order.leave(self)


class CallOrder:
    """The places of all messages' acting calls. Safe for threads."""

    def __init__(self, acts: Callable[[str], bool]) -> None:
        """Begin with no call on its way.

        Args:
            acts: Whether a tool of a name acts.
        """
        self._acts = acts
        self._changed = threading.Condition()
        self._ended: OrderedDict[str, dict[int, bool]] = OrderedDict()  # place to whether it failed
        self._arrived: dict[str, set[int]] = {}

    def place(self, request: Any) -> Place:
        """Returns the place of a call (LangChain's `ToolCallRequest`)."""
        call = request.tool_call
        messages = _messages(request)
        newest = next(
            (i for i in range(len(messages) - 1, -1, -1) if isinstance(messages[i], AIMessage)),
            None,
        )
        if newest is None or not self._acts(call["name"]):
            return Place(self, "", 0, ())
        message: Any = messages[newest]
        answered = {
            one.tool_call_id for one in messages[newest + 1 :] if isinstance(one, ToolMessage)
        }
        acting = [
            (index, one)
            for index, one in enumerate(message.tool_calls)
            if self._acts(one["name"]) and one["id"] not in answered
        ]
        key = f"{message.id} {len(messages)}"
        with self._changed:
            arrived = self._arrived.setdefault(key, set())
            mine = [index for index, one in acting if one["id"] == call["id"]]
            index = next((one for one in mine if one not in arrived), mine[0] if mine else -1)
            arrived.add(index)
            self._ended.setdefault(key, {})
            while len(self._ended) > _KEPT:
                gone, _ = self._ended.popitem(last=False)
                self._arrived.pop(gone, None)
            self._changed.notify_all()
        return Place(self, key, index, [one for one, _ in acting if one < index])

    def ready(self, place: Place, turn: threading.Event | None) -> bool:
        """See `Place.ready`."""
        with self._changed:
            return self._ready(place, turn)

    def _ready(self, place: Place, turn: threading.Event | None) -> bool:
        if turn is not None and turn.is_set():
            return True
        ended = self._ended.get(place._key, {})
        waiting = [one for one in place._before if one not in ended]
        if not waiting:
            return True
        arrived = self._arrived.get(place._key, set())
        late = time.monotonic() - place._since > ARRIVAL
        place._missing = late and any(one not in arrived for one in waiting)
        return place._missing

    def wait(self, place: Place, turn: threading.Event | None) -> None:
        """See `Place.wait`."""
        with self._changed:
            while not self._ready(place, turn):
                self._changed.wait(_TICK)

    def any_failed(self, place: Place) -> bool:
        """Whether a call before a place has failed."""
        with self._changed:
            ended = self._ended.get(place._key, {})
            return any(ended.get(one, False) for one in place._before)

    def leave(self, place: Place) -> None:
        """See `Place.leave`."""
        with self._changed:
            if place._key in self._ended:
                self._ended[place._key][place._index] = place.failed
            self._changed.notify_all()

    def wake(self) -> None:
        """Lets all that wait look again, as their turn was cancelled."""
        with self._changed:
            self._changed.notify_all()


def _messages(request: Any) -> Sequence[BaseMessage]:
    state = getattr(request, "state", None)
    if isinstance(state, dict):
        return state.get("messages") or ()
    return getattr(state, "messages", None) or ()
