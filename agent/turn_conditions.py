"""What a turn gets of the senses, in the form that its language model can take."""

from collections.abc import Sequence
from typing import Any, Protocol

from sensebind.agent.conditioning.condition import Condition
from sensebind.agent.conditioning.sensed import Sensed, SenseState
from sensebind.agent.llm.chat_model import ChatSenseBind

_PERCEIVED = (SenseState.PRESENT, SenseState.NAMED, SenseState.UNKNOWN)


class Senses(Protocol):
    """Where conditions come from; `Awareness` is one."""

    def condition(self, senses: Sequence[str], dim: int) -> Condition:
        """Returns what is perceived now, laid out for a model."""
        ...


class TurnSenses(Protocol):
    """Perceives once per turn, for one language model."""

    def perceive(self) -> tuple[dict[str, Any], tuple[Sensed, ...]]:
        """Returns what the user's message carries (`additional_kwargs`), and what was sensed."""
        ...


class ConditionSenses:
    """For our own model: the turn's condition, by reference."""

    def __init__(self, chat: ChatSenseBind, senses: Senses) -> None:
        self._chat = chat
        self._senses = senses

    def perceive(self) -> tuple[dict[str, Any], tuple[Sensed, ...]]:
        """Takes the newest condition; the message carries its reference, and those of its frames.

        The condition itself is forgotten with the process; from the frames it can be made again.
        """
        llm = self._chat.llm
        condition = self._senses.condition(llm.senses, llm.bind_dim)
        carried: dict[str, Any] = {"condition": self._chat.conditions.put(condition)}
        frames = [
            one.reference
            for one in condition.sensed
            if one.state in _PERCEIVED and one.reference.startswith("frame:")
        ]
        if frames:
            carried["frames"] = frames
        return carried, condition.sensed
