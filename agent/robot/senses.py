"""The senses of a robot in the form that its language model takes: embeddings, or words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from sensebind.agent.conditioning.awareness import Awareness
from sensebind.agent.conditioning.tagging import Tagger, vocabulary
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.robot.config import RobotConfig
from sensebind.perception.frames.store import FrameStore

if TYPE_CHECKING:
    from sensebind.agent.conditioning.text import SensesInWords

Senses = Any  # Awareness or SensesInWords, whose module is imported when it is needed


def senses_for(
    chat: BaseChatModel, config: RobotConfig, awareness: Awareness, frames: FrameStore | None
) -> Senses:
    """The senses for a language model.

    Args:
        chat: The model.
        config: The robot's file; `llm:` is given.
        awareness: The newest percepts.
        frames: Where frames are kept, for a model that takes images.

    Returns:
        `awareness` for our own model, which takes embeddings; else words, images and sounds as far
        as the model takes them.
    """
    if isinstance(chat, ChatSenseBind):
        return awareness
    # With all decoders, which our own model loads when it is shown something.
    from sensebind.agent.conditioning.shown_media import MediaForModel, takes_images
    from sensebind.agent.conditioning.text import SensesInWords

    weights, llm = config.weights, config.llm
    assert llm is not None
    images = llm.images if llm.images is not None else takes_images(chat.profile)
    tagger = Tagger(weights, vocabulary(weights))
    media = MediaForModel(
        images=images,
        audio=llm.audio,
        checkpoint=weights,
        tagger=tagger,
        frames=frames,
    )
    return SensesInWords(awareness, tagger, media=media)


def in_words(senses: Senses, config: RobotConfig, awareness: Awareness) -> SensesInWords:
    """The same in words, which need the encoder of texts."""
    from sensebind.agent.conditioning.text import SensesInWords

    if isinstance(senses, SensesInWords):
        return senses
    weights = config.weights
    return SensesInWords(awareness, Tagger(weights, vocabulary(weights)))


class WordsOnDemand:
    """The senses in words; what they need is loaded when somebody asks for the first time."""

    def __init__(self, make: Callable[[], SensesInWords]) -> None:
        """Prepare.

        Args:
            make: Loads it.
        """
        self._make = make
        self._lock = threading.Lock()
        self._made: SensesInWords | None = None

    def perceive(self) -> tuple[dict[str, Any], Any]:
        """What `SensesInWords.perceive` returns."""
        with self._lock:
            self._made = self._made or self._make()
        return self._made.perceive()
