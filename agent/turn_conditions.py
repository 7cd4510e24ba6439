"""What a turn gets of the senses, in the form that its language model can take."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel

from sensebind.agent.conditioning.condition import Condition
from sensebind.agent.conditioning.sensed import Sensed, SenseState
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.errors import InputError

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


def senses_for_model(chat: BaseChatModel, senses: Any) -> TurnSenses | None:
    """Returns senses in the form that a language model takes.

    Args:
        chat: The language model.
        senses: `Senses` for our own, `TurnSenses` for any; None for none.

    Raises:
        InputError: The model cannot take them.
    """
    if senses is None or hasattr(senses, "perceive"):
        return senses
    if isinstance(chat, ChatSenseBind):
        return ConditionSenses(chat, senses)
    raise InputError(
        "a language model of another kind takes no embeddings: wrap its senses in SensesInWords"
    )


def senses_of(senses: TurnSenses | None) -> Sequence[str]:
    """Returns the names of senses; those that do not say them are taken to be all three."""
    return () if senses is None else getattr(senses, "senses", ("sight", "hearing", "scan"))


def senses_around(chat: BaseChatModel, senses: TurnSenses | None, media: Any = None) -> Any:
    """Returns the middleware that shows media to a language model of another kind.

    Args:
        chat: The language model.
        senses: What it perceives; some bring a middleware of their own.
        media: What it is shown of images and other media; by default what its profile says.
    """
    if (own := getattr(senses, "middleware", None)) is not None:
        return own
    # With all decoders, which our own model loads when it is shown something.
    from sensebind.agent.conditioning.shown_media import MediaForModel, takes_images
    from sensebind.agent.conditioning.text import ShowMedia

    return ShowMedia(media or MediaForModel(images=takes_images(chat.profile)))


def sight_age(senses: Any) -> Callable[[], float] | None:
    """Returns what gives the age of sight in seconds, where the senses know it."""
    report = getattr(senses, "report", None)
    if report is None:
        return None

    def age() -> float:
        seen = [one.age_ms for one in report().values() if one.modality == "vision"]
        return min(seen, default=float("inf")) / 1e3

    return age
